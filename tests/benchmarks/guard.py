"""Whether anything has become slower than a result file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from tests.benchmarks.goals import GOALS, Goal, figures

ALLOWED = 0.15
"""A figure may be worse by so much: machines differ from one day to the next."""


@attrs.frozen
class Change:
    """A figure, then and now; ``good`` is how good the new one is, the old one being 1."""

    goal: Goal
    old: float
    new: float

    @property
    def good(self) -> float:
        """How good the new figure is, the old one being 1."""
        return self.goal.change(self.old, self.new)

    @property
    def dropped(self) -> bool:
        """Whether it is worse than what is allowed."""
        return self.good < 1 - ALLOWED

    @property
    def words(self) -> str:
        """The change in a line."""
        shown = f"{self.goal.show(self.old)} then, {self.goal.show(self.new)} now"
        return f"{self.goal.words}: {shown}" + (" — DROPPED" if self.dropped else "")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return how the figures that both results have differ.

    Images/s and seconds of another processor, or of another number of cores, are left out: they
    say nothing about this program. Ratios, shares and memory do, but for those of recipes in
    bfloat16, of which a processor without it makes float32. Parts that were measured with
    ``--quick`` are left out too.
    """
    before, after = (figures(_slow(results)) for results in (old, new))
    return [
        Change(goal, before[goal.name], after[goal.name])
        for goal in GOALS
        if goal.name in before and goal.name in after and _alike(old, new, goal)
    ]


def _slow(results: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in results["parts"].items() if not part["quick"]}


def _alike(old: Mapping[str, Any], new: Mapping[str, Any], goal: Goal) -> bool:
    """Whether a figure means the same on the machines of both results."""
    keys = () if goal.portable else ("processor", "instructions", "cores")
    if goal.lowered:
        keys = (*keys, "bfloat16")
    one, other = (results["parts"][goal.part]["machine"] for results in (old, new))
    return all(one.get(key) == other.get(key) for key in keys)
