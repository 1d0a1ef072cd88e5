"""Laws of engines, tried with two small runs that go into folders of their own."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from bionic_core.conformance.laws import Broken, raised
from bionic_core.conformance.sources import SourceBed
from bionic_core.errors import BionicError, RequestError
from bionic_core.runs.attempt import one_by_one
from bionic_core.runs.engine import Engine, Outcome, Task, Work
from bionic_core.runs.files import RESULT
from bionic_core.runs.folder import Run
from bionic_core.runs.observer import Observer
from bionic_core.runs.result import Result
from bionic_core.spec.find import load
from bionic_core.spec.spec import Spec

SMALL = ("data.train=70", "data.test=35", "training.max_epochs=2", "training.patience=0")
"""What makes the runs of ``demo`` small: they have draws, wiring and a schedule of rates."""

EPOCHS, SEEDS = 2, (0, 1)

TOLERANCE = 1e-4
"""Largest difference of losses, relative: stacked or threaded sums are rounded otherwise."""


@cache
def _spec() -> Spec:
    return load("demo", set=SMALL)


@cache
def _alone() -> tempfile.TemporaryDirectory[str]:
    """Train the runs once for all engines; the folder goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="bionic-")
    for outcome in one_by_one(work_in(Path(folder.name))):
        assert not outcome.error, outcome.error
    return folder


def work_in(root: Path, observer: Observer | None = None) -> Work:
    """Return the study's runs in a folder, two at a time where the engine has a use for it."""
    tasks = [Task(number, _spec(), seed) for number, seed in enumerate(SEEDS)]
    return Work(tasks, root, device="cpu", jobs=2, observer=observer or Observer())


@attrs.frozen(eq=False)
class EngineBed(SourceBed[Engine]):
    """An engine, and the study that it is tried with.

    ``source`` is the engine: :class:`SourceBed` knows its keys, which are options.
    """

    @property
    def alone(self) -> Path:
        """The folder of the same runs, trained one by one in this process."""
        return Path(_alone().name)

    def train(self, work: Work) -> Iterator[Outcome]:
        """Give the engine's outcomes; of one that takes no ``jobs``, those without."""
        given = False
        try:
            for outcome in self.source.train(work):
                given = True
                yield outcome
        except RequestError:
            if given or work.jobs == 1:
                raise
            yield from self.source.train(attrs.evolve(work, jobs=1))

    def outcomes(self, work: Work) -> dict[int, Outcome]:
        """Return what becomes of each task by the engine, waited for where it was busy.

        Raises:
            Broken: it raises, or a task has no outcome, or several.
        """
        found: dict[int, Outcome] = {}
        try:
            for outcome in self.train(work):
                if not isinstance(outcome, Outcome):
                    raise Broken(f"'train' gave a {type(outcome).__name__}; expected Outcome")
                if not outcome.busy:
                    if outcome.task.number in found:
                        raise Broken("'train' gave the same task's outcome twice", self.table)
                    found[outcome.task.number] = outcome
        except (BionicError, OSError, TypeError, ValueError) as error:
            raise Broken(f"It cannot train. {raised(error)}", self.table) from error
        if missing := [task.seed for task in work.tasks if task.number not in found]:
            raise Broken(f"'train' gave no outcome of seed {missing[0]}", self.table)
        return found

    def same(self, root: Path, folders: Mapping[int, Path], when: str) -> None:
        """Raise where runs differ from those that were trained one by one."""
        for number, folder in folders.items():
            names = {path.name for path in self.alone.iterdir()}
            if folder.name not in names or folder.parent.resolve() != root.resolve():
                raise Broken(
                    f"The run of seed {SEEDS[number]} is in {folder}, and should be in the study's "
                    "folder by the name that decides its numbers; train it by "
                    "bionic_core.runs.outcome_of or complete",
                    when,
                )
            expected = Run.open(self.alone / folder.name).result
            _compare(Run.whole(folder).result, expected, when)


def _compare(found: Result, expected: Result, when: str) -> None:
    for words, a, b in (
        ("loss on validation", found.validation.loss, expected.validation.loss),
        ("loss on test", found.test.loss, expected.test.loss),
        ("number of epochs", found.epochs, expected.epochs),
    ):
        if abs(a - b) > TOLERANCE * abs(b):
            raise Broken(f"The {words} is {a:.6g}; trained here, one by one, it is {b:.6g}", when)


