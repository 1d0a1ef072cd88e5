"""How large a network is: its parameters, part by part, and the multiply-adds of an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bionic_core.model.combination import Pieces
from bionic_core.model.network import Network, StageModule
from bionic_core.model.timed import TimedLayer

Part = tuple[str, nn.Module]
"""A part of a network, and what it is for: a hook, or a word for what the skeleton has itself."""

PARTS = (
    *("features", "surround", "modulate", "bridge", "projections", "current", "gain", "rate"),
    *("state", "norm", "readout"),
)
"""What parameters are for, in the order in which it is told."""


@attrs.frozen
class ParameterCounts:
    """Numbers of parameters: ``allocated`` ones, and of them the ``effective`` (unmasked)."""

    allocated: int
    effective: int


def parameter_counts(network: Network) -> ParameterCounts:
    """Return the number of parameters that a network's products go through, and that act."""
    allocated = sum(parameters_by_part(network).values())
    masked = sum(projection.masked for projection in network.projections)
    return ParameterCounts(allocated, allocated - masked)


def parts_of(network: Network) -> Iterator[Part]:
    """Yield all parts of a network, which together have every parameter."""
    for stage in network.stages:
        assert isinstance(stage, StageModule)
        yield from map(_part, (stage.features, stage.surround))
        if stage.pool is not None:  # it comes with the features
            yield stage.features.hook, stage.pool
    yield _part(network.modulate)
    yield "bridge", network.bridge
    yield _part(network.bridge_norm)
    for layer in map(network.layer, network.order):
        yield "projections", layer.projections
        yield from map(_part, (layer.current, layer.gain, layer.rate, layer.norm))
        if isinstance(layer, TimedLayer):
            yield _part(layer.state)
    yield _part(network.readout_norm)
    yield "readout", network.readout


def _part(pieces: Pieces) -> Part:
    return pieces.hook, pieces


def parameters_by_part(network: Network) -> dict[str, int]:
    """Return the number of allocated parameters of each hook's pieces and of the skeleton's."""
    allocated = {id(p.values): p.allocated for p in network.projections}
    parts: Counter[str] = Counter()
    counted: set[int] = set()  # what pieces share is the first one's
    for part, module in parts_of(network):
        for parameter in module.parameters():
            if id(parameter) not in counted:
                counted.add(id(parameter))
                parts[part] += allocated.get(id(parameter), parameter.numel())
    return {part: parts[part] for part in PARTS if parts[part]}


def multiply_adds(network: Network) -> int:
    """Return the multiply-adds of one image's forward pass.

    Dense products count whole, whatever is masked; sparse ones by their pairs.
    """
    counter = _Products()
    training = network.training
    network.eval()
    with torch.no_grad(), counter:
        network(torch.zeros(1, *network.image))
    network.train(training)
    return counter.total


class _Products(TorchFunctionMode):
    """Sums the multiply-adds of convolutions and matrix products, at the level of their calls.

    torch's own FlopCounterMode counts a level lower, and imports torch.compile, for seconds.
    """

    def __init__(self) -> None:
        self.total = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name in ("linear", "matmul", "__matmul__", "mm", "bmm"):
            self.total += result.numel() * args[0].shape[-1]
        elif name in ("conv1d", "conv2d", "conv3d"):
            self.total += result.numel() * args[1][0].numel()
        elif name == "embedding_bag":  # how sparse weights multiply: pairs × batch
            self.total += args[0].numel() * args[1].shape[-1]
        elif name in ("addmm", "baddbmm"):
            self.total += result.numel() * args[1].shape[-1]
        return result
