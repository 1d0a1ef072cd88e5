"""Tracking: what is in the runs' folders, told to trackers as it gets there.

A run's own ``metrics.jsonl``, a line for each epoch, is what a tracker mirrors. So any engine will
do, a run that goes on or that was finished long ago is told of like any other, and a tracker that
fails takes nothing with it: all happens in the study's own process, after the fact.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Any

from bionic_core.base.failures import reason
from bionic_core.base.files import present
from bionic_core.base.interrupts import deferred_interrupts
from bionic_core.base.locks import Claim
from bionic_core.base.records import to_document
from bionic_core.base.unwritten import WriteError
from bionic_core.errors import BionicError, BusyError, RequestError
from bionic_core.runs.files import METRICS
from bionic_core.runs.folder import Run
from bionic_core.runs.observer import Observer
from bionic_core.runs.result import Result
from bionic_core.runs.task import Task
from bionic_core.spec.spec import Spec
from bionic_core.studies.journal import Journal, Recorded, State, Study, Tracked, Tracker
from bionic_core.studies.names import RunNames, flat

LOCKS = ".locks"
"""In the trackers' folder: a process that tells of a run holds a lock, for each tracker."""

Say = Callable[[str], None]


@contextmanager
def tracking(
    trackers: Sequence[Tracker],
    name: str,
    specs: Sequence[Spec],
    folder: Path,
    say: Say = lambda _: None,
) -> Iterator[Tracking]:
    """Open a study in trackers; at the end, runs that have not ended are told as interrupted.

    Args:
        trackers: none will do.
        name: of the study, the same for the same request.
        specs: of all its cells.
        folder: for all that trackers write.
        say: called with a sentence when a tracker fails.

    Raises:
        RequestError: a tracker cannot be opened.
    """
    journals: dict[str, Journal] = {}
    study = Study(name, folder.absolute())
    try:
        for tracker in trackers:
            journals[tracker.name] = _open(tracker, study)
    except BaseException:
        for journal in journals.values():
            with suppress(Exception):
                journal.close()
        raise
    told = Tracking(study, specs, journals, say)
    try:
        yield told
    finally:
        told.close()


def _open(tracker: Tracker, study: Study) -> Journal:
    where = f"--track {tracker.name}"
    try:
        with redirect_stdout(sys.stderr):
            journal: object = tracker.open(study)
    except RequestError:
        raise
    except OSError as error:
        words = f"{error.filename or study.folder}: {error.strerror or error}"
        raise RequestError(
            f"nothing can be written there ({words}). Name another folder with --track-to",
            where=where,
        ) from error
    except (Exception, SystemExit) as error:
        raise RequestError(
            f"it cannot be opened ({reason(error)}). Leave {where} out, or mend it", where=where
        ) from error
    if not isinstance(journal, Journal):
        raise RequestError(
            f"its 'open' answered with {type(journal).__name__}; expected a Journal. Whoever makes "
            f"{tracker.name} must mend it",
            where=where,
        )
    return journal


class Tracking(Observer):
    """The runs of a study, told to its trackers; see :func:`tracking`."""

    def __init__(
        self, study: Study, specs: Sequence[Spec], journals: Mapping[str, Journal], say: Say
    ) -> None:
        self._names = RunNames(specs)
        self._locks = study.folder / LOCKS
        self._followers = [
            _Follower(name, journal, self._locks, say) for name, journal in journals.items()
        ]
        self._runs: dict[tuple[str, int], Tracked] = {}
        self._over: set[tuple[str, int]] = set()

    def saved(self, task: Task, folder: Path) -> None:
        """Tell what is new in the folder of a task's run."""
        key = (task.spec.hash, task.seed)
        if self._followers and key not in self._over:
            if key not in self._runs:
                self._runs[key] = self._tracked(task, folder)
            self._follow(self._runs[key])

    def finished(self, task: Task, run: Run) -> None:
        """Tell that a task's run is complete, and with what figures."""
        tracked = self._last(task, run.folder)
        if tracked is not None:
            with suppress(BionicError, OSError):
                self._end(tracked, "finished", _result(run.result))

    def failed(self, task: Task, reason: str) -> None:
        """Tell why a task's run has come to nothing, if there was anything of it."""
        tracked = self._last(task, None)
        if tracked is not None:
            self._end(tracked, "failed", why=reason)

    def _last(self, task: Task, folder: Path | None) -> Tracked | None:
        """Tell what is new of a run that has ended, and return it; None where nobody is told."""
        if not self._followers:
            return None
        key = (task.spec.hash, task.seed)
        run = self._runs.pop(key, None)
        if run is None and folder is not None:
            run = self._tracked(task, folder)
        self._over.add(key)
        if run is not None:
            self._follow(run)
        return run

    def close(self) -> None:
        """Tell the runs that have not ended as interrupted, and close all journals."""
        for run in self._runs.values():
            self._follow(run)
            self._end(run, "interrupted")
        self._runs.clear()
        for follower in self._followers:
            follower.close()
        with suppress(OSError):  # where other processes hold some, or there never was one
            self._locks.rmdir()

    def _follow(self, run: Tracked) -> None:
        with suppress(BionicError, OSError):  # whoever trains it will say what is wrong with it
            there = present(run.folder / METRICS)
            history = Run(run.folder).history if there else []
            for follower in self._followers:
                follower.follow(run, history)

    def _end(
        self, run: Tracked, state: State, figures: Mapping[str, float] | None = None, why: str = ""
    ) -> None:
        for follower in self._followers:
            follower.end(run, state, figures or {}, why)

    def _tracked(self, task: Task, folder: Path) -> Tracked:
        spec = task.spec
        return Tracked(
            hash=folder.name,
            name=self._names(spec, task.seed),
            cell=spec.hash,
            seed=task.seed,
            mechanisms={name: name in spec.mechanisms for name in self._names.mechanisms},
            parameters=flat(spec.tables),
            spec=spec.to_toml(),
            folder=folder.absolute(),
        )


