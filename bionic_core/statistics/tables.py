"""Any table of factors and responses, analysed like a study."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import attrs
import numpy as np

from bionic_core.base.records import to_document
from bionic_core.base.steps import doing
from bionic_core.errors import RequestError, shorten
from bionic_core.statistics.adjusted import Adjusted
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.centre import Centred, Curvature, with_centre
from bionic_core.statistics.designs import Factor, Level, identity
from bionic_core.statistics.drawn_tables import NOTHING_KNOWN, Known, draws_of
from bionic_core.statistics.effect import Row
from bionic_core.statistics.errors import Pooled
from bionic_core.statistics.findings import Response
from bionic_core.statistics.levels import Levels, levels_of
from bionic_core.statistics.measured import Measured, measured
from bionic_core.statistics.taken import (
    BLOCK,
    COVARIATE,
    DRAWN,
    FACTOR,
    FURTHER,
    RANDOM,
    RESPONSE,
    Column,
    sentences,
)
from bionic_core.statistics.text_table import read_table
from bionic_core.statistics.units import in_unit
from bionic_core.statistics.verdicts import check_margin, margin_of
from bionic_core.statistics.wanted import Names, Wanted

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

    def numbers(self, name: str) -> Measured:
        """Return a column as measured numbers."""
        commas = self.has_commas(name)
        return measured(self.columns[name], name, self.places, commas=commas)

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
    factors: Names = (),
    factor: Names = (),
    covariate: Names = (),
    random: Names = (),
    ignore: Names = (),
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
        factors: the columns that were varied; if none is named, all whose values repeat as a
            design's do, in a study's own table those left of its ``seed``.
        factor: columns that are factors whatever they look like.
        covariate: columns of numbers with a slope each; others are by themselves (``wanted``).
        random, ignore: columns whose levels are random effects (intercepts of a mixed model by
            REML), and those that are left out.
        block: a column of groups of no interest; if None, ``seed`` or ``block``; empty for none.
        order, confidence, error: as for :func:`bionic_core.statistics.effects.estimate_effects`.
        percent: whether the response is a fraction whose effects are told in percentage points.
        margin: of verdicts, in the effects' units; if None, half a percentage point, else none.
        unit: of the response, ``%`` for per cent; if empty, as the numbers or the head say.
        known: of columns, what a table does not say.

    Raises:
        RequestError: with all that is wrong in columns and numbers, and as ``estimate_effects``.
    """
    check_margin(margin)
    where, sheet = _sheet(table)
    named = {"factor": factor, "covariate": covariate, "random": random, "ignore": ignore}
    wanted = Wanted(response=response, factors=factors, block=block, **named)
    try:
        wanted = wanted.over(list(sheet.columns))
        read = _read(sheet, response, unit, percent)
        taken = _settled(sheet, wanted.taken(sheet), read)
        found = _factors(taken, len(read.values) - sum(read.missing.values()))
        beside = _covariates(sheet, taken, read)
        rows, adjusted, said = _rows(sheet, taken, read, beside)
        options: dict[str, Any] = {"order": order, "confidence": confidence, "error": error}
        options |= _response(response, read.unit, percent, margin)
        options |= {"block": wanted.block or "seed", "adjusted": adjusted}
        options |= _drawn(rows, taken, known, said)
        analysis, curvature = _analysed(found, rows, said, options)
    except RequestError as wrong:
        raise RequestError(list(wrong.problems), where=where) from wrong
    told = (*sentences(taken, read, beside), *map(str, filter(None, [curvature])))
    return TableAnalysis(analysis.findings, analysis.effects, taken, told, curvature)


def _drawn(
    rows: Sequence[Row], columns: Sequence[Column], known: Known, said: list[str]
) -> dict[str, Any]:
    """Return draws and ladders of rows; what is guessed of them is added to what is said."""
    names = [column.name for column in columns if column.taken_as == DRAWN]
    return {"draws": draws_of(rows, names, known.drawing, said), "ladders": known.ladders}


def _read(sheet: Sheet, response: str, unit: str, percent: bool) -> Measured:
    """Return the numbers of the response, with their unit."""
    read = in_unit(sheet.numbers(response), response, unit)
    if percent and read.unit not in ("", "%"):
        raise RequestError(f"--percent: '{response}' is in {read.unit}, and so no fraction")
    return read


def _settled(sheet: Sheet, columns: tuple[Column, ...], read: Measured) -> tuple[Column, ...]:
    """Take no column as a covariate by itself where the design leaves nothing to judge it by."""
    own = [c for c in columns if c.taken_as == COVARIATE and c.why]
    if not own:
        return columns
    there = [row for row, value in enumerate(read.values) if value is not None]
    found = [c for c in columns if c.taken_as == FACTOR]
    cells = [{c.name: sheet.levels[c.name].values[row] for c in found} for row in there]
    blocks = sum(len(c.levels) - 1 for c in columns if c.taken_as == BLOCK)
    combinations = len({tuple(map(identity, cell.values())) for cell in cells})  # type: ignore[arg-type]
    spent = combinations + blocks + sum(c.taken_as == COVARIATE for c in columns)
    whole = all(None not in cell.values() for cell in cells)
    if spent >= len(there):
        why = "each combination of factors was run once, which leaves nothing to judge it by"
    elif whole and Centred.of(_factors(columns), [(c, 0, 0.0) for c in cells]):  # type: ignore[misc]
        why = "a design with centre points has no covariate"
    else:
        return columns
    return tuple(Column(c.name, FURTHER, c.kind, why=why) if c in own else c for c in columns)


