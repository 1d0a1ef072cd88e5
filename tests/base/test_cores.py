"""Threads spin while cores are free, and sleep while others wait for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bionic_core import cli
from bionic_core.base import process as cores
from bionic_core.base.process import (
    CALM,
    CROWDED,
    SPINS,
    SURE,
    Manners,
    crowding,
    delays,
)

linux = pytest.mark.skipif(not delays(), reason="the system does not tell how threads waited")


class Team:
    """Stands for an idle team; all that have been."""

    known: list[Team] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.there = True
        self.known.append(self)

    def dissolve(self) -> None:
        self.there = False


@pytest.fixture
def manners(monkeypatch: pytest.MonkeyPatch) -> Manners:
    monkeypatch.setattr(Team, "known", [])
    monkeypatch.setattr(cores, "IdleTeam", Team)
    monkeypatch.setattr(cores, "_threads", lambda: 2)
    return Manners()


def test_crowding_is_the_time_without_a_core_added_up_over_threads() -> None:
    before = {"1": 5_000_000, "2": 0, "ended": 9_000_000_000}
    after = {"1": 105_000_000, "2": 300_000_000, "begun": 8_000_000_000}
    assert crowding(before, after, 0.5) == pytest.approx(0.8)
    assert crowding({}, after, 0.5) == 0


def test_threads_spin_for_less_long_once_it_is_sure_that_others_want_the_cores(
    manners: Manners,
) -> None:
    for _ in range(SURE - 1):
        manners.see(2 * CROWDED)
    manners.see(CROWDED)
    for _ in range(SURE - 1):
        manners.see(2 * CROWDED)
    assert not Team.known
    manners.see(2 * CROWDED)
    assert [team.there for team in Team.known] == [True]


def test_threads_spin_again_once_nobody_has_wanted_the_cores_for_a_while(manners: Manners) -> None:
    for _ in range(SURE + 1):
        manners.see(1.0)
    for _ in range(CALM - 1):
        manners.see(0.0)
    manners.see(1.0)
    for _ in range(CALM - 1):
        manners.see(CROWDED)
    assert [team.there for team in Team.known] == [True]
    manners.see(0.0)
    assert [team.there for team in Team.known] == [False]
    for _ in range(2 * CALM):
        manners.see(0.0)
    for _ in range(SURE):
        manners.see(1.0)
    assert [team.there for team in Team.known] == [False, True]


@pytest.mark.parametrize("threads", [0, 1])
def test_one_thread_waits_for_none(
    manners: Manners, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(cores, "_threads", lambda: threads)
    for _ in range(2 * SURE):
        manners.see(1.0)
    assert not Team.known


@linux
def test_a_team_is_there_until_it_is_dissolved() -> None:
    """One thread more than torch has, as the second team's first thread is not torch's."""
    done = subprocess.run([sys.executable, "-c", TEAM], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == {"without torch": 0, "threads": 3, "during": 3, "after": 0}


TEAM = """
import json, os, time
from bionic_core.base import process as cores
def count():
    return len(os.listdir("/proc/self/task"))
without = cores._threads()
import torch
torch.set_num_threads(3)
torch.zeros(2**18).add_(1)
before = count()
team = cores.IdleTeam()
during = count() - before
team.dissolve()
for _ in range(200):  # the system takes the threads apart in its own time
    if count() == before: break
    time.sleep(0.05)
print(json.dumps({"without torch": without, "threads": cores._threads(), "during": during,
    "after": count() - before}))
"""


@contextmanager
def one_core() -> Iterator[None]:
    """Have a core to share with another process that wants all of it."""
    allowed = os.sched_getaffinity(0)
    core = min(allowed)
    os.sched_setaffinity(0, {core})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])  # inherits the core
    try:
        yield
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, allowed)


@linux
def test_the_system_tells_that_a_core_is_shared() -> None:
    with one_core():
        before, begun = delays(), time.monotonic()
        end = begun + 1.0
        while time.monotonic() < end:
            pass
        assert crowding(before, delays(), time.monotonic() - begun) > CROWDED


@linux
def test_the_watch_acts_on_what_it_sees(manners: Manners, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{"1": 0}, {"1": 0}, {"1": 10**9}, {"1": 2 * 10**9}, {}])
    monkeypatch.setattr(cores, "delays", lambda: next(looks))
    monkeypatch.setattr(cores, "EVERY", 0.01)
    cores._watch()
    assert [team.there for team in Team.known] == [True]


@pytest.mark.parametrize(("spins", "expected"), [(SPINS, 1), ("7", 0), (None, 0)])
def test_whoever_decides_how_threads_wait_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, spins: str | None, expected: int
) -> None:
    if spins is None:
        monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    else:
        monkeypatch.setenv("GOMP_SPINCOUNT", spins)
    watched = threading.Event()
    monkeypatch.setattr(cores, "_watch", watched.set)
    cores.give_way()
    assert watched.wait(5 if expected else 0.05) == bool(expected)


def test_the_command_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("configure_process", "give_way", "main"):
        monkeypatch.setattr(cli, name, lambda name=name: done.append(name))
    cli.script()
    assert done == ["configure_process", "give_way", "main"]
