"""Images/s of training, evaluation and augmentation, ours and the reference's, interleaved."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.contest import Player, Team, medians, play

REFERENCE = "reference"
VARIANT = "mechanisms.masks.wiring=random"  # as many connections, so as much work


def teams(data: str, images: int) -> list[Team]:
    """Return who is measured: the reference in four settings, of which its best counts."""
    common = {"data": data, "images": images}

    def one(name: str, kind: str, threads: int | None = None, **options: Any) -> Team:
        return Team(name, [Player(kind, common | options, threads)])

    found = [
        one(
            f"{REFERENCE}, {workers} workers, {threads} threads", "theirs", threads, workers=workers
        )
        for workers in (0, 2)
        for threads in (1, 2)
    ]
    pair = [Player("ours", common | {"assign": a}, 1) for a in ([], [VARIANT])]
    return [
        *found,
        one("full", "ours"),
        one("full, 1 thread", "ours", 1),
        Team("two side by side", pair),
        one("fast", "ours", spec="fast"),
        one("fast, 1 thread", "ours", 1, spec="fast"),
        one("evaluation", "evaluation"),
        one("augmentation, batch 32, 1 thread", "augmentation", 1),
        one("augmentation, batch 256, 1 thread", "augmentation", 1, batch=256),
    ]


def measure(data: str, *, images: int, rounds: int) -> dict[str, Any]:
    """Measure all of them, interleaved.

    Everything that belongs to an epoch is in a training rate: order, views, steps, the local
    rule, figures, and the evaluation that ends it, of validation images in proportion.
    """
    found = play(teams(data, images), rounds)
    return {
        "images": images,
        "rounds": rounds,
        "images_per_second": medians(found),
        "samples": found,
        "reference": best(found),
        "figures": ratios(found),
    }


def best(found: Mapping[str, Sequence[float]]) -> str:
    """Return the name of the reference's fastest setting."""
    typical = medians(found)
    return max((name for name in found if name.startswith(REFERENCE)), key=typical.__getitem__)


def ratios(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the figures: medians over the rounds of each round's ratio, and rates."""
    slow = found[best(found)]

    def to_reference(name: str) -> float:
        pairs = zip(found[name], slow, strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    typical = medians(found)
    return {
        "training": to_reference("full"),
        "jobs": to_reference("two side by side"),
        "fast": to_reference("fast"),
        "evaluation": typical["evaluation"],
        "augmentation": typical["augmentation, batch 32, 1 thread"],
    }
