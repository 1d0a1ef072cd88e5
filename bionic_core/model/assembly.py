"""Assembly: a spec becomes a network by asking each hook, site by site."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from torch import nn

from bionic_core.base.memory import Budget
from bionic_core.connectome import Connectome
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.model.answers import try_weights
from bionic_core.model.asking import Asking
from bionic_core.model.combination import Chain, Pieces, Product, Sum
from bionic_core.model.network import LayerModule, Network, StageModule
from bionic_core.model.projection import Projection, combined
from bionic_core.model.storage import make_projection
from bionic_core.seeds import Stream, derive, seeded
from bionic_core.sites import STAGE_NAMES, Features, Layer, NormSite, ProjectionSite, Stage, Wiring
from bionic_core.spec.spec import Spec

MAX_STAGES = 32
"""More stages than this is a ``features`` hook that never answers None."""


def build(
    spec: Spec,
    *,
    seed: int = 0,
    connectome: Connectome | None = None,
    gated: Collection[str] = (),
    streams: type[Stream] = Stream,
    tried: bool = True,
) -> Network:
    """Return the network of a spec, with initial weights drawn from ``seed``.

    Args:
        spec: what to build.
        seed: each piece draws from its own stream, derived from (seed, mechanism, hook, site).
        connectome: the wiring, read from the spec's source if None.
        gated: mechanisms whose pieces are put behind gates (:mod:`bionic_core.model.combination`).
        streams: what the pieces that draw while they run draw from.
        tried: whether each answer is tried once (see :mod:`bionic_core.model.answers`).

    Raises:
        RequestError: a mechanism cannot act here, an answer is of the wrong kind or shape, two
            mechanisms in a chain have no order, or a cell type is not in the connectome.
    """
    if connectome is None and spec.connectome is not None:
        from bionic_core.spec.connectome import checked

        connectome = checked(spec.connectome.read(), spec.where)
    return _Assembly(spec, seed, connectome, gated, streams, tried).network()


class _Assembly(Asking):
    """A network in the making; the builder that layers hand out projections and streams from."""

    def __init__(
        self,
        spec: Spec,
        seed: int,
        connectome: Connectome | None,
        gated: Collection[str],
        streams: type[Stream],
        tried: bool,
    ) -> None:
        super().__init__(spec, seed, tried)
        self.connectome = connectome
        self.gated = gated
        self.stream_type = streams
        self.budget = Budget()
        self.streams: list[Stream] = []

    def network(self) -> Network:
        spec, topology = self.spec, self.spec.topology
        layers = self._layers()
        stages, shape = self._stages()
        answered = self.answers("modulate", "", keeps=shape, shape=shape) if stages else []
        modulate = Chain("modulate", "", dict(answered))
        first, last = (layers[name] for name in topology.ends)
        modules = {name: self._layer(layers, name) for name in topology.order}
        make, arriving = self._kind(shape)
        network: Network = make(
            image=spec.model.image,
            stages=stages,
            modulate=modulate,
            bridge=self._linear("bridge", arriving, first.size),
            bridge_norm=self._norm("bridge", first.size),
            layers=modules,
            readout_norm=self._norm("readout", last.size),
            readout=self._linear("readout", last.size, spec.model.classes),
            streams=self.streams,
        )
        self.answers("begin", "", network=network)
        if self.implementers("plasticity"):
            from bionic_core.model.rules import local_rules

            network.plastic = tuple(local_rules(self, modules.values()))
        if self.gated:
            from bionic_core.model.gates import put_gates

            put_gates(network, self.gated, math.prod(shape), self.implementers("begin"))
        network.answered = frozenset(self.answered)
        return network

    def project(self, pre: Layer, post: Layer) -> Projection:
        """Make a projection for the mechanism that is being asked."""
        return self._projection(ProjectionSite(pre, post, owner=self.asked[0]))

    def stream(self, site: str) -> Stream:
        """Make a stream of random numbers for the mechanism that is being asked."""
        seed = self.spec.training.drawn_with(self.seed)
        name = "/".join((*self.asked, site))
        # Several streams of one piece differ by their number, so that none repeats another.
        before = sum(stream.name.startswith(name) for stream in self.streams)
        name += f"/{before}" if before else ""
        stream = self.stream_type(derive(seed, *self.asked, site, "stream"), name)
        self.streams.append(stream)
        return stream

    def _layers(self) -> dict[str, Layer]:
        """Return the layers, with their cells found in the connectome."""
        layers: dict[str, Layer] = {}
        problems = []
        for name, cells in self.spec.model.layers.items():
            if isinstance(cells, int):
                layers[name] = Layer(name, cells, (), None, self)
                continue
            assert self.connectome is not None
            known = np.unique(self.connectome.cell_type).tolist()
            problems += [
                f"model.layers.{name}: there is no cell type '{cell_type}' in the connectome "
                f"({self.connectome.label}).{nearest(cell_type, known)} It has {listing(known)}"
                for cell_type in cells
                if cell_type not in known
            ]
            indices = np.concatenate([self.connectome.of_type(cell_type) for cell_type in cells])
            layers[name] = Layer(name, len(indices), cells, indices, self)
        if problems:
            raise RequestError(problems, where=self.spec.where)
        return layers

    def _stages(self) -> tuple[dict[str, StageModule], tuple[int, int, int]]:
        """Return the stages that somebody answers for, and the shape of what comes out."""
        stages: dict[str, StageModule] = {}
        shape = self.spec.model.image
        for index in range(MAX_STAGES):
            name = STAGE_NAMES[index] if index < len(STAGE_NAMES) else f"stage{index + 1}"
            stage = Stage(name, index, shape)
            # One module makes a stage's features: the first in order, and no other is asked for.
            answered = self.answers("features", name, kind=Features, stage=stage)[:1]
            if not answered:
                return stages, shape
            owner, answer = answered[0]
            inside = _output_shape(answer.module, shape, owner, name)
            stage = Stage(name, index, inside)
            surround = self.answers("surround", name, keeps=inside, stage=stage)
            shape = inside
            if answer.pool is not None:
                shape = _output_shape(answer.pool, inside, owner, name)
            stages[name] = StageModule(
                Pieces("features", name, {owner: answer.module}),
                Chain("surround", name, dict(surround)),
                answer.pool,
            )
        raise RequestError(f"the hook 'features' answers for more than {MAX_STAGES} stages")

    def _layer(self, layers: Mapping[str, Layer], name: str) -> LayerModule:
        layer = layers[name]
        size = (layer.size,)
        current = self.answers("current", name, keeps=size, layer=layer)
        gain = self.answers("gain", name, keeps=size, layer=layer, connectome=self.connectome)
        rate = self.answers("rate", name, keeps=size, layer=layer)
        parts = (
            name,
            layer.size,
            {
                pre: self._projection(ProjectionSite(layers[pre], layer))
                for pre in self.spec.topology.inputs[name]
            },
            Sum("current", name, dict(current)),
            Product("gain", name, dict(gain)),
            Chain("rate", name, dict(rate)),
            self._norm(name, layer.size),
        )
        if self.spec.model.steps == 1:
            return LayerModule(*parts)
        from bionic_core.model.timed import timed_layer

        return timed_layer(self, layer, self.connectome, parts)

    def _kind(self, shape: tuple[int, int, int]) -> tuple[Callable[..., Network], int]:
        """Return what makes the network, and the number of features that arrive at once."""
        if self.spec.model.steps == 1 and not self.implementers("state"):
            return Network, math.prod(shape)
        from bionic_core.model.timed import timed

        return timed(self, shape)

    def _projection(self, site: ProjectionSite) -> Projection:
        asked: dict[str, Any] = {"projection": site, "connectome": self.connectome}
        wirings = dict(self.answers("wiring", site.name, kind=Wiring, **asked))
        pairs = combined(wirings, site.pre.size)
        weights = self.answers("weight", site.name, wiring=pairs, **asked)
        seed = derive(self.seed, site.owner, "projection", site.name)
        projection = make_projection(
            site,
            wirings,
            dict(weights),
            seed,
            storage=self.spec.model.storage,
            gated=self.gated,
            budget=self.budget,
        )
        if self.tried:
            try_weights(projection)
        return projection

    def _norm(self, name: str, size: int) -> Chain:
        site = NormSite(name, size)
        return Chain("norm", name, dict(self.answers("norm", name, keeps=(size,), site=site)))

    def _linear(self, name: str, inputs: int, outputs: int) -> nn.Linear:
        self.budget.take(
            4 * inputs * outputs,
            f"the {name}, {inputs:,} × {outputs:,} weights,",
            "Fewer neurons, or fewer features, take less",
        )
        with seeded(derive(self.seed, name)):
            return nn.Linear(inputs, outputs)


def _output_shape(
    module: nn.Module, shape: tuple[int, int, int], owner: str, site: str
) -> tuple[int, int, int]:
    """Return the shape (C, H, W) that the module makes of ``shape``."""
    import torch

    with torch.no_grad():
        try:
            found = tuple(module(torch.zeros(1, *shape)).shape)
        except RuntimeError as error:
            raise RequestError(
                f"mechanisms.{owner}: its features at '{site}' fail on {shape}: {error}"
            ) from error
    if len(found) != 4 or min(found) < 1:
        raise RequestError(
            f"mechanisms.{owner}: its features at '{site}' return {found}; expected B, C, H, W"
        )
    return found[1], found[2], found[3]
