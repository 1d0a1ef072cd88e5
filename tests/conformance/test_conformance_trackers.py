"""Laws of trackers: each is broken by a tracker that breaks no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from bionic_core import Journal, Recorded, Study, Tracked, Tracker
from bionic_core.conformance.judge import TRACKER_LAWS, LawBrokenError, check_tracker, judge
from tests.cli.test_cli import Bionic, bionic
from tests.support.notes import FULL, Notebook, Notes

__all__ = ["bionic"]


@pytest.fixture(autouse=True)
def _new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Notes, "books", {})


class Forgetful(Notebook):
    """Answers to 'begin' by a function of what it should."""

    answer: Callable[[Recorded], Any]

    def begin(self, run: Tracked) -> Recorded:
        found: Recorded = type(self).answer(super().begin(run))
        return found


def notes(answer: Callable[[Recorded], Any] = lambda held: held, **members: Any) -> type[Notes]:
    """A tracker with another memory for each folder, and other members than the toy's."""

    def opened(self: Notes, study: Study) -> Journal:
        book = Notes.books.setdefault(f"{study.folder}/{study.name}", {})
        kind = type("Other", (Forgetful,), {"answer": staticmethod(answer)})
        journal: Journal = kind(study, book, self.fails, self.fault)
        return journal

    body = {"open": opened, "source": "a test", "__module__": __name__}
    body = {"__doc__": Notes.__doc__, **body, **members}
    return attrs.frozen(eq=False)(type("Broken", (Notes,), body))


def one_book(self: Notes, study: Study) -> Journal:
    return Notebook(study, Notes.books.setdefault(str(study.folder), {}), "", FULL)


class Short(Notebook):
    """Takes no long names."""

    def begin(self, run: Tracked) -> Recorded:
        if len(run.name) > 99:
            raise ValueError("too long")
        return super().begin(run)


def short(self: Notes, study: Study) -> Journal:
    book = Notes.books.setdefault(f"{study.folder}/{study.name}", {})
    return Short(study, book, "", FULL)


BROKEN: Mapping[str, tuple[str, type[Tracker] | Tracker, str]] = {
    "no source": ("docstring", notes(source=""), "'source' is empty"),
    "no journal": ("tells", notes(open=lambda self, study: 3), "'open' answered with int"),
    "no answer": ("tells", notes(lambda held: None), "'begin' answered with NoneType"),
    "raises": ("tells", notes()(fails="end"), "No space left on device"),
    "tells twice": (
        "goes-on",
        notes(lambda held: Recorded(0 if held.epochs == 1 else held.epochs, held.finished)),
        "expected Recorded(epochs=1",
    ),
    "never done": ("finishes", notes(lambda held: Recorded(held.epochs)), "would be told again"),
    "one book": ("apart", notes(open=one_book), "the same run in another study"),
    "short": ("words", notes(open=short), "too long"),
}


def test_a_good_tracker_keeps_all_laws() -> None:
    check_tracker(notes())
    check_tracker(notes()())


@pytest.mark.parametrize("case", BROKEN)
def test_a_law_is_broken(case: str) -> None:
    law, tracker, words = BROKEN[case]
    broken = [verdict for verdict in judge(tracker) if verdict.broken]
    assert broken[0].law == law
    assert words in str(broken[0])
    if case != "tells twice":  # with which two runs cannot be told in turn either
        assert len(broken) == 1
    with pytest.raises(LawBrokenError, match=law):
        check_tracker(tracker, law)


def test_every_law_can_be_broken() -> None:
    assert {law for law, _, _ in BROKEN.values()} == set(TRACKER_LAWS)


@pytest.mark.parametrize("name", ["tensorboard", pytest.param("mlflow", marks=pytest.mark.slow)])
def test_the_built_in_trackers_keep_them(bionic: Bionic, name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    said = bionic("check", name, "--json")
    assert said.code == 0, said.out
    assert said.document["role"] == "tracker"
    assert [law["law"] for law in said.document["laws"]] == list(TRACKER_LAWS)
    assert {law["state"] for law in said.document["laws"]} == {"kept"}
