"""Controls of wiring: the same number of connections, placed by less and less of the real rule.

Each takes the connections from P pre to Q post neurons as two index arrays (E,), and returns
others together with ``origin`` (E,): whose synapse count and size each new connection carries, so
that their distributions stay as they are. No pair occurs twice; ``within`` a layer, no neuron
connects to itself. Pure NumPy; the same generator gives the same connections. Those that keep
degrees are made in :mod:`bionic_plugins.mechanisms.switching`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bionic_plugins.mechanisms.reciprocity import reciprocal
from bionic_plugins.mechanisms.switching import Connections, Mixing, mixed, ordered, rewired

__all__ = ["Connections", "Mixing", "by_distance", "mixed", "placed", "reciprocal", "rewired"]
__all__ += ["type_shuffled", "uniform"]

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Kind = Callable[[Indices, Indices], Indices]
"""``(pre, post) → kind``: a whole number from 0 for each pair."""

BINS = 20
"""Bins of distance, each with as many pairs."""

ALL_PAIRS = 1 << 22
"""Up to so many pairs all are listed and put into random order; beyond, pairs are drawn."""


def uniform(
    pre: Indices, post: Indices, shape: tuple[int, int], rng: np.random.Generator, *, within: bool
) -> Connections:
    """Keep the number of connections; destroy all else."""
    return placed(pre, post, shape, lambda one, other: np.zeros_like(one), rng, within=within)


def type_shuffled(
    pre: Indices,
    post: Indices,
    types: tuple[Indices, Indices],
    rng: np.random.Generator,
    *,
    within: bool,
) -> Connections:
    """Keep the number of connections from each cell type to each; destroy degrees and place.

    ``types`` are the pre (P,) and the post (Q,) neurons' types, numbered from 0. Of each pair of
    types as many pairs of neurons are drawn as it has connections, without replacement; where it
    has more than half of all, those that it has not. The time is linear in the connections,
    however many types there are. Counts and sizes stay with the pair of types.
    """
    rows, columns = types
    width = int(columns.max(initial=0)) + 1
    kind, number = np.unique(rows[pre] * width + columns[post], return_inverse=True)
    row, column = np.divmod(kind, width)
    members = [_members(side, width) for side in (rows, columns)]
    (_, first, size), (_, first_post, size_post) = members
    place = first[row], first_post[column]
    high, wide = size[row], size_post[column]
    # Within a layer a type's neurons do not connect to themselves: one column less.
    own = (row == column) if within else np.zeros(len(kind), bool)
    across = wide - own
    quota, room = np.bincount(number, minlength=len(kind)), high * across
    scarce = quota > room // 2
    few = np.where(scarce, room - quota, quota)
    of, cell = _distinct(few, room, rng)
    if scarce.any():
        there = np.repeat(np.flatnonzero(scarce), room[scarce])
        begun = np.cumsum(room[scarce]) - room[scarce]
        each = np.arange(len(there)) - np.repeat(begun, room[scarce])
        base = np.cumsum(room) - room  # one number for each pair of neurons
        left_out = scarce[of]
        free = ~np.isin(base[there] + each, base[of[left_out]] + cell[left_out])
        of = np.concatenate([of[~left_out], there[free]])
        cell = np.concatenate([cell[~left_out], each[free]])
    down, along = np.divmod(cell, across[of])
    along += own[of] & (along >= down)
    found = members[0][0][place[0][of] + down], members[1][0][place[1][of] + along]
    origin = np.empty(len(pre), np.int64)
    origin[np.argsort(of, kind="stable")] = np.argsort(number + rng.random(len(pre)))
    return ordered(*found, origin)


def _members(types: Indices, width: int) -> tuple[Indices, Indices, Indices]:
    """Return neurons by type, and where each type begins and how many neurons it has."""
    size = np.bincount(types, minlength=width)
    return np.argsort(types, kind="stable"), np.cumsum(size) - size, size


def _distinct(quota: Indices, room: Indices, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Draw for each kind its quota of distinct cells below ``room``, at most half of them.

    Returns the kind and the cell of each. What was drawn before is drawn anew: every set of cells
    of the right size is as likely as any other.
    """
    base = np.cumsum(room) - room
    kept = np.empty(0, np.int64)
    missing = np.repeat(np.arange(len(quota)), quota)
    while len(missing):
        drawn = base[missing] + (rng.random(len(missing)) * room[missing]).astype(np.int64)
        drawn, first = np.unique(drawn, return_index=True)
        new = ~np.isin(drawn, kept)
        kept = np.concatenate([kept, drawn[new]])
        done = np.zeros(len(missing), bool)
        done[first[new]] = True
        missing = missing[~done]
    kind = np.searchsorted(base, kept, side="right") - 1
    return kind, kept - base[kind]


