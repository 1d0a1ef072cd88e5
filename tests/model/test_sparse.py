"""Storages of one weight for each pair against dense: the same model, in every use of it."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

import bionic_core as bionic
from bionic_core import Mechanism, Wiring, hookimpl
from bionic_core.model import sparse as sparse_projection
from bionic_core.model import sparse_product as product
from bionic_core.model.network import Network
from bionic_core.training.loop import start, step_once
from bionic_core.training.optimizers import Muon
from bionic_core.training.recipe import recipe_of
from tests.support import toys

TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-13}
LABELS = torch.tensor([0, 1, 2, 0])


class Law(nn.Module):
    """Weights that change sign with their pre neuron, and grow with their post neuron."""

    def forward(self, values: Tensor, synapses: Any) -> Tensor:
        sign = torch.where(synapses.pre % 2 == 0, 1.0, -1.0).to(values.dtype)
        changed: Tensor = values.abs().add(0.1).sqrt() * sign * (1 + 0.1 * synapses.post)
        return changed


@attrs.frozen(eq=False)
class Dale(Mechanism):
    """A mechanism that answers the weight hook."""

    name = "dale"
    kind = "structural"

    @hookimpl
    def weight(self, projection: bionic.ProjectionSite) -> nn.Module:
        return Law()


@attrs.frozen(eq=False)
class Momentum(Mechanism):
    """Momentum for SGD."""

    name = "momentum"
    kind = "functional"

    @hookimpl
    def recipe(self) -> dict[str, object]:
        return {"optimizer.momentum": 0.9}


@attrs.frozen(eq=False)
class Even(Mechanism):
    """Only even pre neurons project; a second wiring beside the masks."""

    name = "even"
    kind = "structural"

    @hookimpl
    def wiring(self, projection: bionic.ProjectionSite) -> Wiring:
        mask = np.zeros((projection.post.size, projection.pre.size), bool)
        mask[:, ::2] = True
        return Wiring.of_mask(mask)


PAIRED = ("packed", "sparse")
"""Storages that have one value for each pair."""

EVERY = (*toys.STRUCTURE, "hebbian", "weight_decay", "dale", "even")
PLUGINS = (Dale, Momentum, Even)


def pair(kind: str, mechanisms: Any = EVERY, **options: Any) -> tuple[Network, Network]:
    """The same network stored dense and as ``kind``, float64."""
    dense, sparse = (
        toys.network(mechanisms, PLUGINS, storage=each, **options) for each in ("dense", kind)
    )
    assert [p.storage for p in dense.projections] == ["dense"] * len(dense.projections)
    assert [p.storage for p in sparse.projections] == [kind] * len(sparse.projections)
    return dense, sparse


def same_parameters(dense: Network, sparse: Network, *, grads: bool = False) -> None:
    matrices = {
        f"{path}.values": projection
        for path, projection in sparse.named_modules()
        if isinstance(projection, bionic.Projection)
    }
    others = dict(sparse.named_parameters())
    for name, parameter in dense.named_parameters():
        one, other = (t.grad if grads else t.detach() for t in (parameter, others[name]))
        assert one is not None and other is not None, name  # noqa: PT018
        if name in matrices:
            assert other.ndim == 1
            other = matrices[name].matrix(other)
        torch.testing.assert_close(one, other, **TIGHT, msg=lambda text: f"{name}: {text}")  # noqa: B023


def drawn(pairs: int = 60, p: int = 13, q: int = 9) -> tuple[Tensor, Tensor, Tensor, product.Index]:
    """Random values, x and g, with a post neuron that has no pair, and a pre neuron likewise."""
    rng = np.random.default_rng(4)
    mask = np.zeros((q, p), bool)
    mask.flat[rng.permutation(q * p)[:pairs]] = True
    mask[3], mask[:, 5] = False, False
    wiring = Wiring.of_mask(mask).by_post()
    index = product.index_of(wiring.pre, wiring.post, p, q)
    draw = [torch.as_tensor(rng.normal(size=s)) for s in ((len(wiring),), (p, 4), (q, 4))]
    return draw[0].requires_grad_(), draw[1].requires_grad_(), draw[2].requires_grad_(), index


# --- the products


@pytest.mark.parametrize("cached", [product.CACHED, 1])
def test_products_are_those_of_the_matrix(cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "CACHED", cached)
    monkeypatch.setattr(product, "NARROW", 3 if cached == 1 else product.NARROW)
    values, x, g, index = drawn()
    matrix = np.zeros((9, 13))
    for value, p, q in zip(values.tolist(), index.pre.tolist(), index.post.tolist(), strict=True):
        matrix[q, p] = value
    found = [
        product.weighted(values, x, index),
        product.transposed(values, g, index),
        product.sampled(g, x, index),
    ]
    xs, gs = x.detach().numpy(), g.detach().numpy()
    expected = [matrix @ xs, matrix.T @ gs, (gs @ xs.T)[index.post.numpy(), index.pre.numpy()]]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.detach(), other, atol=1e-13)


@pytest.mark.parametrize("name", ["weighted", "transposed", "sampled"])
def test_products_have_their_derivatives_twice(name: str) -> None:
    values, x, g, index = drawn(20, 7, 6)
    function = getattr(product, name)
    arguments = {"weighted": (values, x), "transposed": (values, g), "sampled": (g, x)}[name]
    assert gradcheck(lambda a, b: function(a, b, index), arguments)
    assert gradgradcheck(lambda a, b: function(a, b, index), arguments)


def test_vmap_goes_through_the_variants() -> None:
    values, x, g, index = drawn()
    many = torch.stack([values, 2 * values, values**2]).detach()

    def loss(value: Tensor, x: Tensor) -> Tensor:
        return (product.weighted(value, x, index) * g).square().sum()

    found = torch.vmap(torch.func.grad(loss), in_dims=(0, None))(many, x.detach())
    for one, value in zip(found, many, strict=True):
        torch.testing.assert_close(one, torch.func.grad(loss)(value, x.detach()), **TIGHT)


def test_a_projection_without_any_pair_gives_its_bias() -> None:
    values, x, g, index = drawn(0)
    out = product.weighted(values, x, index)
    assert not out.any()
    torch.autograd.backward(out.sum())
    assert x.grad is not None
    assert not x.grad.any()
    assert product.sampled(g, x, index).shape == (0,)


# --- projections and networks


@pytest.mark.parametrize("kind", PAIRED)
@pytest.mark.parametrize("block", [sparse_projection.BLOCK, 7])
def test_initial_weights_are_the_dense_ones_bit_for_bit(
    block: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse_projection, "BLOCK", block)
    for init in ("fan-in", "dense"):
        dense, sparse = pair(kind, {"masks": {"init": init}, "intra": {}})
        for one, other in zip(dense.projections, sparse.projections, strict=True):
            assert torch.equal(one.values, other.matrix(other.values))
            assert torch.equal(one.bias, other.bias)


@pytest.mark.parametrize("kind", PAIRED)
@pytest.mark.parametrize("mechanisms", [EVERY, ("masks",), ("even", "intra"), ("masks", "dale")])
def test_forward_trace_and_gradients_are_the_dense_ones(
    mechanisms: tuple[str, ...], kind: str
) -> None:
    dense, sparse = pair(kind, mechanisms)
    for network in (dense, sparse):
        network.train().seek(2)
    one, other = dense.trace(toys.images()), sparse.trace(toys.images())
    assert list(one) == list(other)
    for name in one:
        torch.testing.assert_close(one[name], other[name], **TIGHT, msg=name)
    for record in (one, other):
        torch.autograd.backward(nn.functional.cross_entropy(record["readout"], LABELS))
    same_parameters(dense, sparse, grads=True)


@pytest.mark.parametrize("kind", PAIRED)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_60_steps_with_everything_on_are_the_dense_ones(optimizer: Any, kind: str) -> None:
    names = (*EVERY, "label_smoothing") + (("momentum",) if optimizer == "sgd" else ())
    tables: dict[str, Any] = {name: {} for name in names} | {"weight_decay": {"strength": 0.01}}
    dense, sparse = pair(kind, tables)
    spec = toys.spec(tables, PLUGINS)
    training = attrs.evolve(spec.training, optimizer=optimizer, lr=0.003)
    recipe = recipe_of(attrs.evolve(spec, training=training))
    before = [p.values.detach().clone() for p in sparse.projections]
    for network in (dense, sparse):
        state = start(network, recipe)
        network.train()
        for step in range(60):
            network.seek(step)
            step_once(network, state.optimizer, toys.images(seed=step), LABELS, recipe.loss)
    same_parameters(dense, sparse)
    for old, one, other in zip(before, dense.projections, sparse.projections, strict=True):
        assert (other.values != old).all(), "every pair must have learned"
        assert other.wiring is not None
        absent = torch.ones_like(one.values, dtype=torch.bool)
        absent[other.wiring.post, other.wiring.pre] = False
        assert not one.values[absent].any()
        assert torch.equal(other.matrix(other.values) != 0, one.values != 0)


def test_under_bfloat16_sparse_products_stay_in_float32() -> None:
    networks = [
        bionic.build(toys.spec(("masks", "intra"), storage=kind), seed=1)
        for kind in ("dense", "sparse")
    ]
    images = toys.images().float()
    with torch.autocast("cpu", torch.bfloat16):
        low, found = (network(images) for network in networks)
        (layer,) = (p for p in networks[1].projections if p.label == "A->B")
        assert layer(torch.rand(3, 5).bfloat16()).dtype is torch.float32
    exact = networks[0](images)
    assert (found.float() - exact).abs().max() <= (low.float() - exact).abs().max() + 1e-3
    found.sum().backward()
    assert all(p.values.grad is not None for p in networks[1].projections)


@pytest.mark.parametrize("kind", PAIRED)
def test_pieces_in_a_model_of_pairs_can_be_gated_and_gated_wiring_is_dense(kind: str) -> None:
    sparse = toys.network(EVERY, PLUGINS, storage=kind, gated=("dale", "noise"))
    dense = toys.network(EVERY, PLUGINS, storage="dense", gated=("dale", "noise"))
    assert {p.storage for p in sparse.projections} == {kind}
    for on in (True, False):
        for network in (dense, sparse):
            network.set_gates(dale=on)
            network.zero_grad()
            network(toys.images()).square().sum().backward()
        torch.testing.assert_close(sparse(toys.images()), dense(toys.images()), **TIGHT)
        same_parameters(dense, sparse, grads=True)
    gated = toys.network(EVERY, PLUGINS, storage=kind, gated=("masks",))
    assert {p.storage for p in gated.projections} == {"dense"}


@pytest.mark.parametrize("kind", PAIRED)
def test_a_checkpoint_of_either_storage_loads_into_either(kind: str) -> None:
    dense, sparse = pair(kind)
    with torch.no_grad():
        for projection in sparse.projections:
            projection.values.normal_()
    assert not [name for name in sparse.state_dict() if "at_" in name]
    dense.load_state_dict(sparse.state_dict())
    torch.testing.assert_close(dense(toys.images()), sparse(toys.images()), **TIGHT)
    again = toys.network(EVERY, PLUGINS, storage=kind, seed=9)
    (third,) = (toys.network(EVERY, PLUGINS, storage=other) for other in PAIRED if other != kind)
    third.load_state_dict(sparse.state_dict())
    for source in (dense, sparse, third):
        again.load_state_dict(source.state_dict())
        for name, value in sparse.state_dict().items():
            assert torch.equal(again.state_dict()[name], value), name
    other = toys.network(("masks",), storage=kind)
    key = "layers.B.projections.A.values"
    with pytest.raises(RuntimeError, match=f"size mismatch for {key}"):
        other.load_state_dict(other.state_dict() | {key: torch.zeros(3)})


def test_under_bfloat16_packed_products_are_the_dense_ones() -> None:
    networks = [bionic.build(toys.spec(("masks", "intra"), storage=k)) for k in ("dense", "packed")]
    with torch.autocast("cpu", torch.bfloat16):
        dense, packed = (network(toys.images().float()) for network in networks)
    assert dense.dtype is packed.dtype is torch.bfloat16
    assert torch.equal(dense, packed)


def test_muon_takes_packed_values_for_vectors() -> None:
    wide: dict[str, Any] = {"layers": {"A": 40, "B": 50}, "projections": ["A->B"]}
    shapes = {}
    for kind in ("dense", "packed"):
        network = toys.network(("even",), PLUGINS, storage=kind, **wide)
        optimizer = Muon(network.parameters(), lr=0.01)
        orthogonal, _ = optimizer.param_groups
        shapes[kind] = [tuple(p.shape) for p in orthogonal["params"]]
    assert shapes["dense"] == [*shapes["packed"], (50, 40)]
    assert shapes["packed"] == [(40, 64)], "the bridge"
