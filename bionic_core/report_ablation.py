"""The leave-one-out study for the eye: Tables 4, 5 and 6 of the paper, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

KINDS = {"structural": "Effects of structural mechanisms", "functional": "… of functional ones"}


def planned(document: Document) -> RenderableType:
    """Show a planned study: its variants, and the smallest effect that it should see."""
    design = document["design"]
    table = Table(title=f"Leave one out of {document['name']}", title_justify="left")
    table.add_column("left out")
    table.add_column("kind")
    table.add_row("nothing", "")
    for factor in design["factors"]:
        table.add_row(factor["term"], design["kinds"][factor["name"]])
    seeds = ", ".join(str(seed) for seed in design["seeds"])
    lines = [f"{design['runs']} runs: {len(design['cells'])} variants × seeds {seeds}"]
    return Group(
        table, Text("\n".join([*lines, *seen(document["detectable"]), *document["notes"]]))
    )


def ablated(document: Document) -> RenderableType:
    """Show a study: a row for each variant, then what each mechanism changes, by kind."""
    shown: list[RenderableType] = [_variants(document)]
    shown += [_effects(document, kind, title) for kind, title in KINDS.items()]
    lines = [f"data: {document['data']}, {document['test_images']:,} test images"]
    if document.get("connectome"):
        lines.append(f"connectome: {document['connectome']}")
    if document["selected_on"] == "test":
        lines.append("test-selected: the test images chose each run's epoch")
    lines += [
        f"failed: {cell['variant']}, seed {cell['seed']}: {cell['error']}"
        for cell in document["cells"]
        if cell.get("error")
    ]
    lines += [*seen(document["detectable"]), *document["notes"]]
    return Group(*(part for part in shown if part is not None), Text("\n".join(lines)))


def seen(document: Document) -> list[str]:
    """Say the smallest effect that a design can see."""
    if document["plain"] is None:
        return []
    return [
        f"smallest effect seen with {document['power']:.0%} power: {document['plain']:.2f} points "
        f"alone, {document['adjusted']:.2f} after correction (SD of a run "
        f"{document['sd']:.2f} points)"
    ]


def _variants(document: Document) -> Table:
    title = "Variants by test accuracy"
    title += " (test-selected)" if document["selected_on"] == "test" else ""
    table = Table(title=title, title_justify="left")
    table.add_column("variant", overflow="fold")
    names = ("test accuracy %", "test loss", "train accuracy %", "train loss", "macro F1")
    for name in (*names, "parameters", "effective", "epochs"):
        table.add_column(name, justify="right", overflow="fold")
    for row in by_accuracy(document["rows"]):
        table.add_row(
            row["variant"],
            mean_sd(row["accuracy"], 2, 100),
            mean_sd(row["loss"], 4),
            mean_sd(row["train_accuracy"], 2, 100),
            mean_sd(row["train_loss"], 4),
            mean_sd(row["macro_f1"], 4),
            f"{row['parameters']['allocated']:,}",
            f"{row['parameters']['effective']:,}",
            mean_sd(row["epochs"], 0),
            style=None if row["term"] else "bold",
        )
    return table


def by_accuracy(rows: Sequence[Document]) -> list[Document]:
    """Return rows by falling accuracy, those without any last."""
    return sorted(rows, key=lambda row: -(row["accuracy"]["mean"] or -1.0))


def by_difference(rows: Sequence[Document], kind: str) -> list[Document]:
    """Return the left-out mechanisms of a kind, the one that matters most first."""
    chosen = [row for row in rows if row["kind"] == kind]
    return sorted(chosen, key=lambda row: -(row["difference"]["estimate"] or 0.0))


def _effects(document: Document, kind: str, title: str) -> Table | Text:
    rows = by_difference(document["rows"], kind)
    if not rows:
        return Text(f"no {kind} mechanism was left out")
    table = Table(title=f"{title}, percentage points", title_justify="left")
    table.add_column("mechanism", overflow="fold")
    for name in ("change", "95 % interval", "simultaneous", "p", "p (Dunnett)", "variance"):
        table.add_column(name, justify="right", overflow="fold")
    for row in rows:
        change = row["difference"]
        table.add_row(
            row["term"],
            points(change["estimate"]),
            interval(change["low"], change["high"]),
            interval(change["simultaneous_low"], change["simultaneous_high"]),
            probability(change["p"]),
            probability(change["p_adjusted"]),
            change["method"] or "–",
        )
    return table


def mean_sd(figure: Document, digits: int, scale: float = 1) -> str:
    """Return ``mean ± SD``, the mean alone of a single run, or a dash."""
    if figure["mean"] is None:
        return "–"
    text = f"{scale * figure['mean']:,.{digits}f}"
    return text if figure["sd"] is None else f"{text} ± {scale * figure['sd']:.{digits}f}"


def points(value: float | None) -> str:
    """Return a signed number of percentage points, or a dash."""
    return "–" if value is None else f"{value:+.2f}"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval, or a dash."""
    return "–" if low is None or high is None else f"{low:+.2f} … {high:+.2f}"


def probability(value: float | None) -> str:
    """Return a p value, or a dash."""
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
