"""Rewiring at fixed degrees, beside igraph, bctpy and networkx: the tables of nulls.md.

``uv run python docs/results/scripts/nulls.py`` prints them. The other libraries are no
dependencies: those that are not there are left out, and ``uv pip install igraph bctpy networkx``
brings them. ``--large`` adds ten million connections (13 s, 4 GB).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import bionic_core as bionic
from bionic_plugins.mechanisms import rewiring, switching

DRAWS = 2_000_000
"""Connections of all draws of a graph together, of forty draws at most and three at least."""

LONG = 60
"""Rounds of the long chain."""


def drawn(neurons: int, edges: int, spread: float) -> tuple[Any, Any]:
    """A directed graph without loops; degrees log-normal of this spread, 0 for uniform ones."""
    rng = np.random.default_rng(1)
    chance = rng.lognormal(0, spread, (2, neurons))
    chance /= chance.sum(1, keepdims=True)
    key = np.empty(0, np.int64)
    while len(key) < edges:
        pre, post = (rng.choice(neurons, int(1.2 * edges), p=p) for p in chance)
        key = np.unique(np.concatenate([key, (pre * neurons + post)[pre != post]]))
    return np.divmod(np.sort(rng.permutation(key)[:edges]), neurons)


def column() -> tuple[Any, Any]:
    """The widest layer of the embedded column with itself; a surrogate of MICrONS V1."""
    spec = bionic.load("demo")
    assert spec.connectome is not None
    wiring = spec.connectome.read()
    cells = wiring.of_type("23P")
    block = wiring.block(cells, cells)
    apart = block.pre != block.post
    return block.pre[apart], block.post[apart]


def chances(pre: Any, post: Any) -> Any:
    """Each connection's chance from the degrees alone, p = xy / (1 + xy) by maximum likelihood.

    Independent edges with these degrees on average (Squartini & Garlaschelli 2011,
    doi:10.1088/1367-2630/13/8/083001), a number for each different degree.
    """
    both = {"return_inverse": True, "return_counts": True}
    sides = [np.unique(np.bincount(side), **both) for side in (pre, post)]
    (out, row, rows), (into, column_, columns) = sides
    x, y = out / np.sqrt(len(pre)), into / np.sqrt(len(pre))
    for _ in range(200):
        part = 1 / (1 + x[:, None] * y)
        x = out / (part * y * columns).sum(1)
        part = 1 / (1 + x[:, None] * y)
        y = into / (part * (x * rows)[:, None]).sum(0)
    product = x[row[pre]] * y[column_[post]]
    return product / (1 + product)


def ours(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """This library."""
    found = rewiring.rewired(pre, post, np.random.default_rng(seed), within=True)
    return found.pre, found.post


def curveball(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """Forty rounds of trades from the real graph, as this library did before."""
    rng, now = np.random.default_rng(seed), pre
    for _ in range(40):
        now = switching.trade(now, post, rng, within=True)
    return now, post


def igraph_rewire(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """igraph, ten trials a connection (its default)."""
    import random

    import igraph

    random.seed(seed)
    graph = igraph.Graph(n=int(max(pre.max(), post.max())) + 1, directed=True)
    graph.add_edges(np.stack([pre, post], axis=1))
    graph.rewire()
    found = np.array(graph.get_edgelist())
    return found[:, 0], found[:, 1]


def bct_randmio(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """bctpy, randmio_dir with five swaps a connection; a dense matrix and a Python loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bct

    size = int(max(pre.max(), post.max())) + 1
    matrix = np.zeros((size, size))
    matrix[pre, post] = 1
    found: tuple[Any, Any] = np.nonzero(bct.randmio_dir(matrix, 5, seed=seed)[0])
    return found


