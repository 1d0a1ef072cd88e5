"""A connectome: tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bionic_core.connectomes.summary import ConnectomeSummary, Density, Spread
from bionic_core.reports.sections import Block, Cell, Points, Section, Table
from bionic_core.reports.words import count, mean_sd, number, percent, share, whole

MOST = 40
"""Rows of a table; the rest is in ``--json``."""

LONGEST = 24
"""Letters of a name in a table."""

BROAD = {"excitatory": "exc", "inhibitory": "inh", "mixed": "mixed"}


def connectome(summary: ConnectomeSummary) -> Section:
    """Show a connectome: cells by type and layer, degrees, densities, provenance."""
    blocks: list[Block] = [_types(summary)]
    if len(summary.layers) > 1:
        blocks.append(_layers(summary))
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


def _types(summary: ConnectomeSummary) -> Table:
    entries = list(summary.types.items())
    if len(entries) > MOST:
        entries.sort(key=lambda item: -item[1].cells)
    rows = []
    for name, figures in entries[:MOST]:
        layers = sorted(figures.layers, key=lambda layer: -figures.layers[layer])
        rows.append(
            (
                _short(name),
                BROAD[figures.broad_type],
                _short(", ".join(layers[:3]) + (" …" if len(layers) > 3 else "")),
                whole(figures.cells),
                _spread(figures.out_degree),
                _spread(figures.in_degree),
            )
        )
    columns = ("cell type", "E/I", "layer", "cells", "out-degree", "in-degree")
    note = _more(len(entries), "types, the largest ones shown")
    return Table(summary.label, columns, rows, words=(1, 2), note=note)


def _layers(summary: ConnectomeSummary) -> Table:
    rows = [
        (
            _short(name),
            whole(figures.cells),
            whole(figures.excitatory),
            whole(figures.inhibitory),
            _spread(figures.out_degree),
            _spread(figures.in_degree),
        )
        for name, figures in list(summary.layers.items())[:MOST]
    ]
    columns = ("layer", "cells", "exc", "inh", "out-degree", "in-degree")
    return Table("Layers", columns, rows, note=_more(len(summary.layers), "layers"))


def _densities(entries: Sequence[Density], names: Sequence[str], what: str) -> Table:
    """Show densities as a matrix where it fits, else as a list of the densest."""
    widest = max((len(name) for name in names), default=0)
    if len(names) * (max(6, widest) + 3) + widest + 4 <= 80:
        known = {(entry.pre, entry.post): entry.density for entry in entries}
        matrix: list[list[Cell | str]] = [
            [pre, *(number(known.get((pre, post)), scale=100) for post in names)] for pre in names
        ]
        title = f"Density between {what}s, pre (row) → post (column), % of pairs"
        return Table(title, ("", *names), matrix)
    found = [(entry, entry.density) for entry in entries if entry.density]
    found.sort(key=lambda pair: -pair[1])
    rows = [
        (
            _short(entry.pre),
            _short(entry.post),
            share(density),
            whole(entry.connections),
            whole(entry.synapses),
        )
        for entry, density in found[:MOST]
    ]
    return Table(
        f"Density between {what}s, the densest first",
        ("pre", "post", "density", "connections", "synapses"),
        rows,
        words=(1,),
        note=_more(len(found), f"pairs of {what}s"),
    )


def _synapses(summary: ConnectomeSummary) -> Table:
    means = [
        (name.replace("->", " → "), number(mean))
        for name, mean in summary.synapses_per_connection.items()
    ]
    total = max(1, summary.connections)
    shares = [
        (f"connections with {entry.synapses}", percent(entry.connections / total, 1))
        for entry in summary.synapses_histogram[:5]
    ]
    return Table("Synapses per connection", ("from → to", "mean"), [*means, *shares])


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


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _more(size: int, what: str) -> str:
    return f"{count(size)} {what}; all are in --json" if size > MOST else ""


def _spread(figures: Spread) -> Cell:
    return Cell(mean_sd(figures.mean, figures.sd, 1), figures.mean)
