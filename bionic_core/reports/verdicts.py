"""Verdicts of effects, or of differences, against a margin: their table, and the sentence."""

from __future__ import annotations

from collections.abc import Mapping

from bionic_core.reports import words
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Section, Table
from bionic_core.statistics.comparisons import Difference
from bionic_core.statistics.effects import Effect

MOST = 6
"""A sentence names so many terms."""

Named = Mapping[str, Effect | Difference]


def verdicts(named: Named, margin: float | None, unit: str) -> list[Section]:
    """Return the table of those that have a verdict, by what they are called; none if none has."""
    rows = []
    for name, one in named.items():
        if (told := one.verdict) is not None:
            between = words.interval_cell(told.low, told.high)
            adds = words.numeric(one.image_error and 1.96 * one.image_error)
            rows.append([Cell(name), between, Cell(told.alone), Cell(told.corrected), adds])
    images = any(one.image_error is not None for one in named.values())
    columns = ["term", "90 % interval", "alone", "all together", *["images add ±"] * images]
    about = said("verdicts", margin=f"±{margin:g} {unit}".strip() if margin else "", images=images)
    table = Table("Verdicts", columns, [row[: len(columns)] for row in rows], (2, 3), quiet=True)
    return [Section("Larger than the margin, or within it?", about, [table])] if rows else []


def decided(named: Named, margin: float | None, unit: str) -> list[str]:
    """Return a sentence for those told to be within the margin, and for those undecided."""
    of: dict[str, list[str]] = {"within": [], "undecided": []}
    for name, one in named.items():
        if one.verdict is not None and one.verdict.alone in of:
            of[one.verdict.alone].append(name)
    size, lines = f"±{margin or 0:g} {unit}".strip(), []
    if of["within"]:
        lines.append(f"Told to be within {size}, each alone at 5 %: {_few(of['within'])}.")
    if of["undecided"]:
        told = f"Undecided, neither told to be within {size} nor beyond: {_few(of['undecided'])}"
        lines.append(f"{told}. That is no sign of there being nothing.")
    return lines


def _few(names: list[str]) -> str:
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return words.listed([*names[:MOST], *more])
