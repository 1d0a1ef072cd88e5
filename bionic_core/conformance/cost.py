"""What a mechanism costs, beside the same model without it: parameters, multiply-adds, time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import attrs
import torch
from torch.nn import functional

from bionic_core.base.strict import KEY
from bionic_core.conformance.bed import Bed, BedWiring, hooks_of
from bionic_core.connectome import Connectome
from bionic_core.model.assembly import build
from bionic_core.model.network import Network
from bionic_core.model.sizes import multiply_adds, parameter_counts
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.find import find, read
from bionic_core.spec.spec import Spec, compose
from bionic_core.training.plasticity import learn_locally

MODEL, IN_TIME = "demo", "recurrent"
"""The shipped specs whose layers, wiring and images the cost is measured on: the second of what
acts from step to step."""

BATCH = 32
ROUNDS = 7


@attrs.frozen
class Price:
    """What a model costs.

    Attributes:
        parameters: allocated.
        effective: of them, those that are not masked.
        macs: multiply-adds of an image.
        seconds: of a step (forward, backward and local rules), the median of several.
    """

    parameters: int
    effective: int
    macs: int
    seconds: float


@attrs.frozen
class Cost:
    """What a mechanism costs: ``model`` without it, and with it; ``batch`` images a step."""

    model: str
    batch: int
    plain: Price
    present: Price = attrs.field(metadata={KEY: "with"})


def cost(mechanism: Mechanism, registry: Registry | None = None) -> Cost:
    """Return the cost of a training step of 32 images.

    Each step with the mechanism is measured beside one without it, seven times. What the mechanism
    requires is in both.

    Raises:
        RequestError: it cannot act on that model.
    """
    bed = Bed.of(mechanism, registry)
    base = IN_TIME if "state" in hooks_of(bed.cls) else MODEL
    document = read(find(base))
    model, wiring = document["model"], document["connectome"]
    registry = registry or Registry.installed()
    own = [bed.registry.get(name, Mechanism) for name in (bed.name, *bed.others)]
    others = [other for other in bed.others if other != BedWiring.name]
    spec = compose(
        {
            "model": model,
            "connectome": wiring,
            "mechanisms": {other: {} for other in others} | {bed.name: dict(bed.keys)},
        },
        name="cost",
        registry=registry.including(*(one for one in own if one.name not in registry.names)),
    )
    assert spec.connectome is not None
    connectome = spec.connectome.read()
    networks = [_network(spec.without([bed.name]), connectome), _network(spec, connectome)]
    seconds: list[list[float]] = [[], []]
    for turn in range(ROUNDS + 1):
        for place, network in enumerate(networks):
            taken = _step(network)
            if turn:  # the first warms up
                seconds[place].append(taken)
    plain, present = map(_price, networks, seconds)
    return Cost(base, BATCH, plain, present)


def _price(network: Network, times: Sequence[float]) -> Price:
    counts = parameter_counts(network)
    return Price(
        parameters=counts.allocated,
        effective=counts.effective,
        macs=multiply_adds(network),
        seconds=statistics.median(times),
    )


def _network(spec: Spec, connectome: Connectome) -> Network:
    return build(spec, connectome=connectome).train()


def _step(network: Network) -> float:
    images = torch.rand(BATCH, *network.image, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(BATCH) % network.readout.out_features
    record: dict[str, torch.Tensor] | None = {} if network.plastic else None
    network.seek(0)
    network.zero_grad()
    begun = time.perf_counter()
    torch.autograd.backward(functional.cross_entropy(network(images, record), labels))
    if record is not None:
        learn_locally(network, record)
    return time.perf_counter() - begun
