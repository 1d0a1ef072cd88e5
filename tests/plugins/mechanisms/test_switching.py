"""Rewiring at fixed degrees: exact, uniform over all graphs, settled, and quick."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from bionic_plugins.mechanisms import rewiring, switching


def graphs_like(real: Any, *, within: bool) -> set[tuple[int, ...]]:
    """All graphs with the degrees of this matrix, pre × post, counted by brute force."""
    cells = [c for c in np.ndindex(real.shape) if not (within and c[0] == c[1])]
    found = set()
    for chosen in itertools.combinations(cells, int(real.sum())):
        matrix = np.zeros_like(real)
        matrix[tuple(zip(*chosen, strict=True))] = 1
        if (matrix.sum(0) == real.sum(0)).all() and (matrix.sum(1) == real.sum(1)).all():
            found.add(tuple(matrix.ravel().tolist()))
    return found


WITHIN = {
    "ring of four": ([0, 1, 2, 3], [1, 2, 3, 0], 9),
    "a triangle, alone": ([0, 1, 2], [1, 2, 0], 2),
    "a triangle below a hub": ([0, 0, 0, 1, 2, 3], [1, 2, 3, 2, 3, 1], 2),
    "a triangle in a hub's both": ([0, 0, 0, 1, 2, 3, 1, 2, 3], [1, 2, 3, 2, 3, 1, 0, 0, 0], 2),
    "degrees that differ": ([1, 1, 2, 3, 3], [0, 3, 0, 1, 2], 4),
}
BETWEEN = {
    "three by four": ([0, 0, 1, 1, 2, 2, 2], [0, 1, 0, 2, 1, 2, 3], 12),
    "dense": ([0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 1, 1, 2, 3], 5),
}


@pytest.mark.parametrize(
    ("pre", "post", "number", "within"),
    [(*case, True) for case in WITHIN.values()] + [(*case, False) for case in BETWEEN.values()],
    ids=[*WITHIN, *BETWEEN],
)
def test_every_graph_of_these_degrees_comes_equally_often(
    pre: list[int], post: list[int], number: int, within: bool
) -> None:
    """Against enumeration: directed triangles turn round too."""
    side = max(*pre, *post) + 1
    real = np.zeros((side, side) if within else (max(pre) + 1, max(post) + 1), int)
    real[pre, post] = 1
    possible = graphs_like(real, within=within)
    assert len(possible) == number
    rng, seen = np.random.default_rng(0), Counter[tuple[int, ...]]()
    for _ in range(60 * number + 200):
        found = rewiring.rewired(np.array(pre), np.array(post), rng, within=within, rounds=10)
        matrix = np.zeros_like(real)
        matrix[found.pre, found.post] = 1
        seen[tuple(matrix.ravel().tolist())] += 1
    assert set(seen) == possible
    assert chisquare(list(seen.values())).pvalue > 1e-3


def heavy(neurons: int, edges: int, spread: float = 1.0) -> tuple[Any, Any]:
    """A layer with itself whose degrees are log-normal."""
    rng = np.random.default_rng(1)
    chance = rng.lognormal(0, spread, (2, neurons))
    chance /= chance.sum(1, keepdims=True)
    pre, post = (rng.choice(neurons, 2 * edges, p=p) for p in chance)
    key = np.unique((pre * neurons + post)[pre != post])
    return np.divmod(np.sort(rng.permutation(key)[:edges]), neurons)


def likelihood(out: Any, into: Any) -> tuple[Any, Any]:
    """x, y of the pairs' chances x y / (1 + x y) that give these degrees on average."""
    x, y = out / np.sqrt(out.sum()), into / np.sqrt(into.sum())
    for _ in range(100):
        x = out / (y / (1 + x[:, None] * y)).sum(1)
        y = into / (x[:, None] / (1 + x[:, None] * y)).sum(0)
    return x, y


def test_hubs_are_at_chance_too() -> None:
    """Chance from the degrees alone, by maximum likelihood: no draw of ours enters it."""
    neurons = 1000
    pre, post = heavy(neurons, 16_000)
    out, into = (np.bincount(side, minlength=neurons) for side in (pre, post))
    x, y = likelihood(out, into)
    chance = x[pre] * y[post] / (1 + x[pre] * y[post])
    hub = out[pre] >= np.sort(out)[-15]
    real, shares = pre * neurons + post, []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        found, mixing = rewiring.mixed(pre, post, rng, within=True)
        assert mixing.settled
        assert (np.bincount(found.pre, minlength=neurons) == out).all()
        assert (np.bincount(found.post, minlength=neurons) == into).all()
        kept = np.isin(real, found.pre * neurons + found.post)
        shares.append((kept.mean(), kept[hub].mean()))
    every, hubs = np.mean(shares, axis=0)
    assert every == pytest.approx(chance.mean(), rel=0.03)
    assert hubs == pytest.approx(chance[hub].mean(), rel=0.05)


def test_dense_graphs_begin_at_the_real_wiring_and_are_mixed_all_the_same() -> None:
    rng = np.random.default_rng(3)
    pre, post = np.nonzero(rng.random((60, 60)) < 0.75)
    found, mixing = rewiring.mixed(pre, post, rng, within=False)
    assert not mixing.repaired
    assert mixing.overlap[0] == 1.0
    assert mixing.settled
    assert mixing.overlap[-1] == pytest.approx(0.75, abs=0.02)
    assert (np.bincount(found.pre) == np.bincount(pre)).all()
    assert (np.bincount(found.post) == np.bincount(post)).all()


def test_what_has_not_settled_is_told() -> None:
    rng = np.random.default_rng(3)
    pre, post = np.nonzero(rng.random((60, 60)) < 0.75)
    assert not rewiring.mixed(pre, post, rng, within=False, rounds=3)[1].settled


