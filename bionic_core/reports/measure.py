"""How a study's response and its terms are said: in full on a page, shorter in a terminal."""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping, Sequence

import attrs

from bionic_core.reports.sections import Cell
from bionic_core.reports.words import crossed, level, number, percent, rough
from bionic_core.statistics.designs import Factor, FactorLayout, Layout
from bionic_core.statistics.findings import Response

WIDE, LONG = 44, 14
"""Letters show factors whose names are wider side by side, interactions longer beside aliases."""


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
        unit = "%" if response.scale == 100 else response.unit
        words = words.removesuffix(f"[{unit}]").removesuffix(f"({unit})").strip()
        return cls(words, response.scale, response.unit)

    @property
    def mean(self) -> str:
        """What an axis of responses is called."""
        return f"{self.words}, %" if self.scale == 100 else self.words

    def with_unit(self, title: str) -> str:
        """Return a title with the unit of effects behind it."""
        return f"{title}, {self.unit}" if self.unit else title

    def cell(self, value: float | None) -> Cell:
        """Return a cell of a response."""
        return Cell(percent(value) if self.scale == 100 else rough(value), value)

    def ranged(self, sizes: Sequence[float]) -> str:
        """Return sizes, the smallest to ± the largest where they differ, with their unit."""
        least, most = (number(f(sizes), decimals(sizes)) for f in (min, max))
        return f"{most if least == most else f'{least} to ±{most}'} {self.unit}".strip()


def references(factors: Sequence[FactorLayout] | Sequence[Factor]) -> dict[str, str]:
    """Return the level that others are compared with, by terms of factors that are no switch."""
    return {f.term: level(f.levels[0]) for f in factors if f.levels != (False, True)}


def decimals(values: Iterable[float | None]) -> int:
    """Return how many decimals a column of numbers is shown with, so that the largest has three."""
    largest = max((abs(value or 0.0) for value in values), default=0.0)
    return 2 if largest >= 1 or largest == 0 else min(2 - math.floor(math.log10(largest)), 8)


@attrs.frozen
class Terms:
    """The names of terms.

    Attributes:
        page: whether there is room for all that there is to say.
        letters: by a factor's term, where names are too wide for columns.
        references: the level that others are compared with, by the terms of factors that have one.
        switches: whether a factor is a mechanism on and off.
    """

    page: bool = True
    letters: Mapping[str, str] = attrs.field(factory=dict)
    references: Mapping[str, str] = attrs.field(factory=dict)
    switches: bool = True

    @classmethod
    def on_a_page(cls, design: Layout) -> Terms:
        """Return a design's terms in full."""
        return cls().of(design.factors)

    def of(self, factors: Sequence[FactorLayout] | Sequence[Factor]) -> Terms:
        """Return the same, knowing what the levels of these factors are compared with."""
        against = references(factors)
        return attrs.evolve(self, references=against, switches=len(against) < len(factors))

    @classmethod
    def in_terminal(cls, design: Layout) -> Terms:
        """Return a design's terms as they fit 80 columns."""
        terms = [factor.term for factor in design.factors]
        if sum(len(term) + 3 for term in terms) <= WIDE:
            return cls(page=False).of(design.factors)
        letters = dict(zip(terms, string.ascii_uppercase, strict=False))
        return cls(False, letters).of(design.factors)

    @property
    def legend(self) -> list[str]:
        """What the letters stand for, a line if there are any."""
        told = ", ".join(f"{letter} {term}" for term, letter in self.letters.items())
        return [told] if told else []

    def fitting(self, terms: Sequence[str], aliased: bool) -> dict[str, str]:
        """Return the names of a column: interactions in letters where one is too long to fit."""
        if self.page:
            return {term: crossed(term) for term in terms}
        long = aliased and any(":" in term and len(term) > LONG for term in terms)
        return {term: self._short(term) if long and ":" in term else term for term in terms}

    def aliases(self, names: Sequence[str], most: int = 2) -> str:
        """Return aliases; in a terminal the first few of them."""
        if self.page:
            return ", ".join(map(crossed, names))
        more = f" +{len(names) - most}" if len(names) > most else ""
        return ", ".join(map(self._short, names[:most])) + more

    def _short(self, term: str) -> str:
        """Return a term in letters: ``A:B``, ``C=0.5``."""
        parts = [part.partition("=") for part in term.split(":")]
        return ":".join(f"{self.letters.get(name, name)}{eq}{level}" for name, eq, level in parts)
