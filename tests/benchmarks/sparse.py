"""Sparse storage of projections, measured: run by hand, never in the suite.

::

    python -m tests.benchmarks.sparse crossover  # dense against sparse, by size, density and batch
    python -m tests.benchmarks.sparse scaling    # time of a step against the number of pairs
    python -m tests.benchmarks.sparse train      # a model of wide layers: peak memory, times

Each prints one JSON document on stdout; ``docs/results/data/sparse.json`` holds them. Times are the
least of several readings, of one thread's CPU time where products are timed, because other work on
the machine only ever adds to them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

import bionic_core as bionic
from bionic_core import Connectome, ConnectomeSource, Wiring
from bionic_core.model.projection import DenseProjection, Projection
from bionic_core.model.sparse import SparseProjection
from bionic_core.sites import Layer, ProjectionSite
from bionic_core.spec.spec import compose

LAYERS = ("A", "B", "C")
BLOCKS = (("A", "B"), ("B", "C"), ("A", "A"), ("B", "B"), ("C", "C"))


@attrs.frozen(eq=False)
class Random(ConnectomeSource):
    """Three cell types of many neurons, with as many random pairs in each of five blocks."""

    name = "random-blocks"
    neurons: int = 1000
    pairs: int = 10_000

    def read(self) -> Connectome:
        rng, n = np.random.default_rng(0), self.neurons
        pre, post = [], []
        for one, other in BLOCKS:
            keys = np.unique(rng.integers(0, n * n, int(1.01 * self.pairs) + 50))
            keys = rng.permutation(keys)[: self.pairs]
            pre.append(keys % n + n * LAYERS.index(one))
            post.append(keys // n + n * LAYERS.index(other))
        cells = n * len(LAYERS)
        return Connectome.of(
            cell_id=np.arange(cells),
            broad_type=["excitatory"] * cells,
            cell_type=np.repeat(LAYERS, n),
            position=np.zeros((cells, 3)),
            pre=np.concatenate(pre),
            post=np.concatenate(post),
            count=np.ones(len(BLOCKS) * self.pairs, np.int32),
            provenance={"label": "random blocks"},
        )


def wide_spec(neurons: int, pairs: int, *, train: int, epochs: int = 2) -> bionic.Spec:
    """A model of three layers with everything that touches weights, on drawn faces."""
    names = ("convolution", "masks", "intra", "layernorm", "hebbian", "weight_decay")
    document = {
        "model": {
            "layers": {name: [name] for name in LAYERS},
            "projections": ["A->B", "B->C"],
        },
        "connectome": {"source": Random.name, "neurons": neurons, "pairs": pairs},
        "data": {"source": "schematic", "train": train, "test": 70},
        "training": {"max_epochs": epochs, "lr": 3e-4, "patience": 0},
        "mechanisms": {name: {} for name in names},
    }
    registry = bionic.Registry.installed().including(Random)
    return compose(document, name="wide", registry=registry)


def train_wide(neurons: int, pairs: int, train: int) -> dict[str, Any]:
    """Train a wide model in a process of its own; return its storages, peak memory and times."""
    arguments = [str(number) for number in (neurons, pairs, train)]
    command = [sys.executable, "-m", "tests.benchmarks.sparse", "train", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _train(neurons: int = 20_000, pairs: int = 2_000_000, train: int = 96) -> dict[str, Any]:
    import tempfile

    from safetensors.torch import load_file

    from bionic_core.runs.files import MODEL
    from bionic_core.runs.train import train as train_run

    spec = wide_spec(neurons, pairs, train=train)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = train_run(spec, root=Path(folder), device="cpu")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        history, weights = run.history, load_file(run.folder / MODEL)
    seconds = time.perf_counter() - begun
    values = [tensor for name, tensor in weights.items() if name.endswith(".values")]
    batches = -(-train // spec.training.batch_size)
    return {
        "neurons": neurons,
        "pairs": [tensor.numel() for tensor in values],
        "storages": ["sparse" if tensor.ndim == 1 else "dense" for tensor in values],
        "parameters": sum(tensor.numel() for tensor in weights.values()),
        "batch": spec.training.batch_size,
        "optimizer": spec.training.optimizer,
        "threads": torch.get_num_threads(),
        "peak_gib": round(peak, 2),
        "seconds": round(seconds, 1),
        "seconds_per_step": [round(epoch["seconds"] / batches, 3) for epoch in history],
        "losses": [epoch["train"]["loss"] for epoch in history],
    }


def _site(n: int) -> ProjectionSite:
    builder: Any = None
    return ProjectionSite(Layer("A", n, (), None, builder), Layer("B", n, (), None, builder))


def _stepper(projection: Projection, batch: int, *, local: bool) -> Callable[[], float]:
    """A step of training through one projection, which returns its seconds of CPU."""
    n = projection.site.pre.size
    x, grad = torch.rand(batch, n, requires_grad=True), torch.randn(batch, n)
    optimizer = torch.optim.Adam(projection.parameters(), lr=1e-4, fused=True)

    def step() -> float:
        begun = time.process_time()
        out = projection(x)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(out, grad)
        optimizer.step()
        if local:
            with torch.no_grad():
                projection.values.add_(projection.correlate(x, grad), alpha=1e-9)
        return time.process_time() - begun

    return step


def _least(steps: list[Callable[[], float]], readings: int) -> list[float]:
    """The least seconds of each, read in turns."""
    for step in steps:
        step()
    rounds = [[step() for step in steps] for _ in range(readings)]
    return [min(column) for column in zip(*rounds, strict=True)]


def crossover() -> dict[str, Any]:
    """Dense against sparse storage: CPU time of forward, backward and Adam."""
    torch.set_num_threads(1)
    rows = []
    for n, readings in ((300, 20), (1000, 7), (3000, 3)):
        for density in (0.01, 0.03, 0.1, 0.3):
            mask = np.random.default_rng(1).random((n, n)) < density
            wirings = {"random": Wiring.of_mask(mask)}
            kinds = [kind(_site(n), wirings, {}, 0) for kind in (DenseProjection, SparseProjection)]
            for batch in (32, 256):
                steps = [_stepper(kind, batch, local=False) for kind in kinds]
                dense, sparse = _least(steps, readings)
                row = {"neurons": n, "density": density, "batch": batch}
                rows.append(row | {"dense_ms": dense * 1e3, "sparse_ms": sparse * 1e3})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return {"threads": 1, "torch": torch.__version__, "rows": rows}


def scaling() -> dict[str, Any]:
    """Seconds of a step with a local rule through one projection, over a decade of pairs."""
    torch.set_num_threads(1)
    n, rows = 20_000, []
    rng = np.random.default_rng(2)
    keys = np.unique(rng.integers(0, n * n, 2_020_000))
    for pairs in (200_000, 400_000, 700_000, 1_200_000, 2_000_000):
        kept = rng.permutation(keys)[:pairs]
        wiring = Wiring(pre=kept % n, post=kept // n)
        step = _stepper(SparseProjection(_site(n), {"random": wiring}, {}, 0), 32, local=True)
        (seconds,) = _least([step], 5)
        rows.append({"pairs": pairs, "ms": seconds * 1e3})
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    counts, times = (np.log([row[key] for row in rows]) for key in ("pairs", "ms"))
    slope = np.polyfit(counts, times, 1)[0]
    return {"neurons": n, "batch": 32, "threads": 1, "rows": rows, "exponent": float(slope)}


if __name__ == "__main__":
    commands: dict[str, Callable[..., Any]] = {
        "crossover": crossover,
        "scaling": scaling,
        "train": _train,
    }
    print(json.dumps(commands[sys.argv[1]](*map(int, sys.argv[2:])), indent=1))
