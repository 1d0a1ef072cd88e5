"""Each mechanism's equation against independent NumPy; gradients against finite differences."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

import bionic_core as bionic
from bionic_core import Mechanism, ProjectionSite, RequestError, Synapses, hookimpl
from bionic_core.model.network import Network
from bionic_core.training.loop import start, step_once
from bionic_core.training.recipe import Views, recipe_of
from bionic_plugins.mechanisms.inhibition import GradedInhibition
from bionic_plugins.mechanisms.noise import GaussianNoise
from tests.support import oracle, toys
from tests.support.gradients import LABELS, check_gradient, close, loss_of, random

# --- masks


def wired(network: Network) -> dict[str, tuple[Tensor, np.ndarray[Any, Any]]]:
    """Each projection's weights, and its mask from the connectome."""
    return {
        p.label: (
            p.values,
            oracle.mask(toys.column(), p.site.pre.cells.tolist(), p.site.post.cells.tolist()),
        )
        for p in network.projections
    }


def test_masks_are_post_by_pre_and_drop_autapses() -> None:
    network = toys.network(("masks", "intra"))
    found = wired(network)
    assert len(found) == 6
    for values, mask in found.values():
        assert ((values != 0).numpy() == mask).all()
        if mask.shape[0] == mask.shape[1]:
            assert not mask.diagonal().any()
            assert (mask != mask.T).any(), "the toy must tell post × pre from pre × post"


@pytest.mark.parametrize("init", ["fan-in", "dense"])
def test_initial_weights_scale_with_the_wired_inputs(init: str) -> None:
    masked = wired(toys.network({"masks": {"init": init}}))
    dense = wired(toys.network(()))
    for label, (values, mask) in masked.items():
        raw, inputs = dense[label][0].detach().numpy(), mask.sum(axis=1, keepdims=True)
        scale = np.sqrt(mask.shape[1] / np.maximum(inputs, 1)) if init == "fan-in" else 1.0
        np.testing.assert_allclose(values.detach().numpy(), raw * mask * scale, rtol=1e-6)


def test_dense_wiring_is_no_masks() -> None:
    one, other = toys.network({"masks": {"wiring": "dense"}}), toys.network(())
    assert all(p.wiring is None for p in one.projections)
    for name, value in other.state_dict().items():
        assert torch.equal(one.state_dict()[name], value), name


def test_gradients_of_masked_weights() -> None:
    network = toys.network(("masks", "intra", "inhibition", "layernorm"))
    name = "layers.B.projections.A.values"
    mask = wired(network)["A->B"][1]
    there, gone = np.argwhere(mask)[::2].tolist(), np.argwhere(~mask)[:2].tolist()
    check_gradient(network, name, [(q, p) for q, p in [*there, *gone]])
    gradient = dict(network.named_parameters())[name].grad
    assert gradient is not None
    assert all(gradient[q, p] == 0 for q, p in gone)
    within = np.argwhere(wired(network)["C->C (intra)"][1]).tolist()
    check_gradient(network, "layers.C.current.intra.values", [(q, p) for q, p in within])


@attrs.frozen(eq=False)
class Everywhere(Mechanism):
    """A rule that changes every value that it is let."""

    name = "everywhere"
    kind = "functional"

    @hookimpl
    def plasticity(self, projection: ProjectionSite) -> Any:
        def rule(values: Tensor, pre: Tensor, post: Tensor, synapses: Synapses) -> Tensor:
            return 1e-3 + 1e-4 * synapses.correlate(pre, post)

        return rule


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adamw"])
def test_masked_weights_stay_zero_whatever_trains_them(
    optimizer: Literal["adam", "sgd", "adamw"],
) -> None:
    spec = toys.spec(
        {
            "masks": {},
            "intra": {},
            "noise": {},
            "layernorm": {},
            "weight_decay": {"strength": 0.1},
            "everywhere": {},
        },
        (Everywhere,),
    )
    training = attrs.evolve(spec.training, optimizer=optimizer, lr=0.01)
    spec = attrs.evolve(spec, training=training)
    network = bionic.build(spec, seed=1)
    before = {label: values.detach().clone() for label, (values, _) in wired(network).items()}
    state = start(network, recipe_of(spec))
    network.train()
    for step in range(200):
        network.seek(step)
        step_once(network, state.optimizer, toys.images(seed=step).float(), LABELS, {})
    for label, (values, mask) in wired(network).items():
        assert not values.detach().numpy()[~mask].any(), label
        assert (values.detach() != before[label]).numpy()[mask].all(), label


