"""Any table of factors and responses, analysed like a study."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from bionic_core.base.records import to_document
from bionic_core.base.steps import doing
from bionic_core.errors import RequestError, listing, nearest, shorten
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.centre import Centred, Curvature, with_centre
from bionic_core.statistics.designs import Factor, Level
from bionic_core.statistics.drawn_tables import NOTHING_KNOWN, Known, draws_of, is_draws
from bionic_core.statistics.effects import Row
from bionic_core.statistics.errors import Pooled
from bionic_core.statistics.findings import Response
from bionic_core.statistics.levels import Levels, levels_of
from bionic_core.statistics.measured import Measured, measured
from bionic_core.statistics.taken import (
    BLOCK,
    DRAWN,
    FACTOR,
    NONE,
    RESPONSE,
    Column,
    role_of,
    sentences,
)
from bionic_core.statistics.text_table import read_table
from bionic_core.statistics.units import in_unit
from bionic_core.statistics.verdicts import check_margin, margin_of

BLOCKS = ("seed", "block")
"""Columns of these names are blocks, unless another is named."""

Records = Sequence[Mapping[str, Any]]

COMMA = re.compile(r"[+\-−]?\d+,\d+(?<!,\d{3})")
"""A number with a decimal comma, which is no thousand."""


@attrs.frozen
class Sheet:
    """A table by its columns.

    Attributes:
        columns: values by name.
        places: of each row, as ``line 3``.
        notes: what was passed over or guessed in reading.
    """

    columns: Mapping[str, Sequence[Any]]
    places: Sequence[str]
    notes: Sequence[str] = ()
    levels: Mapping[str, Levels] = attrs.field(init=False)

    @levels.default
    def _levels(self) -> Mapping[str, Levels]:
        return {name: levels_of(values) for name, values in self.columns.items()}

    def block(self, factors: Sequence[str]) -> str:
        """Return the column that is called as blocks are, if it is no factor."""
        return next((name for name in BLOCKS if name in self.columns and name not in factors), "")

    def has_commas(self, but: str) -> bool:
        """Return whether another column has decimal commas."""
        return any(
            isinstance(value, str) and COMMA.fullmatch(value)
            for name, values in self.columns.items()
            if name != but
            for value in values
        )


@attrs.frozen(eq=False)
class TableAnalysis(Analysis):
    """What an analysis found in a table, and what it took each column as.

    Attributes:
        columns: in their order.
        taken: the same in sentences.
        curvature: what centre points say, if the design has such.
    """

    columns: tuple[Column, ...]
    taken: tuple[str, ...]
    curvature: Curvature | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON-ready data."""
        document = {"columns": to_document(self.columns)} | super().to_json()
        if self.curvature is not None:
            document["curvature"] = to_document(self.curvature)
        return document


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
    unit: str = "",
    known: Known = NOTHING_KNOWN,
) -> TableAnalysis:
    """Analyse a table of an experiment: effects, interactions, and how sure they are.

    Args:
        table: a CSV file, a sequence of mappings (a row each), or what has pandas' ``to_dict``.
        response: the column that is analysed, by the one convention that all of it keeps
            (:mod:`bionic_core.statistics.measured`); a row without a value is left out, and said.
        factors: the columns that were varied, with or without centre points; if none is named, all
            whose values repeat as a design's do, in a study's own table those left of its ``seed``.
        block: a column of groups that differ for reasons of no interest, such as the seed; if
            None, ``seed`` or ``block`` where there is one; empty for none.
        order, confidence, error: as for :func:`bionic_core.statistics.effects.estimate_effects`.
        percent: whether the response is a fraction whose effects are told in percentage points.
        margin: of verdicts, in the effects' units; if None, half a percentage point, else none.
        unit: of the response, ``%`` for per cent; if empty, as the numbers or the head say.
        known: of columns, what a table does not say.

    Raises:
        RequestError: with all that is wrong in columns and numbers, and as ``estimate_effects``.
    """
    check_margin(margin)
    where = str(table) if isinstance(table, str | os.PathLike) else "table"
    with doing(f"reading {where}"):
        sheet = _sheet(table)
    block = sheet.block(factors) if block is None else block
    try:
        _check_columns(list(sheet.columns), response, factors, block)
        read = _read(sheet, response, unit, percent)
        taken = _taken(sheet, response, factors, block)
        found = [column for column in taken if column.taken_as == FACTOR]
        _check_rows(found, len(read.values) - sum(read.missing.values()))
        names = [column.name for column in found]
        levels = {n: sheet.levels[n].values for n in (*names, block) if n}
        numbers = {c.name: sheet.levels[c.name].values for c in taken if c.taken_as == DRAWN}
        said = [*_checked(sheet, levels), *_left_out(read, response)]
        rows = _rows(levels, names, block, read.values, numbers)
        drawn = draws_of(rows, [*numbers], known.drawing, said)
        options: dict[str, Any] = {"order": order, "confidence": confidence, "error": error}
        options["response"] = about = _response(response, read.unit, percent)
        options |= {"block": block or "seed", "margin": margin_of(about.unit, margin)}
        options |= {"draws": drawn, "ladders": known.ladders}
        with doing(f"estimating effects of {len(found):,} factors in {len(rows):,} rows"):
            analysis, curvature = _analysed(_factors(found), rows, said, options)
    except RequestError as wrong:
        raise RequestError(list(wrong.problems), where=where) from wrong
    told = (*sentences(taken, read), *map(str, filter(None, [curvature])))
    return TableAnalysis(analysis.findings, analysis.effects, taken, told, curvature)


