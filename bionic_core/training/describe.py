"""What a spec builds: layers, parameters, wiring and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import torch

from bionic_core.base.records import OMITTED
from bionic_core.connectome import Connectome
from bionic_core.model.assembly import build
from bionic_core.model.combination import Pieces
from bionic_core.model.network import Network
from bionic_core.model.notes import drawn, notes
from bionic_core.model.projection import Projection
from bionic_core.model.sizes import multiply_adds, parameter_counts, parameters_by_part
from bionic_core.spec.spec import Spec
from bionic_core.training.memory import model_memory, training_memory
from bionic_core.training.recipe import recipe_of


@attrs.frozen
class LayerSize:
    """A layer of so many neurons; ``cell_types`` is empty where no connectome gives them."""

    name: str
    size: int
    cell_types: tuple[str, ...]


@attrs.frozen
class Parameters:
    """Numbers of parameters: allocated, of them effective (unmasked), and the allocated by part."""

    allocated: int
    effective: int
    by_part: Mapping[str, int]


@attrs.frozen
class Wired:
    """A wired projection.

    Attributes:
        pre, post: its layers.
        density: the share of its pairs that exist.
        connections: their number.
        synapses: of those, where the wiring counts them.
        within: the mechanism that asked for it, None for one between layers.
        storage: how its weights are kept.
        silent_pre: pre neurons without a connection in it.
        silent_post: post neurons without one, which get no input by it.
    """

    pre: str
    post: str
    density: float
    connections: int
    synapses: int
    within: str | None
    storage: str
    silent_pre: int = 0
    silent_post: int = 0


@attrs.frozen
class Memory:
    """Bytes of the ``model``, and of ``training`` at most, less the images and the activity."""

    model: int
    training: int


@attrs.frozen
class Intermediate:
    """A named intermediate of the forward pass, its shape without the batch, and who answered."""

    name: str
    shape: tuple[int, ...]
    mechanisms: tuple[str, ...]


@attrs.frozen
class Source:
    """The connectome that a model is wired by."""

    label: str
    cells: int
    connections: int
    synapses: int
    fingerprint: str


@attrs.frozen
class Description:
    """What a spec builds.

    Attributes:
        name, hash: of the spec.
        mechanisms: by name, in the spec's order.
        layers: in the spec's order.
        parameters: how many there are.
        masks: the projections that are wired.
        macs: multiply-adds of one image's forward pass.
        memory: what the model and its training take.
        pipeline: the intermediates, in the order of the pass.
        connectome: None where the spec has none.
        drawn: how the wiring of each projection was drawn, where its mechanism says so.
        notes: what a reader must know of it, in sentences.
    """

    name: str
    hash: str
    mechanisms: tuple[str, ...]
    layers: tuple[LayerSize, ...]
    parameters: Parameters
    masks: tuple[Wired, ...]
    macs: int
    memory: Memory
    pipeline: tuple[Intermediate, ...]
    connectome: Source | None = attrs.field(default=None, metadata={OMITTED: True})
    drawn: Mapping[str, Any] = attrs.field(factory=dict, metadata={OMITTED: True})
    notes: tuple[str, ...] = attrs.field(default=(), metadata={OMITTED: True})


def describe(spec: Spec, *, seed: int = 0) -> tuple[Description, Network]:
    """Build a spec; return its description and the network.

    Raises:
        RequestError: the spec cannot be built.
    """
    connectome = spec.connectome.read() if spec.connectome is not None else None
    network = build(spec, seed=seed, connectome=connectome)
    recipe = recipe_of(spec)
    counts = parameter_counts(network)
    description = Description(
        name=spec.name,
        hash=spec.hash,
        mechanisms=tuple(spec.mechanisms),
        layers=tuple(
            LayerSize(name, network.layer(name).size, () if isinstance(cells, int) else cells)
            for name, cells in spec.model.layers.items()
        ),
        parameters=Parameters(counts.allocated, counts.effective, parameters_by_part(network)),
        masks=tuple(_wired(p) for p in network.projections if p.wiring is not None),
        macs=multiply_adds(network),
        memory=Memory(model_memory(network), training_memory(network, recipe)),
        pipeline=_pipeline(network),
        connectome=None if connectome is None else _source(connectome),
        drawn=drawn(network),
        notes=(*notes(network, spec), *_gaps(network)),
    )
    return description, network


def _wired(projection: Projection) -> Wired:
    site, wiring = projection.site, projection.wiring
    assert wiring is not None
    return Wired(
        pre=site.pre.name,
        post=site.post.name,
        density=len(wiring) / (site.pre.size * site.post.size),
        connections=len(wiring),
        synapses=len(wiring) if wiring.count is None else int(wiring.count.sum()),
        within=site.owner or None,
        storage=projection.storage,
        silent_pre=site.pre.size - len(np.unique(wiring.pre)),
        silent_post=site.post.size - len(np.unique(wiring.post)),
    )


def _gaps(network: Network) -> Iterator[str]:
    """Yield where wiring leaves neurons without input, or without output, by projection."""
    for projection in network.projections:
        if projection.wiring is None:
            continue
        wired, site = _wired(projection), projection.site
        name = f"{wired.pre}->{wired.post}{f' ({wired.within})' if wired.within else ''}"
        parts = [
            f"{silent:,} of {layer.size:,} neurons of {layer.name} have no {what}"
            for silent, layer, what in (
                (wired.silent_post, site.post, "input"),
                (wired.silent_pre, site.pre, "output"),
            )
            if silent
        ]
        if parts:
            yield f"wiring {name}: {', and '.join(parts)} by it"


def _source(connectome: Connectome) -> Source:
    return Source(
        label=connectome.label,
        cells=connectome.cells,
        connections=len(connectome.pre),
        synapses=int(connectome.count.sum()),
        fingerprint=connectome.fingerprint,
    )


def _pipeline(network: Network) -> tuple[Intermediate, ...]:
    training = network.training
    network.eval()
    with torch.no_grad():
        record = network.trace(torch.zeros(1, *network.image))
    network.train(training)
    answered = {m.label: m.mechanisms for m in network.modules() if isinstance(m, Pieces)}
    return tuple(
        Intermediate(name, tuple(value.shape[1:]), answered.get(name, ()))
        for name, value in record.items()
    )
