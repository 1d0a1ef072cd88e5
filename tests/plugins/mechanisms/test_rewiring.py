"""Controls of wiring: what each keeps exactly, what it destroys, and that it is fair."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from bionic_plugins.mechanisms import rewiring
from bionic_plugins.mechanisms.rewiring import Connections

NEURONS = 160
KEEPS = {
    "rewired": {"degrees"},
    "type_shuffled": {"types"},
    "by_distance": {"distance"},
    "uniform": set[str](),
}


class Graph:
    """Neurons whose connections depend on degree, cell type and distance, each on its own."""

    def __init__(self, within: bool) -> None:
        rng = np.random.default_rng(5)
        self.within = within
        self.types = rng.integers(0, 3, (2, NEURONS))
        self.places = rng.random((2, NEURONS, 3)) * 100
        out, into = rng.gamma(2, 1 / 2, (2, NEURONS))
        if within:
            self.types[1], self.places[1] = self.types[0], self.places[0]
        affinity = np.array([[4, 1, 0.2], [0.3, 2, 1], [1, 0.1, 3]])
        chance = 0.09 * out[:, None] * into * affinity[self.types[0]][:, self.types[1]]
        chance *= np.exp(-(self.distances**2) / (2 * 30**2)) * 3
        if within:
            np.fill_diagonal(chance, 0)
        self.pre, self.post = np.nonzero(rng.random((NEURONS, NEURONS)) < chance)

    @property
    def distances(self) -> Any:
        return np.linalg.norm(self.places[0][:, None] - self.places[1][None], axis=2)

    def control(self, name: str, seed: int = 0) -> Connections:
        rng = np.random.default_rng(seed)
        shape = (NEURONS, NEURONS)
        arguments: dict[str, Any] = {
            "rewired": (),
            "type_shuffled": ((self.types[0], self.types[1]),),
            "by_distance": ((self.places[0], self.places[1]),),
            "uniform": (shape,),
        }
        function = getattr(rewiring, name)
        found: Connections = function(
            self.pre, self.post, *arguments[name], rng, within=self.within
        )
        return found

    def degrees(self, pre: Any, post: Any) -> Any:
        return np.stack([np.bincount(one, minlength=NEURONS) for one in (pre, post)])

    def blocks(self, pre: Any, post: Any) -> Any:
        return np.bincount(3 * self.types[0][pre] + self.types[1][post], minlength=9)

    def bins(self, pre: Any, post: Any) -> Any:
        """Connections in each of twenty bins of distance that hold equally many pairs."""
        edges = np.quantile(self.distances, np.linspace(0, 1, 21))
        return np.histogram(self.distances[pre, post], edges)[0]

    def strength(self, what: str, pre: Any, post: Any) -> float:
        """How strongly the connections depend on one thing; about 1 where they do not."""
        if what == "degrees":  # variance against a binomial's
            counts = self.degrees(pre, post)
            mean = counts.mean()
            return float(counts.var(axis=1).mean() / (mean * (1 - mean / NEURONS)))
        found = self.blocks(pre, post) if what == "types" else self.bins(pre, post)
        pairs = [np.indices((NEURONS, NEURONS)).reshape(2, -1)]
        one, other = pairs[0][:, pairs[0][0] != pairs[0][1]] if self.within else pairs[0]
        room = self.blocks(one, other) if what == "types" else self.bins(one, other)
        expected = len(pre) * room / room.sum()
        return float(((found - expected) ** 2 / expected).sum() / (len(room) - 1))


@pytest.fixture(scope="module", params=[False, True], ids=["between", "within"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return Graph(request.param)


@pytest.fixture(params=[1 << 22, 1000], ids=["listed", "drawn"])
def pairs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of placing connections, for few pairs and for many."""
    monkeypatch.setattr(rewiring, "ALL_PAIRS", request.param)


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize("name", KEEPS)
def test_controls_are_simple_graphs_with_as_many_connections(graph: Graph, name: str) -> None:
    found = graph.control(name)
    assert len(found.pre) == len(found.post) == len(graph.pre) > 1000
    assert len(set(zip(found.pre.tolist(), found.post.tolist(), strict=True))) == len(graph.pre)
    assert not graph.within or (found.pre != found.post).all()
    assert sorted(found.origin.tolist()) == list(range(len(graph.pre)))
    order = np.lexsort((found.post, found.pre))
    assert (order == np.arange(len(order))).all()


@pytest.mark.parametrize("name", KEEPS)
def test_each_control_keeps_its_own_and_destroys_the_rest(graph: Graph, name: str) -> None:
    found = graph.control(name)
    laws = {"degrees": graph.degrees, "types": graph.blocks, "distance": graph.bins}
    for what, law in laws.items():
        real, now = (graph.strength(what, *one) for one in ((graph.pre, graph.post), found[:2]))
        assert real > 2.5, "the graph must have something to destroy"
        if what in KEEPS[name]:
            assert (law(*found[:2]) == law(graph.pre, graph.post)).all(), what
        else:
            # a quarter may remain: types and places differ a little in their mean degree
            assert now - 1 < (real - 1) / 4, what


