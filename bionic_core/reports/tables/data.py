"""Data sources for the eye: what they hold, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

SHOWN = 5
"""Findings of each kind that the terminal shows; JSON has all."""

ROWS = 8
"""Rows of one finding that the terminal shows."""


def data(document: Document) -> RenderableType:
    """Show a data source: images of each class in each split."""
    classes = document["class_names"]
    shown: list[RenderableType] = []
    for key, title in (("source_splits", "as the source has it"), ("splits", "as runs use it")):
        splits = document.get(key)
        if not splits:
            continue
        table = Table(title=f"{document['name']}, {title}", title_justify="left")
        table.add_column("class")
        for split in splits:
            table.add_column(split, justify="right")
        for name in classes:
            table.add_row(name, *(f"{splits[split]['classes'][name]:,}" for split in splits))
        table.add_section()
        table.add_row("all", *(f"{splits[split]['images']:,}" for split in splits), style="bold")
        shown.append(table)
    shape = " × ".join(str(side) for side in document["image"])
    lines = [f"images {shape}, fingerprint {document['fingerprint'][:16]}"]
    if "dropped" in document:
        lines.append(f"dropped from train as leaks: {dropped(document['dropped'])}")
    if document.get("selected_on") == "test":
        lines.append("test-selected: runs choose their epoch on the test images")
    return Group(*shown, Text("\n".join(lines)))


def checked(document: Document) -> RenderableType:
    """Show what a data source holds more than once, and its blank images."""
    return Group(
        _overview(document),
        *_copies(document),
        *_nearly(document),
        *_blanks(document),
        Text("\n".join(_advice(document))),
    )


def _overview(document: Document) -> Table:
    """Return the counts within each split, then of those that also occur in another.

    Exact copies within a split are its images less its different images.
    """
    exact, near = document["exact"], document["near"]
    table = Table(title=document["name"], title_justify="left")
    table.add_column("in")
    for name in ("images", "exact copies", "near copies", "blank"):
        table.add_column(name, justify="right")
    for split, images in document["images"].items():
        table.add_row(
            split,
            f"{images:,}",
            f"{exact['within'][split]['surplus']:,}",
            f"{near['within'][split]['images']:,}",
            f"{document['blank'][split]['images']:,}",
        )
    table.add_section()
    for same, alike in zip(exact["between"], near["between"], strict=True):
        first, second = same["splits"]
        for split, other in ((second, first), (first, second)):
            table.add_row(
                f"{split} in {other}",
                "",
                f"{same['images'][split]:,}",
                f"{alike['images'][split]:,}",
                "",
            )
    return table


def _copies(document: Document) -> list[RenderableType]:
    """Return the groups of identical images, those that are labelled differently first."""
    groups = document["exact"]["groups"]
    if not groups:
        return []
    conflicting = [group for group in groups if group["conflicting"]]
    title = f"\n{len(groups):,} groups of identical images, {len(conflicting):,} of them labelled "
    table = Table()
    table.add_column("labels")
    table.add_column("rows")
    ordered = conflicting + [group for group in groups if not group["conflicting"]]
    for group in ordered[:SHOWN]:
        rows = "; ".join(f"{split} {_rows(rows)}" for split, rows in group["rows"].items())
        table.add_row(", ".join(group["labels"]), rows)
    return [Text(title + "differently"), table, *_more(len(groups))]


def _nearly(document: Document) -> list[RenderableType]:
    """Return the pairs of near copies, those between splits first."""
    near = document["near"]
    pairs = near["pairs"]
    if not pairs:
        return []
    title = (
        f"\n{len(pairs):,} pairs of near copies: at most {near['bits']} of {near['of']} bits of "
        f"their perceptual hashes differ, and pixels correlate by {near['correlation']} or more"
    )
    table = Table()
    table.add_column("rows")
    table.add_column("bits", justify="right")
    table.add_column("correlation", justify="right")
    between = [pair for pair in pairs if len(set(pair["splits"])) > 1]
    within = [pair for pair in pairs if len(set(pair["splits"])) == 1]
    for pair in (between + within)[:SHOWN]:
        places = zip(pair["splits"], pair["rows"], strict=True)
        rows = " ~ ".join(f"{split} {row}" for split, row in places)
        table.add_row(rows, str(pair["bits"]), f"{pair['correlation']:.3f}")
    return [Text(title), table, *_more(len(pairs))]


def _blanks(document: Document) -> list[RenderableType]:
    return [
        Text(f"blank images in {split}: rows {_rows(found['rows'])}")
        for split, found in document["blank"].items()
        if found["images"]
    ]


def _advice(document: Document) -> list[str]:
    leaks = document["leaks"]
    lines = [f"rows count from 0 within each split; fingerprint {document['fingerprint'][:16]}"]
    count = leaks["exact"] + leaks["near"]
    if count:
        lines.append(
            f"with protocol {leaks['protocol']}, [data] drop_leaks = true takes {dropped(leaks)} "
            f"of {leaks['train']:,} out of train"
        )
    else:
        lines.append(f"with protocol {leaks['protocol']}, nothing in train occurs outside it")
    if leaks["selected_on"] == "test":
        lines.append("test-selected: runs choose their epoch on the test images")
    return lines


def dropped(counts: Mapping[str, int]) -> str:
    """Return how many images were dropped, in words."""
    total = counts["exact"] + counts["near"]
    return f"{total:,} images ({counts['exact']:,} exact copies, {counts['near']:,} near copies)"


def _rows(rows: Sequence[int]) -> str:
    more = f" and {len(rows) - ROWS:,} more" if len(rows) > ROWS else ""
    return ", ".join(str(row) for row in rows[:ROWS]) + more


def _more(count: int) -> list[RenderableType]:
    return [Text(f"and {count - SHOWN:,} more; --json lists all")] if count > SHOWN else []
