"""What a tracker is told of a study's runs, and what it says it has of them already.

A tracker (:class:`bionic_core.studies.journal.Tracker`) opens a journal for a study. It is told
after the fact, out of what is in the runs' folders, so it decides nothing and can be told later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from bionic_core.plugin import Plugin

if TYPE_CHECKING:
    from bionic_core.statistics.designs import Level

State = Literal["finished", "failed", "interrupted"]


@attrs.frozen
class Study:
    """What belongs together in a tracker.

    Attributes:
        name: the same for the same request, so that it is found again.
        folder: for all that trackers write; each has a file or a folder of its own name there.
    """

    name: str
    folder: Path


@attrs.frozen(eq=False)
class Tracked:
    """A run, as trackers are told of it.

    Attributes:
        hash: its identity, 16 hexadecimal digits, which is the name of its folder.
        name: what sets it apart from the study's other runs, in words: ``without a, seed 0``.
        cell: digest of its spec; runs of one cell differ in their seeds alone.
        seed: of the run.
        mechanisms: each that any run of the study has, and whether this one has it.
        parameters: all keys of the resolved spec, such as ``training.lr``; a list is JSON.
        spec: the resolved spec, TOML.
        folder: the run's own, with all that it leaves behind; absolute.
    """

    hash: str
    name: str
    cell: str
    seed: int
    mechanisms: Mapping[str, bool]
    parameters: Mapping[str, Level]
    spec: str
    folder: Path


@attrs.frozen
class Recorded:
    """What a tracker has of a run already: its epochs from the first on, and its good end."""

    epochs: int = 0
    finished: bool = False


Held = Recorded
"""The name that trackers of earlier versions use."""


class Journal(ABC):
    """A study in a tracker; told of one run at a time, between the epochs of any.

    Figures are numbers by dotted names: ``lr``, ``train.loss``, ``validation.accuracy``,
    ``seconds``; at a good end ``result.test.accuracy`` and the others of the selected epoch, and
    ``result.best_epoch``. What a method raises is told once, ends the tracking by this tracker, and
    changes no run.
    """

    @abstractmethod
    def begin(self, run: Tracked) -> Recorded:
        """Take a run in, or up again, and return what is there of it from before.

        Only what is missing is told then; of a finished run, nothing.
        """

    @abstractmethod
    def epoch(self, run: Tracked, number: int, figures: Mapping[str, float]) -> None:
        """Take in the figures of an epoch; numbers go up from 1, without a gap."""

    @abstractmethod
    def end(self, run: Tracked, state: State, figures: Mapping[str, float], reason: str) -> None:
        """Take in how a run ended.

        ``figures`` are those of a finished run; ``reason`` is why one failed. A run that failed or
        was interrupted may begin again, later and in another journal of the same study.
        """

    def close(self) -> None:
        """Let go of files and connections."""
        return


class Tracker(Plugin, ABC):
    """What shows runs in another tool, chosen by ``--track NAME``; its fields are options there.

    A field must not have the name of an option that a command which trains has itself. A tracker
    learns what is in the runs' folders and decides none of their numbers: it is no part of a run's
    identity.
    """

    role = "tracker"

    @abstractmethod
    def open(self, study: Study) -> Journal:
        """Return the journal of a study, an old one or a new one.

        Called once, in the process that the command was given to, before anything is trained.

        Raises:
            RequestError: a package that it needs is not installed, or the study's folder is not
                one that it can use.
        """
