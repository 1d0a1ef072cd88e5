"""What the commands show: sections of what a model is, and what was compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bionic_core.connectomes.roles import Compared, Comparison
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Columns, Flow, Points, Section, Step, Table, cells
from bionic_core.reports.tables.connectome import connectome
from bionic_core.reports.tables.data import checked, data
from bionic_core.reports.tables.evaluation import trained
from bionic_core.reports.words import count, rough, rough_cell, share, sides, whole

if TYPE_CHECKING:
    from bionic_core.training.describe import Description, Intermediate, Parameters, Wired

__all__ = ["built", "checked", "compared", "connectome", "data", "trained"]

WIRING: Columns[Wired] = {
    "projection": lambda wired: (
        f"{wired.pre}->{wired.post}{f' ({wired.within})' if wired.within else ''}"
    ),
    "density": lambda wired: share(wired.density),
    "connections": lambda wired: whole(wired.connections),
    "synapses": lambda wired: whole(wired.synapses),
    "stored": lambda wired: wired.storage,
}
COMPARED: Columns[Compared] = {
    "statistic": lambda row: row.statistic,
    "measured": lambda row: rough_cell(row.target),
    "tolerance": lambda row: f"±{rough(row.tolerance, 2)}",
    "drawn": lambda row: rough_cell(row.mean),
    "SD": lambda row: rough(row.sd, 2),
}


def by_site(description: Description) -> dict[str, list[Intermediate]]:
    """Return the steps of the pipeline by where they are."""
    found: dict[str, list[Intermediate]] = {}
    for step in description.pipeline:
        found.setdefault(step.name.partition(".")[0], []).append(step)
    return found


def built(description: Description) -> Section:
    """Show what a spec builds: the pipeline with shapes, parameters by part, wiring, cost."""
    steps = []
    for site, parts in by_site(description).items():
        names = [part.name.partition(".")[2] or "signal" for part in parts]
        lines = [(n, sides(p.shape), p.mechanisms) for n, p in zip(names, parts, strict=True)]
        steps.append(Step(site, "", lines))
    flow = Flow(steps, "Pipeline", f"{description.name}  {description.hash}")
    tables = [parameters(description.parameters)]
    if description.masks:
        tables.append(Table.of("Wiring", WIRING, description.masks, words=(4,)))
    cost = said("cost", it=description, connectome=description.connectome)
    return Section("", (), [flow, *tables, Points([*cost, *description.notes])])


def parameters(counts: Parameters) -> Table:
    """Return a table of parameters by part, then of all and of those that are wired."""
    rows = [cells((name, whole(size))) for name, size in counts.by_part.items()]
    totals = {"allocated": counts.allocated, "effective (unmasked)": counts.effective}
    ruled, columns = (len(rows),), ("part", "allocated")
    rows += [cells((name, whole(size)), strong=True) for name, size in totals.items()]
    return Table("Parameters", columns, rows, ruled=ruled, sortable=False)


def compared(comparison: Comparison) -> Section:
    """Show statistics of drawn connectomes beside the measured ones."""
    title = f"{comparison.source}, {count(comparison.neurons)} neurons, {comparison.seeds} seeds"
    rows = comparison.statistics
    missed = [row.statistic for row in rows if not row.met]
    note = f"off: {', '.join(missed)}" if missed else "all within their tolerances"
    table = Table.of(title, COMPARED, rows, bad=lambda row: not row.met, note=note)
    return Section("", (), [table])
