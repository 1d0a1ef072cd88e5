"""What a run tells its study from another process: words, who sends them, and who hears them.

A word is a folder that is claimed, a place in training, an epoch's figures, a folder with more in
it than before, or a sentence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from bionic_core.runs.engine import Saved, Work
from bionic_core.runs.observer import Observer
from bionic_core.runs.task import Task
from bionic_core.training.loop import Progress

TELLS_EVERY = 0.5
"""Seconds between two words of a run about where it is."""


@attrs.frozen
class EpochEnded:
    """Says, between processes, with what figures an epoch has ended."""

    record: Mapping[str, Any]


class Reporter(Observer):
    """Sends what it is told as words; of places in training, one now and then."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.tell = tell
        self._told = 0.0

    def claimed(self, task: Task, folder: Path) -> None:
        """Send the folder."""
        self.tell(folder)

    def progress(self, task: Task, moment: Progress) -> None:
        """Send the place, if the last one is some time ago."""
        if time.monotonic() - self._told > TELLS_EVERY:
            self._told = time.monotonic()
            self.tell(moment)

    def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
        """Send the figures."""
        self.tell(EpochEnded(record))

    def saved(self, task: Task, folder: Path) -> None:
        """Send the folder that has more in it."""
        self.tell(Saved(folder))

    def note(self, task: Task, words: str) -> None:
        """Send the sentence."""
        self.tell(words)


def hear(work: Work, task: Task, word: Path | Progress | EpochEnded | Saved | str) -> None:
    """Tell the observer of a study what a run has sent."""
    if isinstance(word, Path):
        work.claimed(task, word)
    elif isinstance(word, Progress):
        work.watch(task, word)
    elif isinstance(word, EpochEnded):
        work.epoch(task, word.record)
    elif isinstance(word, Saved):
        work.saved(task, word.folder)
    else:
        work.say(task, word)
