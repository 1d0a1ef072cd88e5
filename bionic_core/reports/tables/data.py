"""Data sources: what they hold, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bionic_core.data.check import DataCheck, Leaks
from bionic_core.data.splits import Dropped
from bionic_core.data.summary import DataSummary, SplitCounts
from bionic_core.reports.sections import Block, Cell, Points, Section, Table, cells
from bionic_core.reports.words import count, numeric, sides, whole

SHOWN = 5
"""Findings of each kind that the terminal shows; JSON has all."""

ROWS = 8
"""Rows of one finding that the terminal shows."""

TEST_SELECTED = "test-selected: runs choose their epoch on the test images"


def data(summary: DataSummary) -> Section:
    """Show a data source: images of each class in each split."""
    tables = [_classes(summary, summary.source_splits, "as the source has it")]
    if summary.splits:
        tables.append(_classes(summary, summary.splits, "as runs use it"))
    lines = [f"images {sides(summary.image)}, fingerprint {summary.fingerprint[:16]}"]
    if summary.dropped is not None:
        lines.append(f"dropped from train as leaks: {dropped(summary.dropped)}")
    if summary.selected_on == "test":
        lines.append(TEST_SELECTED)
    return Section("", (), [*tables, Points(lines)])


def _classes(summary: DataSummary, splits: Mapping[str, SplitCounts], words: str) -> Table:
    parts, names = splits.values(), summary.class_names
    rows = [cells((name, *(whole(part.classes[name]) for part in parts))) for name in names]
    rows.append(cells(("all", *(whole(part.images) for part in parts)), strong=True))
    return Table(f"{summary.name}, {words}", ("class", *splits), rows, ruled=(len(names),))


def checked(check: DataCheck) -> Section:
    """Show what a data source holds more than once, and its blank images."""
    tables = [_overview(check), _copies(check), _nearly(check)]
    blocks: list[Block] = [table for table in tables if table.rows]
    return Section("", (), [*blocks, Points(list(_lines(check)))])


def _overview(check: DataCheck) -> Table:
    """Return the counts within each split, then of those that also occur in another.

    Exact copies within a split are its images less its different images.
    """
    rows: list[tuple[Cell | str, ...]] = []
    for split, images in check.images.items():
        copies, near = check.exact.within[split].surplus, check.near.within[split].images
        rows.append((split, *map(whole, (images, copies, near, check.blank[split].images))))
    for same, alike in zip(check.exact.between, check.near.between, strict=True):
        for split, other in (same.splits[::-1], same.splits):
            between = whole(same.images[split]), whole(alike.images[split])
            rows.append((f"{split} in {other}", "", *between, ""))
    columns = ("in", "images", "exact copies", "near copies", "blank")
    return Table(check.name, columns, rows, ruled=(len(check.images),))


def _copies(check: DataCheck) -> Table:
    """Show the groups of identical images, those that are labelled differently first."""
    groups = sorted(check.exact.groups, key=lambda group: not group.conflicting)
    conflicting = count(sum(group.conflicting for group in groups))
    title = f"{count(len(groups))} groups of identical images, {conflicting} of them "
    title += "labelled differently"
    rows = []
    for group in groups[:SHOWN]:
        places = (f"{split} {_rows(rows)}" for split, rows in group.rows.items())
        rows.append((", ".join(group.labels), "; ".join(places)))
    return Table(title, ("labels", "rows"), rows, words=(1,), note=_more(groups))


def _nearly(check: DataCheck) -> Table:
    """Show the pairs of near copies, those between splits first."""
    near = check.near
    pairs = sorted(near.pairs, key=lambda pair: len(set(pair.splits)) == 1)
    title = (
        f"{count(len(pairs))} pairs of near copies: at most {near.bits} of {near.of} bits of "
        f"their perceptual hashes differ, and pixels correlate by {near.correlation} or more"
    )
    rows = []
    for pair in pairs[:SHOWN]:
        places = zip(pair.splits, pair.rows, strict=True)
        where = " ~ ".join(f"{split} {row}" for split, row in places)
        rows.append((where, whole(pair.bits), numeric(pair.correlation, 3)))
    return Table(title, ("rows", "bits", "correlation"), rows, note=_more(pairs))


def _lines(check: DataCheck) -> Iterator[str]:
    """Give the rows of blank images, then what to do about leaks."""
    for split, found in check.blank.items():
        if found.images:
            yield f"blank images in {split}: rows {_rows(found.rows)}"
    leaks = check.leaks
    yield f"rows count from 0 within each split; fingerprint {check.fingerprint[:16]}"
    if leaks.exact + leaks.near:
        yield (
            f"with protocol {leaks.protocol}, [data] drop_leaks = true takes {dropped(leaks)} "
            f"of {count(leaks.train)} out of train"
        )
    else:
        yield f"with protocol {leaks.protocol}, nothing in train occurs outside it"
    if leaks.selected_on == "test":
        yield TEST_SELECTED


def dropped(counts: Dropped | Leaks) -> str:
    """Return how many images were dropped, in words."""
    exact, near = counts.exact, counts.near
    return f"{count(exact + near)} images ({count(exact)} exact copies, {count(near)} near copies)"


def _rows(rows: Sequence[int]) -> str:
    more = f" and {count(len(rows) - ROWS)} more" if len(rows) > ROWS else ""
    return ", ".join(map(str, rows[:ROWS])) + more


def _more(found: Sequence[object]) -> str:
    return f"and {count(len(found) - SHOWN)} more; --json lists all" if len(found) > SHOWN else ""
