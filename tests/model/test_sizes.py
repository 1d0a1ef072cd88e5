"""How large a network is, by what its parts say that they are for."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from torch import nn

from bionic_core import Features, Layer, Mechanism, Stage, hookimpl
from bionic_core.model.sizes import PARTS, multiply_adds, parameter_counts, parameters_by_part
from tests.support import toys

REPLACED = ("convolution", "lateral", "attention", "noise")
"""What answers where the mechanisms here do."""


@attrs.frozen(eq=False)
class Pooled(Mechanism):
    """A stage that pools by a convolution."""

    name = "pooled"
    kind = "structural"

    @hookimpl
    def features(self, stage: Stage) -> Features | None:
        channels = stage.shape[0]
        convolved = nn.Conv2d(channels, 2, 3, padding=1, bias=False)
        pool = nn.Conv2d(2, 2, 2, stride=2, bias=False)
        return Features(convolved, pool) if stage.index == 0 else None


@attrs.define(eq=False, slots=False)
class Shared(Mechanism):
    """One module of seven weights for all layers."""

    name = "shared"
    kind = "functional"
    module = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(1, 1, bias=False))

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Sharing(self.module)


class Sharing(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, h: Any) -> Any:
        return h * (1 + sum(p.sum() for p in self.module.parameters()))


@pytest.mark.parametrize("names", [(), toys.STRUCTURE, (*toys.STRUCTURE, "pooled", "shared")])
def test_every_parameter_belongs_to_a_part(names: tuple[str, ...]) -> None:
    if "pooled" in names:
        names = tuple(name for name in names if name not in REPLACED)
    network = toys.network(names, (Pooled, Shared))
    parts = parameters_by_part(network)
    assert sum(parts.values()) == sum(p.numel() for p in network.parameters())
    assert list(parts) == [part for part in PARTS if part in parts]
    counts = parameter_counts(network)
    assert counts.allocated == sum(parts.values())
    zero = sum(int((p.get_buffer("mask") == 0).sum()) for p in network.projections if p.wiring)
    assert counts.allocated - counts.effective == zero
    assert bool(zero) is ("masks" in names)


def test_what_pools_counts_with_the_features_and_what_is_shared_counts_once() -> None:
    network = toys.network(("pooled", "shared"), (Pooled, Shared))
    parts = parameters_by_part(network)
    assert parts["features"] == 2 * 9 + 2 * 2 * 4
    assert parts["rate"] == 7
    assert "pool" not in parts


def test_multiply_adds_of_a_front_end_and_dense_layers() -> None:
    network = toys.network(("pooled",), (Pooled,)).float().train()
    layers = sum(p.allocated for p in network.projections)
    skeleton = network.bridge.weight.numel() + network.readout.weight.numel()
    side = network.image[1]
    front = 2 * 9 * side**2 + 2 * 2 * 4 * (side // 2) ** 2
    assert multiply_adds(network) == front + skeleton + layers
    assert network.training
