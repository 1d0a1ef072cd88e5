"""Evaluations and predictions for the eye: the documents that ``--json`` prints, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

PLACES = ("prediction", "then", "then")
"""Of several pictures: so many classes each, best first."""

TEST_SELECTED = "test-selected: the test images chose the epoch, so their figures flatter"


def evaluated(document: Document) -> RenderableType:
    """Show the figures of a run on a split, and its comparison with another run if any."""
    shown: list[RenderableType] = [
        Text(_title(document), style="bold"),
        _summary(document),
        _classes(document),
        _confusion(document),
    ]
    if "against" in document:
        shown.append(_against(document))
    notes = []
    if document["selected_on"] == "test":
        notes.append(TEST_SELECTED)
    elif document["selected_on"] == document["split"]:
        notes.append(f"the {document['split']} images chose the epoch, so their figures flatter")
    if "against" in document and document["against"]["selected_on"] == "test":
        notes.append(f"test-selected too: the other run, {document['against']['hash']}")
    if document["other_data"]:
        notes.append(f"the run was trained on other data than {document['data']} as it is now")
    notes += [f"written: {path}" for path in document.get("figures", [])]
    return Group(*shown, *(Text(note) for note in notes))


def _summary(document: Document) -> Table:
    table = Table()
    table.add_column("figure")
    table.add_column("value", justify="right")
    low, high = document["interval"]
    for name, value in (
        ("images", f"{document['images']:,}"),
        ("accuracy", f"{document['accuracy']:.2%}"),
        ("  95 % interval (Wilson)", f"{low:.2%} … {high:.2%}"),
        ("cross entropy, nats", f"{document['loss']:.4f}"),
        ("macro F1", f"{document['macro_f1']:.4f}"),
        ("AUC, mean one-vs-rest", _figure(document["auc"])),
        ("calibration error", f"{document['calibration_error']:.2%}"),
    ):
        table.add_row(name, value)
    if "flip_averaged" in document:
        averaged = document["flip_averaged"]
        table.add_section()
        table.add_row("accuracy, flip-averaged", f"{averaged['accuracy']:.2%}")
        table.add_row("cross entropy, flip-averaged", f"{averaged['loss']:.4f}")
        table.add_row("macro F1, flip-averaged", f"{averaged['macro_f1']:.4f}")
    return table


def _title(document: Document) -> str:
    split = document["split"]
    split += " (selected on)" if split == document["selected_on"] else ""
    return f"Run {document['hash']} ({document['name']}), {document['data']}, {split}"


def _classes(document: Document) -> Table:
    table = Table(title="Classes", title_justify="left")
    table.add_column("class")
    for name in ("precision", "recall", "F1", "AUC", "images"):
        table.add_column(name, justify="right")
    for name, figures in document["classes"].items():
        row = [_figure(figures[key]) for key in ("precision", "recall", "f1", "auc")]
        table.add_row(name, *row, f"{figures['support']:,}")
    table.add_section()
    for kind in ("macro", "weighted"):
        row = [_figure(document[f"{kind}_{key}"]) for key in ("precision", "recall", "f1")]
        area = _figure(document["auc"]) if kind == "macro" else ""
        table.add_row(f"{kind} average", *row, area, f"{document['images']:,}")
    return table


def _confusion(document: Document) -> Table:
    table = Table(
        title="Confusion: rows true, columns predicted",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    names = list(document["classes"])
    table.add_column("true")
    for name in names:
        table.add_column(name, justify="right")
    for number, (name, counts) in enumerate(zip(names, document["confusion"], strict=True)):
        cells = [
            Text(f"{count:,}", style="bold" if column == number else "")
            for column, count in enumerate(counts)
        ]
        table.add_row(name, *cells)
    return table


def _against(document: Document) -> Table:
    against = document["against"]
    table = Table(title=f"Against run {against['hash']}", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    p = against["p"]
    for name, value in (
        ("accuracy of this run", f"{document['accuracy']:.2%}"),
        ("accuracy of the other", f"{against['accuracy']:.2%}"),
        ("difference, percentage points", f"{100 * against['difference']:+.2f}"),
        ("right only in this run", f"{against['only_this_right']:,}"),
        ("right only in the other", f"{against['only_other_right']:,}"),
        ("right in both", f"{against['both_right']:,}"),
        ("wrong in both", f"{against['both_wrong']:,}"),
        (f"McNemar's p, {against['test']}", "<0.001" if p < 0.001 else f"{p:.3f}"),
    ):
        table.add_row(name, value)
    return table


def predicted(pictures: Sequence[Document]) -> RenderableType:
    """Show class probabilities of pictures, best first."""
    if len(pictures) == 1:
        return _one_picture(pictures[0])
    table = Table()
    table.add_column("image", overflow="fold")
    places = PLACES[: len(pictures[0]["probabilities"])]
    for place in places:
        table.add_column(place)
    for picture in pictures:
        best = list(picture["probabilities"].items())[: len(places)]
        words = [Text(f"{name} {value:.0%}") for name, value in best]
        table.add_row(Text(picture["image"]), *words)
    return Group(table, Text("all probabilities: --json, or one picture at a time"))


def _one_picture(picture: Document) -> Table:
    table = Table(title=Text(picture["image"]), title_justify="left")
    table.add_column("class")
    table.add_column("probability", justify="right")
    for name, value in picture["probabilities"].items():
        table.add_row(name, f"{value:.1%}", style="bold" if name == picture["prediction"] else "")
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def exported(document: Document) -> RenderableType:
    """Show what was exported, and what goes in and comes out."""
    return Text(
        f"input: {document['input']}\noutput: {document['output']}, of the classes "
        f"{', '.join(document['class_names'])}\n"
        f"written: {document['file']} ({document['bytes'] / 1e6:,.1f} MB)"
    )
