"""The unit of a response: asked for, beside its numbers, or in its column's head.

Nothing is converted: units that disagree are refused.
"""

from __future__ import annotations

import re

import attrs

from bionic_core.errors import RequestError
from bionic_core.statistics.measured import Measured

HEAD = re.compile(r"(?P<name>.*\S)\s*(?:\[(?P<sure>[^\[\]]{1,20})\]|\((?P<maybe>[^()]{1,20})\))")
"""A head with a unit: in square brackets anything is one, in round ones what looks so."""

_SYMBOL = (
    r"(?:[YZEPTGMkhdcmµμunpfaz]|da)?(?:m|g|s|A|K|mol|cd|Hz|N|Pa|J|W|C|V|F|Ω|Ohm|S|T|H|L|l|eV|bit|B|"
    r"M|rad|bar|cal)|min|h|d|%|‰|°C?|dB|deg|px|bpm|rpm|a\.u\.|au"
)
KNOWN = re.compile(
    rf"(?:1|{_SYMBOL})(?:\^?-?[1-4]|[²³⁻¹]+)?(?:[/·* ](?:{_SYMBOL})(?:\^?-?[1-4]|[²³⁻¹]+)?)*"
)
"""Units of the SI and those beside them, with prefixes and powers: ``ms``, ``µV``, ``m/s2``."""


def unit_of(column: str) -> str:
    """Return the unit that a column's head names, or an empty string."""
    found = HEAD.fullmatch(column)
    if found is None:
        return ""
    sure, maybe = (text.strip() if (text := found[key]) else "" for key in ("sure", "maybe"))
    return sure or (maybe if KNOWN.fullmatch(maybe) else "")


def in_unit(read: Measured, column: str, asked: str) -> Measured:
    """Return the numbers of a column with their unit; per cents, so told, as shares.

    Args:
        read: the numbers, with the unit that stands beside them.
        column: its head.
        asked: the unit that the user gives, or an empty string.

    Raises:
        RequestError: two of these name different units.
    """
    said = {
        "--unit": asked.strip(),
        "the numbers": read.unit,
        "the column's head": unit_of(column),
    }
    given = {place: unit for place, unit in said.items() if unit}
    if len(set(given.values())) > 1:
        told = ", ".join(f"{place}: '{unit}'" for place, unit in given.items())
        raise RequestError(
            f"column '{column}' has two units ({told}); nothing is converted, so let them agree, "
            "or take one out"
        )
    unit = next(iter(given.values()), "")
    values = read.values
    if unit == "%" != read.unit:
        values = tuple(None if value is None else value / 100 for value in values)
    return attrs.evolve(read, values=values, unit=unit)
