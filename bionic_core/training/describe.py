"""What a spec builds: layers, parameters, wiring and cost, as JSON-ready data."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from bionic_core.connectome import Connectome
from bionic_core.model.assembly import build
from bionic_core.model.combination import Pieces
from bionic_core.model.network import Network
from bionic_core.model.projection import Projection
from bionic_core.spec.spec import Spec
from bionic_core.training.memory import model_memory, training_memory
from bionic_core.training.recipe import recipe_of

SKELETON = {"bridge": "bridge", "readout": "readout", "bridge_norm": "norm", "readout_norm": "norm"}


def describe(spec: Spec, *, seed: int = 0) -> tuple[dict[str, Any], Network]:
    """Build a spec; return its description and the network.

    Raises:
        RequestError: the spec cannot be built.
    """
    connectome = spec.connectome.read() if spec.connectome is not None else None
    network = build(spec, seed=seed, connectome=connectome)
    recipe = recipe_of(spec)
    counts = parameter_counts(network)
    document: dict[str, Any] = {
        "name": spec.name,
        "hash": spec.hash,
        "mechanisms": list(spec.mechanisms),
        "layers": [
            {
                "name": name,
                "size": network.layer(name).size,
                "cell_types": [] if isinstance(cells, int) else list(cells),
            }
            for name, cells in spec.model.layers.items()
        ],
        "parameters": counts | {"by_part": parameters_by_part(network)},
        "masks": [_wired(p) for p in network.projections if p.wiring is not None],
        "macs": multiply_adds(network),
        "memory": {
            "model": model_memory(network),
            "training": training_memory(network, recipe),
        },
        "pipeline": _pipeline(network),
    }
    if connectome is not None:
        document["connectome"] = _source(connectome)
    return document, network


def parameter_counts(network: Network) -> dict[str, int]:
    """Return the number of ``allocated`` parameters, and of ``effective`` (unmasked) ones."""
    allocated = sum(parameters_by_part(network).values())
    return {"allocated": allocated, "effective": allocated - _masked(network)}


def parameters_by_part(network: Network) -> dict[str, int]:
    """Return the number of allocated parameters of each hook's pieces and of the skeleton's."""
    parts: Counter[str] = Counter()
    allocated = {
        f"{path}.values": module.allocated
        for path, module in network.named_modules()
        if isinstance(module, Projection)
    }
    for path, parameter in network.named_parameters():
        steps = path.split(".")
        if steps[0] == "layers" or steps[0] == "stages":
            part = steps[2]
        else:
            part = SKELETON.get(steps[0], steps[0])
        parts[part] += allocated.get(path, parameter.numel())
    order = ("features", "surround", "modulate", "bridge", "projections", "current", "gain", "rate")
    names = [*order, "norm", "readout"]
    return {name: parts[name] for name in names if parts[name]}


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


def _masked(network: Network) -> int:
    return sum(projection.masked for projection in network.projections)


def _wired(projection: Projection) -> dict[str, Any]:
    """Return a wired projection: the share of its pairs that exist, and their synapses."""
    site, wiring = projection.site, projection.wiring
    assert wiring is not None
    return {
        "pre": site.pre.name,
        "post": site.post.name,
        "density": len(wiring) / (site.pre.size * site.post.size),
        "connections": len(wiring),
        "synapses": len(wiring) if wiring.count is None else int(wiring.count.sum()),
        "within": site.owner or None,
        "storage": projection.storage,
    }


def _source(connectome: Connectome) -> dict[str, Any]:
    return {
        "label": connectome.label,
        "cells": connectome.cells,
        "connections": len(connectome.pre),
        "synapses": int(connectome.count.sum()),
        "fingerprint": connectome.fingerprint,
    }


def _pipeline(network: Network) -> list[dict[str, Any]]:
    """Return the named intermediates in order, with their shapes and who answered there."""
    training = network.training
    network.eval()
    with torch.no_grad():
        record = network.trace(torch.zeros(1, *network.image))
    network.train(training)
    answered = {m.label: list(m.mechanisms) for m in network.modules() if isinstance(m, Pieces)}
    return [
        {"name": name, "shape": list(value.shape[1:]), "mechanisms": answered.get(name, [])}
        for name, value in record.items()
    ]
