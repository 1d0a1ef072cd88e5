"""Time and memory of a training step against the steps of the network: the table of time.md.

``uv run python docs/results/scripts/steps.py`` prints the table. Seconds are of the processor, the
least of interleaved repeats; memory is what autograd keeps for the backward pass, which is exact,
and what a process of its own (on Linux) reaches at most above what it has before the step.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core.model.network import Network

STEPS = (1, 2, 4, 8, 16)
BATCH, REPEATS = 1024, 7


def network(steps: int) -> Network:
    """Two layers of 400 neurons that project to each other and, in time, each to itself."""
    back = ["A->A", "B->B", "B->A"] if steps > 1 else []
    document = {
        "model": {
            "layers": {"A": 400, "B": 400},
            "projections": ["A=>B" if back else "A->B", *back],
            "steps": steps,
            "image": [1, 16, 16],
        },
        "mechanisms": {},
    }
    registry = bionic.Registry.installed()
    return bionic.build(bionic.compose(document, name="steps", registry=registry))


def step(model: Network, images: Tensor) -> None:
    """Take a training step."""
    model.zero_grad()
    nn.functional.cross_entropy(
        model(images), torch.zeros(len(images), dtype=torch.int64)
    ).backward()


def kept(model: Network, images: Tensor) -> int:
    """Return the bytes that autograd keeps for the backward pass, each storage once."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    found: dict[int, Tensor] = {}  # alive, or a place would be used for two tensors

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(images)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    # Not ru_maxrss, which begins at what the process that started this one has.
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def alone(steps: int) -> None:
    """Print by how many MB a step raises what this process has had at most."""
    model, images = network(steps), torch.rand(BATCH, 1, 16, 16)
    step(network(1), images[:8])  # what torch sets up once
    before = peak()
    step(model, images)
    print(peak() - before)


def main() -> None:
    """Measure, and print the table."""
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        alone(int(sys.argv[1]))
        return
    images = torch.rand(BATCH, 1, 16, 16)
    models = {steps: network(steps) for steps in STEPS}
    seconds = {steps: [0.0] * REPEATS for steps in STEPS}
    for repeat in range(REPEATS):
        for steps, model in models.items():
            begun = time.process_time()
            step(model, images)
            seconds[steps][repeat] = time.process_time() - begun
    print("| T | CPU s | CPU s / T | kept, MB | kept / T | peak, MB | peak / T |")
    print("|---|---|---|---|---|---|---|")
    for steps, model in models.items():
        least, bytes_ = min(seconds[steps]), kept(model, images) / 1e6
        own = [sys.executable, __file__, str(steps)]
        most = float(subprocess.run(own, capture_output=True, text=True, check=True).stdout)
        cells = [least, least / steps, bytes_, bytes_ / steps, most, most / steps]
        shown = " | ".join(
            f"{cell:.3f}" if n < 2 else f"{cell:.1f}" for n, cell in enumerate(cells)
        )
        print(f"| {steps} | {shown} |")


if __name__ == "__main__":
    main()
