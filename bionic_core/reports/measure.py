"""How a study's response is said: its words, its unit, and how many decimals it takes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

from bionic_core.reports.sections import Cell
from bionic_core.reports.words import number, percent, rough
from bionic_core.statistics.findings import Response

PERCENT = 100


@attrs.frozen
class Measure:
    """A response: its words, what makes it readable, and the unit of its effects."""

    words: str
    scale: float
    unit: str

    @classmethod
    def of(cls, response: Response) -> Measure:
        """Return how a response is said."""
        words = response.name.replace(".", " ").replace("_", " ")
        words = words.replace(" f1", " F1").replace(" auc", " AUC")
        return cls(words, response.scale, response.unit)

    @property
    def mean(self) -> str:
        """What an axis of responses is called."""
        return f"{self.words}, %" if self.scale == PERCENT else self.words

    def with_unit(self, title: str) -> str:
        """Return a title with the unit of effects behind it."""
        return f"{title}, {self.unit}" if self.unit else title

    def cell(self, value: float | None) -> Cell:
        """Return a cell of a response."""
        return Cell(percent(value) if self.scale == PERCENT else rough(value), value)

    def said(self, value: float) -> str:
        """Return a size in words, with its unit."""
        return f"{number(value, decimals([value]))} {self.unit}".strip()


def decimals(values: Iterable[float | None]) -> int:
    """Return how many decimals a column of numbers is shown with, so that the largest has three."""
    largest = max((abs(value or 0.0) for value in values), default=0.0)
    return 2 if largest >= 1 or largest == 0 else min(2 - math.floor(math.log10(largest)), 8)
