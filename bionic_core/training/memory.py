"""How much memory training takes, before it takes it."""

from __future__ import annotations

import torch
from torch import nn

from bionic_core.base.memory import gib, machine_memory
from bionic_core.errors import RequestError
from bionic_core.model.network import Network
from bionic_core.training.optimizers import make_optimizer
from bionic_core.training.recipe import Recipe


def model_memory(network: Network) -> int:
    """Return the bytes of a network's parameters and buffers."""
    return sum(t.nbytes for t in (*network.parameters(), *network.buffers()))


def training_memory(network: Network, recipe: Recipe) -> int:
    """Return the bytes that training holds at most, less the images and the activity.

    The model; of its parameters the gradient, what the optimiser keeps, the best epoch's copy and
    the average; and twice what is kept of these, while a state is written to disk.
    """
    weights = sum(parameter.nbytes for parameter in network.parameters())
    kept = 1 + _copies(recipe) + 1 + (1 if recipe.training.averaging else 0)
    return model_memory(network) + weights * (1 + (kept - 1) + 2 * kept)


def check_training(network: Network, recipe: Recipe) -> None:
    """Check that training on the CPU can fit into memory.

    Raises:
        RequestError: it cannot.
    """
    needed, there = training_memory(network, recipe), machine_memory()
    if needed > there:
        raise RequestError(
            f"training would take {gib(needed)} of memory, images and activity aside, and this "
            f"machine has {gib(there)}: the model {gib(model_memory(network))}, and copies of its "
            f"weights for the gradient, {recipe.training.optimizer}, the best epoch and the state "
            "on disk. 'bionic build' says where the weights are; fewer neurons, or sparser wiring, "
            "take less"
        )


def _copies(recipe: Recipe) -> int:
    """Return how many numbers the optimiser keeps for each parameter, by asking it."""
    parameter = nn.Parameter(torch.zeros(2))
    optimizer = make_optimizer([parameter], recipe.training, recipe.optimizer)
    parameter.grad = torch.zeros(2)
    optimizer.step()
    return sum(
        isinstance(value, torch.Tensor) and value.shape == parameter.shape
        for value in optimizer.state[parameter].values()
    )
