"""Networks in time: the layers are run for several steps, with what they keep from step to step.

At each step a layer sums its projections from the rates of the step before (``"A->B"``), zero
before the first, or of the same step (``"A=>B"``); current and gain as in one pass; then, with the
hook ``state``, what it was at the step before; then rate and norm as in one pass::

    h(t) = [state](ReLU([gain] · (h + Σ [current](h))), h(t − 1))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bionic_core.connectome import Connectome
from bionic_core.errors import RequestError, listing
from bionic_core.model.answers import SAMPLES, try_answer
from bionic_core.model.asking import Asking
from bionic_core.model.combination import Pieces, Record, harmless
from bionic_core.model.network import LayerModule, Network
from bionic_core.model.projection import Projection
from bionic_core.sites import Layer
from bionic_core.spec.tables import Model
from bionic_core.spec.timing import delay, remains
from bionic_core.spec.topology import Topology

Memory = dict[str, Tensor]
"""What each piece of a layer keeps beside the rates, (B, variables, Q), by mechanism."""


class States(Pieces):
    """What a layer's rates owe to those of the step before, each piece given the one before's."""

    def forward(
        self, h: Tensor, before: Tensor, memory: Memory, record: Record | None = None
    ) -> tuple[Tensor, Memory]:
        """Return the rates BQ, and what the pieces keep; record the rates."""
        kept: Memory = {}
        for name in self.mechanisms:
            piece, gate = self.get_submodule(name), self.gate(name)
            given = [h, before, *([memory[name]] if name in memory else ())]
            if gate is not None:
                given[:2] = [torch.where(gate, x, harmless(x)) for x in given[:2]]
            answer = piece(*given)
            answer, kept[name] = answer if name in memory else (answer, h)
            h = answer if gate is None else torch.where(gate, answer, h)
        if record is not None:
            record[self.label] = h
        return h, {name: kept[name] for name in memory}

    def blank(self, like: Tensor) -> Memory:
        """Return what the pieces keep before the first step: zeros."""
        pieces = ((name, self.get_submodule(name)) for name in self.mechanisms)
        return {
            name: like.new_zeros(len(like), variables, like.shape[-1])
            for name, piece in pieces
            if (variables := variables_of(piece))
        }


def variables_of(piece: nn.Module) -> int:
    """Return how many variables a neuron a piece keeps beside the rates."""
    return int(getattr(piece, "variables", 0))


class TimedLayer(LayerModule):
    """A layer with a state."""

    def __init__(self, *parts: Any, state: States) -> None:
        super().__init__(*parts)
        self.state: States = state

    def shared(self) -> dict[str, tuple[Tensor, ...]]:
        """Return the matrices that all steps share, instead of making each anew in each.

        Not of a projection whose weights mechanisms change: they may draw numbers each time.
        """
        found: dict[str, tuple[Tensor, ...]] = {}
        for pre in self.inputs:
            projection = self.projections.get_submodule(pre)
            assert isinstance(projection, Projection)
            if projection.storage != "sparse" and not projection.chain.mechanisms:
                found[pre] = (projection.matrix(projection.effective()),)
        return found

    def arriving(
        self, rates: Mapping[str, Tensor], shared: Mapping[str, tuple[Tensor, ...]]
    ) -> list[Tensor]:
        """Return what projections bring, of rates BP; with matrices of :meth:`shared`."""
        projections = self.projections.get_submodule
        return [projections(pre)(rates[pre], *shared.get(pre, ())) for pre in self.inputs]


class TimedNetwork(Network):
    """A network whose layers are run for several steps; module images BCHW → logits (B, classes).

    Attributes:
        model: says how many, what arrives when, and what is read.
        topology: says which projections take a step.
        features: the shape (C, H, W) of what the front end gives.
    """

    def __init__(
        self, *, model: Model, topology: Topology, features: tuple[int, int, int], **parts: Any
    ) -> None:
        super().__init__(**parts)
        self.model = model
        self.topology = topology
        self.features = features

    def run(self, flat: Tensor, record: Record | None) -> Tensor:
        """Return the last layer's output, at the last step or their mean, B × features → BQ."""
        first, last = self.topology.ends
        bridge = None if self.model.input == "rows" else self.bridged(flat, record)
        layers = {name: self.timed(name) for name in self.order}
        blank = {n: flat.new_zeros(len(flat), layer.size) for n, layer in layers.items()}
        out, states = dict(blank), dict(blank)
        memories = {name: layer.state.blank(blank[name]) for name, layer in layers.items()}
        shared = {name: layer.shared() for name, layer in layers.items()}
        records: dict[str, list[Tensor]] = defaultdict(list)
        read: list[Tensor] = []
        for step in range(self.model.steps):
            said: Record | None = None if record is None else {}
            arriving = self._arriving(step, bridge, flat, said)
            before, out = out, {}
            for name, layer in layers.items():
                late = self.topology.delayed[name]
                rates = {p: before[p] if p in late else out[p] for p in layer.inputs}
                terms = [arriving] if name == first and arriving is not None else []
                terms += layer.arriving(rates, shared[name])
                h = layer.driven(terms or [blank[name]], said)
                h, memories[name] = layer.state(h, states[name], memories[name], said)
                states[name], out[name] = h, layer.emitted(h, said)
            read.append(out[last])
            for key, value in (said or {}).items():
                records[key].append(value)
        if record is not None:
            # A gain without a batch axis has none here either.
            record |= {k: torch.stack(v, min(v[0].ndim - 1, 1)) for k, v in records.items()}
        return read[-1] if self.model.readout == "last" else torch.stack(read).mean(0)

    def timed(self, name: str) -> TimedLayer:
        """Return a layer by its name."""
        layer = self.layer(name)
        assert isinstance(layer, TimedLayer)
        return layer

    def add_gates(self, mechanisms: Iterable[str]) -> None:
        """Put gates before the front end; not where its rows come in turn, as no pixel's do.

        Raises:
            RequestError: they do.
        """
        names = tuple(mechanisms)
        if names and self.model.input == "rows":
            raise RequestError(
                f"the front end of {listing(names)} cannot be gated beside model.input = "
                '"rows": its rows are not those of the pixels'
            )
        super().add_gates(names)

    def _arriving(
        self, step: int, bridge: Tensor | None, flat: Tensor, record: Record | None
    ) -> Tensor | None:
        """Return what the first layer gets of the image at a step, counted from 0."""
        if bridge is not None:
            return bridge if step == 0 or self.model.input == "constant" else None
        rows = flat.reshape(-1, *self.features)
        if step < self.features[1]:
            return self.bridged(rows[:, :, step].flatten(1), record)
        return None