def test_words_of_wide_layers_reject_no_more_than_a_few() -> None:
    """Beyond 32 bits pairs are told by hashes; what is rejected for equal ones is a trifle."""
    width = 1 << 20
    pre, post = np.random.default_rng(0).integers(0, width, (2, 40_000))
    before = pre.copy()
    switching.switch(pre, post, width, np.random.default_rng(1), within=True)
    assert (pre != before).mean() > 0.97
    assert (np.bincount(pre, minlength=width) == np.bincount(before, minlength=width)).all()


def test_reciprocity_is_kept_with_the_degrees() -> None:
    neurons = 300
    pre, post = heavy(neurons, 4000)
    back = np.random.default_rng(0).random(len(pre)) < 0.3
    key = np.unique(np.concatenate([pre * neurons + post, post[back] * neurons + pre[back]]))
    pre, post = np.divmod(key, neurons)
    count = np.random.default_rng(2).integers(1, 20, len(pre))
    found, mixing = rewiring.reciprocal(pre, post, np.random.default_rng(0))
    now = found.pre * neurons + found.post
    assert len(np.unique(now)) == len(key)
    assert (found.pre != found.post).all()
    assert mixing.settled
    assert np.isin(now, key).mean() < 0.4
    assert sorted(found.origin.tolist()) == list(range(len(key)))

    def laws(one: Any, other: Any, counts: Any) -> Any:
        mutual = np.isin(other * neurons + one, one * neurons + other)
        sides = [one, other, one[mutual]]
        weighed = np.bincount(other, weights=counts, minlength=neurons)
        return [*(np.bincount(side, minlength=neurons) for side in sides), weighed]

    assert laws(pre, post, count)[2].sum() > 1000
    for kept, real in zip(
        laws(found.pre, found.post, count[found.origin]), laws(pre, post, count), strict=True
    ):
        assert (kept == real).all()


RECIPROCAL = {
    "ring of four": ([0, 1, 2, 3], [1, 2, 3, 0], 6),
    "a triangle": ([0, 1, 2], [1, 2, 0], 2),
    "mutual pairs alone": ([0, 1, 2, 3], [1, 0, 3, 2], 3),
    "a pair and a cycle": ([0, 1, 2, 3, 0], [1, 2, 3, 0, 3], 2),
    "degrees that differ": ([1, 1, 3, 0, 2, 3], [3, 4, 0, 2, 3, 1], 6),
}
LARGER = {"ring of five": ([0, 1, 2, 3, 4], [1, 2, 3, 4, 0], 24)}


@pytest.mark.parametrize(
    ("pre", "post", "number"),
    [*RECIPROCAL.values(), *(pytest.param(*c, marks=pytest.mark.slow) for c in LARGER.values())],
    ids=[*RECIPROCAL, *LARGER],
)
def test_every_graph_of_these_degrees_and_reciprocity_comes_equally_often(
    pre: list[int], post: list[int], number: int
) -> None:
    """Against enumeration; a ring of four cannot be opened by two connections at a time."""
    side = max(*pre, *post) + 1
    real = np.zeros((side, side), int)
    real[pre, post] = 1
    mutual = (real & real.T).sum(1)
    possible = set()
    for graph in graphs_like(real, within=True):
        matrix = np.array(graph).reshape(real.shape)
        if ((matrix & matrix.T).sum(1) == mutual).all():
            possible.add(graph)
    assert len(possible) == number
    rng, seen = np.random.default_rng(0), Counter[tuple[int, ...]]()
    now = np.array(pre), np.array(post)
    # The chi-square test is of independent draws. Of 24 graphs one in 24 is the last one again by
    # chance; 8 rounds apart one in 5 was, 40 rounds apart one in 24.
    rounds = 8 if number <= 6 else 40
    for _ in range(30 * number):  # of one chain, some rounds apart
        now = rewiring.reciprocal(*now, rng, rounds=rounds)[0][:2]
        matrix = np.zeros_like(real)
        matrix[now] = 1
        seen[tuple(matrix.ravel().tolist())] += 1
    assert set(seen) == possible
    assert chisquare(list(seen.values())).pvalue > 1e-3


def test_types_of_two_cells_take_no_time() -> None:
    """Linear in the connections: it took 48 s of processor when types were filled by chance."""
    neurons = 6000
    rng = np.random.default_rng(1)
    pre, post = np.divmod(np.unique(rng.integers(0, neurons**2, 200_000)), neurons)
    pre, post = pre[pre != post], post[pre != post]
    types = np.arange(neurons) // 2
    begun = time.process_time()
    found = rewiring.type_shuffled(pre, post, (types, types), rng, within=True)
    assert time.process_time() - begun < 2
    one, other = (types[a] * neurons + types[b] for a, b in ((pre, post), found[:2]))
    assert (np.sort(one) == np.sort(other)).all()
    assert (found.pre != found.post).all()


def test_pairs_of_types_are_filled_uniformly_below_and_above_a_half() -> None:
    """Types of two and three neurons within a layer; 1 of 2, 4 of 6, 2 of 6 and 5 of 6 pairs."""
    types = np.array([0, 0, 1, 1, 1])
    pre = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 3])
    post = np.array([1, 2, 3, 2, 4, 0, 1, 3, 2, 4, 2, 1])
    rng, seen = np.random.default_rng(0), np.zeros((5, 5))
    for _ in range(1500):
        found = rewiring.type_shuffled(pre, post, (types, types), rng, within=True)
        seen[found.pre, found.post] += 1
    assert not seen.diagonal().any()
    for rows, columns in itertools.product((slice(0, 2), slice(2, 5)), repeat=2):
        off = seen[rows, columns][~np.eye(5, dtype=bool)[rows, columns]]
        assert chisquare(off).pvalue > 1e-3
