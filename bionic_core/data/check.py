"""What is wrong with a dataset's images: copies, leaks, blank images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.data.duplicates import (
    BITS,
    CORRELATION,
    NEAR,
    Pairs,
    blank,
    identical,
    near_pairs,
    occurring,
)
from bionic_core.data.splits import split
from bionic_core.dataset import Dataset, Protocol

Rows = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Pool:
    """All images of a dataset in one array, each with the split and the row that it came from."""

    names: tuple[str, ...]
    images: npt.NDArray[np.uint8]
    labels: Rows
    split: Rows
    row: Rows
    files: Mapping[str, npt.NDArray[np.str_] | None]

    @classmethod
    def of(cls, data: Dataset) -> Pool:
        """Return the images of the source's own splits, one after the other."""
        parts = list(data.splits.values())
        return cls(
            tuple(data.splits),
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
            np.concatenate([np.arange(len(part)) for part in parts]),
            {name: part.files for name, part in data.splits.items()},
        )

    def file(self, split: str, row: int) -> str:
        """Return the file of a row of a split, or nothing where it has none of its own."""
        files = self.files[split]
        return "" if files is None else str(files[row])

    def named(self, pair: tuple[int, int]) -> tuple[str, str]:
        """Return the names of two splits."""
        return self.names[pair[0]], self.names[pair[1]]

    def count(self, places: Rows, number: int) -> int:
        """Return how many different ones of these images are in a split."""
        return len(np.unique(places[self.split[places] == number]))


@attrs.frozen
class Copies:
    """Identical images within a split.

    Attributes:
        surplus: images less different images.
        groups: of two or more.
        conflicting: groups with different labels.
    """

    surplus: int
    groups: int
    conflicting: int


@attrs.frozen
class CopiesBetween:
    """Identical images of two splits; ``images`` counts those of each that the other has too."""

    splits: tuple[str, str]
    images: Mapping[str, int]
    groups: int
    conflicting: int


@attrs.frozen
class Group:
    """Identical images: their rows by split, the names of their classes, whether these differ.

    ``files`` are theirs, by split; empty where the source has no file for each image.
    """

    rows: Mapping[str, Sequence[int]]
    labels: Sequence[str]
    conflicting: bool
    files: Mapping[str, Sequence[str]] = attrs.field(factory=dict)


@attrs.frozen
class Exact:
    """Identical images: within each split, between each two, and all groups of them."""

    within: Mapping[str, Copies]
    between: Sequence[CopiesBetween]
    groups: Sequence[Group]


@attrs.frozen
class NearCopies:
    """Pairs of near copies within a split, and how many of its images are in one."""

    pairs: int
    images: int


@attrs.frozen
class NearBetween:
    """Pairs of near copies between two splits, and how many images of each are in one."""

    splits: tuple[str, str]
    pairs: int
    images: Mapping[str, int]


@attrs.frozen
class NearPair:
    """Two near copies: where they are, the bits that differ, and how their pixels correlate.

    ``files`` are theirs, or empty where the source has no file for each image.
    """

    splits: tuple[str, str]
    rows: tuple[int, int]
    bits: int
    correlation: float
    files: tuple[str, str] | tuple[()] = ()


@attrs.frozen
class Near:
    """Near copies, of different pixels only; all pairs, one for each two rows.

    Attributes:
        bits: that may differ, of ``of``.
        correlation: the least.
    """

    bits: int
    of: int
    correlation: float
    within: Mapping[str, NearCopies]
    between: Sequence[NearBetween]
    pairs: Sequence[NearPair]


@attrs.frozen
class Blank:
    """Images of one value; ``files`` are empty where the source has none for each image."""

    images: int
    rows: Sequence[int]
    files: Sequence[str] = ()


@attrs.frozen
class Leaks:
    """What ``drop_leaks`` takes out of ``train`` images, with the default distance."""

    protocol: str
    selected_on: str
    train: int
    exact: int
    near: int


