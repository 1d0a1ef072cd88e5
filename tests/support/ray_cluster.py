"""Ray clusters of several nodes on this machine, and runs of a moment for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

import bionic_core as bionic
from bionic_core.runs import checkpoint as checkpoints
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.folder import Run
from bionic_core.spec.spec import compose
from bionic_core.training.loop import Progress
from tests.support.observers import told as observer

# Read when Ray is imported. Otherwise workers wait for all else on a busy machine, and are made
# anew under "uv run".
os.environ |= {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
ray = pytest.importorskip("ray", reason="needs bionic-connectome[ray]")


NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


def small(seconds: float = 0, **training: Any) -> bionic.Spec:
    """A run of a moment; or of about so many seconds, on a machine with nothing else to do."""
    size = {"train": 70, "test": 35}
    if seconds:
        size = {"train": 2000, "test": 100}
        training |= {"max_epochs": max(2, round(seconds))}
    document = {
        "model": {"layers": {"A": 6, "B": 5}, "projections": ["A->B"]},
        "data": {"source": "schematic", **size},
        "training": {"max_epochs": 2, "patience": 0} | training,
        "mechanisms": {"convolution": {}, "noise": {}, "layernorm": {}},
    }
    return compose(document, name="small", registry=bionic.Registry.installed())


@contextmanager
def cluster(**head: Any) -> Iterator[Any]:
    """A cluster of one node, to which this program is connected; more can be added."""
    from ray.cluster_utils import Cluster

    def keep_every_epoch() -> None:
        checkpoints.SAVES_EVERY = 0.0

    made = Cluster(initialize_head=True, head_node_args=NODE | head)
    hook = {"worker_process_setup_hook": keep_every_epoch}
    try:
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR", runtime_env=hook)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@attrs.define
class Told:
    """What a study said while it went on."""

    begun: list[int] = attrs.field(factory=list)
    moments: list[tuple[int, Progress]] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)
    saved: list[Path] = attrs.field(factory=list)

    def work(self, tasks: list[Task], root: Path, **others: Callable[..., Any]) -> Work:
        calls: dict[str, Callable[..., Any]] = {
            "begun": lambda task: self.begun.append(task.number),
            "progress": lambda task, moment: self.moments.append((task.number, moment)),
            "note": lambda task, words: self.said.append(words),
            "saved": lambda task, folder: self.saved.append(folder),
        }
        return Work(
            tasks,
            root,
            "cpu",
            observer=observer(**calls | others),
        )


def by_number(outcomes: Any) -> dict[int, Outcome]:
    return {outcome.task.number: outcome for outcome in outcomes}


def runs(outcomes: dict[int, Outcome]) -> list[Run]:
    assert all(o.folder is not None for o in outcomes.values()), [*outcomes.values()]
    return [Run(o.folder) for _, o in sorted(outcomes.items()) if o.folder is not None]
