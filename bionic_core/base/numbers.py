"""Figures for people, by one mechanism: a real minus sign, one rounding, and no negative zero."""

from __future__ import annotations

import math

NONE = "–"
"""What stands for a figure that there is not."""


def number(value: float | None, digits: int = 2, signed: bool = False, scale: float = 1.0) -> str:
    """Return a number of so many decimals, times a scale; of three digits if tiny or huge."""
    size = abs(scale * (value or 0.0))  # below 1e-12 it is what sums leave of a zero
    far = digits > 6 or (digits > 0 and (size >= 1e7 or 1e-12 < size < 1e-6))
    return _written(value, f",.{3 if far else digits}{'g' if far else 'f'}", signed, scale)


def _written(value: float | None, form: str, signed: bool, scale: float = 1.0) -> str:
    """Return a number in a form of Python's, without a sign where all its digits are zero."""
    text = NONE if value is None else f"{scale * value:{'+' if signed else ''}{form}}"
    return (text if text.strip("+-0.") else text.lstrip("+-")).replace("-", "−")


def percent(share: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return a share as per cent."""
    return NONE if share is None else f"{number(share, digits, signed=signed, scale=100)} %"


def count(value: int | None, *, signed: bool = False) -> str:
    """Return a whole number."""
    return number(value, 0, signed=signed)


def rough(value: float | None, digits: int = 4, *, signed: bool = False) -> str:
    """Return a number of so many significant digits."""
    return _written(value, f",.{digits}g", signed)


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
        ends = [_written(end, f",.{digits}f", signed) for end in (low, high)]
    return " to ".join(ends)