def law(judge: Callable[[EngineBed, Path], None]) -> Callable[[EngineBed], None]:
    """Return a law of engines, from one that is given a folder of its own."""

    def judged(bed: EngineBed) -> None:
        with tempfile.TemporaryDirectory(prefix="bionic-") as folder:
            judge(bed, Path(folder))

    judged.__doc__ = judge.__doc__
    return judged


def docstring(bed: EngineBed) -> None:
    """The docstring says where runs are trained."""
    cls = type(bed.source)
    if not cls.__doc__ or inspect.cleandoc(cls.__doc__).startswith("Method generated by attrs"):
        raise Broken("The class has no docstring", f"class {cls.__name__}")


@law
def numbers(bed: EngineBed, root: Path) -> None:
    """Runs have the folders and the numbers that they have when trained here, one by one."""
    found = bed.outcomes(work_in(root))
    for outcome in found.values():
        if outcome.error or outcome.folder is None:
            words = outcome.error or "no reason is given"
            raise Broken(f"The run of seed {outcome.task.seed} has failed: {words}", bed.table)
    folders = {number: Path(str(outcome.folder)) for number, outcome in found.items()}
    bed.same(root, folders, bed.table)


class _Listener(Observer):
    def __init__(self) -> None:
        self.heard: dict[int, list[Any]] = {}

    def begun(self, task: Task) -> None:
        self.heard.setdefault(task.number, []).append("begun")

    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        self.heard.setdefault(task.number, []).append(record.get("epoch"))


@law
def tells(bed: EngineBed, root: Path) -> None:
    """Whoever watches is told that each run begins, and of each epoch."""
    listener = _Listener()
    bed.outcomes(work_in(root, listener))
    expected = ["begun", *range(1, EPOCHS + 1)]
    for number, seed in enumerate(SEEDS):
        heard = listener.heard.get(number, [])
        if heard != expected:
            raise Broken(
                f"Of seed {seed}, begin and epochs, was told {heard}; expected {expected}. Tell by "
                "work.started and work.epoch, or give work.observer to bionic_core.runs.outcome_of",
                bed.table,
            )


@law
def reuses(bed: EngineBed, root: Path) -> None:
    """A run that is complete is not trained again."""
    shutil.copytree(bed.alone, root, dirs_exist_ok=True)
    before = _stamps(root)
    found = bed.outcomes(work_in(root))
    again = [outcome.task.seed for outcome in found.values() if not outcome.reused]
    if again or _stamps(root) != before:
        raise Broken(
            f"The complete run of seed {again[0] if again else SEEDS[0]} was trained again, or is "
            "given as one that was (reused = False)",
            "runs that are there, complete",
        )


def _stamps(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in root.glob(f"*/{RESULT}")}


@law
def goes_on(bed: EngineBed, root: Path) -> None:
    """A run that cannot be had is given with its reason, and the others are trained."""
    work = work_in(root)
    damaged = work.plans.of(_spec(), SEEDS[0]).folder
    shutil.copytree(bed.alone / damaged.name, damaged)
    (damaged / RESULT).write_text("{", encoding="utf-8")
    found = bed.outcomes(work)
    if not found[0].error:
        raise Broken(f"The damaged run of seed {SEEDS[0]} is given without a reason", bed.table)
    if found[1].error or found[1].folder is None:
        raise Broken(f"A damaged run took the next one with it: {found[1].error}", bed.table)
    bed.same(root, {1: found[1].folder}, "beside a run that is damaged")


class _Stopper(Observer):
    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt


@law
def interrupted(bed: EngineBed, root: Path) -> None:
    """Stopped in the midst of a run, it ends all that is under way, and runs can go on."""
    when = "stopped after the first epoch, then trained one by one"
    try:
        for _ in bed.train(work_in(root, _Stopper())):
            pass
    except KeyboardInterrupt:
        pass
    else:
        raise Broken("It goes on when whoever watches has said to stop (Ctrl-C)", when)
    folders = {}
    for outcome in one_by_one(work_in(root)):
        if outcome.busy:
            raise Broken(f"Seed {outcome.task.seed} is still being trained by somebody", when)
        if outcome.error or outcome.folder is None:
            raise Broken(f"Seed {outcome.task.seed} cannot go on: {outcome.error}", when)
        folders[outcome.task.number] = outcome.folder
    bed.same(root, folders, when)
