"""Rewiring within a layer that keeps degrees and reciprocity: mutual and single connections apart.

Every neuron keeps its number of mutual partners, and of connections that only go out and only come
in. The rounds are those of :mod:`bionic_plugins.mechanisms.switching`: what is proposed does not
depend on the graph, and is as likely to be taken back, so that the uniform distribution stays.
They do not reach every such graph: a directed cycle of four neurons that have no other connections
stays as it is. In graphs with degrees that differ such cycles are rare.
"""

from __future__ import annotations

import numpy as np

from bionic_plugins.mechanisms.switching import (
    MOST,
    SMALL,
    Connections,
    Indices,
    Mixing,
    Watch,
    among,
    ordered,
    sorting,
    switch,
    turn_triples,
    words,
)

LEAST = 8
"""Rounds at least, since they begin at the real wiring."""


def reciprocal(
    pre: Indices, post: Indices, rng: np.random.Generator, *, rounds: int | None = None
) -> tuple[Connections, Mixing]:
    """Keep in- and out-degrees and which share of them is mutual; destroy who connects to whom.

    For a layer with itself. Counts and sizes stay with the post neuron.

    Args:
        pre, post: the connections, no pair twice, no neuron with itself.
        rng: what all is drawn from.
        rounds: exactly so many; until the overlap with the real wiring has settled if None.
    """
    width = int(max(pre.max(initial=0), post.max(initial=0))) + 1
    single, first, second = _parts(pre, post, width)
    a, b = pre[single], post[single]
    u, v = pre[first], post[first]
    into_u, into_v = second, first.copy()  # whose count each end carries
    watch = Watch(pre, post, width, rng)

    def now() -> tuple[Indices, Indices]:
        return np.concatenate([a, u, v]), np.concatenate([b, v, u])

    watch.look(*now())
    least, done = max(LEAST, min(30, SMALL // max(len(pre), 1))), 0
    while done < (MOST if rounds is None else rounds) and len(pre) > 1:
        mutual = words(u, v, width, either=True)
        switch(a, b, width, rng, within=True, either=True, others=mutual)
        flip = np.flatnonzero(rng.random(len(u)) < 0.5)
        for one, other in ((u, v), (into_u, into_v)):
            one[flip], other[flip] = other[flip], one[flip]
        alone = words(a, b, width, either=True)
        switch(u, v, width, rng, within=True, either=True, others=alone, along=(into_u,))
        _turn(a, b, u, v, width, rng)
        watch.look(*now())
        done += 1
        if rounds is None and done >= least and watch.settled:
            break
    posts, origin = np.concatenate([b, v, u]), np.concatenate([single, into_v, into_u])
    return ordered(now()[0], posts, origin), watch.mixing(repaired=False)


def _parts(pre: Indices, post: Indices, width: int) -> tuple[Indices, Indices, Indices]:
    """Return the single connections, and the two of each mutual pair, as places."""
    key, back = pre * width + post, post * width + pre
    order = sorting(key)
    mutual = among(back, key[order])
    first = np.flatnonzero(mutual & (pre < post))
    second = order[np.searchsorted(key[order], back[first])] if len(first) else first.copy()
    return np.flatnonzero(~mutual), first, second


def _turn(
    a: Indices, b: Indices, u: Indices, v: Indices, width: int, rng: np.random.Generator
) -> None:
    """Turn directed triangles of single connections round, in place.

    Of a random partition of the neurons into triples, and of the triples that are alone with
    their degrees.
    """
    out, into, both = (
        np.bincount(side, minlength=width) for side in (a, b, np.concatenate([u, v]))
    )
    key = (out * (into.max(initial=0) + 1) + into) * (both.max(initial=0) + 1) + both
    _, kind, size = np.unique(key, return_inverse=True, return_counts=True)
    for triple in (rng.permutation(width) // 3, np.where(size[kind] == 3, kind, -1)):
        inside = np.flatnonzero((triple[a] == triple[b]) & (triple[a] >= 0))
        mixed = triple[u[(triple[u] == triple[v]) & (triple[u] >= 0)]]
        inside = inside[~np.isin(triple[a[inside]], mixed)]  # a mutual pair lies in the triple
        turn_triples(a, b, inside, triple, rng)
