"""Rewiring at fixed degrees: every neuron's in- and out-degree stays, its partners do not.

Connections are two index arrays (E,). All that is done here is done to a whole round of
connections at a time, and each kind of round leaves the uniform distribution over all simple graphs
of these degrees as it is: whatever is proposed does not depend on the graph, and is as likely to be
taken back. Pure NumPy; the same generator gives the same connections.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]

ROUNDS = 3
"""Rounds at least; of small graphs, which take no time, as many as go through SMALL connections."""

MOST = 200
"""Rounds at most; what has not settled then is said."""

SMALL = 1 << 17
"""Connections that are looked up after each round, and up to which trades go with the switches."""

DENSE = 0.05
"""Share of all pairs from which on trades go with the switches: there many switches clash."""

ATTEMPTS = 60
"""How often a clash is tried to be repaired; where one is left, the start is the real wiring."""

HUBS = 0.01
"""Share of neurons, those of most connections, whose overlap must settle by itself."""

TABLE = 1 << 16
"""Least size of the table by which pairs that occur twice are told."""


class Connections(NamedTuple):
    """Connections, ordered by pre, then post; ``origin`` is whose count and size each carries."""

    pre: Indices
    post: Indices
    origin: Indices


class Mixing(NamedTuple):
    """How a rewiring went.

    Attributes:
        overlap: the share of connections that the real wiring has too, after each round; the
            first is that of the start.
        hubs: the same of the connections from or to the neurons of most connections.
        settled: whether both fell no further in the last rounds.
        repaired: whether it began with permuted targets, not with the real wiring.
    """

    overlap: tuple[float, ...]
    hubs: tuple[float, ...]
    settled: bool
    repaired: bool


def rewired(
    pre: Indices,
    post: Indices,
    rng: np.random.Generator,
    *,
    within: bool,
    rounds: int | None = None,
) -> Connections:
    """Keep every neuron's in- and out-degree exactly; destroy who connects to whom.

    Returns what :func:`mixed` does, less how it went.
    """
    return mixed(pre, post, rng, within=within, rounds=rounds)[0]


def mixed(
    pre: Indices,
    post: Indices,
    rng: np.random.Generator,
    *,
    within: bool,
    rounds: int | None = None,
) -> tuple[Connections, Mixing]:
    """Rewire at fixed degrees until the overlap with the real wiring has settled.

    All targets are permuted at once, and what clashes (a pair that is there already, a neuron with
    itself) trades its target with a connection drawn at random. Where a clash is left, as in dense
    graphs, the real wiring is the start. Either is then mixed by rounds of :func:`switch`, in small
    and dense graphs of :func:`trade` too, since a permutation repaired is not uniform: hubs are too
    often connected. Within a layer :func:`turn` comes last. Counts and sizes stay with the
    post neuron, so that its number of synapses is kept too.

    Args:
        pre, post: the connections, no pair twice.
        rng: what all is drawn from.
        within: whether both are the same neurons, none of which connects to itself.
        rounds: exactly so many; until the overlap has settled if None.
    """
    count = len(pre)
    width = int(max(pre.max(initial=0), post.max(initial=0))) + 1
    watch = Watch(pre, post, width, rng)
    start = repaired(pre, post, width, rng, within=within)
    now = pre.copy() if start is None else start
    watch.look(now, post)
    pairs = np.prod([np.count_nonzero(np.bincount(side)) for side in (pre, post)], dtype=float)
    trades = count <= SMALL or count >= DENSE * pairs
    least = max(ROUNDS, min(30, SMALL // max(count, 1)))
    done = 0
    while done < (MOST if rounds is None else rounds) and count > 1:
        switch(now, post, width, rng, within=within)
        if trades:
            now = trade(now, post, rng, within=within)
        watch.look(now, post)
        done += 1
        if rounds is None and done >= least and watch.settled:
            break
    if within:
        turn(now, post, rng)
    return ordered(now, post, np.arange(count)), watch.mixing(repaired=start is not None)


def repaired(
    pre: Indices, post: Indices, width: int, rng: np.random.Generator, *, within: bool
) -> Indices | None:
    """Return the pre neurons in random order, clashes repaired; None where one cannot be.

    A clash trades its pre neuron with a connection drawn at random if neither pair is then there
    twice.
    """
    count = len(pre)
    now = rng.permutation(pre)
    order = sorting(now * width + post)
    base = (now * width + post)[order]
    clash = np.zeros(count, bool)
    clash[order[1:][base[1:] == base[:-1]]] = True
    if within:
        clash |= now == post
    wrong = np.flatnonzero(clash)
    added = np.empty(0, np.int64)
    for _ in range(ATTEMPTS):
        if not len(wrong):
            return now
        partner, first = np.unique(rng.integers(0, count, len(wrong)), return_index=True)
        apart = ~clash[partner]
        partner, mine = partner[apart], wrong[first[apart]]
        one, other = now[mine] * width + post[partner], now[partner] * width + post[mine]
        new = np.concatenate([one, other])
        _, place, times = np.unique(new, return_inverse=True, return_counts=True)
        bad = (times[place] > 1) | among(new, base) | np.isin(new, added)
        if within:
            bad |= new // width == new % width
        good = ~(bad[: len(one)] | bad[len(one) :])
        mine, partner = mine[good], partner[good]
        now[mine], now[partner] = now[partner], now[mine]
        clash[mine] = False
        added = np.concatenate([added, one[good], other[good]])
        wrong = np.flatnonzero(clash) if len(mine) else wrong
    return None if len(wrong) else now


def switch(
    pre: Indices,
    post: Indices,
    width: int,
    rng: np.random.Generator,
    *,
    within: bool,
    either: bool = False,
    others: Words | None = None,
    along: tuple[Indices, ...] = (),
) -> None:
    """Have connections, paired at random, swap their pre neurons, in place; all pairs at once.

    A swap is made if its two old and its two new pairs of neurons occur nowhere else among the old
    and new pairs of all. That is the same set before and after, so that each round is as likely to
    be taken back: the uniform distribution stays. Global edge switching (Allendorf et al. 2023,
    doi:10.1016/j.jpdc.2022.12.010), with dependent swaps rejected, not done in order. Every
    connection, a hub's too, moves about once a round.

    Args:
        pre, post: the connections; ``pre`` is written into.
        width: more than any neuron's number.
        within: whether no neuron may be paired with itself.
        either: whether a pair is the same the other way round.
        others: words of pairs that are taken.
        along: what else goes with ``pre``.
    """
    order = rng.permutation(len(pre))
    half = len(pre) // 2
    one, other, waits = order[:half], order[half : 2 * half], order[2 * half :]
    a, b, v, w = pre[one], pre[other], post[one], post[other]
    sides = (a, v), (b, w), (b, v), (a, w), (pre[waits], post[waits])
    *mine, last = [words(*side, width, either=either) for side in sides]
    everything = np.concatenate([*mine, last] if others is None else [*mine, last, others])
    everything.sort()
    twice = everything[1:][everything[1:] == everything[:-1]]
    # Some that occur once have the place of one that occurs twice; they are told by it alone, so
    # that they are rejected before and after alike.
    places = max(TABLE, 1 << int(32 * len(twice)).bit_length())
    table = np.zeros(places, bool)
    table[twice & np.uint32(places - 1)] = True
    bad = np.zeros(half, bool)
    for word in mine:
        bad |= table[word & np.uint32(places - 1)]
    if within:
        bad |= (b == v) | (a == w)
    one, other = one[~bad], other[~bad]
    for array in (pre, *along):
        array[one], array[other] = array[other], array[one]


def trade(pre: Indices, post: Indices, rng: np.random.Generator, *, within: bool) -> Indices:
    """Return ``pre`` after one round of global curveball.

    Pre neurons are paired at random, and each pair shares anew, in one trade, the targets that
    only one of them has. Strona et al. 2014, doi:10.1038/ncomms5114; Carstens et al. 2018,
    doi:10.4230/LIPIcs.ESA.2018.11. Within a layer targets that are one of the pair stay. A trade
    is never in vain, however dense the graph; but a hub trades with one neuron a round, and so
    needs many where degrees differ much.
    """
    neurons = int(pre.max(initial=0)) + 1
    if neurons < 2:
        return pre
    width = int(post.max(initial=0)) + 1
    pre, partner = pre.copy(), np.empty(neurons, np.int64)
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
    return pre


def turn(pre: Indices, post: Indices, rng: np.random.Generator) -> None:
    """Turn directed triangles round, each with probability ½, in place: a move of three edges.

    Switches and trades reach every directed graph of the same degrees, but for triangles a → b →
    c → a that no switch can open (Berger & Müller-Hannemann 2010,
    doi:10.1007/978-3-642-16926-7_21; LaMar 2012, arXiv:0912.3834). The three neurons of such a
    one are the only ones with their in- and out-degree. Proof: were there a neuron v that sends to
    some of the three but not to all, or the reverse, three switches with its connections turn the
    triangle; so all three have the same degrees. Were there a v of these degrees too, it would have
    a target (a source) w that they do not have, and with v → w four switches turn it. So only the
    triples that are alone with their degrees are looked at: which they are does not depend on the
    graph. What lies on either side of such a turn is the same, so that one turn is enough.
    """
    neurons = int(max(pre.max(initial=0), post.max(initial=0))) + 1
    out, into = (np.bincount(side, minlength=neurons) for side in (pre, post))
    both = out * (into.max() + 1) + into
    _, kind, size = np.unique(both, return_inverse=True, return_counts=True)
    mine = np.flatnonzero((kind[pre] == kind[post]) & (size[kind[pre]] == 3))
    turn_triples(pre, post, mine, kind, rng)


def turn_triples(
    pre: Indices, post: Indices, mine: Indices, kind: Indices, rng: np.random.Generator
) -> None:
    """Turn triples of neurons that are joined by exactly a directed triangle, in place.

    Args:
        pre, post: the connections.
        mine: those within a triple.
        kind: of each neuron, the triple that it is one of.
        rng: what decides.
    """
    edges = np.bincount(kind[pre[mine]], minlength=len(kind))
    mine = mine[edges[kind[pre[mine]]] == 3]
    for side in (pre, post):  # each neuron once
        number = np.bincount(side[mine], minlength=len(kind))
        broken = np.zeros(len(kind), bool)
        broken[kind[side[mine][number[side[mine]] != 1]]] = True
        mine = mine[~broken[kind[pre[mine]]]]
    mine = mine[(rng.random(len(kind)) < 0.5)[kind[pre[mine]]]]
    members = np.bincount(kind[pre[mine]], weights=pre[mine], minlength=len(kind)).astype(np.int64)
    pre[mine] = members[kind[pre[mine]]] - pre[mine] - post[mine]  # the third sends instead


class Watch:
    """Looks after each round how many of some connections the real wiring has too."""

    def __init__(self, pre: Indices, post: Indices, width: int, rng: np.random.Generator) -> None:
        key = pre * width + post
        self.real = key if (key[1:] > key[:-1]).all() else np.sort(key)
        self.width = width
        count = len(pre)
        self.some = np.arange(count) if count <= SMALL else rng.integers(0, count, SMALL)
        self.most = tuple(_most(side, width) for side in (pre, post))
        self.overlap: list[float] = []
        self.hubs: list[float] = []

    def look(self, now: Indices, post: Indices) -> None:
        """Take down the overlap of connections ``now`` → ``post``."""
        pre, post = now[self.some], post[self.some]
        there = among(pre * self.width + post, self.real)
        hub = self.most[0][pre] | self.most[1][post]
        for series, found in ((self.overlap, there), (self.hubs, there[hub])):
            series.append(float(found.mean()) if len(found) else 0.0)

    def mixing(self, *, repaired: bool) -> Mixing:
        """Return how it went."""
        return Mixing(tuple(self.overlap), tuple(self.hubs), self.settled, repaired)

    @property
    def settled(self) -> bool:
        """Whether neither overlap has fallen from the last two rounds but two to the last two."""
        return all(self._settled(*pair) for pair in ((self.overlap, 1.0), (self.hubs, 0.1)))

    def _settled(self, series: list[float], share: float) -> bool:
        if len(series) < 4:
            return len(self.some) < 2
        before, after = np.mean(series[-4:-2]), np.mean(series[-2:])
        error = np.sqrt(before * (1 - before) / max(share * len(self.some), 1))
        return bool(before - after <= 2 * error)


def _most(side: Indices, width: int) -> npt.NDArray[np.bool_]:
    """Return which neurons are the hundredth that has most connections."""
    degree = np.bincount(side, minlength=width)
    there = np.sort(degree[degree > 0])
    return degree >= (there[-max(1, int(HUBS * len(there)))] if len(there) else 1)


def words(pre: Indices, post: Indices, width: int, *, either: bool = False) -> Words:
    """Return a word for each pair: itself where 32 bits can hold it, else one of few others."""
    if either:
        pre, post = np.minimum(pre, post), np.maximum(pre, post)
    key = pre * width + post
    if width * width > 1 << 32:  # Fibonacci hashing: Knuth, The Art of Computer Programming, 6.4
        mixed_bits = (key.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
        return mixed_bits.astype(np.uint32)
    return key.astype(np.uint32)


def among(keys: Indices, some: Indices) -> npt.NDArray[np.bool_]:
    """Return which keys are among sorted ones."""
    if not len(some):
        return np.zeros(len(keys), bool)
    place = np.minimum(np.searchsorted(some, keys), len(some) - 1)
    found: npt.NDArray[np.bool_] = some[place] == keys
    return found


def sorting(keys: Indices) -> Indices:
    """Return the order that sorts keys from 0; those that are equal come in any order."""
    count = len(keys)
    if count and int(keys.max()) < (1 << 62) // count:  # sorting values takes a third of the time
        return np.sort(keys * count + np.arange(count)) % count
    return np.argsort(keys)


def ordered(pre: Indices, post: Indices, origin: Indices) -> Connections:
    """Return connections, no pair twice, by pre, then post."""
    order = sorting(pre * (int(post.max(initial=0)) + 1) + post)
    return Connections(pre[order], post[order], origin[order])
