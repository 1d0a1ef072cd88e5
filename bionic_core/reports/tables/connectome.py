"""A connectome for the eye: tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

MOST = 40
"""Rows of a table; the rest is in ``--json``."""

BROAD = {"excitatory": "exc", "inhibitory": "inh", "mixed": "mixed"}


def connectome(document: Document) -> RenderableType:
    """Show a connectome: cells by type and layer, degrees, densities, provenance."""
    shown: list[RenderableType] = [_types(document)]
    if len(document["layers"]) > 1:
        shown.append(_layers(document))
    shown.append(_densities(document["layer_densities"], list(document["layers"]), "layer"))
    if "type_densities" in document:
        shown.append(_densities(document["type_densities"], list(document["types"]), "type"))
    shown.append(_synapses(document))
    lines = [
        f"{document['cells']:,} cells, {document['connections']:,} connections "
        f"({document['density']:.2%} of pairs), {document['synapses']:,} synapses",
        f"{document['autapses']:,} autapses, {document['unconnected']:,} cells without connections",
        f"reciprocity {document['reciprocity']:.1%}, fingerprint {document['fingerprint'][:16]}",
    ]
    shown.append(Text("\n".join(lines)))
    shown.append(Text("\n".join(_provenance(document["provenance"]))))
    return Group(*shown)


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in left:
        table.add_column(name, overflow="ellipsis", max_width=24)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _types(document: Document) -> Table:
    table = _table(
        document["label"],
        ("cell type", "E/I", "layer"),
        ("cells", "out-degree", "in-degree"),
    )
    entries = sorted(document["types"].items(), key=lambda item: -item[1]["cells"])
    if len(entries) <= MOST:
        entries = list(document["types"].items())
    for name, figures in entries[:MOST]:
        layers = sorted(figures["layers"], key=lambda layer: -figures["layers"][layer])
        table.add_row(
            name,
            BROAD[figures["broad_type"]],
            ", ".join(layers[:3]) + (" …" if len(layers) > 3 else ""),
            f"{figures['cells']:,}",
            _spread(figures["out_degree"]),
            _spread(figures["in_degree"]),
        )
    table.caption = _more(len(entries), "types, the largest ones shown")
    return table


def _layers(document: Document) -> Table:
    table = _table("Layers", ("layer",), ("cells", "exc", "inh", "out-degree", "in-degree"))
    for name, figures in list(document["layers"].items())[:MOST]:
        table.add_row(
            name,
            f"{figures['cells']:,}",
            f"{figures['excitatory']:,}",
            f"{figures['inhibitory']:,}",
            _spread(figures["out_degree"]),
            _spread(figures["in_degree"]),
        )
    table.caption = _more(len(document["layers"]), "layers")
    return table


def _densities(entries: Sequence[Document], names: Sequence[str], what: str) -> Table:
    """Show densities as a matrix where it fits, else as a list of the densest."""
    title = f"Density between {what}s, pre (row) → post (column), % of pairs"
    widest = max((len(name) for name in names), default=0)
    if len(names) * (max(6, widest) + 3) + widest + 4 <= 80:
        table = _table(title, ("",), names)
        found = {(entry["pre"], entry["post"]): entry["density"] for entry in entries}
        for pre in names:
            table.add_row(pre, *(_percent(found.get((pre, post))) for post in names))
        return table
    table = _table(
        f"Density between {what}s, the densest first",
        ("pre", "post"),
        ("density", "connections", "synapses"),
    )
    known = [entry for entry in entries if entry["density"]]
    for entry in sorted(known, key=lambda entry: -entry["density"])[:MOST]:
        table.add_row(
            entry["pre"],
            entry["post"],
            f"{entry['density']:.2%}",
            f"{entry['connections']:,}",
            f"{entry['synapses']:,}",
        )
    table.caption = _more(len(known), f"pairs of {what}s")
    return table


def _synapses(document: Document) -> Table:
    table = _table("Synapses per connection", ("from → to",), ("mean",))
    for name, mean in document["synapses_per_connection"].items():
        pre, post = name.split("->")
        table.add_row(f"{pre} → {post}", "–" if mean is None else f"{mean:.2f}")
    total = max(1, document["connections"])
    for entry in document["synapses_histogram"][:5]:
        share = entry["connections"] / total
        table.add_row(f"connections with {entry['synapses']}", f"{share:.1%}")
    return table


def _provenance(value: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return nested data as indented lines; what is empty or 0 is left out."""
    lines = []
    for key, item in value.items():
        if key == "label" or item in ({}, [], "", None):
            continue
        if isinstance(item, Mapping):
            inner = _provenance({k: v for k, v in item.items() if v != 0}, indent + "  ")
            lines += [f"{indent}{key}:", *inner] if inner else []
        elif isinstance(item, list):
            lines.append(f"{indent}{key}: {', '.join(map(str, item))}")
        elif isinstance(item, int) and not isinstance(item, bool) and key not in ("seed",):
            lines.append(f"{indent}{key}: {item:,}" if item >= 10_000 else f"{indent}{key}: {item}")
        else:
            lines.append(f"{indent}{key}: {item}")
    return lines


def _more(number: int, what: str) -> str | None:
    return f"{number:,} {what}; all are in --json" if number > MOST else None


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _spread(figures: Mapping[str, float]) -> str:
    return f"{figures['mean']:.1f} ± {figures['sd']:.1f}"
