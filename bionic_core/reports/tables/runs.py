"""The runs of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bionic_core.reports.sections import Cell, Points, Section, Table, cells
from bionic_core.reports.words import NONE, duration, share
from bionic_core.runs.listing import DAMAGED, FAILED, FINISHED, STATES, Runs, RunState


def listed(found: Runs) -> Section:
    """Show a row for each run, then why some failed or cannot be used."""
    columns = ("run", "spec", "seed", "state", "epochs", "accuracy", "time")
    table = Table("", columns, [_row(run) for run in found.runs], words=(1, 3))
    return Section("", (), [table, Points(list(_lines(found)))])


def _row(run: RunState) -> tuple[Cell, ...]:
    row = (
        run.hash,
        _known(run.name),
        _known(run.seed),
        _known(run.state),
        _known(run.epoch),
        share(run.accuracy),
        NONE if run.seconds is None else duration(run.seconds),
    )
    return cells(row, tone="bad" if run.state in (DAMAGED, FAILED) else "")


def _lines(found: Runs) -> Iterator[str]:
    counts = Counter(run.state for run in found.runs)
    yield ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    for run in found.runs:
        if run.reason:
            yield f"{run.hash}: {run.reason}"
    unsummed = [run.hash for run in found.runs if run.checksums is False]
    if unsummed:
        more = f" and {len(unsummed) - 4} more" if len(unsummed) > 4 else ""
        names = ", ".join(unsummed[:4])
        yield f"written before checksums, so not checked against any: {names}{more}"
    if any(run.state not in (FINISHED, DAMAGED) for run in found.runs):
        yield "the command that began a run goes on with it, after its finished epochs"


def _known(value: object) -> str:
    return NONE if value is None else str(value)
