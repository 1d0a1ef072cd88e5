"""A connectome: tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bionic_core.connectomes.summary import ConnectomeSummary, Density, Spread, TypeSummary
from bionic_core.reports.drawing.svg import shortened
from bionic_core.reports.sections import Block, Cell, Points, Section, Table
from bionic_core.reports.words import count, mean_sd, number, percent, share, whole

MOST = 40
"""Rows of a table; the rest is in ``--json``."""

LONGEST = 24
"""Letters of a name in a table."""

BROAD = {"excitatory": "exc", "inhibitory": "inh", "mixed": "mixed"}

Columns = Mapping[str, Callable[[Any], Cell | str]]
"""What a table tells of each of its records, by column; the names in the first are not theirs."""

Records = Sequence[tuple[str, Any]]


def _spread(figures: Spread) -> Cell:
    return Cell(mean_sd(figures.mean, figures.sd, 1), figures.mean)


def _homes(figures: TypeSummary) -> str:
    names = sorted(figures.layers, key=lambda layer: -figures.layers[layer])
    return shortened(", ".join(names[:3]) + (" …" if len(names) > 3 else ""), LONGEST)


DEGREES: Columns = {
    "out-degree": lambda figures: _spread(figures.out_degree),
    "in-degree": lambda figures: _spread(figures.in_degree),
}
TYPES: Columns = {
    "E/I": lambda figures: BROAD[figures.broad_type],
    "layer": _homes,
    "cells": lambda figures: whole(figures.cells),
    **DEGREES,
}
LAYERS: Columns = {
    "cells": lambda figures: whole(figures.cells),
    "exc": lambda figures: whole(figures.excitatory),
    "inh": lambda figures: whole(figures.inhibitory),
    **DEGREES,
}
DENSITIES: Columns = {
    "post": lambda entry: shortened(entry.post, LONGEST),
    "density": lambda entry: share(entry.density),
    "connections": lambda entry: whole(entry.connections),
    "synapses": lambda entry: whole(entry.synapses),
}


def connectome(summary: ConnectomeSummary) -> Section:
    """Show a connectome: cells by type and layer, degrees, densities, provenance."""
    types = list(summary.types.items())
    if len(types) > MOST:
        types.sort(key=lambda item: -item[1].cells)
    note = "types, the largest ones shown"
    blocks: list[Block] = [_table(summary.label, "cell type", TYPES, types, note)]
    if len(summary.layers) > 1:
        blocks.append(_table("Layers", "layer", LAYERS, list(summary.layers.items()), "layers"))
    blocks.append(_densities(summary.layer_densities, list(summary.layers), "layer"))
    if summary.type_densities is not None:
        blocks.append(_densities(summary.type_densities, list(summary.types), "type"))
    lines = [
        f"{count(summary.cells)} cells, {count(summary.connections)} connections "
        f"({percent(summary.density)} of pairs), {count(summary.synapses)} synapses",
        f"{count(summary.autapses)} autapses, {count(summary.unconnected)} cells without "
        "connections",
        f"reciprocity {percent(summary.reciprocity, 1)}, fingerprint {summary.fingerprint[:16]}",
        *_provenance(summary.provenance),
    ]
    return Section("", (), [*blocks, _synapses(summary), Points(lines)])


def _table(title: str, first: str, columns: Columns, records: Records, what: str) -> Table:
    """Show a row for each named record, as many as fit."""
    rows = [
        (shortened(name, LONGEST), *(cell(record) for cell in columns.values()))
        for name, record in records[:MOST]
    ]
    words = [place for place, cell in enumerate(rows[0]) if isinstance(cell, str)] if rows else ()
    note = f"{count(len(records))} {what}; all are in --json" if len(records) > MOST else ""
    return Table(title, (first, *columns), rows, words=words, note=note)


def _densities(entries: Sequence[Density], names: Sequence[str], what: str) -> Table:
    """Show densities as a matrix where it fits, else as a list of the densest."""
    widest = max((len(name) for name in names), default=0)
    if len(names) * (max(6, widest) + 3) + widest + 4 <= 80:
        known = {(entry.pre, entry.post): entry.density for entry in entries}
        matrix = [
            [pre, *(number(known.get((pre, post)), scale=100) for post in names)] for pre in names
        ]
        title = f"Density between {what}s, pre (row) → post (column), % of pairs"
        return Table(title, ("", *names), matrix)
    found = [(entry.pre, entry) for entry in entries if entry.density]
    found.sort(key=lambda pair: -(pair[1].density or 0))
    title = f"Density between {what}s, the densest first"
    return _table(title, "pre", DENSITIES, found, f"pairs of {what}s")


def _synapses(summary: ConnectomeSummary) -> Table:
    means = summary.synapses_per_connection.items()
    rows = [(name.replace("->", " → "), number(mean)) for name, mean in means]
    total = max(1, summary.connections)
    for entry in summary.synapses_histogram[:5]:
        part = percent(entry.connections / total, 1)
        rows.append((f"connections with {entry.synapses}", part))
    return Table("Synapses per connection", ("from → to", "mean"), rows)


def _provenance(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Give nested data as indented lines; what is empty or 0 is left out."""
    for key, item in value.items():
        if key == "label" or item in ({}, [], "", None):
            continue
        if isinstance(item, Mapping):
            known = {name: part for name, part in item.items() if part != 0}
            if inner := list(_provenance(known, indent + "  ")):
                yield f"{indent}{key}:"
                yield from inner
        elif isinstance(item, list):
            yield f"{indent}{key}: {', '.join(map(str, item))}"
        elif type(item) is int and key != "seed" and item >= 10_000:
            yield f"{indent}{key}: {count(item)}"
        else:
            yield f"{indent}{key}: {item}"
