"""Null wirings: directed graphs drawn anew, of which every neuron keeps both its degrees."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.benchmarks.peers.duel import Contest, MissingError, Peer, Work, library
from tests.benchmarks.processes import ROOT

SCRIPTS = ROOT / "docs" / "results" / "scripts"
DRAWS, SECONDS = 16, 5.0
"""Draws of each library at most, by which its overlap is told; seconds after which none begins."""

LOOKED = "ours looks after each round whether the wiring is mixed, most of a small graph's time"
REPAIRED = "it permutes and repairs, which is not uniform, and stops there"


def script(name: str) -> ModuleType:
    """Return a script of the results' pages as a module."""
    spec = importlib.util.spec_from_file_location(name, Path(SCRIPTS, f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contests(*, quick: bool) -> Iterator[Contest]:
    """Give graphs, small to large; what would take a library minutes is not asked of it."""
    nulls = script("nulls")
    slow = ("bctpy", "bctpy, connected", "networkx")
    if quick:
        yield _contest(nulls, "60 neurons, 400 connections", (60, 400, 0.5), ())
        return
    yield _contest(nulls, "300 neurons, 4,434 connections", (300, 4_434, 0.5), ())
    yield _contest(nulls, "300 neurons, 15,000 connections", (300, 15_000, 0.5), slow[:2])
    for neurons, edges in ((20_000, 400_000), (50_000, 1_000_000)):
        without = (*slow, "igraph") if edges > 500_000 else slow
        words = f"{neurons:,} neurons, {edges:,} connections"
        yield _contest(nulls, words, (neurons, edges, 1.0), without)


def _contest(
    nulls: Any, words: str, of: tuple[int, int, float], without: tuple[str, ...]
) -> Contest:
    pre, post = nulls.drawn(*of)
    graph, chance = nulls.Overlaps(pre, post), float(nulls.chances(pre, post).mean())
    told = {name: differs for name, (*_, differs) in _made(pre, post).items()}

    def check(_: Any, theirs: Any, name: str) -> None:
        """Both degrees of each neuron, each pair once; where a library says otherwise, so."""
        overlap, _, out, into = graph.of(theirs)
        assert len(theirs[0]) == len(pre), name
        assert out or "out" in told.get(name, ""), f"{name}: not its out-degrees"
        assert into or "in-degrees" in told.get(name, ""), f"{name}: not its in-degrees"
        assert overlap < 1, f"{name}: nothing was drawn"

    def ours() -> Work:
        return lambda: nulls.ours(pre, post, 1)

    check(None, nulls.ours(pre, post, 0), "bionic")
    off = _off(graph, chance)
    peers = [
        Peer(
            name,
            distribution,
            made,
            because=REPAIRED if name in ("flyconn", "flydnet") else LOOKED,
            differs=", ".join(filter(None, [differs, off(made)])),
        )
        for name, (distribution, made, differs) in _made(pre, post).items()
        if name not in without
    ]
    return Contest("null wirings", words, ours, peers, check)


def _off(graph: Any, chance: float) -> Callable[[Callable[[], Work]], str]:
    """Return what says how far a library's overlap is off chance, over some draws."""

    def told(made: Callable[[], Work]) -> str:
        try:
            work = made()
        except MissingError:
            return ""
        begun, drawn = time.process_time(), [graph.of(work())[0] for _ in range(2)]
        while len(drawn) < DRAWS and time.process_time() - begun < SECONDS:
            drawn.append(graph.of(work())[0])
        found = np.array(drawn) / chance - 1
        error = found.std(ddof=1) / np.sqrt(len(found))
        return f"overlap {100 * found.mean():+.1f} ± {100 * error:.1f} % off chance"

    return told


def _made(pre: Any, post: Any) -> dict[str, tuple[str, Callable[[], Work], str]]:
    """Return of each library: distribution, what makes its work, what it does not keep."""
    peers = script("nulls_peers")

    def drawn(tool: str, module: str) -> Callable[[], Work]:
        def made() -> Work:
            library(module)
            seeds = iter(range(1 << 30))
            return lambda: peers.TOOLS[tool](pre, post, next(seeds))

        return made

    return {
        "flyconn": ("flyconn", lambda: _flyconn(pre, post), ""),
        "flydnet": ("flydnet", lambda: _flydnet(pre, post), ""),
        "igraph": ("igraph", drawn("igraph", "igraph"), ""),
        "bctpy": ("bctpy", drawn("bctpy", "bct"), "loses in-degrees"),
        "bctpy, connected": ("bctpy", drawn("bctpy, connected", "bct"), ""),
        "networkx": ("networkx", drawn("networkx", "networkx"), ""),
    }


def _flyconn(pre: Any, post: Any) -> Work:
    nulls, matrix = library("flyconn.uncertainty.nulls"), library("flyconn.graph.matrix")
    sparse, pandas = library("scipy.sparse"), library("pandas")
    size = int(max(pre.max(), post.max())) + 1
    weights = sparse.csr_matrix((np.ones(len(pre), np.int64), (pre, post)), shape=(size, size))
    ids = np.arange(size)
    given = matrix.ConnectivityMatrix(ids, weights, np.ones(size), pandas.DataFrame(index=ids))
    seeds = iter(range(1 << 30))

    def work() -> Any:
        drawn = nulls.degree_preserving_rewire(given, next(seeds)).weights.tocoo()
        return drawn.row.astype(np.int64), drawn.col.astype(np.int64)

    return work


def _flydnet(pre: Any, post: Any) -> Work:
    flydnet = library("flydnet")
    size = int(max(pre.max(), post.max())) + 1
    ids = np.arange(size)
    given = flydnet.Circuit(ids, {"all": ids}, pre, post, np.ones(len(pre)))
    seeds = iter(range(1 << 30))

    def work() -> Any:
        drawn = given.shuffled(seed=next(seeds))
        return drawn.pre, drawn.post

    return work
