"""Laws of trackers, tried with runs that nobody trains, in a folder that goes afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from bionic_core.conformance.laws import Broken
from bionic_core.conformance.sources import SourceBed
from bionic_core.studies.journal import Journal, Recorded, State, Study, Tracked, Tracker

Bed = SourceBed[Tracker]

RESULT = {"result.epochs": 2.0, "result.test.accuracy": 0.5}


@attrs.frozen
class _Scene:
    """A folder in which studies are tracked."""

    tracker: Tracker
    folder: Path

    def run(self, digit: str = "a", name: str = "without a, seed 0", **words: Any) -> Tracked:
        """Return a run of its own folder."""
        hash_ = digit * 16
        folder = self.folder / hash_
        folder.mkdir(exist_ok=True)
        for file in ("spec.toml", "manifest.json", "metrics.jsonl", "result.json"):
            (folder / file).touch()
        told: dict[str, Any] = {
            "mechanisms": {"a": False, "b": True},
            "parameters": {"training.lr": 0.1, "b.on": True, "b.layers": '["A"]', "b.n": 3},
        }
        return Tracked(
            hash=hash_, name=name, cell="c", seed=0, spec="", folder=folder, **(told | words)
        )

    @contextmanager
    def journal(self, name: str = "study") -> Iterator[Journal]:
        """Open a study's journal, and close it."""
        journal: object = self.tracker.open(Study(name, self.folder / "tracking"))
        if not isinstance(journal, Journal):
            raise Broken(f"Its 'open' answered with {type(journal).__name__}; expected a Journal")
        yield journal
        journal.close()

    def held(self, run: Tracked, name: str = "study") -> Recorded:
        """Return what a new journal has of a run."""
        with self.journal(name) as journal:
            return _begin(journal, run)


def law(judge: Callable[[_Scene], None]) -> Callable[[Bed], None]:
    """Return a law of trackers, from one that is given a scene of its own."""

    def judged(bed: Bed) -> None:
        with tempfile.TemporaryDirectory(prefix="bionic-") as folder:
            judge(_Scene(bed.source, Path(folder)))

    return judged


def _begin(journal: Journal, run: Tracked) -> Recorded:
    held: object = journal.begin(run)
    if not isinstance(held, Recorded):
        raise Broken(f"Its 'begin' answered with {type(held).__name__}; expected Recorded")
    return held


def _tell(journal: Journal, run: Tracked, *numbers: int) -> None:
    for number in numbers:
        journal.epoch(run, number, {"train.loss": 1 / number, "lr": 0.1, "seconds": 2.0})


def _insist(found: Recorded, expected: Recorded, when: str) -> None:
    if found != expected:
        raise Broken(f"'begin' answered with {found}; expected {expected}", when)


@law
def tells(scene: _Scene) -> None:
    """A run is told from its beginning to its end."""
    run = scene.run()
    with scene.journal() as journal:
        _insist(_begin(journal, run), Recorded(), "a run that is new")
        _tell(journal, run, 1, 2)
        journal.end(run, "finished", RESULT, "")


@law
def goes_on(scene: _Scene) -> None:
    """A run that failed or was interrupted, or whose process died, goes on after its epochs."""
    run = scene.run()
    ends: tuple[State | None, ...] = ("failed", "interrupted", None)
    for done, state in enumerate(ends):
        with scene.journal() as journal:
            when = f"a new journal of a run with {done} epochs"
            _insist(_begin(journal, run), Recorded(done), when)
            _tell(journal, run, done + 1)
            if state is not None:
                journal.end(run, state, {}, "for no reason" if state == "failed" else "")
    _insist(scene.held(run), Recorded(len(ends)), f"a new journal of a run with {len(ends)} epochs")


@law
def finishes(scene: _Scene) -> None:
    """A new journal knows a run that is finished."""
    run = scene.run()
    with scene.journal() as journal:
        _begin(journal, run)
        _tell(journal, run, 1, 2)
        journal.end(run, "finished", RESULT, "")
    if not scene.held(run).finished:
        raise Broken(
            "'begin' says of a finished run that it is not, so its end would be told again",
            "two epochs, then the end; then a new journal",
        )


@law
def apart(scene: _Scene) -> None:
    """Runs that are told in turn are kept apart, and so are studies."""
    one, other = scene.run("a"), scene.run("b")
    with scene.journal() as journal:
        for run in (one, other):
            _begin(journal, run)
        _tell(journal, one, 1)
        _tell(journal, other, 1)
        _tell(journal, one, 2)
    _insist(scene.held(one), Recorded(2), "two runs in turn, the one with two epochs")
    _insist(scene.held(other), Recorded(1), "two runs in turn, the one with one epoch")
    _insist(scene.held(one, "another study"), Recorded(), "the same run in another study")


@law
def words(scene: _Scene) -> None:
    """Names of any letters and lengths are taken; a study's can be that of a file."""
    odd, study = "µ/\\:*?\"<>|'% a" * 20, "µ 'a', 100 % (b)"
    run = scene.run("c", odd, mechanisms={odd[:40]: True}, parameters={odd[:40]: odd * 40})
    with scene.journal(study) as journal:
        _begin(journal, run)
        _tell(journal, run, 1)
        journal.end(run, "failed", {}, odd * 40)
    _insist(scene.held(run, study), Recorded(1), f"the study {study}, a run named {odd[:20]}…")
