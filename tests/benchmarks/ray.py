"""The Ray engine, measured: two nodes of one CPU against one; run by hand, never in the suite.

::

    python -m tests.benchmarks.ray [--runs 2] [--images 6000] [--epochs 62] [--times 3]

Clusters are of nodes on this machine (``ray.cluster_utils.Cluster``), a fresh one for each
reading, so it needs two idle cores. Prints a table on stderr and one JSON document on stdout:
seconds of the study on one and on two nodes in turn, their medians, the speed-up, and what the
engine adds to a run: (seconds of the study on one node − the seconds of training that the runs
report) / runs, with evaluation and the first run's start in it. Each run should take a minute or
more; raise ``--images`` or ``--epochs`` where it does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bionic_core import Registry, Spec
from bionic_core.runs.engine import Task, Work
from bionic_core.runs.folder import Run
from bionic_core.spec.spec import compose
from bionic_plugins.engines.ray.engine import SETTINGS, Ray

NODE = {"num_cpus": 1, "include_dashboard": False}


def spec(images: int, epochs: int) -> Spec:
    """The mechanisms of ``fast`` that need no download, on generated images."""
    document = {
        "model": {"layers": {"A": 266, "B": 349, "C": 185}, "projections": ["A->B", "B->C"]},
        "data": {"source": "schematic", "train": images, "test": 100},
        "training": {"max_epochs": epochs, "patience": 0, "batch_size": 256},
        "mechanisms": {"convolution": {}, "noise": {}, "layernorm": {}, "augmentation": {}},
    }
    return compose(document, name="benchmark", registry=Registry.installed())


def study(nodes: int, base: Spec, runs: int) -> tuple[float, list[float]]:
    """Return the seconds of a study on so many nodes, and of training in each of its runs."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0})
    try:
        for _ in range(nodes):
            cluster.add_node(**NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        with tempfile.TemporaryDirectory() as place:
            begun = time.perf_counter()
            tasks = [Task(seed, base, seed) for seed in range(runs)]
            work = Work(tasks, Path(place), "cpu")
            outcomes = list(Ray(results="store").train(work))
            seconds = time.perf_counter() - begun
            folders = [outcome.folder for outcome in outcomes if outcome.folder is not None]
            if len(folders) < runs:
                raise SystemExit(f"runs failed: {[outcome.error for outcome in outcomes]}")
            return seconds, [Run(folder).result.seconds for folder in folders]
    finally:
        ray.shutdown()
        cluster.shutdown()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, default in (("runs", 2), ("images", 6000), ("epochs", 62), ("times", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    os.environ.update(SETTINGS, RAY_worker_niceness="0")
    base = spec(asked.images, asked.epochs)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    overheads: list[float] = []
    trained: list[float] = []
    for _ in range(asked.times):
        for nodes, readings in seconds.items():
            took, each = study(nodes, base, asked.runs)
            readings.append(took)
            trained += each
            if nodes == 1:
                overheads.append((took - sum(each)) / asked.runs)
            print(f"{nodes} nodes: {took:.1f} s", file=sys.stderr)
    one, two = (median(readings) for readings in seconds.values())
    document: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg(),
        "runs": asked.runs,
        "seconds_of_a_run": median(trained),
        "one_node": seconds[1],
        "two_nodes": seconds[2],
        "speed_up": one / two,
        "overhead_per_run": median(overheads),
    }
    for words in (
        f"{asked.runs} runs of {document['seconds_of_a_run']:.0f} s, medians of {asked.times}",
        f"1 node of 1 CPU    {one:8.1f} s",
        f"2 nodes of 1 CPU   {two:8.1f} s",
        f"speed-up           {document['speed_up']:8.2f}",
        f"engine, a run      {document['overhead_per_run']:8.1f} s",
    ):
        print(words, file=sys.stderr)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
