"""Data sources: what they hold, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bionic_core.data.check import DataCheck, Leaks
from bionic_core.data.splits import Dropped
from bionic_core.data.summary import DataSummary, SplitCounts
from bionic_core.reports.sections import Block, Points, Section, Table, cells
from bionic_core.reports.words import count, number, whole

SHOWN = 5
"""Findings of each kind that the terminal shows; JSON has all."""

ROWS = 8
"""Rows of one finding that the terminal shows."""

TEST_SELECTED = "test-selected: runs choose their epoch on the test images"


def data(summary: DataSummary) -> Section:
    """Show a data source: images of each class in each split."""
    tables = [
        _classes(f"{summary.name}, {words}", summary.class_names, splits)
        for splits, words in (
            (summary.source_splits, "as the source has it"),
            (summary.splits, "as runs use it"),
        )
        if splits
    ]
    shape = " × ".join(map(str, summary.image))
    lines = [f"images {shape}, fingerprint {summary.fingerprint[:16]}"]
    if summary.dropped is not None:
        lines.append(f"dropped from train as leaks: {dropped(summary.dropped)}")
    if summary.selected_on == "test":
        lines.append(TEST_SELECTED)
    return Section("", (), [*tables, Points(lines)])


def _classes(title: str, names: Sequence[str], splits: Mapping[str, SplitCounts]) -> Table:
    parts = splits.values()
    rows = [cells((name, *(whole(part.classes[name]) for part in parts))) for name in names]
    total = cells(("all", *(whole(part.images) for part in parts)), strong=True)
    return Table(title, ("class", *splits), [*rows, total], ruled=(len(rows),))


def checked(check: DataCheck) -> Section:
    """Show what a data source holds more than once, and its blank images."""
    blocks = [_overview(check), *_copies(check), *_nearly(check)]
    return Section("", (), [*blocks, Points([*_blanks(check), *_advice(check)])])


def _overview(check: DataCheck) -> Table:
    """Return the counts within each split, then of those that also occur in another.

    Exact copies within a split are its images less its different images.
    """
    rows = [
        (
            split,
            whole(images),
            whole(check.exact.within[split].surplus),
            whole(check.near.within[split].images),
            whole(check.blank[split].images),
        )
        for split, images in check.images.items()
    ]
    between = []
    for same, alike in zip(check.exact.between, check.near.between, strict=True):
        first, second = same.splits
        for split, other in ((second, first), (first, second)):
            copies = whole(same.images[split]), whole(alike.images[split])
            between.append((f"{split} in {other}", "", *copies, ""))
    columns = ("in", "images", "exact copies", "near copies", "blank")
    return Table(check.name, columns, [*map(cells, rows), *between], ruled=(len(rows),))


def _copies(check: DataCheck) -> Iterator[Block]:
    """Give the groups of identical images, those that are labelled differently first."""
    groups = sorted(check.exact.groups, key=lambda group: not group.conflicting)
    if not groups:
        return
    conflicting = sum(group.conflicting for group in groups)
    title = f"{count(len(groups))} groups of identical images, {count(conflicting)} of them "
    rows = [
        (
            ", ".join(group.labels),
            "; ".join(f"{split} {_rows(rows)}" for split, rows in group.rows.items()),
        )
        for group in groups[:SHOWN]
    ]
    yield Table(
        f"{title}labelled differently", ("labels", "rows"), rows, words=(1,), note=_more(groups)
    )


def _nearly(check: DataCheck) -> Iterator[Block]:
    """Give the pairs of near copies, those between splits first."""
    near = check.near
    pairs = sorted(near.pairs, key=lambda pair: len(set(pair.splits)) == 1)
    if not pairs:
        return
    title = (
        f"{count(len(pairs))} pairs of near copies: at most {near.bits} of {near.of} bits of "
        f"their perceptual hashes differ, and pixels correlate by {near.correlation} or more"
    )
    rows = []
    for pair in pairs[:SHOWN]:
        places = zip(pair.splits, pair.rows, strict=True)
        where = " ~ ".join(f"{split} {row}" for split, row in places)
        rows.append((where, whole(pair.bits), number(pair.correlation, 3)))
    yield Table(title, ("rows", "bits", "correlation"), rows, note=_more(pairs))


def _blanks(check: DataCheck) -> Iterator[str]:
    for split, found in check.blank.items():
        if found.images:
            yield f"blank images in {split}: rows {_rows(found.rows)}"


def _advice(check: DataCheck) -> Iterator[str]:
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
