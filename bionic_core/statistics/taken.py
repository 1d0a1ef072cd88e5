"""What each column of a table was taken as: response, factor, block, or none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from bionic_core.base.records import OMITTED
from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Level, word
from bionic_core.statistics.levels import Levels
from bionic_core.statistics.measured import Measured, measured

RESPONSE, FACTOR, BLOCK, FURTHER, NONE = "response", "factor", "block", "further response", "none"
DRAWN = "draws"

SHOWN = 6
"""Levels of a factor that a sentence names."""

KINDS = {"switch": "off and on", "number": "numbers", "word": "words"}


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        name: in the header.
        taken_as: response, factor, block, draws, further response, or none.
        kind: of its levels: ``switch``, ``number`` or ``word``.
        levels: of a factor or block.
        why: what speaks for it, in words.
    """

    name: str
    taken_as: str
    kind: str = "number"
    levels: tuple[Level, ...] = attrs.field(default=(), metadata={OMITTED: True})
    why: str = ""


def role_of(name: str, levels: Levels, places: Sequence[str], values: Sequence[Any]) -> Column:
    """Return what a column is taken as that nobody has named."""
    different = levels.different
    rows = len(levels.values)
    numbers = levels.kind == "number" or (levels.kind == "word" and _is_measured(values, places))
    if len(different) < 2:
        return Column(name, NONE, levels.kind, why="one value")
    many = len(different) > max(2, rows // 2)
    if numbers and (many or _uneven(levels)) and not _counts_rows(levels):
        why = "numbers that hardly repeat" if many else "numbers, unevenly often"
        return Column(name, FURTHER, "number", why=why)
    if many:
        return Column(name, NONE, levels.kind, why=f"{len(different)} values in {rows} rows")
    return Column(name, FACTOR, levels.kind, different)


def sentences(columns: Sequence[Column], response: Measured) -> Iterator[str]:
    """Say what each column was taken as, a sentence for each role."""
    of: dict[str, list[Column]] = {}
    for column in columns:
        of.setdefault(column.taken_as, []).append(column)
    told = [f"{sum(value is not None for value in response.values)} numbers"]
    told += [f"in {response.unit}"] if response.unit else []
    told += [f"with {response.convention}"] if response.convention else []
    yield f"response: {of[RESPONSE][0].name} ({', '.join(told)})"
    if FACTOR in of:
        yield f"factors: {', '.join(f'{c.name} ({_levels(c)})' for c in of[FACTOR])}"
    for column in of.get(BLOCK, ()):
        yield f"blocks: {column.name} ({len(column.levels)})"
    if DRAWN in of:
        yield f"draws: {', '.join(f'{c.name} ({len(c.levels)})' for c in of[DRAWN])}"
    if FURTHER in of:
        told = [f"{column.name} ({column.why})" for column in of[FURTHER]]
        yield f"taken as further responses, no factors: {', '.join(told)}"
    if NONE in of:
        told = [f"{column.name} ({column.why})" for column in of[NONE]]
        yield f"taken as no factors: {', '.join(told)}"


def _levels(column: Column) -> str:
    names = [word(level) for level in column.levels]
    more = f" … {len(names)} in all" if len(names) > SHOWN else ""
    kind = f"{KINDS[column.kind]} " if column.kind != "switch" else ""
    return f"{kind}{'/'.join(names[:SHOWN])}{more}"


def _is_measured(values: Sequence[Any], places: Sequence[str]) -> bool:
    """Return whether all values are numbers as somebody writes them, if not plain ones."""
    try:
        measured(values, "", places)
    except RequestError:
        return False
    return True


def _uneven(levels: Levels) -> bool:
    """Return whether numbers repeat by chance and not by design.

    A design's levels are few, evenly spaced or symmetric, or come equally often.
    """
    if levels.kind != "number":
        return False
    counts = Counter(value for value in levels.values if value is not None)
    found = [float(level) for level in levels.different]
    if len(found) < 4 or sum(count == 1 for count in counts.values()) < 2:
        return False
    span = found[-1] - found[0]
    sums = [a + b for a, b in zip(found, reversed(found), strict=True)]
    return max(sums) - min(sums) > 1e-9 * span


def _counts_rows(levels: Levels) -> bool:
    """Return whether values number rows: whole, different, each one more than another."""
    whole = [value for value in levels.values if isinstance(value, int)]
    if len(whole) < len(levels.values) or len(set(whole)) < len(whole):
        return False
    return max(whole) - min(whole) == len(whole) - 1
