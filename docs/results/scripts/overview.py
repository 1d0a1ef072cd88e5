"""Draw docs/images/overview.png: the drawn faces, the column's wiring, and a factorial's effects.

bionic factorial --mechanisms masks,convolution --json > effects.json
python docs/results/scripts/overview.py effects.json docs/images/overview.png
"""

from __future__ import annotations

import json
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bionic_core import load

INK, RED, BLUE = "#222222", "#c23b22", "#1f6f8b"


def faces(axes: Axes) -> None:
    """Show an image of each class."""
    spec = load("demo")
    data, side = spec.data.read(spec.model.image), spec.model.image[2]
    rows = [np.flatnonzero(data.train.labels == c)[[2, 5]] for c in range(7)]
    pictures = [np.concatenate(data.train.images[pair, 0], axis=0) for pair in rows]
    axes.imshow(np.concatenate(pictures, axis=1), cmap="gray", interpolation="nearest")
    axes.set_xticks([side * (i + 0.5) for i in range(7)], data.class_names, rotation=40, ha="right")
    axes.set_yticks([])
    axes.set_title("Images: drawn, FER-2013, or your own")


def wiring(axes: Axes) -> None:
    """Show the connections between the layers' cells, pre in rows."""
    spec = load("demo")
    assert spec.connectome is not None
    column = spec.connectome.read()
    types = [t for cells in spec.model.layers.values() if not isinstance(cells, int) for t in cells]
    cells = np.concatenate([column.of_type(t) for t in types])
    block = column.block(cells, cells)
    axes.plot(block.post, block.pre, ",", color=BLUE, alpha=0.6)
    edges = np.cumsum([266, 349, 185, 383])
    for edge in edges[:-1]:
        axes.axhline(edge, color=INK, lw=0.6)
        axes.axvline(edge, color=INK, lw=0.6)
    middles = edges - np.array([266, 349, 185, 383]) / 2
    axes.set_xticks(middles, list("ABCD"))
    axes.set_yticks(middles, list("ABCD"))
    axes.set_xlim(0, len(cells))
    axes.set_ylim(len(cells), 0)
    axes.set_aspect("equal")
    axes.set_xlabel("post")
    axes.set_ylabel("pre")
    axes.set_title(f"Wiring: {column.label.replace('MICrONS ', '')}")


def effects(axes: Axes, path: str) -> None:
    """Show each effect with its 95 % interval."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    found = document["effects"]
    for place, effect in enumerate(found):
        sure = effect["p_adjusted"] < 0.05
        colour = RED if sure else INK
        axes.plot([effect["low"], effect["high"]], [place, place], color=colour, lw=2)
        axes.plot(effect["estimate"], place, "o", color=colour)
    axes.axvline(0, color="#999999", lw=0.8)
    axes.set_yticks(range(len(found)), [effect["term"] for effect in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel("percentage points of test accuracy, 95 % intervals")
    axes.set_title(f"Effects: {document['design']['runs']} runs, seeds as blocks")


def main(source: str, target: str) -> None:
    """Draw the three panels."""
    plt.rcParams.update({"font.size": 9, "axes.titlesize": 10, "text.color": INK})
    figure, panels = plt.subplots(
        1, 3, figsize=(12, 3.4), width_ratios=(1.5, 1, 1.3), layout="constrained"
    )
    faces(panels[0])
    wiring(panels[1])
    effects(panels[2], source)
    figure.savefig(target, dpi=130)


if __name__ == "__main__":
    main(*sys.argv[1:])