def networkx_swap(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """networkx, directed_edge_swap, one swap a connection; a Python loop."""
    import networkx

    graph = networkx.DiGraph(zip(pre.tolist(), post.tolist(), strict=True))
    count = len(pre)
    networkx.directed_edge_swap(graph, nswap=count, max_tries=100 * count, seed=seed)
    found = np.array(graph.edges)
    return found[:, 0], found[:, 1]


TOOLS: dict[str, tuple[Callable[[Any, Any, int], tuple[Any, Any]], int]] = {
    "bionic": (ours, 1 << 30),
    "curveball × 40": (curveball, 1_000_000),
    "igraph": (igraph_rewire, 1_000_000),
    "bctpy": (bct_randmio, 20_000),
    "networkx": (networkx_swap, 20_000),
}
"""Each with the most connections that it is given, so that the table takes minutes."""


def rows(name: str, pre: Any, post: Any) -> Iterator[str]:
    """Give a row of the table for each tool that is there."""
    size = int(max(pre.max(), post.max())) + 1
    out, into = (np.bincount(side, minlength=size) for side in (pre, post))
    hub = out[pre] >= np.sort(out)[-max(1, size // 100)]
    real, chance = pre * size + post, chances(pre, post)
    each = range(min(40, max(3, DRAWS // len(pre))) if len(pre) <= 1_000_000 else 1)

    def kept(one: Any, other: Any) -> tuple[float, float]:
        there = np.isin(real, one * size + other)
        return float(there.mean()), float(there[hub].mean())

    def long(seed: int) -> tuple[float, float]:
        rng = np.random.default_rng(99 + seed)
        return kept(*rewiring.rewired(pre, post, rng, within=True, rounds=LONG)[:2])

    chain = [long(seed) for seed in each] if len(pre) <= 400_000 else []
    truth = chance.mean(), chance[hub].mean()
    yield f"| {name} | *chance, by degrees* | | {truth[0]:.3%} | {truth[1]:.3%} | | |"
    if chain:
        every, hubs = np.mean(chain, axis=0)
        yield f"| | *chance, long chain* | | {every:.3%} | {hubs:.3%} | | |"
    for tool, (rewire, most) in TOOLS.items():
        if len(pre) > most:
            continue
        took, overlaps, exact = [], [], True
        try:
            for seed in each if most > 20_000 else each[:3]:
                begun = time.process_time()
                one, other = rewire(pre, post, seed)
                took.append(time.process_time() - begun)
                overlaps.append(kept(one, other))
                same = [np.bincount(s, minlength=size) for s in (one, other)]
                exact &= bool((same[0] == out).all() and (same[1] == into).all())
                exact &= len(np.unique(one * size + other)) == len(pre)
        except ImportError:
            continue
        every, hubs = np.mean(overlaps, axis=0)
        off = f"{every / truth[0] - 1:+.1%} / {hubs / truth[1] - 1:+.1%}"
        yield (
            f"| | {tool} | {np.median(took):.2f} | {every:.3%} | {hubs:.3%} "
            f"| {off} | {'yes' if exact else 'no'} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="add ten million connections")
    large = parser.parse_args().large
    cases = {
        "column 23P, surrogate": column(),
        "log-normal, 1,000 / 20,000": drawn(1000, 20_000, 1.0),
        "log-normal, 20,000 / 400,000": drawn(20_000, 400_000, 1.0),
        "log-normal, 50,000 / 1,000,000": drawn(50_000, 1_000_000, 1.0),
        "uniform, 20,000 / 400,000": drawn(20_000, 400_000, 0.0),
        "17 % dense, 300 / 15,000": drawn(300, 15_000, 0.5),
    }
    if large:
        cases["log-normal, 500,000 / 10,000,000"] = drawn(500_000, 10_000_000, 1.0)
    print(
        "| graph, neurons / connections | tool | s of processor | overlap | hubs' | off | exact |"
    )
    print("|---|---|---:|---:|---:|---:|---|")
    for name, (pre, post) in cases.items():
        for row in rows(name, pre, post):
            print(row, flush=True)


if __name__ == "__main__":
    main()
