"""Draws nulls with other libraries, for nulls.py, in an environment of their own.

``python nulls_peers.py TOOL GRAPH.npz OUT.npz DRAWS SECONDS LIMIT``: reads pre and post, draws at
most so many graphs, no further ones after so many seconds of processor, and none where the first
takes more than the limit; writes seconds and graphs.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def igraph_rewire(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """igraph, ten trials a connection (its default)."""
    import igraph

    random.seed(seed)
    graph = igraph.Graph(n=int(max(pre.max(), post.max())) + 1, directed=True)
    graph.add_edges(np.stack([pre, post], axis=1))
    graph.rewire()
    found = np.array(graph.get_edgelist())
    return found[:, 0], found[:, 1]


def bct_randmio(pre: Any, post: Any, seed: int, connected: str = "") -> tuple[Any, Any]:
    """bctpy, randmio_dir with five swaps a connection; a dense matrix and a Python loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bct

    size = int(max(pre.max(), post.max())) + 1
    matrix = np.zeros((size, size))
    matrix[pre, post] = 1
    draw = getattr(bct, f"randmio_dir{connected}")
    found: tuple[Any, Any] = np.nonzero(draw(matrix, 5, seed=seed)[0])
    return found


def bct_connected(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """bctpy, randmio_dir_connected: the same, and the graph stays connected."""
    return bct_randmio(pre, post, seed, "_connected")


def networkx_swap(pre: Any, post: Any, seed: int) -> tuple[Any, Any]:
    """networkx, directed_edge_swap, one swap a connection; a Python loop."""
    import networkx

    graph = networkx.DiGraph(zip(pre.tolist(), post.tolist(), strict=True))
    count = len(pre)
    networkx.directed_edge_swap(graph, nswap=count, max_tries=100 * count, seed=seed)
    found = np.array(graph.edges)
    return found[:, 0], found[:, 1]


TOOLS: dict[str, Callable[[Any, Any, int], tuple[Any, Any]]] = {
    "igraph": igraph_rewire,
    "bctpy": bct_randmio,
    "bctpy, connected": bct_connected,
    "networkx": networkx_swap,
}


MODULES = {"igraph": "igraph", "networkx": "networkx"} | dict.fromkeys(
    ("bctpy", "bctpy, connected"), "bct"
)


def give_up(out: str, limit: float) -> None:
    """Write that nothing was drawn, once the processor has worked so long, and end."""
    while time.process_time() < limit:
        time.sleep(0.5)
    np.savez(out, seconds=np.zeros(0))
    os._exit(0)


def main() -> None:
    """Draw."""
    tool, graph, out, draws, seconds, limit = sys.argv[1:]
    with np.load(graph) as file:
        pre, post = file["pre"], file["post"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(MODULES[tool])  # no part of what a draw takes
    found: dict[str, Any] = {}
    took: list[float] = []
    while len(took) < int(draws) and sum(took) < float(seconds):
        begun = time.process_time()
        if not took:
            watch = (out, begun + float(limit))
            threading.Thread(target=give_up, args=watch, daemon=True).start()
        one, other = TOOLS[tool](pre, post, len(took))
        took.append(time.process_time() - begun)
        found |= {f"pre{len(took)}": one, f"post{len(took)}": other}
    np.savez(out, seconds=np.array(took), **found)


if __name__ == "__main__":
    main()
