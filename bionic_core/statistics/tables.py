"""Any table of factors and responses, analysed like a study."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bionic_core.errors import RequestError, listing, nearest, shorten
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.designs import Factor, Level
from bionic_core.statistics.effects import Row
from bionic_core.statistics.findings import Response
from bionic_core.statistics.levels import in_order, level_of, read_table
from bionic_core.statistics.verdicts import check_margin, margin_of

BLOCKS = ("seed", "block")
"""Columns of these names are blocks, unless another is named."""

Records = Sequence[Mapping[str, Any]]


def analyse(
    table: str | os.PathLike[str] | Records | Any,
    *,
    response: str,
    factors: Sequence[str] = (),
    block: str | None = None,
    order: int | None = None,
    confidence: float = 0.95,
    error: str | None = None,
    percent: bool = False,
    margin: float | None = None,
) -> Analysis:
    """Analyse a table of an experiment: effects, interactions, and how sure they are.

    Args:
        table: a CSV file, a sequence of mappings (a row each), or anything with ``to_dict`` as
            pandas has it.
        response: the column that is analysed; a row without a number there is left out, and said.
        factors: the columns that were varied; if none is named, all others whose values repeat,
            in a study's own table (one with a column ``seed``) those to the left of it.
        block: a column of groups that differ for reasons of no interest, such as the seed; if
            None, ``seed`` or ``block`` where there is one; empty for none.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
        confidence: of the intervals, a share.
        error: as for :func:`bionic_core.statistics.effects.estimate_effects`.
        percent: whether the response is a fraction whose effects are told in percentage points.
        margin: of verdicts, in the effects' units; if None, half a percentage point, else none.

    Raises:
        RequestError: with all that is wrong: a column is missing, or varies in no row; no number
            in the response; and what :func:`bionic_core.statistics.effects.estimate_effects`
            raises.
    """
    check_margin(margin)
    where = str(table) if isinstance(table, str | os.PathLike) else "table"
    rows = _records(table)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if block is None:
        block = next((name for name in BLOCKS if name in columns and name not in factors), "")
    said: list[str] = []
    try:
        _check_columns(columns, response, factors, block)
        names = list(factors) or _found_factors(rows, columns, (response, block), said)
        _check_holes(rows, [*names, *([block] if block else [])])
        kept = _with_number(rows, response, said)
        found = _factors(rows, names, said)
        about = Response(response, *(("percentage points", 100.0) if percent else ("", 1.0)))
        return analyse_rows(
            found,
            [_row(row, names, block, value) for row, value in kept],
            response=about,
            order=order,
            confidence=confidence,
            error=error,
            margin=margin_of(about.unit, margin),
            block=block or "seed",
            said=said,
        )
    except RequestError as wrong:
        raise RequestError(list(wrong.problems), where=where) from wrong


def _check_columns(
    columns: Sequence[str], response: str, factors: Sequence[str], block: str
) -> None:
    """Refuse columns that are not there, or that are asked for twice."""
    problems = [
        f"there is no column '{name}'.{nearest(name, columns)} It has {listing(columns)}"
        for name in dict.fromkeys([response, *([block] if block else []), *factors])
        if name not in columns
    ]
    problems += [
        f"column '{name}' is the {what}; it cannot be a factor"
        for what, column in (("response", response), ("block", block))
        for name in factors
        if name == column
    ]
    if problems:
        raise RequestError(problems)


def _found_factors(
    rows: Records, columns: list[str], taken: Sequence[str], said: list[str]
) -> list[str]:
    """Return the columns that were varied, where none is named; say which are taken as none."""
    left = columns[: columns.index("seed")] if "seed" in columns[1:] else columns
    names, others = _varied(rows, [c for c in left if c not in taken])
    if others:
        said.append(f"columns that are taken as no factors: {', '.join(others)}")
    return names


def _check_holes(rows: Records, names: Sequence[str]) -> None:
    """Refuse rows that do not say of which cell or block they are."""
    holes = [
        f"row {number} has nothing in column '{name}'"
        for number, row in enumerate(rows, 1)
        for name in names
        if row.get(name) in (None, "")
    ]
    if holes:
        raise RequestError(shorten(holes))


def _with_number(
    rows: Records, response: str, said: list[str]
) -> list[tuple[Mapping[str, Any], float]]:
    """Return the rows with a number in the response, and it; say how many are left out."""
    values = [(row, _number(row.get(response))) for row in rows]
    kept = [(row, value) for row, value in values if value is not None]
    if not kept:
        raise RequestError(f"column '{response}' has no number in any row")
    if len(kept) < len(rows):
        said.append(
            f"{len(rows) - len(kept)} of {len(rows)} rows have no number in '{response}' and are "
            "left out"
        )
    return kept


def _factors(rows: Records, names: Sequence[str], said: list[str]) -> list[Factor]:
    """Return the factors with their levels in order; say which way two levels are compared."""
    found = [Factor(name, in_order([_level(row.get(name)) for row in rows])) for name in names]
    if not found:
        raise RequestError(
            "no column but the response varies with repeated values; name some with --factors"
        )
    said += [
        f"{f.name} is {'/'.join(map(str, f.levels))}: its effect is that of {f.levels[1]} less "
        f"{f.levels[0]}"
        for f in found
        if len(f.levels) == 2 and f.levels not in ((False, True), (-1, 1), (0, 1))
    ]
    return found


def _row(row: Mapping[str, Any], names: Sequence[str], block: str, value: float) -> Row:
    levels = {name: _level(row.get(name)) for name in names}
    return levels, _level(row.get(block)) if block else 0, value


def _records(table: Any) -> Records:
    if isinstance(table, str | os.PathLike):
        return read_table(Path(table))
    if hasattr(table, "to_dict"):
        table = table.to_dict("records")
    rows = list(table) if isinstance(table, Iterable) else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise RequestError("must be a file, a data frame, or a sequence of mappings", where="table")
    return rows


def _varied(rows: Records, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the columns whose values repeat, and the others."""
    names: list[str] = []
    others: list[str] = []
    for name in columns:
        different = {_level(row.get(name)) for row in rows}
        varied = 2 <= len(different) <= max(2, len(rows) // 2)
        (names if varied else others).append(name)
    return names, others


def _level(value: Any) -> Level:
    if isinstance(value, str):
        return level_of(value)
    if hasattr(value, "item"):  # numpy's numbers
        value = value.item()
    return value if isinstance(value, bool | int | float) else str(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
