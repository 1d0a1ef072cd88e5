"""The leave-one-out study for the eye: Tables 4, 5 and 6 of the paper, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
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


def _variants(document: Document) -> RenderableType:
    """Show Table 4's columns in two tables, so that they fit a terminal of 80 columns."""
    title = "Variants by test accuracy"
    title += " (test-selected)" if document["selected_on"] == "test" else ""
    tested = _table(title, "variant", ("test accuracy %", "test loss", "macro F1", "epochs"))
    trained = _table(
        "Training images, and size",
        "variant",
        ("train accuracy %", "train loss", "parameters", "effective"),
    )
    for row in by_accuracy(document["rows"]):
        style = None if row["term"] else "bold"
        tested.add_row(
            row["variant"],
            mean_sd(row["accuracy"], 2, 100),
            mean_sd(row["loss"], 4),
            mean_sd(row["macro_f1"], 4),
            mean_sd(row["epochs"], 0),
            style=style,
        )
        trained.add_row(
            row["variant"],
            mean_sd(row["train_accuracy"], 2, 100),
            mean_sd(row["train_loss"], 4),
            f"{row['parameters']['allocated']:,}",
            f"{row['parameters']['effective']:,}",
            style=style,
        )
    return Group(tested, trained)


def _table(title: str, subject: str, figures: Sequence[str]) -> Table:
    """Return an empty table whose figures are never broken; its subject's words may be."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(subject, overflow="fold")
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def by_accuracy(rows: Sequence[Document]) -> list[Document]:
    """Return rows by falling accuracy, those without any last."""
    return sorted(rows, key=lambda row: -(row["accuracy"]["mean"] or -1.0))


def by_difference(rows: Sequence[Document], kind: str) -> list[Document]:
    """Return the left-out mechanisms of a kind, the one that matters most first."""
    chosen = [row for row in rows if row["kind"] == kind]
    return sorted(chosen, key=lambda row: -(row["difference"]["estimate"] or 0.0))


def _effects(document: Document, kind: str, title: str) -> RenderableType:
    rows = by_difference(document["rows"], kind)
    if not rows:
        return Text(f"no {kind} mechanism was left out")
    figures = ("change", "95 % interval", "simultaneous", "p", "p (Dunnett)")
    table = _table(f"{title}, percentage points", "mechanism", figures)
    apart = False
    for row in rows:
        change = row["difference"]
        alone = change["method"] not in (None, "pooled")
        apart |= alone
        table.add_row(
            row["term"] + " *" * alone,
            points(change["estimate"]),
            interval(change["low"], change["high"]),
            interval(change["simultaneous_low"], change["simultaneous_high"]),
            probability(change["p"]),
            probability(change["p_adjusted"]),
        )
    if apart:
        table.caption = "* its variance is not pooled with the others'"
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
