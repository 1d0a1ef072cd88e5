"""A piece of work that several libraries do in turns; the same result, or nothing is timed."""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

import attrs

OURS = "bionic"

NEAR = 0.9
"""Ours is within a tenth of another's time down to this ratio, theirs ÷ ours."""

Work = Callable[[], Any]


class MissingError(Exception):
    """A library is not in this environment."""


def library(name: str) -> Any:
    """Return a module of another library.

    Raises:
        MissingError: it is not here.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingError(f"{name} is not here ({error})") from error


@attrs.frozen
class Peer:
    """Another library that does the same.

    Attributes:
        name: of the library, and of what of it is called.
        distribution: whose version is told.
        made: returns the work to be timed; raises :class:`MissingError` where it cannot.
        because: why ours takes longer, where it does.
        differs: how what it returns differs from ours, as far as it may.
    """

    name: str
    distribution: str
    made: Callable[[], Work]
    because: str = ""
    differs: str = ""


@attrs.frozen
class Row:
    """What one round-robin of a contest found of one peer; seconds are medians.

    ``ratio`` is the median over rounds of theirs ÷ ours, of processor time.
    """

    part: str
    work: str
    peer: str
    version: str
    ours: float
    theirs: float
    ours_wall: float
    theirs_wall: float
    ratio: float
    rounds: int
    verdict: str
    differs: str


@attrs.frozen
class Contest:
    """A piece of work.

    Attributes:
        part: the group of contests.
        work: what is done.
        ours: returns our work to be timed.
        peers: that do the same.
        check: compares another's result (second) with ours (first), and raises where they differ.
        least: seconds of a reading; shorter work is repeated.
    """

    part: str
    work: str
    ours: Callable[[], Work]
    peers: Sequence[Peer]
    check: Callable[[Any, Any, str], None]
    least: float = 0.05


def play(contest: Contest, rounds: int) -> tuple[list[Row], list[str]]:
    """Let all take their turns; return a row for each peer, and which are missing and why.

    A peer that takes five times as long as a round of ours lasts is still read in every round.
    """
    ours = contest.ours()
    result = ours()
    works, missing = dict[str, Work](), []
    for peer in contest.peers:
        try:
            works[peer.name] = peer.made()
        except MissingError as error:
            missing.append(f"{contest.work}: {peer.name} is left out: {error}")
            continue
        contest.check(result, works[peer.name](), peer.name)
    del result
    turns = {OURS: ours, **works}
    counts = {name: _repeats(work, contest.least) for name, work in turns.items()}
    read: dict[str, list[tuple[float, float]]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, work in turns.items():
            read[name].append(_timed(work, counts[name]))
    return [_row(contest, p, read, rounds) for p in contest.peers if p.name in works], missing


def _row(
    contest: Contest, peer: Peer, read: Mapping[str, Sequence[tuple[float, float]]], rounds: int
) -> Row:
    one, other = read[OURS], read[peer.name]
    ratio = statistics.median(b[0] / a[0] for a, b in zip(one, other, strict=True))
    medians = [statistics.median(v) for side in (one, other) for v in zip(*side, strict=True)]
    ours, ours_wall, theirs, theirs_wall = medians
    verdict = "ahead" if ratio >= 1 else "within 10 %" if ratio >= NEAR else "behind"
    if verdict == "behind" and peer.because:
        verdict += f", because {peer.because}"
    row = Row(
        part=contest.part,
        work=contest.work,
        peer=peer.name,
        version=metadata.version(peer.distribution),
        ours=ours,
        theirs=theirs,
        ours_wall=ours_wall,
        theirs_wall=theirs_wall,
        ratio=ratio,
        rounds=rounds,
        verdict=verdict,
        differs=peer.differs,
    )
    print(f"  {row.work}: {row.peer} {row.ratio:.2f} ({verdict})", file=sys.stderr, flush=True)
    return row


def _repeats(work: Work, least: float) -> int:
    begun = time.perf_counter()
    work()
    return max(1, round(least / max(time.perf_counter() - begun, 1e-7)))


def _timed(work: Work, count: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        work()
    return (time.process_time() - cpu) / count, (time.perf_counter() - wall) / count