def try_state(name: str, site: str, piece: nn.Module, size: int) -> None:
    """Try a module that is given the rates of the step before.

    Raises:
        RequestError: it fails, or returns something else than rates, and what it keeps.
    """
    given = harmless(torch.empty(SAMPLES, size))
    kept = given.new_zeros(SAMPLES, variables_of(piece), size)

    def answer() -> object:
        with torch.no_grad():
            found = piece(given, given, kept) if variables_of(piece) else piece(given, given)
        if not variables_of(piece):
            return found
        if not isinstance(found, tuple) or len(found) != 2:
            raise RequestError(
                f"mechanisms.{name}: what its hook 'state' answered at '{site}' says that it keeps "
                f"{variables_of(piece)} variables a neuron, and returns "
                f"{type(found).__name__}; expected (rates BQ, what it keeps, B × variables × Q)"
            )
        try_answer(name, "state", site, lambda: found[1], kept)
        return found[0]

    try_answer(name, "state", site, answer, given)


def timed_layer(
    asking: Asking, layer: Layer, connectome: Connectome | None, parts: Sequence[Any]
) -> TimedLayer:
    """Return a layer with the states that mechanisms give it; ``parts`` are those of any layer."""
    answered = asking.answers("state", layer.name, layer=layer, connectome=connectome)
    for name, piece in answered if asking.tried else ():
        try_state(name, layer.name, piece, layer.size)
    return TimedLayer(*parts, state=States("state", layer.name, dict(answered)))


def timed(asking: Asking, features: tuple[int, int, int]) -> tuple[Callable[..., Network], int]:
    """Return what makes a network, and the number of features that arrive at once.

    Raises:
        RequestError: a mechanism needs time, and there is one step; or see :func:`check_input`.
    """
    spec = asking.spec
    if spec.model.steps == 1:
        early = asking.implementers("state")
        raise RequestError(
            f"mechanisms.{early[0]}: acts from step to step, and model.steps is 1; set "
            "model.steps to 2 or more, or leave it out",
            where=spec.where,
        )
    try:
        arriving = check_input(spec.model, features, bool(asking.implementers("state")))
    except RequestError as error:
        raise RequestError(error.problems, where=spec.where) from error
    make = partial(TimedNetwork, model=spec.model, topology=spec.topology, features=features)
    return make, arriving


def check_input(model: Model, features: tuple[int, int, int], remembers: bool) -> int:
    """Check that what arrives is read; return the number of features that arrive at once.

    Args:
        model: the table of the spec.
        features: (C, H, W) of what the front end gives.
        remembers: whether layers keep something of their own from step to step.

    Raises:
        RequestError: rows, or the onset, are over before or after the readout can know of them.
    """
    channels, height, width = features
    if model.input != "rows":
        lost = model.input == "onset" and model.readout == "last" and not remembers
        if lost and not remains(model):
            raise RequestError(
                f'model.input = "onset": at the last of {model.steps} steps nothing of the image '
                "is left in the last layer: no chain of projections takes so many. Close a cycle, "
                'add a mechanism that keeps rates from step to step, set model.readout = "mean", '
                f"or set model.steps to {delay(model) + 1}"
            )
        return channels * height * width
    least = height + delay(model)
    if model.steps < least:
        raise RequestError(
            f'model.input = "rows": the front end gives {height} rows, one a step, and the last '
            f"reaches the readout in step {least}; set model.steps to {least} or more, it is "
            f"{model.steps}"
        )
    return channels * width
