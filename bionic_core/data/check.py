"""What is wrong with a dataset's images, as JSON-ready data: copies, leaks, blank images."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

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
        )

    def count(self, places: Rows, number: int) -> int:
        """Return how many different ones of these images are in a split."""
        return len(np.unique(places[self.split[places] == number]))


def check(
    data: Dataset, *, near: int = NEAR, protocol: Protocol = "honest", split_seed: int = 0
) -> dict[str, Any]:
    """Return the copies, near copies and blank images of the source's own splits.

    Args:
        data: the images.
        near: largest Hamming distance of near copies, of ``BITS``.
        protocol, split_seed: how runs split, which decides what ``drop_leaks`` would take out.

    Returns:
        ``name``, ``fingerprint``, ``images`` {split: count}; then, rows counting from 0 within
        each split and pairs of splits in the order of the source,

        - ``exact``: ``within`` {split: {``surplus``: images less different images, ``groups``:
          of two or more, ``conflicting``: groups with different labels}}; ``between``
          [{``splits``, ``images`` {split: how many of its images also occur in the other},
          ``groups``, ``conflicting``}]; ``groups`` [{``rows`` {split: rows}, ``labels``: class
          names, ``conflicting``}], all of them.
        - ``near``, pairs of different pixels only: ``bits``, ``of``, ``correlation`` (the least);
          ``within`` {split: {``pairs``, ``images``}}; ``between`` [{``splits``, ``pairs``,
          ``images`` {split: count}}]; ``pairs`` [{``splits``, ``rows``, ``bits``,
          ``correlation``}], all of them, one for each two rows.
        - ``blank`` {split: {``images``, ``rows``}}: images of one value.
        - ``leaks`` {``protocol``, ``selected_on``, ``train``: images before dropping, ``exact``,
          ``near``: what ``drop_leaks`` takes out of them with the default distance}.
    """
    pool = Pool.of(data)
    group = identical(pool.images)
    pairs = near_pairs(pool.images, near=near)
    different = group[pairs.first] != group[pairs.second]
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "class_names": list(data.class_names),
        "images": {name: len(part) for name, part in data.splits.items()},
        "exact": _exact(pool, group, data.class_names),
        "near": {"bits": near, "of": BITS, "correlation": CORRELATION}
        | _near(pool, pairs.take(different)),
        "blank": {
            name: {"images": int(rows.sum()), "rows": np.flatnonzero(rows).tolist()}
            for name, rows in ((name, blank(part.images)) for name, part in data.splits.items())
        },
        "leaks": _leaks(data, protocol, split_seed),
    }


def _exact(pool: Pool, group: Rows, class_names: tuple[str, ...]) -> dict[str, Any]:
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    groups = [members for members in np.split(order, ends) if len(members) > 1]
    groups.sort(key=lambda members: int(members[0]))
    numbers = range(len(pool.names))
    return {
        "within": {
            name: _within(pool, [members[pool.split[members] == n] for members in groups])
            for n, name in enumerate(pool.names)
        },
        "between": [
            _between(pool, [m[np.isin(pool.split[m], pair)] for m in groups], pair)
            for pair in combinations(numbers, 2)
        ],
        "groups": [
            {
                "rows": {
                    pool.names[n]: pool.row[members[pool.split[members] == n]].tolist()
                    for n in np.unique(pool.split[members])
                },
                "labels": [class_names[label] for label in np.unique(pool.labels[members])],
                "conflicting": _conflicting(pool, members),
            }
            for members in groups
        ],
    }


def _conflicting(pool: Pool, members: Rows) -> bool:
    return len(np.unique(pool.labels[members])) > 1


def _within(pool: Pool, groups: Iterable[Rows]) -> dict[str, int]:
    groups = [members for members in groups if len(members) > 1]
    return {
        "surplus": sum(len(members) - 1 for members in groups),
        "groups": len(groups),
        "conflicting": sum(_conflicting(pool, members) for members in groups),
    }


def _between(pool: Pool, groups: Iterable[Rows], pair: tuple[int, int]) -> dict[str, Any]:
    groups = [members for members in groups if len(np.unique(pool.split[members])) > 1]
    shared = np.concatenate([np.zeros(0, np.int64), *groups])
    return {
        "splits": [pool.names[n] for n in pair],
        "images": {pool.names[n]: pool.count(shared, n) for n in pair},
        "groups": len(groups),
        "conflicting": sum(_conflicting(pool, members) for members in groups),
    }


def _near(pool: Pool, pairs: Pairs) -> dict[str, Any]:
    one, other = pool.split[pairs.first], pool.split[pairs.second]

    def those(first: int, second: int) -> tuple[int, Rows]:
        chosen = (one == first) & (other == second)
        return int(chosen.sum()), np.concatenate([pairs.first[chosen], pairs.second[chosen]])

    within, between = {}, []
    for n, name in enumerate(pool.names):
        count, places = those(n, n)
        within[name] = {"pairs": count, "images": pool.count(places, n)}
    for pair in combinations(range(len(pool.names)), 2):
        count, places = those(*pair)
        images = {pool.names[n]: pool.count(places, n) for n in pair}
        between.append({"splits": [pool.names[n] for n in pair], "pairs": count, "images": images})
    listed = zip(
        one.tolist(),
        other.tolist(),
        pool.row[pairs.first].tolist(),
        pool.row[pairs.second].tolist(),
        pairs.bits.tolist(),
        pairs.correlation.tolist(),
        strict=True,
    )
    return {
        "within": within,
        "between": between,
        "pairs": [
            {
                "splits": [pool.names[a], pool.names[b]],
                "rows": [i, j],
                "bits": bits,
                "correlation": round(correlation, 4),
            }
            for a, b, i, j, bits, correlation in listed
        ],
    }


def _leaks(data: Dataset, protocol: Protocol, split_seed: int) -> dict[str, Any]:
    parts = split(data, protocol, split_seed)
    exact, near = occurring(parts.train.images, parts.held_out.images)
    return {
        "protocol": protocol,
        "selected_on": parts.selected_on,
        "train": len(parts.train),
        "exact": len(exact),
        "near": len(near),
    }
