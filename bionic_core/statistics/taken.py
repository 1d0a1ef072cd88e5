"""What each column of a table was taken as: response, factor, covariate, block, or none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from typing import Any

import attrs

from bionic_core.base.records import OMITTED
from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Level, word
from bionic_core.statistics.levels import Levels, number_of
from bionic_core.statistics.measured import Measured, measured

RESPONSE, FACTOR, BLOCK, FURTHER = "response", "factor", "block", "further response"
COVARIATE, RANDOM, DRAWN, IGNORED = "covariate", "random", "draws", "ignored"

SHOWN = 6
"""Levels of a factor that a sentence names."""

KINDS = {"switch": "off and on", "number": "numbers", "word": "words"}


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        name: in the header.
        taken_as: response, factor, covariate, block, random, draws, further response, or ignored.
        kind: of its levels: ``switch``, ``number`` or ``word``.
        levels: of a factor, block or random effect.
        why: what speaks for it, in words; empty where it was named.
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
        return Column(name, IGNORED, levels.kind, why="one value")
    many = len(different) > max(2, rows // 2)
    if numbers and (many or _uneven(levels)) and not _counts_rows(levels):
        why = "numbers that hardly repeat" if many else "numbers, unevenly often"
        return Column(name, COVARIATE, "number", why=why)
    if many:
        why = f"{len(different)} values in {rows} rows"
        return Column(name, IGNORED, levels.kind, why=why)
    return Column(name, FACTOR, levels.kind, different)


def sentences(
    columns: Sequence[Column], response: Measured, covariates: Mapping[str, Measured]
) -> Iterator[str]:
    """Say what each column was taken as, a sentence for each role.

    Args:
        columns: of the table.
        response, covariates: as numbers.
    """
    of: dict[str, list[Column]] = {}
    for column in columns:
        of.setdefault(column.taken_as, []).append(column)
    yield f"response: {of[RESPONSE][0].name} ({_numbers(response)})"
    if FACTOR in of:
        yield f"factors: {', '.join(f'{c.name} ({_levels(c)})' for c in of[FACTOR])}"
    if COVARIATE in of:
        told = [f"{c.name} ({_numbers(covariates[c.name], ends=True)})" for c in of[COVARIATE]]
        yield f"covariates: {', '.join(told)}"
    for column in of.get(BLOCK, ()):
        yield f"blocks: {column.name} ({len(column.levels)})"
    for role, title in ((RANDOM, "random effects"), (DRAWN, "draws")):
        if role in of:
            yield f"{title}: {', '.join(f'{c.name} ({len(c.levels)})' for c in of[role])}"
    if FURTHER in of:
        told = [f"{column.name} ({column.why})" for column in of[FURTHER]]
        yield f"ignored, further responses: {', '.join(told)}"
    if IGNORED in of:
        told = [f"{column.name} ({column.why})" for column in of[IGNORED]]
        yield f"ignored: {', '.join(told)}"
    for column in of.get(COVARIATE, ()):
        if column.why:
            name = quote(column.name)
            yield (
                f"{column.name} is a covariate by itself ({column.why}): --factor {name} takes it "
                f"as a factor, --ignore {name} leaves it out"
            )


def _numbers(read: Measured, *, ends: bool = False) -> str:
    """Return how many numbers there are, from where to where if asked, and how they are written."""
    there = [value for value in read.values if value is not None]
    told = [f"{len(there)} numbers"]
    if ends:
        told = [f"{len(there)} numbers from {min(there):g} to {max(there):g}"]
    told += [f"in {read.unit}"] if read.unit else []
    return ", ".join([*told, *([f"with {read.convention}"] if read.convention else [])])


def check_numbers(column: Column, levels: Levels, places: Sequence[str]) -> None:
    """Refuse a column that nobody named, and nine tenths of which or more are numbers.

    Raises:
        RequestError: it is such; it would be left out, though a covariate was meant.
    """
    texts = [str(value) if value is not None else "" for value in levels.values]
    odd = [row for row, text in enumerate(texts) if text and number_of(text) is None]
    if odd and len(odd) <= len(texts) // 10:
        name = quote(column.name)
        raise RequestError(
            f"{places[odd[0]]}: {texts[odd[0]]!r} in column '{column.name}' is no number, as "
            f"{len(texts) - len(odd)} of {len(texts)} values there are: mend it, take the column "
            f"as levels (--factor {name}), or leave it out (--ignore {name})"
        )


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
