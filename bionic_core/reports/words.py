"""Figures as a page says them: numbers with a real minus, intervals, p values, levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bionic_core.reports.sections import Cell
from bionic_core.statistics.lenth import LEVEL


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return a number with a real minus sign, or a dash."""
    if value is None:
        return "–"
    return f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Return an interval, or a dash."""
    if low is None or high is None:
        return "–"
    return f"{number(low, digits, signed=True)} to {number(high, digits, signed=True)}"


def p_value(value: float | None) -> str:
    """Return a p value, or a dash."""
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_words(value: float | None) -> str:
    """Return ``p = 0.012`` or ``p < 0.001``."""
    text = p_value(value)
    return f"p {text[0]} {text[1:]}" if text.startswith("<") else f"p = {text}"


def numeric(value: float | None, digits: int = 2, *, signed: bool = False) -> Cell:
    """Return a cell of a number."""
    return Cell(number(value, digits, signed=signed), value)


def p_cell(value: float | None) -> Cell:
    """Return a cell of a p value, which stands out where it is below 5 %."""
    return Cell(p_value(value), value, strong=value is not None and value < LEVEL)


def level(value: Any) -> str:
    """Return a factor's level in words."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def levels(cell: Mapping[str, Any]) -> str:
    """Return a cell's levels in words."""
    return ", ".join(f"{name} {level(value)}" for name, value in cell.items())


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {joint} {names[-1]}"


def crossed(term: str) -> str:
    """Return a term as it is read: ``a × b`` for ``a:b``."""
    return term.replace(":", " × ")
