"""What takes longer than two seconds is told, once, and again when it goes on for a minute."""

from __future__ import annotations

import threading

import pytest

from bionic_core.base import steps
from bionic_core.base.steps import Steps, doing, heard


@pytest.fixture(autouse=True)
def two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "AFTER", 2.0)


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_a_step_is_told_after_two_seconds_and_each_minute() -> None:
    clock, said = Clock(), list[str]()
    told = Steps(said.append, clock)
    told.look()
    clock.time += 50  # nothing is under way, so that nothing is silent
    told.begin("planning 4,000 cells")
    told.look()
    clock.time += 1.9
    told.look()
    assert said == []
    clock.time += 0.2
    told.look()
    told.look()
    assert said == ["planning 4,000 cells …"]
    clock.time += 59
    told.look()
    assert len(said) == 1
    clock.time += 2
    told.look()
    assert said[1:] == ["planning 4,000 cells, for 63 s so far"]
    told.end()
    clock.time += 600
    told.look()
    assert len(said) == 2


def test_a_step_within_a_step_is_what_is_told() -> None:
    clock, said = Clock(), list[str]()
    told = Steps(said.append, clock)
    told.begin("importing s.csv")
    for words in ("reading", "summing", "writing"):  # none alone takes two seconds
        told.begin(words)
        clock.time += 1.5
        told.look()
        told.end()
    assert said == ["summing …"]
    clock.time += 2
    told.look()
    assert said[1:] == ["importing s.csv …"]


def test_who_listens_is_told_while_the_step_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "AFTER", 0.02)
    monkeypatch.setattr(steps, "LOOKS_EVERY", 0.01)
    told, said = threading.Event(), list[str]()

    def say(line: str) -> None:
        said.append(line)
        told.set()

    with heard(say), doing("reading t.csv"):
        assert told.wait(30)
    assert said[0] == "reading t.csv …"
    assert not [one for one in threading.enumerate() if one.name == "steps"]


def test_where_nobody_listens_nothing_is_started() -> None:
    with doing("reading t.csv"):
        assert not [one for one in threading.enumerate() if one.name == "steps"]
