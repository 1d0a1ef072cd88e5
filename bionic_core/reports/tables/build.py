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
    from bionic_core.training.describe import Description, Parameters, Wired

__all__ = ["built", "checked", "compared", "connectome", "data", "drawn", "plugins", "trained"]


def built(description: Description) -> Section:
    """Show what a spec builds: the pipeline with shapes, parameters by part, wiring, cost."""
    steps: dict[str, list[tuple[str, str, Sequence[str]]]] = {}
    for step in description.pipeline:
        site, _, rest = step.name.partition(".")
        line = (rest or "signal", sides(step.shape), step.mechanisms)
        steps.setdefault(site, []).append(line)
    flow = Flow(
        [Step(site, "", lines) for site, lines in steps.items()],
        "Pipeline",
        f"{description.name}  {description.hash}",
    )
    wiring = [_wiring(description.masks)] if description.masks else []
    parts = parameters(description.parameters)
    return Section("", (), [flow, parts, *wiring, Points(list(_cost(description)))])


def parameters(counts: Parameters) -> Table:
    """Return a table of parameters by part, then of all and of those that are wired."""
    rows = [(Cell(name), whole(size)) for name, size in counts.by_part.items()]
    totals = [
        cells(("allocated", whole(counts.allocated)), strong=True),
        cells(("effective (unmasked)", whole(counts.effective)), strong=True),
    ]
    columns = ("part", "allocated")
    return Table("Parameters", columns, [*rows, *totals], ruled=(len(rows),), sortable=False)


def _wiring(masks: Sequence[Wired]) -> Table:
    rows = [
        (
            f"{mask.pre}->{mask.post}" + (f" ({mask.within})" if mask.within else ""),
            share(mask.density),
            whole(mask.connections),
            whole(mask.synapses),
            mask.storage,
        )
        for mask in masks
    ]
    columns = ("projection", "density", "connections", "synapses", "stored")
    return Table("Wiring", columns, rows, words=(4,))


def _cost(description: Description) -> Iterator[str]:
    memory = description.memory
    yield f"{count(description.macs)} multiply-adds per image"
    yield (
        f"memory: {gib(memory.model)} for the model, {gib(memory.training)} at most to train "
        "it, images and activity aside"
    )
    if source := description.connectome:
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
    words = (
        line.name,
        "failed" if line.error else line.role,
        line.kind or "",
        ", ".join(line.requires),
        f"{line.distribution} {line.version}".strip(),
    )
    return cells(words, tone="bad" if line.error else "")


def compared(comparison: Comparison) -> Section:
    """Show statistics of drawn connectomes beside the measured ones."""
    rows = [
        cells(
            (
                row.statistic,
                Cell(rough(row.target), row.target),
                f"±{rough(row.tolerance, 2)}",
                Cell(rough(row.mean), row.mean),
                rough(row.sd, 2),
            ),
            tone="" if row.met else "bad",
        )
        for row in comparison.statistics
    ]
    title = f"{comparison.source}, {count(comparison.neurons)} neurons, {comparison.seeds} seeds"
    missed = [row.statistic for row in comparison.statistics if not row.met]
    words = "all within their tolerances" if not missed else f"off: {', '.join(missed)}"
    columns = ("statistic", "measured", "tolerance", "drawn", "SD")
    return Section("", (), [Table(title, columns, rows, note=words)])


def drawn(label: str, figures: Sequence[str]) -> Section:
    """Show which pictures of a connectome were written."""
    return Section("", (label, *figures))