# --- intra


def test_intra_adds_a_current_of_the_layers_own_rates() -> None:
    network = toys.network(("intra",))
    trace = network.trace(toys.images())
    for layer in "ABC":
        projection = network.layer(layer).current.get_submodule("intra")
        h = trace[f"{layer}.projections"].detach().numpy()
        weight, bias = projection.values.detach().numpy(), projection.bias.detach().numpy()  # type: ignore[operator]
        close(trace[f"{layer}.current.intra"], h @ weight.T + bias)
        close(trace[f"{layer}.gain"], oracle.relu(h + h @ weight.T + bias))
    check_gradient(network, "layers.A.current.intra.values", [(0, 0), (1, 3), (4, 2)])


# --- inhibition


@pytest.mark.parametrize("weighting", ["count", "size"])
def test_inhibition_counts_what_all_inhibitory_cells_send(weighting: str) -> None:
    network = toys.network({"inhibition": {"weighting": weighting, "alpha": 0.3}})
    for layer, cells in oracle.CELLS.items():
        amount = oracle.inhibition(toys.column(), cells, weighting)
        assert amount.max() > 0
        gain = network.layer(layer).gain.get_submodule("inhibition")(random(2, len(cells)))
        close(gain, 1 - 0.3 * amount / (amount.max() + 1e-8), atol=1e-7)


def test_the_toy_column_has_a_cell_without_inhibition() -> None:
    assert oracle.inhibition(toys.column(), oracle.CELLS["A"])[2] == 0


def test_alpha_learns_and_stays_between_zero_and_one() -> None:
    network = toys.network(("masks", "inhibition", "layernorm"))
    for layer in "ABC":
        check_gradient(network, f"layers.{layer}.gain.inhibition.logit", [()])
    module = GradedInhibition(torch.tensor([0.0, 2.0, 4.0]), 0.5)
    for extreme in (-80.0, 80.0):
        with torch.no_grad():
            module.logit.fill_(extreme)
        gain = module(torch.ones(1, 3))
        assert ((gain >= 0) & (gain <= 1)).all()


def test_a_layer_that_no_inhibitory_cell_reaches_keeps_its_rates() -> None:
    module = GradedInhibition(torch.zeros(4), 0.5)
    assert torch.equal(module(torch.ones(2, 4)), torch.ones(4))


# --- noise


def test_noise_is_gaussian_and_only_in_training() -> None:
    stream = bionic.Stream(5)
    module = GaussianNoise(0.06, stream)
    h = random(200, 500)
    assert torch.equal(module.eval()(h), h)
    eta = (module.train()(h) - h).flatten().numpy()
    assert abs(eta.mean()) < 4 * 0.06 / np.sqrt(eta.size)
    assert abs(eta.std() / 0.06 - 1) < 4 / np.sqrt(2 * eta.size)
    assert abs((eta**4).mean() / 0.06**4 - 3) < 0.1


def test_noise_has_streams_of_its_own() -> None:
    before = torch.random.get_rng_state()
    network = toys.network(("noise",)).train()
    traces = []
    for step in (4, 4, 5):
        network.seek(step)
        traces.append(network.trace(toys.images()))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(traces[0]["C.rate"], traces[1]["C.rate"])
    eta = [[(t[f"{layer}.rate"] - t[f"{layer}.gain"]).detach() for layer in "AB"] for t in traces]
    assert not torch.allclose(eta[0][0], eta[2][0])
    assert not torch.allclose(eta[0][0][:, :4], eta[0][1])
    again = toys.network(("noise", "intra")).train()
    again.seek(4)
    other = again.trace(toys.images())
    torch.testing.assert_close((other["A.rate"] - other["A.gain"]).detach(), eta[0][0])


