"""Data sources: what they hold, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bionic_core.data.check import DataCheck, Group, Leaks, NearPair
from bionic_core.data.splits import Dropped
from bionic_core.data.summary import DataSummary, SplitCounts
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Cell, Columns, Points, Section, Table, cells
from bionic_core.reports.words import count, numeric, sides, whole

SHOWN, ROWS = 5, 8
"""Findings of each kind, and rows of one finding, that the terminal shows; JSON has all."""

TEST_SELECTED = "test-selected: runs choose their epoch on the test images"


def data(summary: DataSummary) -> Section:
    """Show a data source: images of each class in each split."""
    tables = [_classes(summary, summary.source_splits, "as the source has it")]
    if summary.splits:
        tables.append(_classes(summary, summary.splits, "as runs use it"))
    lines = [f"images {sides(summary.image)}, fingerprint {summary.fingerprint[:16]}"]
    if summary.dropped is not None:
        lines.append(f"dropped from train as leaks: {dropped(summary.dropped)}")
    lines += [TEST_SELECTED] if summary.selected_on == "test" else []
    return Section("", (), [*tables, Points(lines)])


def _classes(summary: DataSummary, splits: Mapping[str, SplitCounts], words: str) -> Table:
    parts, names = splits.values(), summary.class_names
    rows = [cells((name, *(whole(part.classes[name]) for part in parts))) for name in names]
    rows.append(cells(("all", *(whole(part.images) for part in parts)), strong=True))
    return Table(f"{summary.name}, {words}", ("class", *splits), rows, ruled=(len(names),))


GROUPS: Columns[Group] = {
    "labels": lambda group: ", ".join(group.labels),
    "images": lambda group: "; ".join(
        f"{name} {_rows(n)}" for name, n in (group.files or group.rows).items()
    ),
}
PAIRS: Columns[NearPair] = {
    "images": lambda pair: " ~ ".join(map("{} {}".format, pair.splits, pair.files or pair.rows)),
    "bits": lambda pair: whole(pair.bits),
    "correlation": lambda pair: numeric(pair.correlation, 3),
}


def checked(check: DataCheck) -> Section:
    """Show what a data source holds more than once, and its blank images."""
    groups = sorted(check.exact.groups, key=lambda group: not group.conflicting)
    pairs = sorted(check.near.pairs, key=lambda pair: len(set(pair.splits)) == 1)
    odd, many = count(sum(group.conflicting for group in groups)), count(len(groups))
    copies, nearly = said("copies", exact=many, odd=odd, near=count(len(pairs)), check=check.near)
    tables = [
        _overview(check),
        Table.of(copies, GROUPS, groups[:SHOWN], words=(1,), note=_more(groups)),
        Table.of(nearly, PAIRS, pairs[:SHOWN], note=_more(pairs)),
    ]
    return Section("", (), [*(t for t in tables if t.rows), Points(list(_lines(check)))])


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


def _lines(check: DataCheck) -> Iterator[str]:
    """Give the rows of blank images, then what to do about leaks."""
    for split, found in check.blank.items():
        if found.images:
            yield f"blank images in {split}: {_rows(found.files) or f'rows {_rows(found.rows)}'}"
    leaks = check.leaks
    yield f"rows count from 0 within each split; fingerprint {check.fingerprint[:16]}"
    none, train = leaks.exact + leaks.near == 0, count(leaks.train)
    yield from said("leaks", leaks=leaks, taken=not none and dropped(leaks), none=none, train=train)
    if leaks.selected_on == "test":
        yield TEST_SELECTED


def dropped(counts: Dropped | Leaks) -> str:
    """Return how many images were dropped, in words."""
    exact, near = counts.exact, counts.near
    return f"{count(exact + near)} images ({count(exact)} exact copies, {count(near)} near copies)"


def _rows(rows: Sequence[object]) -> str:
    more = f" and {count(len(rows) - ROWS)} more" if len(rows) > ROWS else ""
    return ", ".join(map(str, rows[:ROWS])) + more


def _more(found: Sequence[object]) -> str:
    return f"and {count(len(found) - SHOWN)} more; --json lists all" if len(found) > SHOWN else ""
