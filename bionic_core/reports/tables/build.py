"""What the commands show: sections of what a model is, what is installed, and what was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bionic_core.base.memory import gib
from bionic_core.connectomes.roles import Comparison
from bionic_core.registry.catalogue import Line, Listing
from bionic_core.reports.sections import Cell, Flow, Points, Section, Step, Table, cells
from bionic_core.reports.tables.connectome import connectome
from bionic_core.reports.tables.data import checked, data
from bionic_core.reports.tables.evaluation import trained
from bionic_core.reports.words import count, rough, share, sides, whole

if TYPE_CHECKING:
    from bionic_core.training.describe import Description, Intermediate, Parameters, Wired

__all__ = ["built", "checked", "compared", "connectome", "data", "drawn", "plugins", "trained"]


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
    wiring = [_wiring(description.masks)] if description.masks else []
    size = parameters(description.parameters)
    return Section("", (), [flow, size, *wiring, Points(list(_cost(description)))])


def parameters(counts: Parameters) -> Table:
    """Return a table of parameters by part, then of all and of those that are wired."""
    rows = [cells((name, whole(size))) for name, size in counts.by_part.items()]
    totals = {"allocated": counts.allocated, "effective (unmasked)": counts.effective}
    rows += [cells((name, whole(size)), strong=True) for name, size in totals.items()]
    ruled = (len(counts.by_part),)
    return Table("Parameters", ("part", "allocated"), rows, ruled=ruled, sortable=False)


def _wiring(wired: Sequence[Wired]) -> Table:
    rows = [
        (
            f"{mask.pre}->{mask.post}{f' ({mask.within})' if mask.within else ''}",
            share(mask.density),
            whole(mask.connections),
            whole(mask.synapses),
            mask.storage,
        )
        for mask in wired
    ]
    columns = ("projection", "density", "connections", "synapses", "stored")
    return Table("Wiring", columns, rows, words=(4,))


def _cost(description: Description) -> Iterator[str]:
    memory, source = description.memory, description.connectome
    yield f"{count(description.macs)} multiply-adds per image"
    yield (
        f"memory: {gib(memory.model)} for the model, {gib(memory.training)} at most to train "
        "it, images and activity aside"
    )
    if source:
        yield (
            f"connectome: {source.label}, {count(source.cells)} cells, "
            f"{count(source.connections)} connections, {count(source.synapses)} synapses"
        )


def plugins(listing: Listing) -> Section:
    """Show what is installed, failed plugins included."""
    columns = ("name", "role", "kind", "requires", "distribution")
    table = Table("", columns, [_plugin(line) for line in listing.plugins], words=range(5))
    failures = [f"{line.name}: {line.error}" for line in listing.plugins if line.error]
    return Section("", (), [table, *([Points(failures)] if failures else [])])


def _plugin(line: Line) -> tuple[Cell, ...]:
    role = "failed" if line.error else line.role
    origin = f"{line.distribution} {line.version}".strip()
    words = (line.name, role, line.kind or "", ", ".join(line.requires), origin)
    return cells(words, tone="bad" if line.error else "")


def compared(comparison: Comparison) -> Section:
    """Show statistics of drawn connectomes beside the measured ones."""
    rows = []
    for row in comparison.statistics:
        target, mean = Cell(rough(row.target), row.target), Cell(rough(row.mean), row.mean)
        line = (row.statistic, target, f"±{rough(row.tolerance, 2)}", mean, rough(row.sd, 2))
        rows.append(cells(line, tone="" if row.met else "bad"))
    title = f"{comparison.source}, {count(comparison.neurons)} neurons, {comparison.seeds} seeds"
    missed = [row.statistic for row in comparison.statistics if not row.met]
    words = f"off: {', '.join(missed)}" if missed else "all within their tolerances"
    columns = ("statistic", "measured", "tolerance", "drawn", "SD")
    return Section("", (), [Table(title, columns, rows, note=words)])


def drawn(label: str, figures: Sequence[str]) -> Section:
    """Show which pictures of a connectome were written."""
    return Section("", (label, *figures))
