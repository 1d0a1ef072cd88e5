"""Figures as reports say them: with a real minus sign, rounded the same way everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bionic_core.connectomes.summary import Spread
from bionic_core.reports.sections import Cell
from bionic_core.statistics.comparisons import Summary
from bionic_core.statistics.lenth import LEVEL

NONE = "–"
"""What stands for a figure that there is not."""


def number(value: float | None, digits: int = 2, signed: bool = False, scale: float = 1.0) -> str:
    """Return a number of so many decimals, times a scale; of three digits if tiny or huge."""
    size = abs(scale * (value or 0.0))  # below 1e-12 it is what sums leave of a zero
    far = digits > 6 or (digits > 0 and (size >= 1e7 or 1e-12 < size < 1e-6))
    form = f"{'+' if signed else ''},.{3 if far else digits}{'g' if far else 'f'}"
    text = NONE if value is None else f"{scale * value:{form}}"
    return (text if text.strip("+-0.") else text.lstrip("+-")).replace("-", "−")


def percent(share: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return a share as per cent."""
    return NONE if share is None else f"{number(share, digits, signed=signed, scale=100)} %"


def count(value: int | None, *, signed: bool = False) -> str:
    """Return a whole number."""
    return number(value, 0, signed=signed)


def rough(value: float | None, digits: int = 4, *, signed: bool = False) -> str:
    """Return a number of so many significant digits."""
    text = NONE if value is None else f"{value + 0.0:{'+' if signed else ''},.{digits}g}"
    return text.replace("-", "−")


def mean_sd(mean: float | None, sd: float | None, digits: int = 2, *, scale: float = 1.0) -> str:
    """Return ``mean ± SD``, the mean alone where there is no SD, or a dash."""
    text = number(mean, digits, scale=scale)
    return text if mean is None or sd is None else f"{text} ± {number(sd, digits, scale=scale)}"


def interval(low: float | None, high: float | None, digits: int = 2, *, signed: bool = True) -> str:
    """Return an interval, or a dash."""
    if low is None or high is None:
        return NONE
    ends = [number(end, digits, signed=signed) for end in (low, high)]
    if ends[0] == ends[1] and high - low > 1e-12 * max(abs(low), abs(high), 1e-3):
        digits = math.ceil(1 - math.log10(high - low))  # so many tell them apart
        ends = [
            f"{end:{'+' if signed else ''},.{digits}f}".replace("-", "−") for end in (low, high)
        ]
    return " to ".join(ends)


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
