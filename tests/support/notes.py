"""A toy tracker, which keeps what it is told, and fails where it is asked to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import pytest

from bionic_core import Journal, Recorded, Study, Tracked, Tracker
from tests.support.announcing import announce

FULL = OSError(28, "No space left on device")


@attrs.define(eq=False)
class Page:
    """What a notebook has of a run."""

    run: Tracked
    epochs: list[dict[str, float]] = attrs.field(factory=list)
    begun: int = 0
    states: list[str] = attrs.field(factory=list)
    result: Mapping[str, float] = attrs.field(factory=dict)
    reason: str = ""


@attrs.frozen(eq=False)
class Notebook(Journal):
    """Writes into the class's memory, which outlives it; raises where it is asked to."""

    study: Study
    pages: dict[str, Page]
    fails: str
    error: BaseException

    def begin(self, run: Tracked) -> Recorded:
        self._may_fail("begin")
        page = self.pages.setdefault(run.hash, Page(run))
        page.begun += 1
        return Recorded(len(page.epochs), page.states[-1:] == ["finished"])

    def epoch(self, run: Tracked, number: int, figures: Mapping[str, float]) -> None:
        self._may_fail("epoch")
        page = self.pages[run.hash]
        assert number == len(page.epochs) + 1
        page.epochs.append(dict(figures))

    def end(self, run: Tracked, state: Any, figures: Mapping[str, float], reason: str) -> None:
        self._may_fail("end")
        page = self.pages[run.hash]
        page.states.append(state)
        page.result, page.reason = figures, reason

    def close(self) -> None:
        self._may_fail("close")

    def _may_fail(self, method: str) -> None:
        print(f"{method}!")  # what a tracker prints is never among a command's results
        if method == self.fails:
            raise self.error


@attrs.frozen(eq=False)
class Notes(Tracker):
    """Keeps notes.

    Attributes:
        colour: of the ink.
    """

    name = "notes"
    books: ClassVar[dict[str, dict[str, Page]]] = {}
    opened: ClassVar[list[tuple[Notes, Study]]] = []

    colour: str = "blue"
    fails: str = ""
    fault: BaseException = FULL

    def open(self, study: Study) -> Journal:
        Notes.opened.append((self, study))
        return Notebook(study, Notes.books.setdefault(study.name, {}), self.fails, self.fault)


@attrs.frozen(eq=False)
class Clash(Notes):
    """Has an option that the commands have."""

    name = "clash"
    jobs: int = 2


@attrs.frozen(eq=False)
class Twin(Notes):
    """Has the options of another."""

    name = "twin"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the toys installed, with nothing in their memory."""
    announce(monkeypatch, Notes, Clash, Twin)
    monkeypatch.setattr(Notes, "books", {})
    monkeypatch.setattr(Notes, "opened", [])


def done_before(said: str) -> int:
    """Return how many runs a study said were done before; it says so in one line, or in two."""
    found = re.findall(r"^(\d+)(?: more)? of \d+ runs were done before", said, re.MULTILINE)
    assert len(found) <= 2
    return sum(map(int, found))
