"""Whether the reference and this package learn alike: the same images, epochs and seeds."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import bionic_core as bionic
from tests.benchmarks import reference
from tests.benchmarks.ours import Training, column_of, inputs_of
from tests.benchmarks.processes import outcome

FIGURES = ("train_loss", "loss", "accuracy")


def measure(data: str, *, images: int, epochs: int, seeds: int) -> dict[str, Any]:
    """Train both for some epochs with some seeds, in a process of its own."""
    found: dict[str, Any] = outcome(
        "tests.benchmarks.equal_work", data, str(images), str(epochs), str(seeds)
    )
    return {"images": images, "epochs": epochs, "figures": {}} | found


def compared(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """Return means, spreads, and the difference with its 95 % interval (Welch)."""
    from scipy import stats

    test = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return {
        "ours": {"mean": float(np.mean(ours)), "sd": float(np.std(ours, ddof=1))},
        "reference": {"mean": float(np.mean(theirs)), "sd": float(np.std(theirs, ddof=1))},
        "difference": float(np.mean(ours) - np.mean(theirs)),
        "low": float(low),
        "high": float(high),
        "p": float(test.pvalue),
    }


def _measure(data: str, images: int, epochs: int, seeds: int) -> dict[str, Any]:
    spec = bionic.load("as-written", data=data)  # with class weights, as the reference has them
    splits, column = inputs_of(spec, images), column_of(spec)
    train, validation = (
        (part.images[:, 0].copy(), part.labels) for part in (splits.train, splits.validation)
    )
    values: dict[str, dict[str, list[float]]] = {
        figure: {"ours": [], "reference": []} for figure in FIGURES
    }
    for seed in range(seeds):
        both: dict[str, Training | reference.Training] = {
            "ours": Training(spec, splits, seed),
            "reference": reference.Training(column, train, validation, seed=seed),
        }
        for name, training in both.items():
            for _ in range(epochs):
                training.epoch()
            for figure in FIGURES:
                values[figure][name].append(getattr(training, figure))
            print(f"seed {seed}, {name}: {training.loss:.4f}", file=sys.stderr, flush=True)
    return {
        "seeds": seeds,
        "samples": values,
        "compared": {
            figure: compared(found["ours"], found["reference"]) for figure, found in values.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], *map(int, sys.argv[2:]))))
