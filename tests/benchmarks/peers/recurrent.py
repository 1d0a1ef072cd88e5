"""A step of training of a recurrent network: twenty steps in time, back through all of them, Adam.

One population, 4 % of its pairs, excitatory; images reach it at each step. All do the same sums::

    h(t) = α h(t − 1) + (1 − α) relu(W h(t − 1) + U x)

The readout is linear, from the last h. wiretorch gives the rates that enter a step, so it takes one
step more; it learns weights as logarithms, and its gradients are compared by the chain rule. No
weight or input is negative here, as it asks for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import bionic_core as bionic
from bionic_core import Connectome, ConnectomeSource
from bionic_core.spec.spec import compose
from tests.benchmarks.peers.duel import Contest, Peer, Work, library

STEPS, BATCH, DENSITY, KEPT = 20, 32, 0.04, 0.5
IMAGE = (1, 16, 12)
LAYER = "a step is a layer's: a bias, a state, what hooks might add; some ten small calls more"
LATER = "one step of time more (the rates that enter it), weights learnt as logarithms"


def contests(*, quick: bool) -> Iterator[Contest]:
    """Give two sizes."""
    for size in (40,) if quick else (400, 2_000):
        yield _contest(size)


@attrs.frozen(eq=False)
class Population(ConnectomeSource):
    """Excitatory neurons and random pairs of them."""

    name = "population"
    neurons: int = 400

    def read(self) -> Connectome:
        mask = wired(self.neurons)
        post, pre = np.nonzero(mask)
        return Connectome.of(
            cell_id=np.arange(self.neurons),
            broad_type=["excitatory"] * self.neurons,
            cell_type=["E"] * self.neurons,
            position=np.zeros((self.neurons, 3)),
            pre=pre,
            post=post,
            count=np.ones(len(pre), np.int32),
            provenance={"label": "a population"},
        )


def wired(size: int) -> Any:
    """Return which pairs there are, post × pre."""
    mask = np.random.default_rng(0).random((size, size)) < DENSITY
    np.fill_diagonal(mask, val=False)
    return mask


class Given:
    """The same network for all: weights, images, labels."""

    def __init__(self, size: int) -> None:
        self.size, inputs = size, math.prod(IMAGE)
        draw = torch.Generator().manual_seed(1)
        self.mask = torch.as_tensor(wired(size), dtype=torch.float32)
        weights = torch.rand(size, size, generator=draw) / (DENSITY * size)
        self.recurrent = weights * self.mask
        self.into = torch.rand(size, inputs, generator=draw) / inputs
        self.readout = torch.randn(7, size, generator=draw) / size**0.5
        self.images = 0.5 + torch.rand(BATCH, *IMAGE, generator=draw) / 2
        self.x = (self.images.flatten(1) - 0.5) / 0.5  # as our networks scale theirs
        self.labels = torch.randint(0, 7, (BATCH,), generator=draw)

    def parameters(self) -> tuple[nn.Parameter, nn.Parameter, nn.Linear]:
        """Return copies of the recurrent and the input weights, and a readout."""
        readout = nn.Linear(self.size, 7)
        with torch.no_grad():
            readout.weight.copy_(self.readout)
            readout.bias.zero_()
        return nn.Parameter(self.recurrent.clone()), nn.Parameter(self.into.clone()), readout


def _contest(size: int) -> Contest:
    given = Given(size)

    def check(mine: Any, theirs: Any, name: str) -> None:
        for one, other in zip(mine[:2], theirs[:2], strict=True):
            torch.testing.assert_close(
                other, one, rtol=1e-4, atol=1e-5, msg=lambda text: f"{name}: {text}"
            )

    peers = [
        Peer("wiretorch", "wiretorch", lambda: _wiretorch(given), differs=LATER),
        Peer("torch, W · mask once", "torch", lambda: _plain(given, each=False), LAYER),
        Peer("torch, W · mask each step", "torch", lambda: _plain(given, each=True)),
    ]
    return Contest(
        "recurrent step", f"{size:,} neurons, T = {STEPS}", lambda: _ours(given), peers, check
    )


def _first(work: Callable[[], Any], gradient: Callable[[], Tensor]) -> Work:
    """Return the work; its first call is what is compared: logits, and gradient of the weights."""
    out = work()
    kept = [(out.detach().clone(), gradient().clone())]
    return lambda: kept.pop() if kept else work()


def _ours(given: Given) -> Work:
    document = {
        "model": {
            "layers": {"E": ["E"]},
            "projections": ["E->E"],
            "steps": STEPS,
            "image": list(IMAGE),
        },
        "connectome": {"source": Population.name, "neurons": given.size},
        "data": {"source": "schematic", "train": 70, "test": 70},
        "training": {"lr": 1e-3, "batch_size": BATCH},
        "mechanisms": {"masks": {}, "leak": {"tau": 1 / (1 - KEPT)}},
    }
    from bionic_core.training.loop import start, step_once
    from bionic_core.training.recipe import recipe_of

    registry = bionic.Registry.installed().including(Population)
    spec = compose(document, name="recurrent", registry=registry)
    network, recipe = bionic.build(spec), recipe_of(spec)
    projection: Any = network.layer("E").projections.get_submodule("E")
    with torch.no_grad():
        dense = given.recurrent if projection.values.ndim == 2 else _listed(given, given.recurrent)
        projection.values.copy_(dense)
        network.bridge.weight.copy_(given.into)
        network.readout.weight.copy_(given.readout)
        for bias in (projection.bias, network.bridge.bias, network.readout.bias):
            bias.zero_()
    state = start(network.train(), recipe, BATCH)

    def work() -> Any:
        return step_once(network, state.optimizer, given.images, given.labels, recipe.loss)[1]

    def gradient() -> Tensor:
        found: Tensor = projection.values.grad
        return found[given.mask > 0] if found.ndim == 2 else found

    return _first(work, gradient)


def _listed(given: Given, matrix: Tensor) -> Tensor:
    return matrix[given.mask > 0]


def _plain(given: Given, *, each: bool) -> Work:
    """What one writes: a loop over steps, weights times a mask."""
    weights, into, readout = given.parameters()
    optimizer = torch.optim.Adam([weights, into, *readout.parameters()], lr=1e-3, fused=True)

    def forward() -> Tensor:
        drive = functional.linear(given.x, into)
        h = torch.zeros_like(drive)
        masked = weights * given.mask
        for _ in range(STEPS):
            now = weights * given.mask if each else masked
            h = KEPT * h + (1 - KEPT) * functional.relu(functional.linear(h, now) + drive)
        out: Tensor = readout(h)
        return out

    def gradient() -> Tensor:
        assert weights.grad is not None
        return _listed(given, weights.grad)

    return _first(_learning(given, optimizer, forward), gradient)


def _learning(
    given: Given, optimizer: torch.optim.Optimizer, forward: Callable[[], Tensor]
) -> Callable[[], Tensor]:
    def work() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        out = forward()
        functional.cross_entropy(out, given.labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return out

    return work


def _wiretorch(given: Given) -> Work:
    """Its rate form: membranes follow their input, recurrent synapses keep half between steps."""
    wt = library("wiretorch")
    cell = {"cell_id": 0, "name": "E", "tau_mem": 0.0, "nonlinearity": "relu"}
    source = {"cell_id": 0, "name": "x"}
    synapse = {"synapse_id": 0, "cell_id": 0, "name": "s", "type": "excitatory"}
    recurrent = wt.FullRankProjection(given.recurrent.T, given.mask.T)
    into = wt.FullRankProjection(given.into.T)
    network = wt.RecurrentRateNetwork(
        dt=1.0,
        rec_projections={("E", "E"): recurrent},
        ff_projections={("x", "E"): into},
        cell_type_indices=np.zeros(given.size, np.int64),
        cell_type_indices_FF=np.zeros(given.x.shape[1], np.int64),
        cell_params=[cell],
        cell_params_FF=[source],
        synapse_params=[synapse | {"tau_syn": -1 / math.log(KEPT)}],
        synapse_params_FF=[synapse | {"tau_syn": 0.0}],
        batch_size=BATCH,
    )
    _, _, readout = given.parameters()
    learnt = [*network.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(learnt, lr=1e-3, fused=True)
    given_each = given.x[:, None].expand(-1, STEPS + 1, -1)

    def forward() -> Tensor:
        network.reset_state()
        rates = network(given_each)
        h = torch.zeros_like(rates[:, 0])
        for t in range(STEPS + 1):
            h = KEPT * h + (1 - KEPT) * rates[:, t]
        out: Tensor = readout(h)
        return out

    def gradient() -> Tensor:
        found: Tensor = (recurrent.log_weights.grad / (given.recurrent.T + 1e-8)).T  # as it adds
        return _listed(given, found)

    return _first(_learning(given, optimizer, forward), gradient)