@pytest.mark.parametrize("name", KEEPS)
def test_who_connects_to_whom_is_at_chance(graph: Graph, name: str) -> None:
    """The overlap with the real wiring is what the control's own law makes it."""
    real = graph.pre * NEURONS + graph.post
    draws = [graph.control(name, seed) for seed in range(6)]
    keys = [draw.pre * NEURONS + draw.post for draw in draws]
    overlaps = [np.isin(key, real).mean() for key in keys]
    among = [np.isin(a, b).mean() for a, b in itertools.combinations(keys, 2)]
    assert np.mean(overlaps) < 0.35
    # another draw is as far from the real wiring as from one more draw, up to what the law keeps
    assert abs(np.mean(overlaps) - np.mean(among)) < 0.02


def test_counts_stay_with_what_is_kept(graph: Graph) -> None:
    """A trade leaves a synapse count at its post neuron; placing leaves it within its kind."""
    count = np.random.default_rng(2).integers(1, 20, len(graph.pre))
    found = graph.control("rewired")
    into = np.bincount(graph.post, weights=count)
    assert (np.bincount(found.post, weights=count[found.origin]) == into).all()
    found = graph.control("type_shuffled")
    kinds = 3 * graph.types[0][graph.pre] + graph.types[1][graph.post]
    now = 3 * graph.types[0][found.pre] + graph.types[1][found.post]
    for kind in range(9):
        assert sorted(count[kinds == kind]) == sorted(count[found.origin][now == kind])
    origin = found.origin[now == 0]
    assert not (np.sort(origin) == origin).all(), "but not with its neuron"


@pytest.mark.parametrize("name", KEEPS)
def test_a_seed_is_a_control(graph: Graph, name: str) -> None:
    one, same, other = graph.control(name, 1), graph.control(name, 1), graph.control(name, 2)
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert not (one.pre == other.pre).all() or not (one.post == other.post).all()


def test_rewiring_is_uniform_over_all_graphs_of_the_same_degrees() -> None:
    """Every 3 × 4 matrix of these margins, counted by brute force, comes equally often."""
    real = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 1]], bool)
    margins = real.sum(0), real.sum(1)
    possible = {
        bits
        for bits in itertools.product((0, 1), repeat=12)
        for matrix in [np.reshape(bits, (3, 4))]
        if (matrix.sum(0) == margins[0]).all() and (matrix.sum(1) == margins[1]).all()
    }
    pre, post = np.nonzero(real)
    rng = np.random.default_rng(0)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(2000):
        found = rewiring.rewired(pre, post, rng, within=False, rounds=10)
        matrix = np.zeros((3, 4), int)
        matrix[found.pre, found.post] = 1
        seen[tuple(matrix.ravel().tolist())] += 1
    assert set(seen) == possible
    assert len(possible) > 10
    assert chisquare(list(seen.values())).pvalue > 1e-3


@pytest.mark.usefixtures("pairs")
def test_placing_is_uniform_over_all_pairs_of_a_kind() -> None:
    """Four connections of an even kind, one of an odd one, off the diagonal of 5 × 5."""
    pre, post = np.array([0, 0, 0, 1, 1]), np.array([2, 4, 1, 3, 0])  # odd: 0→1 and 1→0
    rng = np.random.default_rng(1)
    seen = np.zeros((5, 5))
    for _ in range(3000):
        found = rewiring.placed(pre, post, (5, 5), lambda i, j: (i + j) % 2, rng, within=True)
        seen[found.pre, found.post] += 1
    odd = np.add.outer(np.arange(5), np.arange(5)) % 2 == 1
    off = ~np.eye(5, dtype=bool)
    assert seen[~off].sum() == 0
    assert seen[odd].sum() == 2 * 3000
    assert chisquare(seen[odd]).pvalue > 1e-3
    # without replacement, counts are less spread than a multinomial's: a conservative test
    assert chisquare(seen[off & ~odd]).pvalue > 1e-3


@pytest.mark.parametrize("name", KEEPS)
@pytest.mark.parametrize("density", [0, 1])
def test_nothing_and_everything_stay_what_they_are(name: str, density: int) -> None:
    graph = Graph(within=True)
    everything = np.nonzero(~np.eye(NEURONS, dtype=bool))
    graph.pre, graph.post = everything if density else (np.empty(0, int), np.empty(0, int))
    found = graph.control(name)
    assert (found.pre == graph.pre).all()
    assert (found.post == graph.post).all()