def _covariates(sheet: Sheet, columns: Sequence[Column], read: Measured) -> dict[str, Measured]:
    """Return the numbers of the covariates, of which each row with a response must have one."""
    found = {c.name: sheet.numbers(c.name) for c in columns if c.taken_as == COVARIATE}
    for name, one in found.items():
        if one.unit == "%":  # a slope is for one per cent more, not for all of it
            values = tuple(None if value is None else 100 * value for value in one.values)
            found[name] = attrs.evolve(one, values=values)
    holes = [
        f"{sheet.places[row]} has nothing in column '{name}'"
        f"{_instead(sheet.columns[name][row])}, which is a covariate: fill it, or leave the "
        f"column out (--ignore {quote(name)})"
        for row, value in enumerate(read.values)
        for name, of in found.items()
        if value is not None and of.values[row] is None
    ]
    if holes:
        raise RequestError(shorten(holes))
    return found


def _analysed(
    factors: Sequence[Factor], rows: Sequence[Row], said: list[str], options: dict[str, Any]
) -> tuple[Analysis, Curvature | None]:
    """Return the analysis of rows, and what centre points say of them, if there are such."""
    if (design := Centred.of(factors, rows)) is None:
        with doing(f"estimating effects of {len(factors):,} factors in {len(rows):,} rows"):
            told = [*said, *_compared(factors)]
            return analyse_rows(factors, rows, said=told, **options), None
    if options["adjusted"]:
        raise RequestError(
            "a design with centre points is judged by all its runs alike, without covariates and "
            "random effects: leave those out, or name the factors of a part of the table"
        )
    if options["error"] not in (None, Pooled.name):
        raise RequestError(
            f"--error {options['error']}: a design with centre points is judged by one error for "
            "all runs, which they tell: leave --error out"
        )
    told = [*said, *_compared(design.factors)]
    corners = analyse_rows(design.factors, design.corners, said=told, **options)
    return with_centre(corners, design, options["confidence"], options["block"])


def _check_holes(sheet: Sheet, levels: Mapping[str, Sequence[Level | None]]) -> None:
    """Refuse rows that do not say of which cell, block or level of a random effect they are."""
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


def _factors(columns: Sequence[Column], rows: int | None = None) -> list[Factor]:
    """Return the factors.

    Args:
        columns: of the table.
        rows: with a response; if they are given, refuse more factors than rows, of which no effect
            could be told from the others, and a model of nothing.
    """
    found = [Factor(c.name, c.levels) for c in columns if c.taken_as == FACTOR]
    if rows is None:
        return found
    if not found and not any(c.taken_as in (COVARIATE, RANDOM) for c in columns):
        raise RequestError(
            "no column but the response varies with repeated values; name some with --factors"
        )
    if len(found) > max(rows, 1):
        raise RequestError(
            f"{len(found):,} columns would be factors, and {rows:,} rows have a response: of "
            "fewer rows than factors, no effect can be told from the others. Name those that were "
            "varied with --factors, fewer than rows"
        )
    return found


def _compared(factors: Sequence[Factor]) -> list[str]:
    """Say which way two levels are compared."""
    return [
        f"{f.name} is {'/'.join(map(str, f.levels))}: its effect is that of {f.levels[1]} less "
        f"{f.levels[0]}"
        for f in factors
        if len(f.levels) == 2 and f.levels not in ((False, True), (-1, 1), (0, 1))
    ]


def _rows(
    sheet: Sheet, columns: Sequence[Column], read: Measured, covariates: Mapping[str, Measured]
) -> tuple[list[Row], Adjusted, list[str]]:
    """Return the rows with a number, what they are adjusted for, and what was guessed in reading.

    Rows that are draws have the draws' own numbers too.
    """
    of: dict[str, list[str]] = {}
    for column in columns:
        of.setdefault(column.taken_as, []).append(column.name)
    names, random, blocks = of.get(FACTOR, []), of.get(RANDOM, []), of.get(BLOCK, [])
    levels = {name: sheet.levels[name].values for name in (*names, *blocks, *random)}
    _check_holes(sheet, levels)
    numbers = {name: sheet.levels[name].values for name in of.get(DRAWN, [])}
    found: list[Row] = []
    there = [row for row, value in enumerate(read.values) if value is not None]
    for row in there:
        cell = {name: levels[name][row] for name in names}
        cell |= {name: of[row] for name, of in numbers.items() if of[row] is not None}
        group = levels[blocks[0]][row] if blocks else 0
        found.append((cell, group, read.values[row]))  # type: ignore[arg-type]  # no hole is left
    adjusted = Adjusted(
        {
            name: np.array([one.values[row] for row in there], np.float64)
            for name, one in covariates.items()
        },
        {name: [levels[name][row] for row in there] for name in random},  # type: ignore[misc]
    )
    name = of[RESPONSE][0]
    return found, adjusted, [*sheet.notes, *_merges(sheet, levels), *_left_out(read, name)]


def _response(name: str, unit: str, percent: bool, margin: float | None) -> dict[str, Any]:
    """Return what is analysed, and the margin in its effects' units."""
    points = percent or unit == "%"
    about = Response(name, "percentage points", 100.0) if points else Response(name, unit, 1.0)
    return {"response": about, "margin": margin_of(about.unit, margin)}


def _sheet(table: Any) -> tuple[str, Sheet]:
    """Return what a table is called, and its columns."""
    where = str(table) if isinstance(table, str | os.PathLike) else "table"
    with doing(f"reading {where}"):
        return where, _columns(table)


def _columns(table: Any) -> Sheet:
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
