"""What is to be reached, and whether it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

Kind = Literal["ratio", "share", "rate", "seconds", "memory"]


@attrs.frozen
class Goal:
    """A figure with its aim and its floor: the least, or most, that is still accepted.

    Attributes:
        name: in result files.
        part: of the benchmarks, that measures it.
        words: in the table.
        kind: ``ratio`` to the reference and ``rate`` (images/s): more is better; ``share`` of a
            time, ``seconds`` and ``memory`` (GiB): less is.
        lowered: whether it is of a recipe whose products are in bfloat16 where a processor has it.
    """

    name: str
    part: str
    words: str
    kind: Kind
    aim: float
    floor: float
    lowered: bool = False

    @property
    def more_is_better(self) -> bool:
        """Whether larger figures are better."""
        return self.kind in ("ratio", "rate")

    @property
    def portable(self) -> bool:
        """Whether the figure means the same on another machine."""
        return self.kind in ("ratio", "share", "memory")

    def reaches(self, value: float, limit: float) -> bool:
        """Whether a figure is at least as good as a limit."""
        return value >= limit if self.more_is_better else value <= limit

    def change(self, old: float, new: float) -> float:
        """Return how good the new figure is, the old one being 1."""
        if self.kind == "share":  # of a small share, a little more is not a little worse
            return (1 + old) / (1 + new)
        return new / old if self.more_is_better else old / new

    def show(self, value: float) -> str:
        """Return a figure for people."""
        return {
            "ratio": f"{value:.2f}×",
            "share": f"{value:.1%}",
            "rate": f"{value:,.0f} img/s",
            "seconds": f"{value:.2f} s",
            "memory": f"{value:.2f} GiB",
        }[self.kind]


GOALS = (
    Goal("training", "training", "full, batch 32, float32, one process", "ratio", 4, 2.5),
    Goal("jobs", "training", "two variants side by side (--jobs 2)", "ratio", 6, 4),
    Goal("fast", "training", "fast.toml", "ratio", 8, 5, True),
    Goal("target", "target", "time to the paper's accuracy, fast.toml", "ratio", 12, 12, True),
    Goal("evaluation", "training", "evaluation", "rate", 8_000, 8_000),
    Goal("augmentation", "training", "augmentation, one core", "rate", 15_000, 15_000),
    Goal("help", "start", "bionic --help", "seconds", 0.4, 0.4),
    Goal("first step", "start", "first step, after import torch", "seconds", 4, 4),
    Goal("memory", "memory", "peak memory of training", "memory", 1.3, 1.3),
    Goal("overhead", "study", "overhead of a study of 32 runs", "share", 0.1, 0.1),
)

Part = Mapping[str, Any]
"""What a part measured; ``figures`` has the values of its goals, by name."""


def figures(parts: Mapping[str, Part]) -> dict[str, float]:
    """Return the figures of all parts, by the names of their goals."""
    return {name: value for part in parts.values() for name, value in part["figures"].items()}
