"""The network: the skeleton that the core owns, with the mechanisms' modules in their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional

from bionic_core.model.combination import Chain, Gated, Pieces, Product, Record, Sum, add_part
from bionic_core.model.projection import Projection
from bionic_core.seeds import Stream
from bionic_core.sites import PlasticityRule


class StageModule(nn.Module):
    """A front-end stage: ReLU(surround(features)), then its pooling; BCHW → BCHW."""

    def __init__(self, features: Pieces, surround: Chain, pool: nn.Module | None) -> None:
        super().__init__()
        self.features = features
        self.surround = surround
        self.pool = pool

    def forward(self, x: Tensor, record: Record | None = None) -> Tensor:
        """Return the stage's output; records ``.features``, ``.surround`` and ``.out``."""
        site = self.features.site
        for name in self.features.mechanisms:
            x = self.features.get_submodule(name)(x)
        if record is not None:
            record[f"{site}.features"] = x
        x = self.surround(x, record)
        if isinstance(self.pool, nn.MaxPool2d):  # ReLU of the maximum is the maximum of the ReLUs,
            x = functional.relu(self.pool(x))  # and has fewer pixels to rectify
        else:
            x = functional.relu(x)
            x = x if self.pool is None else self.pool(x)
        if record is not None:
            record[f"{site}.out"] = x
        return x


class LayerModule(nn.Module):
    """A layer of neurons.

    Attributes:
        inputs: names of the layers that project here.
        projections: by the name of the pre layer.
    """

    def __init__(
        self,
        name: str,
        size: int,
        projections: Mapping[str, Projection],
        current: Sum,
        gain: Product,
        rate: Chain,
        norm: Chain,
    ) -> None:
        super().__init__()
        self.name = name
        self.size = size
        self.inputs: tuple[str, ...] = tuple(projections)
        self.projections: nn.Module = nn.Module()
        for pre, projection in projections.items():
            add_part(self.projections, pre, projection)
        self.current = current
        self.gain = gain
        self.rate = rate
        self.norm = norm

    def forward(
        self, bridge: Tensor | None, out: Mapping[str, Tensor], record: Record | None = None
    ) -> Tensor:
        """Return the layer's output BQ from what projects to it; the first's from the bridge."""
        terms = [] if bridge is None else [bridge]
        terms += [self.projections.get_submodule(pre)(out[pre]) for pre in self.inputs]
        return self.emitted(self.driven(terms, record), record)

    def driven(self, terms: Sequence[Tensor], record: Record | None = None) -> Tensor:
        """Return the rates BQ after the gain's ReLU, from what arrives, of each source BQ."""
        h = reduce(torch.add, terms)
        if self.inputs:  # the bridge alone is rectified already
            h = functional.relu(h)
        if record is not None:
            record[f"{self.name}.projections"] = h
        current = self.current(h, record)
        gain = self.gain(h, record)
        if current is not None:
            h = h + current
        if gain is not None:
            h = gain * h
        if current is not None or gain is not None:  # else it is rectified already
            h = functional.relu(h)
        if record is not None:
            record[f"{self.name}.gain"] = h
        return h

    def emitted(self, h: Tensor, record: Record | None = None) -> Tensor:
        """Return the layer's output BQ from its rates BQ."""
        output: Tensor = self.norm(self.rate(h, record), record)
        if record is not None:
            record[f"{self.name}.out"] = output
        return output


@attrs.frozen(eq=False)
class Plastic:
    """A projection under a local rule.

    Attributes:
        pre, post: names of the intermediates that the rule is given.
        delayed: whether ``pre`` is that of the step before ``post``.
    """

    projection: Projection
    mechanism: str
    rule: PlasticityRule
    pre: str
    post: str
    delayed: bool = False