def by_distance(
    pre: Indices,
    post: Indices,
    positions: tuple[Floats, Floats],
    rng: np.random.Generator,
    *,
    within: bool,
) -> Connections:
    """Keep the number of connections at each distance between somata; destroy all else.

    ``positions`` are those of the pre (P, 3) and post (Q, 3) somata. Distances are Euclidean, in
    BINS bins that hold equally many pairs.
    """
    rows, columns = positions
    shape = len(rows), len(columns)

    def distance(one: Indices, other: Indices) -> Floats:
        found: Floats = np.linalg.norm(rows[one] - columns[other], axis=1)
        return found

    pairs = shape[0] * shape[1]
    some = np.arange(pairs)
    if pairs > ALL_PAIRS:
        some = _below(pairs, ALL_PAIRS // 4, rng)
    edges = np.quantile(distance(*np.divmod(some, shape[1])), np.linspace(0, 1, BINS + 1)[1:-1])
    return placed(
        pre, post, shape, lambda i, j: np.searchsorted(edges, distance(i, j)), rng, within=within
    )


def placed(
    pre: Indices,
    post: Indices,
    shape: tuple[int, int],
    kind: Kind,
    rng: np.random.Generator,
    *,
    within: bool,
) -> Connections:
    """Keep the number of connections of each kind of pair; place them uniformly among its pairs.

    Counts and sizes stay with the kind.
    """
    kinds = kind(pre, post)
    origin = np.argsort(kinds, kind="stable")
    quota = np.bincount(kinds)
    if shape[0] * shape[1] <= ALL_PAIRS:
        pairs = np.argsort(rng.random(shape[0] * shape[1]), kind="stable")
        chosen = _first(pairs, quota, shape, kind, within)
    else:
        chosen = np.empty(0, np.int64)
        while len(chosen) < len(pre):
            more = np.concatenate([chosen, _below(shape[0] * shape[1], 4 * len(pre), rng)])
            _, place = np.unique(more, return_index=True)
            chosen = _first(more[np.sort(place)], quota, shape, kind, within)
    return ordered(*np.divmod(chosen, shape[1]), origin)


def _first(
    pairs: Indices, quota: Indices, shape: tuple[int, int], kind: Kind, within: bool
) -> Indices:
    """Return the first pairs of each kind up to its quota, kind by kind."""
    pre, post = np.divmod(pairs, shape[1])
    if within:
        pairs, pre, post = pairs[pre != post], pre[pre != post], post[pre != post]
    kinds = kind(pre, post)
    pairs, kinds = pairs[kinds < len(quota)], kinds[kinds < len(quota)]
    order = np.argsort(kinds, kind="stable")
    numbers = np.bincount(kinds, minlength=len(quota))
    rank = np.arange(len(pairs)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    return pairs[order][rank < np.repeat(quota, numbers)]


def _below(most: int, count: int, rng: np.random.Generator) -> Indices:
    """Return whole numbers uniform in [0, most)."""
    return np.minimum((rng.random(count) * most).astype(np.int64), most - 1)
