"""Results for the eye: the same documents that ``--json`` prints, as rich tables and trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from bionic_core.memory import gib
from bionic_core.report_data import checked, data

__all__ = [
    "built",
    "checked",
    "connectome",
    "data",
    "planned",
    "plugins",
    "studied",
    "trained",
]

Document = Mapping[str, Any]


def built(document: Document) -> RenderableType:
    """Show what a spec builds: the pipeline with shapes, parameters by part, wiring, cost."""
    tree = Tree(Text.assemble((document["name"], "bold"), f"  {document['hash']}"))
    branches: dict[str, Tree] = {}
    for step in document["pipeline"]:
        site, _, rest = step["name"].partition(".")
        if site not in branches:
            branches[site] = tree.add(Text(site, style="bold"))
        line = Text.assemble(f"{rest or 'signal'}  ", (_shape(step["shape"]), "cyan"))
        if step["mechanisms"]:
            line.append("  " + ", ".join(step["mechanisms"]), style="green")
        branches[site].add(line)
    parts = Table(title="Parameters", title_justify="left")
    parts.add_column("part")
    parts.add_column("allocated", justify="right")
    for name, count in document["parameters"]["by_part"].items():
        parts.add_row(name, f"{count:,}")
    parts.add_section()
    parts.add_row("allocated", f"{document['parameters']['allocated']:,}", style="bold")
    parts.add_row("effective (unmasked)", f"{document['parameters']['effective']:,}", style="bold")
    shown: list[RenderableType] = [tree, parts]
    if document["masks"]:
        wiring = Table(title="Wiring", title_justify="left")
        for name, justify in (
            ("projection", "left"),
            ("density", "right"),
            ("connections", "right"),
            ("synapses", "right"),
            ("stored", "left"),
        ):
            wiring.add_column(name, justify=justify)  # type: ignore[arg-type]
        for mask in document["masks"]:
            where = f"{mask['pre']}->{mask['post']}"
            where += f" ({mask['within']})" if mask["within"] else ""
            wiring.add_row(
                where,
                f"{mask['density']:.2%}",
                f"{mask['connections']:,}",
                f"{mask['synapses']:,}",
                mask["storage"],
            )
        shown.append(wiring)
    memory = document["memory"]
    lines = [
        f"{document['macs']:,} multiply-adds per image",
        f"memory: {gib(memory['model'])} for the model, {gib(memory['training'])} at most to train "
        "it, images and activity aside",
    ]
    if "connectome" in document:
        source = document["connectome"]
        lines.append(
            f"connectome: {source['label']}, {source['cells']:,} cells, "
            f"{source['connections']:,} connections, {source['synapses']:,} synapses"
        )
    return Group(*shown, Text("\n".join(lines)))


def trained(document: Document) -> RenderableType:
    """Show the figures of a run."""
    table = Table(title=f"Run {document['hash']}", title_justify="left")
    for name in ("split", "images", "accuracy", "loss", "macro F1"):
        table.add_column(name, justify="left" if name == "split" else "right")
    selected = document["selected_on"]
    for split in ("validation", "test"):
        if split == "validation" and selected == "test":
            continue
        figures = document[split]
        name = f"{split} (selected on)" if split == selected else split
        table.add_row(
            name,
            f"{figures['images']:,}",
            f"{figures['accuracy']:.2%}",
            f"{figures['loss']:.4f}",
            f"{figures['macro_f1']:.4f}",
        )
    lines = [
        f"best epoch {document['best_epoch']} of {document['epochs']}, "
        f"{document['seconds']:.1f} s, {document['images_per_second']:,.0f} images/s",
        f"folder: {document['run']}",
    ]
    if "interval" in document["test"]:
        low, high = document["test"]["interval"]
        lines.insert(
            0, f"test accuracy: 95 % interval {low:.2%} … {high:.2%} (of the images alone)"
        )
    if selected == "test":
        lines.insert(0, "test-selected: the test images chose the epoch, so their figures flatter")
    return Group(table, Text("\n".join(lines)))


def planned(document: Document) -> RenderableType:
    """Show a design: its cells, and those that cannot exist."""
    design = document["design"]
    table = Table(title=f"Design over {document['name']}", title_justify="left")
    for factor in design["factors"]:
        table.add_column(factor["term"])
    for cell in design["cells"]:
        table.add_row(*(_word(level) for level in cell.values()))
    seeds = ", ".join(str(seed) for seed in design["seeds"])
    lines = [f"{design['runs']} runs: {len(design['cells'])} cells × seeds {seeds}"]
    lines += [f"left out: {_levels(i['levels'])}: {i['reason']}" for i in design["impossible"]]
    if document.get("selected_on") == "test":
        lines.append("test-selected: the test images will choose each run's epoch")
    return Group(table, Text("\n".join(lines)))


def studied(document: Document) -> RenderableType:
    """Show an experiment: its cells, then its effects with their intervals."""
    factors = document["design"]["factors"]
    names = [factor["name"] for factor in factors]
    shown: list[RenderableType] = [_cells(document, names), _effects(document)]
    lines = [f"data: {document['data']}"] if document.get("data") else []
    if document.get("connectome"):
        lines.append(f"connectome: {document['connectome']}")
    if document.get("selected_on") == "test":
        lines.append("test-selected: the test images chose each run's epoch")
    for impossible in document["design"].get("impossible", []):
        lines.append(f"left out: {_levels(impossible['levels'])}: {impossible['reason']}")
    for cell in document["cells"]:
        if cell.get("error"):
            lines.append(f"failed: {_levels(cell['levels'])}, seed {cell['seed']}: {cell['error']}")
    lines += document["notes"]
    return Group(*shown, Text("\n".join(lines)))


def _cells(document: Document, names: Sequence[str]) -> Table:
    table = Table(title="Test accuracy", title_justify="left")
    for name in names:
        table.add_column(name)
    seeds = document["design"]["seeds"]
    for seed in seeds:
        table.add_column(f"seed {seed}", justify="right")
    if len(seeds) > 1:
        table.add_column("mean", justify="right", style="bold")
    rows: dict[tuple[Any, ...], dict[int, float | None]] = {}
    for cell in document["cells"]:
        key = tuple(cell["levels"][name] for name in names)
        rows.setdefault(key, {})[cell["seed"]] = cell["accuracy"]
    for key, found in rows.items():
        known = [value for value in found.values() if value is not None]
        values = [_percent(found.get(seed)) for seed in seeds]
        if len(seeds) > 1:
            values.append(_percent(sum(known) / len(known)) if known else "–")
        table.add_row(*(_word(level) for level in key), *values)
    return table


def _effects(document: Document) -> Table:
    table = Table(title="Effects, percentage points", title_justify="left")
    table.add_column("term")
    for name in ("effect", "95 % interval", "p", "p (Holm)"):
        table.add_column(name, justify="right")
    aliased = any(effect["aliases"] for effect in document["effects"])
    if aliased:
        table.add_column("confounded with")
    for effect in document["effects"]:
        interval = "–"
        if effect["low"] is not None:
            interval = f"{effect['low']:+.2f} … {effect['high']:+.2f}"
        estimate = "–" if effect["estimate"] is None else f"{effect['estimate']:+.2f}"
        row = [effect["term"], estimate, interval, _p(effect["p"]), _p(effect["p_adjusted"])]
        table.add_row(*row, *([", ".join(effect["aliases"])] if aliased else []))
    return table


def plugins(document: Document) -> RenderableType:
    """Show what is installed, failed plugins included."""
    table = Table()
    for name in ("name", "role", "kind", "requires", "distribution"):
        table.add_column(name)
    failures = []
    for plugin in document["plugins"]:
        failed = plugin["error"]
        table.add_row(
            plugin["name"],
            "failed" if failed else plugin["role"],
            plugin["kind"] or "",
            ", ".join(plugin["requires"]),
            f"{plugin['distribution']} {plugin['version']}".strip(),
            style="red" if failed else None,
        )
        if failed:
            failures.append(Text(f"{plugin['name']}: {failed}", style="red"))
    return Group(table, *failures)


def connectome(document: Document) -> RenderableType:
    """Show a connectome: cells, degrees and densities by type."""
    table = Table(title=document["label"], title_justify="left")
    table.add_column("cell type")
    table.add_column("broad type")
    for name in ("cells", "out-degree", "in-degree"):
        table.add_column(name, justify="right")
    for cell_type, figures in document["types"].items():
        table.add_row(
            cell_type,
            figures["broad_type"],
            f"{figures['cells']:,}",
            f"{figures['out_degree']['mean']:.1f} ± {figures['out_degree']['sd']:.1f}",
            f"{figures['in_degree']['mean']:.1f} ± {figures['in_degree']['sd']:.1f}",
        )
    lines = [
        f"{document['cells']:,} cells, {document['connections']:,} connections "
        f"({document['density']:.2%} of pairs), {document['synapses']:,} synapses",
        f"reciprocity {document['reciprocity']:.1%}, fingerprint {document['fingerprint'][:16]}",
        *(f"{key}: {value}" for key, value in document["provenance"].items() if key != "label"),
    ]
    return Group(table, Text("\n".join(lines)))


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(f"{side:,}" for side in shape) if shape else "1"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _word(level: Any) -> str:
    return {True: "on", False: "off"}[level] if isinstance(level, bool) else str(level)


def _levels(levels: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_word(level)}" for name, level in levels.items())
