"""Controls of wiring: the same number of connections, placed by less and less of the real rule.

Each takes the connections from P pre to Q post neurons as two index arrays (E,), and returns
others together with ``origin`` (E,): whose synapse count and size each new connection carries, so
that their distributions stay as they are. No pair occurs twice; ``within`` a layer, no neuron
connects to itself. Pure NumPy; the same generator gives the same connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Kind = Callable[[Indices, Indices], Indices]
"""``(pre, post) → kind``: a whole number from 0 for each pair."""

TRADES = 40
"""Rounds of trades; overlap with the real wiring is at chance after about ten."""

BINS = 20
"""Bins of distance, each with as many pairs."""

ALL_PAIRS = 1 << 22
"""Up to so many pairs all are listed and put into random order; beyond, pairs are drawn."""


class Connections(NamedTuple):
    """Connections, ordered by pre, then post; ``origin`` is whose count and size each carries."""

    pre: Indices
    post: Indices
    origin: Indices


def rewired(
    pre: Indices, post: Indices, rng: np.random.Generator, *, within: bool, rounds: int = TRADES
) -> Connections:
    """Keep every neuron's in- and out-degree exactly; destroy who connects to whom.

    Global curveball: in each round pre neurons are paired at random, and each pair swaps, in
    one trade, a random choice of the targets that only one of them has. A trade is a batch of
    edge swaps; the chain's stationary distribution is uniform. Strona et al. 2014,
    doi:10.1038/ncomms5114; Carstens et al. 2018, doi:10.4230/LIPIcs.ESA.2018.11. Within a layer
    targets that are one of the pair stay. Counts and sizes stay with the post neuron, so that
    its number of synapses is kept too.
    """
    pre, post = pre.copy(), post.copy()
    neurons = int(pre.max(initial=0)) + 1
    width = int(post.max(initial=0)) + 1
    partner = np.empty(neurons, np.int64)
    for _ in range(rounds if neurons > 1 else 0):
        order = np.argsort(rng.random(neurons), kind="stable")
        one, other = order[: neurons // 2], order[neurons // 2 : neurons // 2 * 2]
        partner[order[-1]] = order[-1]  # where their number is odd, one waits
        partner[one], partner[other] = other, one
        pair = np.minimum(pre, partner[pre])
        key = pair * width + post
        place = np.argsort(key)  # the order of equals does not matter
        twice = key[place][1:] == key[place][:-1]
        free = np.ones(len(pre), bool)
        free[place[1:][twice]] = free[place[:-1][twice]] = False  # targets of both
        if within:
            free &= post != partner[pre]
        mine = np.flatnonzero(free)
        shuffled = mine[np.argsort(pair[mine] + rng.random(len(mine)), kind="stable")]
        pre[shuffled] = pre[place[free[place]]]  # both pair by pair
    return _ordered(pre, post, np.arange(len(pre)))


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

    ``types`` are the pre (P,) and the post (Q,) neurons' types, numbered from 0.
    """
    rows, columns = types
    width = int(columns.max(initial=0)) + 1
    shape = len(rows), len(columns)
    return placed(pre, post, shape, lambda i, j: rows[i] * width + columns[j], rng, within=within)


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
    return _ordered(*np.divmod(chosen, shape[1]), origin)


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


def _ordered(pre: Indices, post: Indices, origin: Indices) -> Connections:
    order = np.lexsort((post, pre))
    return Connections(pre[order], post[order], origin[order])
