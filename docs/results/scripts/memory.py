"""Memory of connectomes as reservoirs beside rewired and random wiring: the tables of memory.md.

``uv run python docs/results/scripts/memory.py`` builds the networks of ``specs/memory.toml`` with
the wiring of a connectome, with its degrees alone (``rewired``) and with its density alone
(``random``); each of ten seeds draws the control and all weights, and draws input weights alike for
all wirings. It writes ``docs/results/data/memory.json`` and prints the tables, in about six minutes
of processor time. The worm's and the larva's wiring are fetched once from the package index.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn

import bionic_core as bionic
from bionic_core.statistics.capacity import memory_capacity
from bionic_core.training.ridge import solve

SEEDS = 10

WIRINGS = ("real", "rewired", "random")

DELAYS = (1, 3, 5, 8, 12)
"""Steps back, of recall."""

CONNECTOMES = {
    "column, layers 4 and 2/3": ("column", ["4P", "23P"], []),
    "worm": ("celegans", ["sensory", "inter", "motor"], ["connectome.fetch=true"]),
    "larva's mushroom body": ("larva", ["PN", "KC", "MBON", "MBIN"], ["connectome.fetch=true"]),
}

FILE = Path(__file__).parents[1] / "data" / "memory.json"


def measured(source: str, types: list[str], more: list[str], wiring: str, seed: int) -> Any:
    """Return the memory capacity of a reservoir, and its recall of each delay."""
    keys = [f"model.layers={{R={json.dumps(types)}}}", f'connectome.source="{source}"', *more]
    keys += [f"masks.wiring={wiring}", f"masks.draw={seed}"]
    spec = bionic.load("memory", set=keys)
    network = bionic.build(spec, seed=seed).eval()
    data = spec.data.read(spec.model.image)
    parts = []
    for part in (data.train, data.test):
        with torch.inference_mode():
            record = network.trace(torch.as_tensor(part.images).float() / 255)
        inputs = part.images[:, 0, :, 0]
        parts.append((record["R.out"][:, -1].double(), inputs))
    (old, known), (new, unknown) = parts
    inputs = known.astype(float), unknown.astype(float)
    capacity = memory_capacity((old.numpy(), new.numpy()), inputs)
    recall = []
    for delay in DELAYS:
        labels = [u[:, -1 - delay].astype(np.int64) * 7 // 256 for u in (known, unknown)]
        readout = nn.Linear(old.shape[1], 7).double()
        solve(readout, old, torch.as_tensor(labels[0]))
        right = readout(new).argmax(1).numpy() == labels[1]
        recall.append(float(right.mean()))
    return {"neurons": capacity.neurons, "capacity": capacity.total, "recall": recall}


def interval(values: Any) -> str:
    """Return a mean with its 95 % t-interval."""
    mean, half = np.mean(values), stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})"


def main() -> None:
    """Measure, keep and print."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for name, (source, types, more) in CONNECTOMES.items():
        found[name] = {
            wiring: [measured(source, types, more, wiring, seed) for seed in range(SEEDS)]
            for wiring in WIRINGS
        }
        FILE.write_text(json.dumps(found, indent=1) + "\n")
    shown(found)


def shown(found: dict[str, Any]) -> None:
    """Print the tables."""
    print("| connectome | neurons | wiring | memory capacity | real less this |")
    print("|---|---|---|---|---|")
    for name, levels in found.items():
        values = {w: np.array([one["capacity"] for one in levels[w]]) for w in WIRINGS}
        for wiring in WIRINGS:
            apart = "" if wiring == "real" else interval(values["real"] - values[wiring])
            neurons = levels[wiring][0]["neurons"]
            print(f"| {name} | {neurons} | {wiring} | {interval(values[wiring])} | {apart} |")
    print()
    print("| connectome | wiring | " + " | ".join(f"{k} ago" for k in DELAYS) + " |")
    print("|---|---|" + "---|" * len(DELAYS))
    for name, levels in found.items():
        for wiring in WIRINGS:
            recall = 100 * np.array([one["recall"] for one in levels[wiring]])
            cells = " | ".join(
                f"{m:.1f} ± {s:.1f}"
                for m, s in zip(recall.mean(0), recall.std(0, ddof=1), strict=True)
            )
            print(f"| {name} | {wiring} | {cells} |")


if __name__ == "__main__":
    main()
