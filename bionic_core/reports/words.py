"""Figures as reports say them: with a real minus sign, rounded the same way everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bionic_core.base.numbers import NONE, count, interval, mean_sd, number, percent, rough
from bionic_core.connectomes.summary import Spread
from bionic_core.reports.sections import Cell
from bionic_core.statistics.comparisons import Summary
from bionic_core.statistics.lenth import LEVEL

__all__ = ["NONE", "count", "interval", "mean_sd", "number", "percent", "rough"]
"""What is of :mod:`bionic_core.base.numbers`, and is used here by the same names."""


def p_value(value: float | None) -> str:
    """Return a p value, or a dash."""
    return NONE if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def p_words(value: float | None) -> str:
    """Return ``p = 0.012`` or ``p < 0.001``."""
    text = p_value(value)
    return f"p {text[0]} {text[1:]}" if text.startswith("<") else f"p = {text}"


def numeric(value: float | None, digits: int = 2, *, signed: bool = False) -> Cell:
    """Return a cell of a number."""
    return Cell(number(value, digits, signed=signed), value)


def share(value: float | None, digits: int = 2) -> Cell:
    """Return a cell of a share, as per cent."""
    return Cell(percent(value, digits), value)


def whole(value: int | None) -> Cell:
    """Return a cell of a whole number."""
    return Cell(count(value), value)


def p_cell(value: float | None) -> Cell:
    """Return a cell of a p value, which stands out where it is below 5 %."""
    return Cell(p_value(value), value, strong=value is not None and value < LEVEL)


def rough_cell(value: float | None) -> Cell:
    """Return a cell of a number of four significant digits."""
    return Cell(rough(value), value)


def mean_cell(figure: Summary | Spread, digits: int = 2, scale: float = 1.0) -> Cell:
    """Return a cell of a mean ± SD, sorted by the mean."""
    return Cell(mean_sd(figure.mean, figure.sd, digits, scale=scale), figure.mean)


def interval_cell(low: float | None, high: float | None, digits: int = 2) -> Cell:
    """Return a cell of an interval, sorted by its lower end."""
    return Cell(interval(low, high, digits), low)


def sides(lengths: Sequence[int]) -> str:
    """Return an array's shape: ``8 × 48 × 48``; one of none is a single number's."""
    return " × ".join(map(count, lengths)) or "1"


def level(value: Any) -> str:
    """Return a factor's level in words."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def levels(cell: Mapping[str, Any]) -> str:
    """Return a cell's levels in words."""
    return ", ".join(f"{name} {level(value)}" for name, value in cell.items())


def capital(text: str) -> str:
    """Return text that begins with a capital letter."""
    return f"{text[:1].upper()}{text[1:]}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} {joint} {names[-1]}"


def crossed(term: str) -> str:
    """Return a term as it is read: ``a × b`` for ``a:b``."""
    return term.replace(":", " × ")
