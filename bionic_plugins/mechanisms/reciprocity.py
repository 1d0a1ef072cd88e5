"""Rewiring within a layer that keeps degrees and reciprocity: mutual and single connections apart.

Every neuron keeps its number of mutual partners, and of connections that only go out and only come
in. What is proposed does not depend on the graph, and is as likely to be taken back, so that the
uniform distribution over such graphs stays. Switches of two connections alone do not reach them
all: a directed cycle of four neurons without other connections stays as it is, since each swap
would make a pair mutual. So groups of up to GROUP connections, mutual and single ones together,
exchange their ends at once. Graphs of up to GROUP connections are all reached; of larger ones it is
not proved that none needs more at once.
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

GROUP = 8
"""The most connections that exchange their ends at once; a mutual pair counts as one."""


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
        _exchange((a, b), (u, v), into_u, width, rng)
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


def _exchange(
    single: tuple[Indices, Indices],
    mutual: tuple[Indices, Indices],
    along: Indices,
    width: int,
    rng: np.random.Generator,
) -> None:
    """Have groups of 3 to GROUP connections permute their pre neurons, each kind apart, in place.

    A group does so if all its pairs are then different, and none of its old and new ones is an old
    or new one of another group. That is the same seen from behind, so that the uniform distribution
    stays. What a group left may be taken by itself: a triangle turns round, a cycle takes another
    way.

    Args:
        single, mutual: pre and post of each connection; of a mutual pair its two neurons.
        along: what else goes with the first neuron of a mutual pair.
        width: more than any neuron's number.
        rng: what all is drawn from.
    """
    number = len(single[0])
    pre, post = (np.concatenate(sides) for sides in zip(single, mutual, strict=True))
    size = min(int(rng.integers(3, GROUP + 1)), len(pre))
    order = rng.permutation(len(pre))
    group = order[: len(pre) // size * size].reshape(-1, size)
    kind = (group >= number).astype(float)
    place = np.take_along_axis(group, np.argsort(kind, axis=1, kind="stable"), 1)
    taken = np.take_along_axis(group, np.argsort(kind + rng.random(kind.shape), axis=1), 1)
    old = words(pre[place], post[place], width, either=True)
    new = words(pre[taken], post[place], width, either=True)
    bad = (pre[taken] == post[place]).any(1)
    for side in (old, new):
        ordered_words = np.sort(side, axis=1)
        bad |= (ordered_words[:, 1:] == ordered_words[:, :-1]).any(1)
    both = np.sort(np.concatenate([old, new], axis=1), axis=1)
    once = np.ones(both.shape, bool)
    once[:, 1:] = both[:, 1:] != both[:, :-1]
    waits = order[group.size :]
    everything = np.sort(
        np.concatenate([both[once], words(pre[waits], post[waits], width, either=True)])
    )
    twice = everything[1:][everything[1:] == everything[:-1]]
    bad |= among(both.ravel(), twice).reshape(both.shape).any(1)
    place, taken = place[~bad].ravel(), taken[~bad].ravel()
    ends = np.concatenate([single[0], mutual[0]])
    ends[place] = pre[taken]
    carried = np.concatenate([np.zeros(number, np.int64), along])
    carried[place] = carried[taken]
    single[0][:], mutual[0][:], along[:] = ends[:number], ends[number:], carried[number:]
