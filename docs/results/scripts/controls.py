"""Measures what each control of wiring keeps and destroys: the table of connectomes-controls.md.

``uv run python docs/results/scripts/controls.py`` prints the rows, over ten seeds, from the
embedded column.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

import bionic_core as bionic
from bionic_plugins.mechanisms.masks import LEVELS

SEEDS = range(10)


def measures(projection: bionic.Projection, column: bionic.Connectome) -> dict[str, Any]:
    """Return what is compared between levels: pairs, degrees, types, distance, reciprocity."""
    wiring, site = projection.wiring, projection.site
    assert wiring is not None
    pre, post = site.pre.cells[wiring.pre], site.post.cells[wiring.post]
    gap = column.position[pre] - column.position[post]
    keys = set(zip(pre.tolist(), post.tolist(), strict=True))
    return {
        "pairs": keys,
        "out": np.bincount(wiring.pre, minlength=site.pre.size).std(),
        "in": np.bincount(wiring.post, minlength=site.post.size).std(),
        "types": np.unique(
            np.char.add(column.cell_type[pre], column.cell_type[post]), return_counts=True
        ),
        "distance": float(np.linalg.norm(gap, axis=1).mean()) / 1000,
        "reciprocity": sum((b, a) in keys for a, b in keys) / len(keys),
    }


def main() -> None:
    """Print a row for each group of projections and level."""
    spec = bionic.load("demo")
    assert spec.connectome is not None
    column = spec.connectome.read()
    found: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    real: dict[str, dict[str, Any]] = {}
    for level in LEVELS[:-1]:
        for seed in SEEDS if level != "real" else range(1):
            network = bionic.build(
                bionic.load("demo", set=[f"masks.wiring={level}"]), seed=seed, connectome=column
            )
            for projection in network.projections:
                label = projection.label
                now = measures(projection, column)
                first = real.setdefault(label, now)
                counts = dict(zip(*now["types"], strict=True))
                moved = sum(abs(counts.pop(t, 0) - n) for t, n in zip(*first["types"], strict=True))
                row = [
                    len(now["pairs"]) / len(first["pairs"]),
                    len(now["pairs"] & first["pairs"]) / len(first["pairs"]),
                    now["out"] / first["out"],
                    now["in"] / first["in"],
                    (moved + sum(counts.values())) / 2 / len(first["pairs"]),
                    now["distance"] - first["distance"],
                    now["reciprocity"],
                ]
                found["within" if "(" in label else "between", level].append(row)
    for (group, level), rows in sorted(found.items(), key=lambda item: item[0][0]):
        same, overlap, out, into, moved, away, back = np.mean(rows, axis=0)
        last = f"{back:.1%}" if group == "within" else "–"
        print(
            f"| {group} | {level} | {same:.0%} | {overlap:.1%} | {out:.2f} | {into:.2f} "
            f"| {moved:.1%} | {away:+.1f} | {last} |"
        )


if __name__ == "__main__":
    main()
