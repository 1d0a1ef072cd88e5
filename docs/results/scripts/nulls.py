"""Rewiring at fixed degrees, beside igraph, bctpy and networkx: the table of nulls.md.

``uv run python docs/results/scripts/nulls.py`` draws, prints the table and writes it into nulls.md;
all seconds are of the processor (user and system), which other work on the machine lengthens less
than the clock's. It takes about four minutes of them. The other libraries are no dependencies: uv
makes an environment for them, which ``nulls_peers.py`` runs in. ``--quick`` leaves out ten million
connections (4 GB).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import bionic_core as bionic
from bionic_plugins.mechanisms import rewiring, switching

HERE = Path(__file__).parent
PEERS = ("igraph==1.0.0", "bctpy==0.6.1", "networkx==3.6.1", "numpy")

DRAWS, SECONDS, OWN = 48, 2.0, 20.0
"""Draws of each tool at most; seconds of processor after which none begins; those of ours."""

CERTAIN = 0.01
"""Relative standard error of the overlap at which draws end, where more than seven are made."""

LIMIT = 10
"""Seconds of processor that a draw of another library may take; what would take more is not run."""

LONG = 60
"""Rounds of the long chain."""

Pair = tuple[Any, Any]


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


def long_chain(pre: Any, post: Any, seed: int) -> Pair:
    """This library, many more rounds than it takes."""
    rng = np.random.default_rng(99 + seed)
    return rewiring.rewired(pre, post, rng, within=True, rounds=LONG)[:2]


OURS: dict[str, tuple[Callable[[Any, Any, int], Pair], int]] = {
    "*long chain*": (long_chain, 400_000),
    "bionic": (ours, 1 << 30),
    "curveball × 40": (curveball, 400_000),
}
OTHERS = ("igraph", "bctpy", "networkx")


class Overlaps:
    """What draws have in common with the real graph, and whether they keep its degrees."""

    def __init__(self, pre: Any, post: Any) -> None:
        self.pre, self.post = pre, post
        self.size = int(max(pre.max(), post.max())) + 1
        self.degrees = [np.bincount(side, minlength=self.size) for side in (pre, post)]
        out = self.degrees[0]
        self.hub = out[pre] >= np.sort(out)[-max(1, self.size // 100)]
        self.real = pre * self.size + post

    def of(self, draw: Pair) -> tuple[float, float, bool, bool]:
        """Return the overlap of all and of hubs' connections; exact out-, in-degrees, all once."""
        there = np.isin(self.real, draw[0] * self.size + draw[1])
        sides = [np.bincount(side, minlength=self.size) for side in draw]
        same = [bool((a == b).all()) for a, b in zip(sides, self.degrees, strict=True)]
        once = len(np.unique(draw[0] * self.size + draw[1])) == len(self.real)
        return float(there.mean()), float(there[self.hub].mean()), same[0] and once, same[1]


def drawn_here(tool: str, graph: Overlaps) -> tuple[list[float], list[Any]]:
    """Return seconds and overlaps of draws, until the overlap is known well."""
    draw, most = OURS[tool][0], OWN if tool == "bionic" else SECONDS
    took: list[float] = []
    found: list[Any] = []
    while len(took) < DRAWS:
        begun = time.process_time()
        one = draw(graph.pre, graph.post, len(took))
        took.append(time.process_time() - begun)
        found.append(graph.of(one))
        every = np.array([row[0] for row in found])
        error = every.std(ddof=1) / np.sqrt(len(every)) / every.mean() if len(every) > 2 else 1.0
        if (error < CERTAIN and len(took) > 7) or sum(took) > most:
            break
    return took, found