@attrs.frozen
class DataCheck:
    """Copies, near copies and blank images of a source's own splits.

    Rows count from 0 within each split; pairs of splits are in the order of the source.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    images: Mapping[str, int]
    exact: Exact
    near: Near
    blank: Mapping[str, Blank]
    leaks: Leaks


def check(
    data: Dataset, *, near: int = NEAR, protocol: Protocol = "honest", split_seed: int = 0
) -> DataCheck:
    """Return the copies, near copies and blank images of the source's own splits.

    Args:
        data: the images.
        near: largest Hamming distance of near copies, of ``BITS``.
        protocol, split_seed: how runs split, which decides what ``drop_leaks`` would take out.
    """
    pool = Pool.of(data)
    group = identical(pool.images)
    pairs = near_pairs(pool.images, near=near)
    different = group[pairs.first] != group[pairs.second]
    return DataCheck(
        name=data.name,
        fingerprint=data.fingerprint,
        class_names=tuple(data.class_names),
        images={name: len(part) for name, part in data.splits.items()},
        exact=_exact(pool, group, data.class_names),
        near=_near(pool, pairs.take(different), near),
        blank={
            name: _blank(pool, name, np.flatnonzero(blank(part.images)).tolist())
            for name, part in data.splits.items()
        },
        leaks=_leaks(data, protocol, split_seed),
    )


def _blank(pool: Pool, split: str, rows: list[int]) -> Blank:
    return Blank(len(rows), rows, [file for row in rows if (file := pool.file(split, row))])


def _exact(pool: Pool, group: Rows, class_names: tuple[str, ...]) -> Exact:
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    groups = [members for members in np.split(order, ends) if len(members) > 1]
    groups.sort(key=lambda members: int(members[0]))
    numbers = range(len(pool.names))
    return Exact(
        within={
            name: _within(pool, [members[pool.split[members] == n] for members in groups])
            for n, name in enumerate(pool.names)
        },
        between=[
            _between(pool, [m[np.isin(pool.split[m], pair)] for m in groups], pair)
            for pair in combinations(numbers, 2)
        ],
        groups=[_group(pool, members, class_names) for members in groups],
    )


def _group(pool: Pool, members: Rows, class_names: tuple[str, ...]) -> Group:
    rows = {
        pool.names[n]: pool.row[members[pool.split[members] == n]].tolist()
        for n in np.unique(pool.split[members])
    }
    files = {split: [pool.file(split, row) for row in found] for split, found in rows.items()}
    return Group(
        rows=rows,
        labels=[class_names[label] for label in np.unique(pool.labels[members])],
        conflicting=_conflicting(pool, members),
        files=files if all(name for found in files.values() for name in found) else {},
    )


def _conflicting(pool: Pool, members: Rows) -> bool:
    return len(np.unique(pool.labels[members])) > 1


def _within(pool: Pool, groups: Iterable[Rows]) -> Copies:
    groups = [members for members in groups if len(members) > 1]
    return Copies(
        surplus=sum(len(members) - 1 for members in groups),
        groups=len(groups),
        conflicting=sum(_conflicting(pool, members) for members in groups),
    )


def _between(pool: Pool, groups: Iterable[Rows], pair: tuple[int, int]) -> CopiesBetween:
    groups = [members for members in groups if len(np.unique(pool.split[members])) > 1]
    shared = np.concatenate([np.zeros(0, np.int64), *groups])
    return CopiesBetween(
        splits=pool.named(pair),
        images={pool.names[n]: pool.count(shared, n) for n in pair},
        groups=len(groups),
        conflicting=sum(_conflicting(pool, members) for members in groups),
    )


def _near(pool: Pool, pairs: Pairs, bits: int) -> Near:
    one, other = pool.split[pairs.first], pool.split[pairs.second]

    def those(first: int, second: int) -> tuple[int, Rows]:
        chosen = (one == first) & (other == second)
        return int(chosen.sum()), np.concatenate([pairs.first[chosen], pairs.second[chosen]])

    within, between = {}, []
    for n, name in enumerate(pool.names):
        count, places = those(n, n)
        within[name] = NearCopies(count, pool.count(places, n))
    for pair in combinations(range(len(pool.names)), 2):
        count, places = those(*pair)
        images = {pool.names[n]: pool.count(places, n) for n in pair}
        between.append(NearBetween(pool.named(pair), count, images))

    def files(a: int, b: int, i: int, j: int) -> tuple[str, str] | tuple[()]:
        first, second = pool.file(pool.names[a], i), pool.file(pool.names[b], j)
        return (first, second) if first and second else ()

    listed = zip(
        one.tolist(),
        other.tolist(),
        pool.row[pairs.first].tolist(),
        pool.row[pairs.second].tolist(),
        pairs.bits.tolist(),
        pairs.correlation.tolist(),
        strict=True,
    )
    return Near(
        bits=bits,
        of=BITS,
        correlation=CORRELATION,
        within=within,
        between=between,
        pairs=[
            NearPair(
                pool.named((a, b)), (i, j), differing, round(correlation, 4), files(a, b, i, j)
            )
            for a, b, i, j, differing, correlation in listed
        ],
    )


def _leaks(data: Dataset, protocol: Protocol, split_seed: int) -> Leaks:
    parts = split(data, protocol, split_seed)
    exact, near = occurring(parts.train.images, parts.held_out.images)
    return Leaks(protocol, parts.selected_on, len(parts.train), len(exact), len(near))
