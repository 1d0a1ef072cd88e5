"""What a study gives its engine, and what it takes back.

An engine (:class:`bionic_core.runs.engine.Engine`) decides where the runs of a study are trained;
it decides none of their numbers, so it is no part of a run's identity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core.plugin import Plugin
from bionic_core.runs.observer import Observer
from bionic_core.runs.task import Task

if TYPE_CHECKING:
    from bionic_core.runs.planned import Plans
    from bionic_core.training.loop import Progress

__all__ = ["Engine", "Outcome", "Saved", "Task", "Work"]


@attrs.frozen(eq=False)
class Outcome:
    """What became of a task: a run's folder, or the reason why there is none.

    Attributes:
        busy: whether another process trains it, so that it is to be asked for again.
    """

    task: Task
    folder: Path | None = None
    reused: bool = False
    error: str = ""
    busy: bool = False


@attrs.frozen
class Saved:
    """Says, between processes, that there is more in a run's folder than before."""

    folder: Path


def _plans(work: Work) -> Plans:
    from bionic_core.runs.planned import Plans

    return Plans(work.root)


@attrs.frozen(eq=False)
class Work:
    """The runs of a study: which, where, and who is told how far they are.

    Attributes:
        tasks: in the order in which they are to begin; finished runs are among them.
        root: folder of the runs' folders.
        device: ``auto``, ``cpu`` or ``cuda``.
        jobs: runs at a time, where the engine has no better way to know.
        observer: who is told; an engine tells it through the methods here.
        plans: of runs in ``root``, for engines that train, or look for runs, in this process.
    """

    tasks: Sequence[Task]
    root: Path
    device: str = "auto"
    jobs: int = 1
    observer: Observer = attrs.field(factory=Observer)
    plans: Plans = attrs.field(default=attrs.Factory(_plans, takes_self=True))
    _begun: set[int] = attrs.field(factory=set)

    def started(self, task: Task) -> None:
        """Say that a task begins; heard once of each."""
        if task.number not in self._begun:
            self._begun.add(task.number)
            self.observer.begun(task)

    def claimed(self, task: Task, folder: Path) -> None:
        """Say that a task is about to be trained, in this folder."""
        self.observer.claimed(task, folder)

    def watch(self, task: Task, moment: Progress) -> None:
        """Say where a task is in its training, now and then."""
        self.observer.progress(task, moment)

    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        """Say with what figures an epoch of a task has ended."""
        self.observer.epoch(task, record)

    def say(self, task: Task, words: str) -> None:
        """Say what a reader must know about a task, a sentence."""
        self.observer.note(task, words)

    def saved(self, task: Task, folder: Path) -> None:
        """Say that there is more in a run's folder, here, than before."""
        self.observer.saved(task, folder)


class Engine(Plugin, ABC):
    """What trains the runs of a study, chosen by ``--engine NAME``; its fields are options there.

    A field must not have the name of an option that ``factorial``, ``ablate`` or ``reproduce``
    has itself. An engine decides where runs are trained, and none of their numbers: it is no part
    of a run's identity, and what one engine has finished is finished for all.
    """

    role = "engine"

    def prepare(self, jobs: int) -> None:
        """Begin to make ready for so many runs at a time, while the study is planned.

        May be called or not; must return at once.
        """

    @abstractmethod
    def train(self, work: Work) -> Iterator[Outcome]:
        """Train the tasks of ``work``, and give each task's outcome when it is there.

        Runs that are complete are not trained again; those that were interrupted go on. A run
        that fails while it runs is given with its reason, and the rest goes on. A run that another
        process trains is given as busy, and again when that is known to have ended. Closing the
        iterator, or an exception out of it (Ctrl-C included), ends all that is under way.

        Raises:
            RequestError: what was asked cannot be done, for any run.
            WriteError: nothing can be written; what is finished is kept.
        """
