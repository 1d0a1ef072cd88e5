"""Interleaved measurement: every round, each team works once, one team after another.

What else the machine does then falls on all of them alike, and medians over rounds are fair.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs

from tests.benchmarks.processes import ROOT, plain_environment, settled


@attrs.frozen
class Player:
    """A process (:mod:`tests.benchmarks.contestant`): its kind, options and threads.

    ``threads`` is None for torch's default.
    """

    kind: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    threads: int | None = None

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """Start the process, and end it afterwards."""
        options = json.dumps(dict(self.options) | {"threads": self.threads})
        module = "tests.benchmarks.contestant"
        command = settled(module, self.kind, options)
        if self.kind == "theirs":
            command = [sys.executable, "-m", module, self.kind, options]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=plain_environment(),
        )
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


@attrs.frozen
class Team:
    """Players that work at the same time."""

    name: str
    players: Sequence[Player]


def play(teams: Sequence[Team], rounds: int) -> dict[str, list[float]]:
    """Return the images/s of each team in each round; a first round is left out."""
    found: dict[str, list[float]] = {team.name: [] for team in teams}
    with ExitStack() as stack:
        running = {
            team.name: [stack.enter_context(player.running()) for player in team.players]
            for team in teams
        }
        for processes in running.values():
            for process in processes:
                _heard(process)
        for number in range(rounds + 1):
            for team in teams:
                rate = _rate(running[team.name])
                if number:
                    found[team.name].append(rate)
                    print(f"{team.name}: {rate:,.0f} images/s", file=sys.stderr, flush=True)
    return found


def _rate(processes: Sequence[subprocess.Popen[str]]) -> float:
    begun = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    images = sum(_heard(process) for process in processes)
    return images / (time.perf_counter() - begun)


def _heard(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a contestant has ended: {process.args!r}")
    return int(line)


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of each team."""
    return {name: statistics.median(values) for name, values in found.items()}
