"""What changes weights beside the optimiser: local rules, and the wiring that is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from bionic_core.model.network import Network, Plastic
from bionic_core.training.recipe import Recipe


@torch.no_grad()
def keep_wiring(network: Network) -> None:
    """Take back what an optimiser that mixes a matrix's weights put where no pair exists."""
    for projection in network.projections:
        projection.values.copy_(projection.wired(projection.values))


@torch.no_grad()
def learn_locally(
    network: Network,
    record: Mapping[str, Tensor],
    rates: Mapping[str, float] | None = None,
    changes: Callable[[Network, Mapping[str, Tensor]], Sequence[Tensor]] | None = None,
) -> None:
    """Apply the local rules once, through the wiring, to the activity in ``record``.

    ``rates`` are factors on what they change, by mechanism; 1 where none is given. ``changes`` is
    what finds these changes, :func:`local_changes` if None.
    """
    found = (changes or local_changes)(network, record)
    for plastic, change in zip(network.plastic, found, strict=True):
        plastic.projection.values.add_(change, alpha=(rates or {}).get(plastic.mechanism, 1.0))


def rule_rates(recipe: Recipe, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Return the factors on local rules that follow the schedule: the rate now over the set one."""
    if not recipe.scheduled or not recipe.training.lr:
        return {}
    now = float(optimizer.param_groups[0]["lr"]) / recipe.training.lr
    return {name: now for name, follows in recipe.scheduled.items() if follows}


def local_changes(network: Network, record: Mapping[str, Tensor]) -> list[Tensor]:
    """Return what each local rule adds to its projection's values; a gate that is off, zero."""
    changes: list[Tensor] = []
    for plastic in network.plastic:
        projection = plastic.projection
        values = projection.values
        pre, post = (x.to(values.dtype) for x in activity(plastic, record))
        # A rule may answer for every pair; those that do not exist must not grow.
        change = projection.wired(plastic.rule(values, pre, post, projection))
        gate = projection.gate(plastic.mechanism)
        changes.append(change if gate is None else torch.where(gate, change, 0.0))
    return changes


def activity(plastic: Plastic, record: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the pre BP and post BQ that a rule is given; in time every step is a sample."""
    pre, post = record[plastic.pre], record[plastic.post]
    if post.ndim == 2:
        return pre, post
    if plastic.delayed:
        pre, post = pre[:, :-1], post[:, 1:]
    return pre.flatten(0, 1), post.flatten(0, 1)