class Network(Gated):
    """A built model; module images BCHW in [0, 1] → logits (B, classes).

    Attributes:
        plastic: the projections under local rules.
        streams: the random numbers of the pieces that draw while they run.
        answered: the mechanisms that answered a hook while it was built.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        stages: Mapping[str, StageModule],
        modulate: Chain,
        bridge: nn.Linear,
        bridge_norm: Chain,
        layers: Mapping[str, LayerModule],
        readout_norm: Chain,
        readout: nn.Linear,
        streams: Iterable[Stream],
    ) -> None:
        super().__init__()
        self.image = image
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.tensor(0.5))
        self.register_buffer("spread", torch.tensor(0.5))
        self.stages: nn.ModuleList = nn.ModuleList(stages.values())
        self.modulate = modulate
        self.bridge = bridge
        self.bridge_norm = bridge_norm
        self.layers: nn.Module = nn.Module()
        for name, layer in layers.items():
            add_part(self.layers, name, layer)
        self.order: tuple[str, ...] = tuple(layers)
        self.readout_norm = readout_norm
        self.readout = readout
        self.plastic: tuple[Plastic, ...] = ()  # no modules: they are registered where they act
        self.streams: tuple[Stream, ...] = tuple(streams)
        self.answered: frozenset[str] = frozenset()

    def layer(self, name: str) -> LayerModule:
        """Return a layer by its name."""
        layer = self.layers.get_submodule(name)
        assert isinstance(layer, LayerModule)
        return layer

    @property
    def projections(self) -> tuple[Projection, ...]:
        """Every projection, those between layers first, then those within."""
        found = [module for module in self.modules() if isinstance(module, Projection)]
        return tuple(sorted(found, key=lambda projection: projection.site.owner))

    def front(self, x: Tensor, record: Record | None = None) -> Tensor:
        """Return the flattened features of the scaled images, B × features."""
        for stage in self.stages:
            x = stage(x, record)
        if len(self.stages):
            x = self.modulate(x, record)
        return x.flatten(1)

    def forward(self, images: Tensor, record: Record | None = None) -> Tensor:
        """Return the logits (B, classes) of images BCHW in [0, 1]; fill ``record`` if given."""
        x = (images - self.centre) / self.spread
        if record is not None:
            record["image"] = x
        flat = self.front(x, record)
        for gate in self._front_gates():
            flat = torch.where(gate, flat, x.flatten(1))
        rates = self.run(flat, record)
        logits: Tensor = self.readout(self.readout_norm(rates, record))
        if record is not None:
            record["readout"] = logits
        return logits

    def run(self, flat: Tensor, record: Record | None) -> Tensor:
        """Return the last layer's output from the front end's features, B × features."""
        bridge: Tensor | None = self.bridged(flat, record)
        out: dict[str, Tensor] = {}
        for name in self.order:
            out[name] = self.layer(name)(bridge, out, record)
            bridge = None
        return out[self.order[-1]]

    def bridged(self, flat: Tensor, record: Record | None) -> Tensor:
        """Return what the first layer is given of features."""
        h = self.bridge(flat)
        if record is not None:
            record["bridge"] = h
        h = functional.relu(self.bridge_norm(h, record))
        if record is not None:
            record["bridge.out"] = h
        return h

    def trace(self, images: Tensor) -> Record:
        """Return every named intermediate of a forward pass, in the order of the pass.

        ``<site>.<hook>`` is the signal after that hook's step, whether or not anybody answered
        it; ``<site>.<hook>.<mechanism>`` is what one mechanism added to a sum or a product.
        ``image``, ``bridge``, ``bridge.out``, ``<stage>.out``, ``<layer>.out`` and ``readout``
        (the logits) are the skeleton's own. In time, axis 1 is the step, where there are several.
        The mode (training or evaluation) is left as it is.
        """
        record: Record = {}
        self(images, record)
        return record

    def seek(self, step: int) -> None:
        """Take the random numbers of all pieces to the beginning of a training step."""
        for stream in self.streams:
            stream.seek(step)

    def _front_gates(self) -> list[Tensor]:
        """Return the gate of the front end, if it has one: its stages gate as a whole."""
        return [gate for name, gate in self.named_buffers(recurse=False) if name[:5] == "gate_"]

    def set_gates(self, **on: bool) -> None:
        """Switch mechanisms on or off in a model that was built with gates.

        Raises:
            RequestError: a mechanism has no gate in this model.
        """
        from bionic_core.model.switches import set_gates

        set_gates(self, on)
