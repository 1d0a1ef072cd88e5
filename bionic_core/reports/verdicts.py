"""Verdicts of effects, or of differences, against a margin: their table, and the sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bionic_core.reports import words
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Section, Table
from bionic_core.statistics.findings import Findings

if TYPE_CHECKING:
    from bionic_core.studies.results import AblationResults


def verdicts(found: Findings | AblationResults) -> list[Section]:
    """Return the table of those that have a verdict; none if none has."""
    known = [(name, one, one.verdict) for name, one in found.named.items() if one.verdict]
    images = any(one.image_error is not None for _, one, _ in known)
    columns = ["term", "90 % interval", "alone", "all together", *["images add ±"] * images]
    rows: list[list[Cell | str]] = [
        [
            *(name, words.interval_cell(told.low, told.high), told.alone, told.corrected),
            *[words.numeric(one.image_half)] * images,
        ]
        for name, one, told in known
    ]
    table = Table("Verdicts", columns, rows, (2, 3), quiet=True)
    about = said("verdicts", found=found, images=images) if known else []
    return [Section("Larger than the margin, or within it?", about, [table])] if known else []


def decided(found: Findings | AblationResults) -> list[str]:
    """Say which are told to be within the margin, and which are undecided, the first six each."""
    of: dict[str, list[str]] = {"within": [], "undecided": []}
    for name, one in found.named.items():
        of.setdefault(one.verdict.alone if one.verdict else "", []).append(name)
    few = {word: words.listed([*of[word][:6], *["others"] * (len(of[word]) > 6)]) for word in of}
    return said("decided", found=found, within=few["within"], undecided=few["undecided"])
