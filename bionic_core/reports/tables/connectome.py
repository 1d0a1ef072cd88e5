"""A connectome: tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bionic_core.connectomes.summary import ConnectomeSummary, Density, TypeSummary
from bionic_core.reports.drawing.svg import shortened
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Columns, Points, Section, Table
from bionic_core.reports.words import count, mean_cell, number, percent, share, whole

MOST, LONGEST = 40, 24
"""Rows of a table, the rest being in ``--json``, and letters of a name in it."""

BROAD = {"excitatory": "exc", "inhibitory": "inh", "mixed": "mixed"}


def _homes(figures: TypeSummary) -> str:
    names = sorted(figures.layers, key=lambda layer: -figures.layers[layer])
    return shortened(", ".join(names[:3]) + (" …" if len(names) > 3 else ""), LONGEST)


Named = tuple[str, Any]
"""What a table tells of, and its name."""

DEGREES: Columns[Named] = {
    "out-degree": lambda named: mean_cell(named[1].out_degree, 1),
    "in-degree": lambda named: mean_cell(named[1].in_degree, 1),
}
TYPES: Columns[Named] = {
    "cell type": lambda named: shortened(named[0], LONGEST),
    "E/I": lambda named: BROAD[named[1].broad_type],
    "layer": lambda named: _homes(named[1]),
    "cells": lambda named: whole(named[1].cells),
    **DEGREES,
}
LAYERS: Columns[Named] = {
    "layer": lambda named: shortened(named[0], LONGEST),
    "cells": lambda named: whole(named[1].cells),
    "exc": lambda named: whole(named[1].excitatory),
    "inh": lambda named: whole(named[1].inhibitory),
    **DEGREES,
}
DENSITIES: Columns[Density] = {
    "pre": lambda entry: shortened(entry.pre, LONGEST),
    "post": lambda entry: shortened(entry.post, LONGEST),
    "density": lambda entry: share(entry.density),
    "connections": lambda entry: whole(entry.connections),
    "synapses": lambda entry: whole(entry.synapses),
}


def connectome(summary: ConnectomeSummary) -> Section:
    """Show a connectome: cells by type and layer, degrees, densities, provenance."""
    types, layers = list(summary.types.items()), list(summary.layers.items())
    if len(types) > MOST:
        types.sort(key=lambda named: -named[1].cells)
    note = "types, the largest ones shown"
    tables = [_table(summary.label, TYPES, types, note, (0, 1, 2))]
    tables += [_table("Layers", LAYERS, layers, "layers")] if len(layers) > 1 else []
    tables.append(_densities(summary.layer_densities, list(summary.layers), "layer"))
    if summary.type_densities is not None:
        tables.append(_densities(summary.type_densities, list(summary.types), "type"))
    lines = [*said("connectome", it=summary), *_provenance(summary.provenance)]
    return Section("", (), [*tables, _synapses(summary), Points(lines)])


def _table(
    title: str, columns: Columns[Any], all_: Sequence[Any], what: str, words: Sequence[int] = (0,)
) -> Table:
    note = f"{count(len(all_))} {what}; all are in --json" if len(all_) > MOST else ""
    return Table.of(title, columns, all_[:MOST], words=words, note=note)


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
    densest = sorted(filter(lambda e: e.density, entries), key=lambda e: -(e.density or 0))
    title = f"Density between {what}s, the densest first"
    return _table(title, DENSITIES, densest, f"pairs of {what}s", (0, 1))


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
