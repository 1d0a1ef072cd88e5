"""Simulates intervals over seeds and images: images.md's table, and images.json.

``uv run python docs/results/scripts/images.py [DIR]`` draws 20,000 seed × image tables of each kind
in about a minute, writes ``images.json`` to DIR (docs/results/data) and prints the table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from bionic_core.statistics.crossed import Certainty
from bionic_core.statistics.linear import Matrix

TABLES, IMAGES = 20_000, 400
KINDS = {
    "no seed effect": (0.0, 1.0, 1.0),
    "no image effect": (0.06, 0.0, 1.0),
    "images add half of seeds": (0.10, 1.0, 1.0),
    "as much": (0.05, 1.0, 1.0),
    "four times": (0.012, 1.0, 1.0),
    "seed × image large": (0.05, 0.5, 3.0),
}
"""SDs of a seed, of an image, and of a seed on an image."""


def certainty(kind: str, n: int, rng: np.random.Generator) -> tuple[Matrix, Certainty]:
    """Return means of tables whose truth is 0, and how sure they are.

    Mean squares are drawn as they are distributed in a normal two-way layout, which is exact.
    """
    seed, image, mixed = (size**2 for size in KINDS[kind])
    degrees = (n - 1, IMAGES - 1, (n - 1) * (IMAGES - 1))
    expected = (mixed + IMAGES * seed, mixed + n * image, mixed)
    drawn = [
        size * rng.chisquare(free, TABLES) / free / (n * IMAGES)
        for size, free in zip(expected, degrees, strict=True)
    ]
    means = rng.normal(size=TABLES) * np.sqrt(seed / n + image / IMAGES + mixed / (n * IMAGES))
    parts = [np.sqrt(part) for part in drawn]
    free = np.full(TABLES, float(n - 1))
    sure = Certainty.over_images(parts[0], free, parts[1][:, None], parts[2][:, None], IMAGES)
    return means, sure


def main(folder: Path) -> None:
    """Simulate, write and print."""
    rng, found = np.random.default_rng(0), []
    for kind in KINDS:
        for n in (2, 3, 5, 10):
            means, sure = certainty(kind, n, rng)
            alone = Certainty.over_runs(sure.runs, sure.degrees)
            plain = Certainty.over_runs(sure.both, sure.both_degrees)
            row: dict[str, object] = {"kind": kind, "seeds": n}
            for name, one in (("both", sure), ("satterthwaite", plain), ("over_seeds", alone)):
                half = one.half(0.95)
                row[name] = round(100 * float((np.abs(means) < half).mean()), 1)
                row[f"{name}_half"] = round(float(half.mean()), 4)
            found.append(row)
            print(
                f"| {kind} | {n} | {row['both']} ±{row['both_half']} | {row['satterthwaite']} "
                f"±{row['satterthwaite_half']} | {row['over_seeds']} ±{row['over_seeds_half']} |"
            )
    (folder / "images.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/results/data"))
