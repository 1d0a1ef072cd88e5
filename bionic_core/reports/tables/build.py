"""Results for the eye: the same documents that ``--json`` prints, as rich tables and trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from bionic_core.base.memory import gib
from bionic_core.reports.tables.connectome import connectome
from bionic_core.reports.tables.data import checked, data, dropped

__all__ = [
    "built",
    "checked",
    "compared",
    "connectome",
    "data",
    "drawn",
    "plugins",
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
    if "dropped" in document:
        lines.insert(0, f"dropped from train as leaks: {dropped(document['dropped'])}")
    if selected == "test":
        lines.insert(0, "test-selected: the test images chose the epoch, so their figures flatter")
    return Group(table, Text("\n".join(lines)))


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


def compared(document: Document) -> RenderableType:
    """Show statistics of drawn connectomes beside the measured ones."""
    title = f"{document['source']}, {document['neurons']:,} neurons, {document['seeds']} seeds"
    table = Table(title=title, title_justify="left")
    table.add_column("statistic")
    for name in ("measured", "tolerance", "drawn", "SD"):
        table.add_column(name, justify="right")
    for row in document["statistics"]:
        sd = "–" if row["sd"] is None else f"{row['sd']:.2g}"
        figures = (f"{row['target']:.4g}", f"±{row['tolerance']:.2g}", f"{row['mean']:.4g}", sd)
        table.add_row(row["statistic"], *figures, style=None if row["met"] else "red")
    missed = [row["statistic"] for row in document["statistics"] if not row["met"]]
    words = "all within their tolerances" if not missed else f"off: {', '.join(missed)}"
    return Group(table, Text(words))


def drawn(document: Document) -> RenderableType:
    """Show which pictures were written."""
    return Text("\n".join([document["connectome"], *document["figures"]]))


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(f"{side:,}" for side in shape) if shape else "1"