def _read(sheet: Sheet, response: str, unit: str, percent: bool) -> Measured:
    """Return the numbers of the response, with their unit."""
    commas = sheet.has_commas(response)
    read = measured(sheet.columns[response], response, sheet.places, commas=commas)
    read = in_unit(read, response, unit)
    if percent and read.unit not in ("", "%"):
        raise RequestError(f"--percent: '{response}' is in {read.unit}, and so no fraction")
    return read


def _analysed(
    factors: Sequence[Factor], rows: Sequence[Row], said: list[str], options: dict[str, Any]
) -> tuple[Analysis, Curvature | None]:
    """Return the analysis of rows, and what centre points say of them, if there are such."""
    if (design := Centred.of(factors, rows)) is None:
        return analyse_rows(factors, rows, said=[*said, *_compared(factors)], **options), None
    if options["error"] not in (None, Pooled.name):
        raise RequestError(
            f"--error {options['error']}: a design with centre points is judged by one error for "
            "all runs, which they tell: leave --error out"
        )
    told = [*said, *_compared(design.factors)]
    corners = analyse_rows(design.factors, design.corners, said=told, **options)
    return with_centre(corners, design, options["confidence"], options["block"])


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


def _taken(sheet: Sheet, response: str, factors: Sequence[str], block: str) -> tuple[Column, ...]:
    """Return what each column is taken as: what it was named as, or else what it looks like.

    In a study's own table, whose seeds stand behind its factors, what follows them is none.
    """
    names = list(sheet.columns)
    own = names.index("seed") if "seed" in names[1:] else len(names)
    found = []
    for place, name in enumerate(names):
        levels = sheet.levels[name]
        if name == response:
            column = Column(name, RESPONSE)
        elif name == block:
            column = Column(name, BLOCK, levels.kind, levels.different)
        elif name in factors:
            column = Column(name, FACTOR, levels.kind, levels.different)
        elif is_draws(name, names, factors):
            column = Column(name, DRAWN, levels.kind, levels.different)
        else:
            column = role_of(name, levels, sheet.places, sheet.columns[name])
            if column.taken_as == FACTOR and (factors or place > own):
                why = "not named" if factors else "right of the seed"
                column = Column(name, NONE, levels.kind, why=why)
        found.append(column)
    # Factors that are named are shown in the order of their names.
    found.sort(key=lambda c: factors.index(c.name) if c.name in factors else -1)
    return tuple(found)


def _check_rows(factors: Sequence[Column], rows: int) -> None:
    """Refuse more factors than rows: no effect could be told from the others."""
    if len(factors) > max(rows, 1):
        raise RequestError(
            f"{len(factors):,} columns would be factors, and {rows:,} rows have a response: of "
            "fewer rows than factors, no effect can be told from the others. Name those that were "
            "varied with --factors, fewer than rows"
        )


