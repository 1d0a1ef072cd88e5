"""The runs that a study lacks: which, why, and what follows for its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bionic_core.statistics.designs import in_words

if TYPE_CHECKING:
    from bionic_core.studies.experiment import Cell

SHOWN = 6
"""Missing runs that are told one by one."""


def missing_notes(cells: Sequence[Cell], named: Callable[[Cell], str] | None = None) -> list[str]:
    """Return what a reader must know of the runs that failed, a sentence each; none if none did.

    Args:
        cells: every run that the design has, those that failed without a run.
        named: a combination's name; else its levels are told.
    """
    words = named or (lambda cell: in_words(cell.levels))
    lost = [cell for cell in cells if cell.run is None]
    if not lost:
        return []
    told = [f"{words(cell)}, seed {cell.seed}: {cell.error}" for cell in lost[:SHOWN]]
    told += [f"and {len(lost) - SHOWN} more"] if len(lost) > SHOWN else []
    notes = [f"missing: {len(lost)} of {len(cells)} runs failed ({'; '.join(told)})"]
    kept = {words(cell) for cell in cells if cell.run is not None}
    empty = dict.fromkeys(words(cell) for cell in lost if words(cell) not in kept)
    if empty:
        notes.append(
            f"no run at all of {'; of '.join(empty)}: what only that combination tells cannot be "
            "estimated"
        )
    seeds = sorted({cell.seed for cell in lost})
    notes.append(
        f"so seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} cannot be compared in every "
        "combination, intervals are wider than planned, and if runs fail because of their settings "
        "the figures flatter those settings; the same command trains the missing runs alone"
    )
    return notes
