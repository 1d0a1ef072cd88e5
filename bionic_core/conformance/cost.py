"""What a mechanism costs, beside the same model without it: parameters, multiply-adds, time."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from torch.nn import functional

from bionic_core.conformance.bed import Bed, BedWiring
from bionic_core.connectome import Connectome
from bionic_core.model.assembly import build
from bionic_core.model.network import Network
from bionic_core.plugin import Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.find import find, read
from bionic_core.spec.spec import Spec, compose
from bionic_core.training.describe import multiply_adds, parameter_counts

MODEL = "demo"
"""The shipped spec whose layers, wiring and images the cost is measured on."""

BATCH = 32
ROUNDS = 7


def cost(mechanism: Mechanism, registry: Registry | None = None) -> dict[str, Any]:
    """Return the cost of a training step, ``with`` the mechanism and ``plain``, without it.

    Each has ``parameters`` (allocated), ``effective`` ones, ``macs`` of an image, and ``seconds``
    of a step (forward, backward and local rules) of 32 images: the median of seven, of which each
    with is measured beside one without. What the mechanism requires is in both.

    Raises:
        RequestError: it cannot act on that model.
    """
    bed = Bed.of(mechanism, registry)
    document = read(find(MODEL))
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
    found = [
        {
            "parameters": (counts := parameter_counts(network))["allocated"],
            "effective": counts["effective"],
            "macs": multiply_adds(network),
            "seconds": statistics.median(times),
        }
        for network, times in zip(networks, seconds, strict=True)
    ]
    return {"model": MODEL, "batch": BATCH, "plain": found[0], "with": found[1]}


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
        network.learn_locally(record)
    return time.perf_counter() - begun