def _checked(sheet: Sheet, levels: Mapping[str, Sequence[Level | None]]) -> list[str]:
    """Refuse rows without a cell; return what was guessed in reading, a sentence each."""
    _check_holes(sheet, levels)
    return [*sheet.notes, *_merges(sheet, levels)]


def _check_holes(sheet: Sheet, levels: Mapping[str, Sequence[Level | None]]) -> None:
    """Refuse rows that do not say of which cell or block they are."""
    holes = [
        f"{sheet.places[row]} has nothing in column '{name}'{_instead(sheet.columns[name][row])}"
        for row in range(len(sheet.places))
        for name, values in levels.items()
        if values[row] is None
    ]
    if holes:
        raise RequestError(shorten(holes))


def _instead(value: Any) -> str:
    return f" but '{value.strip()}'" if isinstance(value, str) and value.strip() else ""


def _merges(sheet: Sheet, levels: Mapping[str, Any]) -> Iterator[str]:
    """Say which spellings are taken as one level."""
    for name in levels:
        for spellings in sheet.levels[name].merged:
            yield f"column '{name}': {', '.join(spellings)} are taken as one level"
        for words in sheet.levels[name].alike:
            yield (
                f"column '{name}': {', '.join(map(ascii, words))} are levels of their own, though "
                "they differ in capitals, blanks or the like alone; write them alike if they are"
            )


def _left_out(read: Measured, response: str) -> Iterator[str]:
    """Say how many rows have no number, and what stands there instead."""
    if missing := sum(read.missing.values()):
        told = [f"{n} {repr(text) if text else 'blank'}" for text, n in read.missing.items()]
        yield (
            f"{missing} of {len(read.values)} rows have no number in '{response}' and are left "
            f"out ({', '.join(told)})"
        )
    if codes := read.codes:
        yield (
            f"{', '.join(f'{code:g}' for code in codes)} in '{response}' is far from all other "
            "values, and is taken as a number; where it stands for none, leave the cell empty"
        )


def _factors(columns: Sequence[Column]) -> list[Factor]:
    """Return the factors, of which there must be one."""
    if not columns:
        raise RequestError(
            "no column but the response varies with repeated values; name some with --factors"
        )
    return [Factor(column.name, column.levels) for column in columns]


def _compared(factors: Sequence[Factor]) -> list[str]:
    """Say which way two levels are compared."""
    return [
        f"{f.name} is {'/'.join(map(str, f.levels))}: its effect is that of {f.levels[1]} less "
        f"{f.levels[0]}"
        for f in factors
        if len(f.levels) == 2 and f.levels not in ((False, True), (-1, 1), (0, 1))
    ]


def _rows(
    levels: Mapping[str, Sequence[Level | None]],
    names: Sequence[str],
    block: str,
    values: Sequence[float | None],
    numbers: Mapping[str, Sequence[Level | None]],
) -> list[Row]:
    """Return the rows with a number, and where they are draws, with the draws' own numbers."""
    found: list[Row] = []
    for row, value in enumerate(values):
        if value is not None:
            cell = {name: levels[name][row] for name in names}
            cell |= {name: of[row] for name, of in numbers.items() if of[row] is not None}
            group = levels[block][row] if block else 0
            found.append((cell, group, value))  # type: ignore[arg-type]  # no hole is left
    return found


def _response(name: str, unit: str, percent: bool) -> Response:
    if percent or unit == "%":
        return Response(name, "percentage points", 100.0)
    return Response(name, unit, 1.0)


def _sheet(table: Any) -> Sheet:
    if isinstance(table, str | os.PathLike):
        read = read_table(Path(table))
        columns = {name: [row[name] for row in read.rows] for name in read.rows[0]}
        return Sheet(columns, [f"line {number}" for number in read.lines], read.notes)
    if hasattr(table, "to_dict"):
        table = table.to_dict("records")
    rows = list(table) if isinstance(table, Iterable) else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise RequestError("must be a file, a data frame, or a sequence of mappings", where="table")
    names = dict.fromkeys(str(name) for row in rows for name in row)
    texts = [{str(name): value for name, value in row.items()} for row in rows]
    return Sheet(
        {name: [row.get(name) for row in texts] for name in names},
        [f"row {number}" for number in range(1, len(rows) + 1)],
    )
