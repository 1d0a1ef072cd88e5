"""Laws about random numbers, modes and what is kept in a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bionic_core.base.arrays import load_tensors
from bionic_core.conformance.bed import Bed, images_for, learned
from bionic_core.conformance.laws import Broken, shown
from bionic_core.model.network import Network
from bionic_core.training.loop import start
from bionic_core.training.recipe import recipe_of

STEPS_ALIKE = 100
"""What silences a neuron in a hundred, say, does the same with two seeds in most single steps."""


class _Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that draw random numbers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.count += torch.Tag.nondeterministic_seeded in func.tags
        return func(*args, **(kwargs or {}))


def seeds(bed: Bed) -> None:
    """Equal seeds give equal numbers; where it draws, other seeds and steps give others."""
    one, other = bed.network(seed=1), _disturbed(bed, seed=1)
    for name, value in one.state_dict().items():
        if not torch.equal(value, other.state_dict()[name]):
            raise Broken(
                f"Built twice with seed 1, {name} differs. While building, draw from torch's "
                "default generator, which is seeded for each site",
                bed.table,
            )
    images = images_for(one)
    first = _forward(one, images)
    if not torch.equal(first, _forward(one, images)) or not torch.equal(
        first, _forward(other, images)
    ):
        raise Broken(
            "The same training step gives other numbers when it is repeated. A module that draws "
            "while it runs takes its numbers from layer.stream(), and keeps nothing from before",
            bed.example(f"training mode, step 0, images {shown(images)}"),
        )
    if _draws(bed, images) and _alike(bed, one, images):
        raise Broken(
            "It draws random numbers, and they are the same with seed 1 and with seed 2. Seed no "
            "generator yourself: while building, torch's default one is seeded; while running, "
            "take layer.stream()",
            bed.example(f"training mode, step 0, images {shown(images)}"),
        )


def _disturbed(bed: Bed, seed: int) -> Network:
    """Return a network that was built when the global generators stood elsewhere."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(99)
        return bed.network(seed=seed)


def _forward(network: Network, images: Tensor, step: int = 0) -> Tensor:
    """Return the logits at a step, whatever the global generator was at."""
    network.seek(step)
    with torch.no_grad():
        logits: Tensor = network(images)
    return logits


def _draws(bed: Bed, images: Tensor) -> bool:
    """Whether the mechanism draws, while it is built or while it runs in training."""
    counts: list[int] = []
    for present in (True, False):
        with _Draws() as draws:
            network = bed.network(present=present)
            _forward(network, images)
        counts.append(draws.count)
    return counts[0] > counts[1]


def _alike(bed: Bed, one: Network, images: Tensor) -> bool:
    """Whether seed 2 changes nothing of the mechanism's own; the rest is taken from seed 1."""
    other = bed.network(seed=2)
    shared = bed.network(present=False).state_dict()
    state, own = one.state_dict(), []
    for name, value in other.state_dict().items():
        if name in shared and shared[name].shape == value.shape:
            value.copy_(state[name])
        else:
            own.append(torch.equal(value, state[name]))
    return all(own) and all(
        torch.equal(_forward(one, images, step), _forward(other, images, step))
        for step in range(STEPS_ALIKE)
    )


def modes(bed: Bed) -> None:
    """Evaluation draws nothing, keeps nothing, and takes each image for itself."""
    network = bed.network()
    images = images_for(network)
    _forward(network, images)  # in training, as before any evaluation
    network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = _forward(network, images)
    where = f"evaluation mode, images {shown(images)}"
    if not torch.equal(first, _forward(network, images, step=1)):
        raise Broken(
            "In evaluation the same images give other numbers at another step. What draws, draws "
            "in training only: ask self.training",
            bed.example(where),
        )
    changed = [n for n, value in network.state_dict().items() if not torch.equal(value, before[n])]
    if changed:
        raise Broken(f"Evaluation changes {changed[0]}", bed.example(where))
    for count in (2, len(images)):
        together, alone = _forward(network, images[:count])[0], _forward(network, images[:1])[0]
        if not torch.allclose(together, alone, rtol=1e-9, atol=1e-9):
            raise Broken(
                "In evaluation the logits of an image depend on the images beside it, by "
                f"{(together - alone).abs().max().item():.3g}. Take means over neurons (dim=1), "
                "not over the batch, or keep running ones in a buffer",
                bed.example(f"evaluation mode, {count} images against the first alone"),
            )


def state(bed: Bed) -> None:
    """After a checkpoint is loaded, everything is as it was."""
    network = bed.network()
    images = images_for(network)
    optimizer = start(network, recipe_of(bed.spec())).optimizer
    for step in range(2):
        learned(network, images, step)
        optimizer.step()
    written = save({name: value.contiguous() for name, value in network.state_dict().items()})
    again = bed.network()
    try:
        again.load_state_dict(load_tensors(written, Path("state")))
    except RuntimeError as error:
        raise Broken(f"The state dict does not load: {error}", bed.table) from error
    for training, word in ((False, "evaluation"), (True, "training")):
        one = _forward(network.train(training), images, step=2)
        other = _forward(again.train(training), images, step=2)
        if not torch.equal(one, other):
            raise Broken(
                f"A model that was loaded from the state dict gives other logits in {word}, by "
                f"{(one - other).abs().max().item():.3g}. What training changes belongs in "
                "parameters, or in buffers (register_buffer)",
                bed.example(f"{word} mode after 2 steps, images {shown(images)}"),
            )
