"""Who is told how runs get on: a terminal, trackers, a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bionic_core.runs.folder import Run
    from bionic_core.runs.task import Task
    from bionic_core.training.loop import Progress


class Observer:
    """Is told of the runs of a study, and does nothing; whoever wants to know overrides.

    All is told in the study's own process, of one run at a time, in the order in which it happens
    to each run. What a method raises ends the study.
    """

    def begun(self, task: Task) -> None:
        """A run begins; told once of each, of those too that turn out to be finished."""

    def claimed(self, task: Task, folder: Path) -> None:
        """A run is about to be trained in its folder, which is this process's own from now on."""

    def progress(self, task: Task, moment: Progress) -> None:
        """A run is at this place in its training; told now and then."""

    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        """An epoch has ended with these figures, as in ``metrics.jsonl``."""

    def saved(self, task: Task, folder: Path) -> None:
        """There is more in a run's folder than before, and the run can go on from that."""

    def note(self, task: Task, words: str) -> None:
        """A reader must know this about a run, a sentence."""

    def finished(self, task: Task, run: Run) -> None:
        """A run is complete, by now or since an earlier time (``run.reused``)."""

    def failed(self, task: Task, reason: str) -> None:
        """A run has come to nothing."""


class Observers(Observer):
    """Several observers, told in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers: Sequence[Observer] = observers

    def begun(self, task: Task) -> None:
        """Tell that a run begins."""
        for one in self._observers:
            one.begun(task)

    def claimed(self, task: Task, folder: Path) -> None:
        """Tell that a run is about to be trained."""
        for one in self._observers:
            one.claimed(task, folder)

    def progress(self, task: Task, moment: Progress) -> None:
        """Tell where a run is."""
        for one in self._observers:
            one.progress(task, moment)

    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        """Tell an epoch's figures."""
        for one in self._observers:
            one.epoch(task, record)

    def saved(self, task: Task, folder: Path) -> None:
        """Tell that there is more in a run's folder."""
        for one in self._observers:
            one.saved(task, folder)

    def note(self, task: Task, words: str) -> None:
        """Tell what a reader must know."""
        for one in self._observers:
            one.note(task, words)

    def finished(self, task: Task, run: Run) -> None:
        """Tell that a run is complete."""
        for one in self._observers:
            one.finished(task, run)

    def failed(self, task: Task, reason: str) -> None:
        """Tell that a run has come to nothing."""
        for one in self._observers:
            one.failed(task, reason)