class _Follower:
    """What a tracker has of each run, until it fails."""

    def __init__(self, name: str, journal: Journal, locks: Path, say: Say) -> None:
        self._name, self._journal, self._locks, self._say = name, journal, locks, say
        self._held: dict[str, Recorded] = {}
        self._claims: dict[str, Claim] = {}
        self._lost = False

    def follow(self, run: Tracked, history: Sequence[Mapping[str, Any]]) -> None:
        """Tell the epochs that are not there yet."""
        self._try(partial(self._tell, run, history))

    def end(self, run: Tracked, state: State, figures: Mapping[str, float], why: str) -> None:
        """Tell how a run ended, if it has begun and its end is not there yet."""
        held = self._held.pop(run.hash, None)
        if held is not None and not held.finished:
            self._try(lambda: self._journal.end(run, state, figures, why))
        if run.hash in self._claims:
            _release(self._claims.pop(run.hash))

    def close(self) -> None:
        """Close the journal, and leave to others what was not told to its end."""
        self._try(self._journal.close)
        for claim in self._claims.values():
            _release(claim)

    def _tell(self, run: Tracked, history: Sequence[Mapping[str, Any]]) -> None:
        if run.hash not in self._held:
            self._held[run.hash] = self._begin(run)
        held = self._held[run.hash]
        if held.finished:
            return
        for number, record in enumerate(history[held.epochs :], held.epochs + 1):
            self._journal.epoch(run, number, _figures(record))
            self._held[run.hash] = Recorded(number)

    def _begin(self, run: Tracked) -> Recorded:
        """Take the run in; nothing is to be told of it where another process does."""
        claim = Claim(self._locks / f"{self._name}-{run.hash}")
        try:
            self._claims[run.hash] = claim.take(0)
        except BusyError:
            return Recorded(finished=True)
        held: object = self._journal.begin(run)
        if not isinstance(held, Recorded):
            raise TypeError(f"its 'begin' answered with {type(held).__name__}; expected Recorded")
        return held

    def _try(self, act: Callable[[], None]) -> None:
        if self._lost:
            return
        try:
            # What a command prints is its own; and a database is not left half-way.
            with redirect_stdout(sys.stderr), deferred_interrupts():
                act()
        except (Exception, SystemExit) as error:
            self._lost = True
            with suppress(Exception, SystemExit):
                self._journal.close()
            why = error.strerror if isinstance(error, WriteError) else reason(error)
            self._say(
                f"tracker '{self._name}' failed ({why}). No run is changed by that, and the study "
                f"goes on without it; the same command with --track {self._name} tells it later "
                "what it lacks"
            )


def _release(claim: Claim) -> None:
    claim.remove()
    claim.__exit__(None, None, None)


def _figures(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an epoch's record."""
    return {
        key: float(value)
        for key, value in flat(record).items()
        if isinstance(value, (int, float)) and math.isfinite(value) and key != "epoch"
    }


def _result(result: Result) -> dict[str, float]:
    """Return a finished run's figures, less those of single classes."""
    parts = {
        key: {k: v for k, v in value.items() if isinstance(v, (int, float))}
        if isinstance(value, Mapping)
        else value
        for key, value in to_document(result).items()
    }
    return _figures({"result": parts})
