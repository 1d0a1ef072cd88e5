"""The runs in a folder: which are finished, which go on, which failed, and which are damaged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from bionic_core.base.files import kind_of, present
from bionic_core.base.locks import held
from bionic_core.errors import RequestError
from bionic_core.runs.checkpoint import look
from bionic_core.runs.files import (
    LOCK,
    MANIFEST,
    METRICS,
    MODEL,
    PREDICTIONS,
    RESULT,
    SPEC,
    STATE,
    SUMS,
)
from bionic_core.runs.folder import Run

FINISHED, RUNNING, INTERRUPTED = "finished", "running", "interrupted"
NOT_BEGUN, FAILED, DAMAGED = "not begun", "failed", "damaged"
STATES = (FINISHED, RUNNING, INTERRUPTED, NOT_BEGUN, FAILED, DAMAGED)

_NAME = re.compile(r"[0-9a-f]{16}")


@attrs.frozen
class RunState:
    """What is known of a run; what cannot be told is None.

    Attributes:
        run: its folder.
        name: its spec's.
        variant: what sets its spec apart from the others of that name in the list.
        state: one of :data:`STATES`.
        epoch: epochs done.
        accuracy: on test, a fraction; None unless finished.
        seconds: of training so far.
        reason: why it failed, or what is damaged.
        checksums: whether its files could be checked against any.
    """

    run: str
    hash: str
    name: str | None = None
    variant: str | None = None
    seed: int | None = None
    state: str | None = None
    epoch: int | None = None
    accuracy: float | None = None
    seconds: float | None = None
    started: str | None = None
    reason: str | None = None
    checksums: bool | None = None


@attrs.frozen
class Runs:
    """The runs of a folder, oldest first."""

    folder: str
    runs: Sequence[RunState]


def list_runs(folder: Path, watch: Callable[[int, int], None] | None = None) -> list[RunState]:
    """Return what is known of every run in a folder, oldest first; every file is checked.

    Args:
        folder: which ``--out`` names, or one run's own folder.
        watch: called with how many runs have been looked at, and their number.

    Raises:
        RequestError: there is no such folder, or there are no runs in it.
    """
    if not folder.is_dir():
        kind = kind_of(folder)
        words = f"is a {kind} and no folder" if kind else "no such folder"
        raise RequestError(
            f"{words}; name the one that --out of the commands that train names",
            where=str(folder),
        )
    found = [folder] if _NAME.fullmatch(folder.resolve().name) else []
    found = found or [p for p in folder.iterdir() if p.is_dir() and _NAME.fullmatch(p.name)]
    if not found:
        raise RequestError(
            "there are no runs in this folder; runs are in folders named by 16 hexadecimal digits",
            where=str(folder),
        )
    states = []
    for number, place in enumerate(sorted(found)):
        if watch is not None:
            watch(number, len(found))
        states.append(state_of(Run(place)))
    return sorted(states, key=lambda state: state.started or "")


def state_of(run: Run) -> RunState:
    """Return what is known of a run, as :func:`list_runs` does; never an error."""
    known = RunState(str(run.folder), run.hash)
    running = held(run.folder / LOCK)
    try:
        if _bare(run):  # its process was stopped, or failed, before it wrote the first file whole
            state = NOT_BEGUN if run.failure is None else FAILED
            return attrs.evolve(known, state=RUNNING if running else state, reason=run.failure)
        if not run.done:
            known = _unfinished(run, known, running)
        manifest = run.manifest
        known = attrs.evolve(
            known, name=manifest["name"], seed=manifest["seed"], started=manifest.get("started")
        )
        return _finished(run, known) if run.done else known
    except RequestError as error:
        if running:  # its process writes one file after another
            return attrs.evolve(known, state=RUNNING)
        words = [problem.removeprefix(f"{run.folder}/") for problem in error.problems]
        if error.where and Path(error.where) != run.folder:
            words = [f"{Path(error.where).name}: {word}" for word in words]
        return attrs.evolve(known, state=DAMAGED, reason="; ".join(words))


def _bare(run: Run) -> bool:
    """Whether a folder has nothing yet of what a run writes, not even what it is to be, whole."""
    later = (METRICS, STATE, MODEL, PREDICTIONS, RESULT, SUMS)
    begun = all(present(run.folder / name) for name in (SPEC, MANIFEST))
    return not begun and not any(present(run.folder / name) for name in later)


def _finished(run: Run, known: RunState) -> RunState:
    checked = run.verify()
    # What is as it was written need not be taken apart: of thousands of runs that takes seconds.
    result = run.files.reached() if checked else run.result
    return attrs.evolve(
        known,
        state=FINISHED,
        epoch=result.epochs,
        accuracy=result.test.accuracy,
        seconds=result.seconds,
        checksums=checked,
    )


def _unfinished(run: Run, known: RunState, running: bool) -> RunState:
    known = attrs.evolve(known, state=RUNNING if running else INTERRUPTED, epoch=0)
    if not running:
        reason = run.failure
        checkpoint = look(run)
        known = attrs.evolve(
            known,
            state=INTERRUPTED if reason is None else FAILED,
            reason=reason,
            checksums=checkpoint.sealed if checkpoint else None,
        )
    if present(run.folder / METRICS):
        history = run.history
        seconds = sum(record.get("seconds", 0.0) for record in history)
        known = attrs.evolve(known, epoch=len(history), seconds=seconds)
    return known