# --- layernorm


def test_layernorm_normalises_each_image_at_every_site() -> None:
    network = toys.network(("layernorm",))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "layernorm" in name:
                parameter.normal_()
    trace = network.trace(toys.images())
    sites = {"bridge_norm": ("bridge", "bridge.norm"), "readout_norm": ("C.out", "readout.norm")}
    sites |= {f"layers.{layer}.norm": (f"{layer}.rate", f"{layer}.norm") for layer in "ABC"}
    for key, (before, after) in sites.items():
        w, b = (network.state_dict()[f"{key}.layernorm.{p}"].numpy() for p in ("weight", "bias"))
        close(trace[after], oracle.normalise(trace[before].detach().numpy(), w, b))


# --- mechanisms of the recipe


def test_augmentation_sets_the_views_and_nothing_else() -> None:
    recipe = recipe_of(toys.spec(("augmentation",)))
    assert recipe.views == Views(
        scale=(0.8, 1.0),
        ratio=(3 / 4, 4 / 3),
        rotation=15.0,
        flip=0.5,
        brightness=0.15,
        contrast=0.15,
    )
    assert recipe_of(toys.spec(())).views.identity
    assert list(toys.network(("augmentation",)).state_dict()) == list(toys.network(()).state_dict())


def test_weight_decay_is_the_l2_penalty() -> None:
    spec = toys.spec({"weight_decay": {"strength": 0.05}})
    spec = attrs.evolve(spec, training=attrs.evolve(spec.training, optimizer="sgd", lr=0.1))
    network = bionic.build(spec).double()
    state = start(network, recipe_of(spec))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    torch.autograd.backward(loss_of(network))
    gradients = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
    step_once(network, state.optimizer, toys.images(), LABELS, {})
    for name, parameter in network.named_parameters():
        expected = before[name] - 0.1 * (gradients[name] + 0.05 * before[name])
        torch.testing.assert_close(parameter.detach(), expected, rtol=0, atol=1e-12)


VALIDATORS = [
    ("lateral", {"alpha": 1.7}, "alpha = 1.7: must be <= 1"),
    ("lateral", {"alpha": 0}, "alpha = 0: must be > 0"),
    ("lateral", {"kernel": 4}, "kernel = 4: must be an odd number of pixels"),
    ("lateral", {"kernel": 1}, "kernel = 1: must be >= 3"),
    ("attention", {"reduction": 0}, "reduction = 0: must be >= 1"),
    ("masks", {"wiring": "reel"}, 'wiring = "reel": must be one of "real", "rewired", "type-sh'),
    ("masks", {"init": "x"}, 'init = "x": must be one of "fan-in", "dense"'),
    ("inhibition", {"alpha": 1.7}, "alpha = 1.7: must be < 1"),
    ("inhibition", {"weighting": "sum"}, 'weighting = "sum": must be one of "count", "size"'),
    ("noise", {"sigma": -0.1}, "sigma = -0.1: must be >= 0"),
    ("layernorm", {"epsilon": 0}, "epsilon = 0: must be > 0"),
    ("augmentation", {"scale": [1.0, 0.8]}, "scale = [1.0, 0.8]: must be [least, most]"),
    ("augmentation", {"flip": 1.5}, "flip = 1.5: must be <= 1"),
    ("augmentation", {"rotation": 200}, "rotation = 200: must be <= 180"),
    ("augmentation", {"brightness": 1}, "brightness = 1: must be < 1"),
    ("weight_decay", {"strength": -1}, "strength = -1: must be >= 0"),
]


@pytest.mark.parametrize(("name", "keys", "words"), VALIDATORS, ids=[str(v[1]) for v in VALIDATORS])
def test_keys_are_checked(name: str, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as caught:
        toys.spec({"convolution": {}, name: keys})
    assert f"mechanisms.{name}.{words}" in str(caught.value)
