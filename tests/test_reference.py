"""The benchmarks' reference is the model that it is measured against."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import bionic_core as bionic
from bionic_core.data.splits import Splits
from bionic_core.dataset import Split
from bionic_core.model.network import Network
from bionic_core.training.data import TrainingData
from bionic_core.training.loop import start, step_once
from bionic_core.training.recipe import recipe_of
from tests.benchmarks.ours import column_of
from tests.benchmarks.reference import BioNIC, Column, Training

NAMES = {
    "stages.0.features.convolution": "conv1",
    "stages.1.features.convolution": "conv2",
    "modulate.attention": "attention",
    "bridge_norm.layernorm": "bridge_norm",
    "readout_norm.layernorm": "readout_norm",
} | {
    f"layers.{name}.{ours}": f"layers.{number}.{theirs}"
    for number, name in enumerate("ABCD")
    for ours, theirs in {
        "current.intra": "intra",
        f"projections.{'-ABC'[number]}": "inputs",
        "gain.inhibition.logit": "alpha",
        "norm.layernorm": "norm",
    }.items()
}


def theirs(network: Network) -> dict[str, Tensor]:
    """Our weights by the reference's names."""
    found = {}
    for key, value in network.state_dict().items():
        name = key.replace(".values", ".weight")
        for ours, reference in NAMES.items():
            if key.startswith(ours):
                name = reference + name.removeprefix(ours)
        found[name] = value.clone()
    return {key: value for key, value in found.items() if key not in ("centre", "spread")}


@pytest.fixture(scope="module")
def network() -> Network:
    return bionic.build(bionic.load("as-written", without=["noise"]), seed=5)


@pytest.fixture(scope="module")
def column() -> Column:
    return column_of(bionic.load("full"))


def copied(network: Network, model: BioNIC) -> BioNIC:
    missing, unexpected = model.load_state_dict(theirs(network), strict=False)
    assert not unexpected
    assert all(key.endswith(("mask", "inhibition")) for key in missing)
    return model


def faces(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    return pixels, np.arange(count) % 7


def test_same_weights_give_the_same_logits_and_loss(network: Network, column: Column) -> None:
    model = copied(network, BioNIC(column)).eval()
    counts = [sum(p.numel() for p in module.parameters()) for module in (model, network)]
    assert counts == [1_224_896, 1_224_896]
    pixels, labels = faces(40)
    images = torch.as_tensor(pixels)[:, None].float() / 255
    network.eval()
    with torch.no_grad():
        ours, reference = network(images), model((images - 0.5) / 0.5)
    assert reference.std() > 0.05
    torch.testing.assert_close(reference, ours, rtol=0, atol=1e-5)
    losses = [functional.cross_entropy(x, torch.as_tensor(labels)) for x in (ours, reference)]
    torch.testing.assert_close(*losses, rtol=0, atol=1e-5)


def test_the_same_steps_give_the_same_loss_and_the_same_weights(column: Column) -> None:
    spec = bionic.load("as-written", without=["noise"])
    network = bionic.build(spec, seed=6)
    pixels, labels = faces(37)  # classes differ in number, so that their weights do
    train = Split(pixels[:, None], labels)
    recipe = recipe_of(spec)
    state = start(network, recipe)
    course = TrainingData.prepare(
        recipe, Splits(train, train, train, "validation"), 0, torch.device("cpu")
    )
    other = Training(column, (pixels, labels), (pixels, labels))
    copied(network, other.model).noise = 0.0
    images = torch.as_tensor(pixels)[:, None].float() / 255
    targets = torch.as_tensor(labels)
    network.train()
    other.model.train()
    for _ in range(3):
        ours, _ = step_once(network, state.optimizer, images, targets, course.loss)
        reference, _ = other.step((images - 0.5) / 0.5, targets)
        torch.testing.assert_close(reference.detach(), ours, rtol=0, atol=1e-5)
    with torch.no_grad():
        moved = (network(images) - bionic.build(spec, seed=6).train()(images)).abs().max()
        assert moved > 0.05
        torch.testing.assert_close(
            other.model((images - 0.5) / 0.5), network(images), rtol=0, atol=2e-3
        )


def test_masks_are_ours(network: Network, column: Column) -> None:
    model = BioNIC(column)
    for number, name in enumerate("ABCD"):
        layer = model.layers[number]
        ours = network.layer(name)
        mask = ours.current.get_submodule("intra").get_buffer("mask")
        assert torch.equal(layer.intra.mask.bool(), mask)  # type: ignore[union-attr, operator]
        if number:
            mask = ours.projections.get_submodule("ABC"[number - 1]).get_buffer("mask")
            assert torch.equal(layer.inputs.mask.bool(), mask)  # type: ignore[union-attr, operator]
