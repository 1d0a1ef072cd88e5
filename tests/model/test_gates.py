"""The gates' law: switched off equals built without, with the same parameters loaded."""

from __future__ import annotations

import itertools

import attrs
import pytest
import torch
from torch import Tensor, nn

import bionic_core as bionic
from bionic_core import Layer, Mechanism, RequestError, hookimpl
from bionic_core.model.network import Network
from bionic_core.training.plasticity import learn_locally
from tests.support import toys

EVERY = {"convolution": {"filters": [8, 16]}} | {name: {} for name in toys.STRUCTURE[1:]}


def possible(on: tuple[str, ...]) -> bool:
    return "convolution" in on or not {"lateral", "attention"} & set(on)


SUBSETS = [
    on
    for size in range(len(EVERY) + 1)
    for on in itertools.combinations(EVERY, size)
    if possible(on)
]


def same_parameters(gated: Network, on: tuple[str, ...]) -> Network:
    """The network built with these mechanisms only, with the gated one's parameters."""
    plain = toys.network({name: EVERY[name] for name in on})
    parameters = gated.state_dict()
    plain.load_state_dict({name: parameters[name] for name in plain.state_dict()})
    return plain


def learned(network: Network, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits and gradients in training mode, at a step."""
    network.train()
    network.seek(step)
    network.zero_grad()
    logits = network(toys.images())
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0]))
    torch.autograd.backward(loss)
    return logits.detach(), {
        name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None
    }


@pytest.fixture(scope="module")
def gated() -> Network:
    """Everything, behind gates, with dense weights so that masks have something to switch."""
    network = toys.network(EVERY, gated=tuple(EVERY))
    with torch.no_grad():
        for projection in network.projections:
            projection.values.normal_(generator=torch.Generator().manual_seed(1))
    return network


def test_a_gated_network_has_the_plain_ones_state() -> None:
    plain, gated = toys.network(EVERY), toys.network(EVERY, gated=tuple(EVERY))
    assert list(plain.state_dict()) == list(gated.state_dict())
    assert not [name for name, _ in plain.named_buffers() if "gate_" in name]
    assert torch.equal(plain(toys.images()), gated(toys.images()))


@pytest.mark.parametrize("on", SUBSETS, ids=lambda on: "+".join(on) or "nothing")
def test_off_is_absent(gated: Network, on: tuple[str, ...]) -> None:
    gated.set_gates(**{name: name in on for name in EVERY})
    plain = same_parameters(gated, on)
    torch.testing.assert_close(
        gated.eval()(toys.images()), plain(toys.images()), rtol=0, atol=1e-12
    )
    logits, gradients = learned(gated, step=9)
    expected_logits, expected = learned(plain, step=9)
    torch.testing.assert_close(logits, expected_logits, rtol=0, atol=1e-12)
    for name, gradient in gradients.items():
        assert torch.isfinite(gradient).all(), name
        if name in expected:
            torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-12, msg=name)
        else:
            assert not gradient.any(), f"{name} learns though it is switched off"


class Nasty(nn.Module):
    """Its derivative is infinite where a rate is 0, and 0/0 where all are equal."""

    def forward(self, h: Tensor) -> Tensor:
        return h.sqrt() / h.std(dim=1, keepdim=True)


@attrs.frozen(eq=False)
class Root(Mechanism):
    """A mechanism that must not be asked about zeros."""

    name = "root"
    kind = "functional"

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        return Nasty()

    @hookimpl
    def gain(self, layer: Layer) -> nn.Module:
        return Nasty()

    @hookimpl
    def current(self, layer: Layer) -> nn.Module:
        return Nasty()


def test_a_switched_off_piece_makes_no_nan_gradient() -> None:
    network = toys.network(("root",), (Root,), gated=("root",))
    with torch.no_grad():
        network.bridge.bias.fill_(-100)  # every rate of the first layer is 0
    network.set_gates(root=False)
    _, gradients = learned(network, step=0)
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    network.set_gates(root=True)
    _, gradients = learned(network, step=0)
    assert not all(torch.isfinite(gradient).all() for gradient in gradients.values())


def test_local_rules_are_gated() -> None:
    """Off, weights stay as they are; on, they change as in the network without gates."""
    rules = {"masks": {}, "layernorm": {}, "hebbian": {"hebb": 0.1}}
    plain, gated = toys.network(rules), toys.network(rules, gated=("hebbian",))
    before = [projection.values.clone() for projection in gated.projections]
    gated.set_gates(hebbian=False)
    learn_locally(gated, gated.trace(toys.images()))
    for projection, values in zip(gated.projections, before, strict=True):
        assert torch.equal(projection.values, values)
    gated.set_gates(hebbian=True)
    for network in (plain, gated):
        learn_locally(network, network.trace(toys.images()))
    for one, other, values in zip(plain.projections, gated.projections, before, strict=True):
        assert torch.equal(one.values, other.values)
        assert not torch.equal(one.values, values)


def test_only_what_is_asked_for_is_gated() -> None:
    network = toys.network(EVERY, gated=("noise",))
    assert {n.rpartition(".")[2] for n, _ in network.named_buffers() if "gate_" in n} == {
        "gate_noise"
    }
    with pytest.raises(RequestError, match="no gate for masks; gated here: noise"):
        network.set_gates(masks=False)


def test_a_front_end_that_changes_the_number_of_features_cannot_be_gated() -> None:
    with pytest.raises(RequestError, match="gives 16 features and the image has 64 pixels"):
        toys.network({"convolution": {"filters": [2, 4]}}, gated=("convolution",))


def test_wirings_of_several_mechanisms_gate_apart() -> None:
    both = ("masks", "half")
    network = toys.network(both, (Half,), gated=both)
    with torch.no_grad():
        for projection in network.projections:
            projection.values.fill_(1.0)
    shares = {}
    for masks, half in itertools.product((True, False), repeat=2):
        network.set_gates(masks=masks, half=half)
        shares[masks, half] = [p.effective().mean().item() for p in network.projections]
    only = toys.network(("half",), (Half,))
    expected = [p.wired(torch.ones_like(p.values)).mean().item() for p in only.projections]
    assert shares[False, False] == [1.0] * 3
    assert shares[False, True] == expected
    assert all(a < b for a, b in zip(shares[True, True], shares[True, False], strict=True))


@attrs.frozen(eq=False)
class Half(Mechanism):
    """Only even pre neurons project."""

    name = "half"
    kind = "structural"

    @hookimpl
    def wiring(self, projection: bionic.ProjectionSite) -> bionic.Wiring:
        mask = torch.zeros(projection.post.size, projection.pre.size, dtype=torch.bool)
        mask[:, ::2] = True
        return bionic.Wiring.of_mask(mask.numpy())
