"""Whole runs, stacked and by themselves: do their accuracies have one distribution?

Run by hand, never in the suite::

    python -m tests.benchmarks.stacked_accuracy            # 24 × 24 drawn faces, 10 seeds
    python -m tests.benchmarks.stacked_accuracy --seeds 5

Trains the full model, small and without augmentation, and three ablations of it for 30 epochs on
drawn faces, with either engine, and compares the test accuracies: paired by variant and seed (t
test of the differences) and as distributions (Kolmogorov and Smirnov). Prints a table on stderr and
one JSON document on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bionic_core as bionic
from bionic_core.runs.attempt import one_by_one
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.folder import Run
from bionic_core.spec.spec import compose
from bionic_plugins.engines.stacked.study import train_stacked

LEFT_OUT = ("noise", "masks", "hebbian")


def study(*, seeds: int, train: int, test: int, epochs: int) -> list[Task]:
    """The study's runs."""
    document = bionic.load("full").document()
    layers = {"A": ["5P-ET", "5P-IT"], "B": ["6P-CT"]}
    document["model"] |= {"layers": layers, "projections": ["A->B"], "image": [1, 24, 24]}
    document["data"] = {"source": "schematic", "train": train, "test": test}
    document["training"] |= {"max_epochs": epochs, "batch_size": 16, "patience": 0}
    del document["mechanisms"]["augmentation"]  # so few images would be learned slowly
    full = compose(document, name="small", registry=bionic.Registry.installed())
    specs = [full, *(full.without([name]) for name in LEFT_OUT)]
    pairs = [(spec, seed) for seed in range(seeds) for spec in specs]
    return [Task(number, spec, seed) for number, (spec, seed) in enumerate(pairs)]


def accuracies(outcomes: Iterator[Outcome], count: int) -> tuple[list[float], float]:
    """The runs' test accuracies in their order, and the seconds that they took."""
    begun = time.perf_counter()
    found = {outcome.task.number: outcome for outcome in outcomes}
    folders = [found[number].folder for number in range(count)]
    if None in folders:
        raise RuntimeError([outcome.error for outcome in found.values() if outcome.error])
    seconds = time.perf_counter() - begun
    return [Run(f).result.test.accuracy for f in folders if f is not None], seconds


def compare(tasks: Sequence[Task]) -> dict[str, Any]:
    """Train either way, and compare."""
    from scipy import stats

    with tempfile.TemporaryDirectory() as folder:
        works = [Work(tasks, Path(folder) / name, "cpu") for name in ("stacked", "alone")]
        stacked, together = accuracies(train_stacked(works[0]), len(tasks))
        alone, after = accuracies(one_by_one(works[1]), len(tasks))
    differences = np.array(stacked) - np.array(alone)
    paired = stats.ttest_1samp(differences, 0.0) if differences.any() else None
    return {
        "runs": len(tasks),
        "epochs": tasks[0].spec.training.max_epochs,
        "stacked": stacked,
        "alone": alone,
        "means": [float(np.mean(stacked)), float(np.mean(alone))],
        "sds": [float(np.std(stacked, ddof=1)), float(np.std(alone, ddof=1))],
        "mean_difference": float(differences.mean()),
        "equal": int((differences == 0).sum()),
        "p_paired": None if paired is None else float(paired.pvalue),
        "p_distribution": float(stats.ks_2samp(stacked, alone).pvalue),
        "seconds": {"stacked": together, "alone": after},
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default in (("seeds", 10), ("train", 490), ("test", 490), ("epochs", 30)):
        parser.add_argument(f"--{option}", type=int, default=default)
    options = vars(parser.parse_args(arguments))
    found = compare(study(**options))
    rows = (
        ("test accuracy, stacked", f"{found['means'][0]:.2%} ± {found['sds'][0]:.2%}"),
        ("test accuracy, by themselves", f"{found['means'][1]:.2%} ± {found['sds'][1]:.2%}"),
        ("mean difference", f"{found['mean_difference']:+.2%}, p = {found['p_paired']}"),
        ("one distribution", f"p = {found['p_distribution']:.2f}"),
        ("equal to the last image", f"{found['equal']} of {found['runs']} runs"),
    )
    print("\n".join(f"{name:<32}{value}" for name, value in rows), file=sys.stderr)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