def drawn_there(tool: str, graph: Overlaps) -> tuple[list[float], list[Any]]:
    """Return the same of another library, in its own environment; nothing past the limit."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "graph.npz", Path(folder) / "out.npz"
        np.savez(given, pre=graph.pre, post=graph.post)
        command = ["uv", "run", "--no-project", "--quiet"]
        command += [word for name in PEERS for word in ("--with", name)]
        command += ["python", str(HERE / "nulls_peers.py"), tool, str(given), str(out)]
        subprocess.run([*command, str(DRAWS), str(SECONDS), str(LIMIT)], check=True)
        with np.load(out) as file:
            took = file["seconds"].tolist()
            draws = [(file[f"pre{k}"], file[f"post{k}"]) for k in range(1, len(took) + 1)]
            return took, [graph.of(draw) for draw in draws]


def row(tool: str, took: list[float], found: list[Any], truth: Any) -> str:
    """Give a tool's row of the table."""
    shares = np.array([one[:2] for one in found])
    mean, off = shares.mean(0), shares.mean(0) / truth - 1
    spread = shares.std(0, ddof=1) / truth if len(found) > 1 else truth * np.nan
    error = [f"{x:.1%}".rstrip("%") for x in spread / np.sqrt(len(found))]
    exact = [all(one[side] for one in found) for side in (2, 3)]
    said = {(1, 1): "yes", (1, 0): "out only", (0, 1): "in only", (0, 0): "no"}
    return (
        f"| | {tool} | {len(took)} | {np.median(took):.2f} | {mean[0]:.3%} | {mean[1]:.3%} "
        f"| {off[0] * 100:+.1f} ± {error[0]} | {off[1] * 100:+.1f} ± {error[1]} "
        f"| {said[exact[0], exact[1]]} |"
    )


def rows(name: str, pre: Any, post: Any, rates: dict[str, float]) -> Iterator[str]:
    """Give a row of the table for each tool.

    ``rates`` are other libraries' fastest seconds a connection, on the graphs before: by them what
    would pass the limit is told from the start, and how long it would take at the least.
    """
    graph, chance = Overlaps(pre, post), chances(pre, post)
    truth = np.array([chance.mean(), chance[graph.hub].mean()])
    yield f"| {name} | *chance, by degrees* | | | {truth[0]:.3%} | {truth[1]:.3%} | | | |"
    for tool in (t for t, (_, most) in OURS.items() if len(pre) <= most):
        yield row(tool, *drawn_here(tool, graph), truth)
    for tool in OTHERS:
        least = rates.get(tool, 0.0) * len(pre)
        took, found = ([], []) if least > LIMIT else drawn_there(tool, graph)
        if took:
            rates[tool] = min([rates.get(tool, np.inf), *(one / len(pre) for one in took)])
            yield row(tool, took, found, truth)
        else:
            yield f"| | {tool} | not run: > {max(least, LIMIT):.0f} s | | | | | | |"


HEAD = (
    "| graph, neurons / connections | tool | draws | s of processor | overlap | hubs' | off, % "
    "| hubs' off, % | exact |\n|---|---|---:|---:|---:|---:|---:|---:|---|"
)


def main() -> None:
    """Print the table, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out ten million connections")
    quick = parser.parse_args().quick
    cases: dict[str, Callable[[], Pair]] = {
        "column 23P, surrogate": column,
        "17 % dense, 300 / 15,000": lambda: drawn(300, 15_000, 0.5),
        "uniform, 20,000 / 400,000": lambda: drawn(20_000, 400_000, 0.0),
        "log-normal, 20,000 / 400,000": lambda: drawn(20_000, 400_000, 1.0),
        "log-normal, 50,000 / 1,000,000": lambda: drawn(50_000, 1_000_000, 1.0),
    }
    if not quick:
        cases["log-normal, 500,000 / 10,000,000"] = lambda: drawn(500_000, 10_000_000, 1.0)
    table, rates = [HEAD], dict[str, float]()
    print(HEAD)
    for name, graph in cases.items():
        for line in rows(name, *graph(), rates):
            print(line, flush=True)
            table.append(line)
    page = HERE.parent / "nulls.md"
    text = page.read_text(encoding="utf-8")
    lines = "\n".join(table)
    text = re.sub(r"\| graph, .*?\n(?=\n)", lambda _: lines + "\n", text, count=1, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
