"""The runs of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bionic_core.base.words import duration
from bionic_core.reports.sections import Columns, Points, Section, Table
from bionic_core.reports.words import NONE, share
from bionic_core.runs.listing import DAMAGED, FAILED, FINISHED, STATES, Runs, RunState

COLUMNS: Columns[RunState] = {
    "run": lambda run: run.hash,
    "spec": lambda run: run.name or NONE,
    "variant": lambda run: run.variant or NONE,
    "seed": lambda run: NONE if run.seed is None else str(run.seed),
    "state": lambda run: run.state or NONE,
    "epochs": lambda run: NONE if run.epoch is None else str(run.epoch),
    "accuracy": lambda run: share(run.accuracy),
    "time": lambda run: NONE if run.seconds is None else duration(run.seconds),
}


def listed(found: Runs) -> Section:
    """Show a row for each run, then why some failed or cannot be used."""
    unusable = (DAMAGED, FAILED)
    table = Table.of("", COLUMNS, found.runs, bad=lambda r: r.state in unusable, words=(1, 2, 4))
    return Section("", (), [table, Points(list(_lines(found)))])


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
