"""The mechanisms of training: local rules, the loss, the learning rate."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

import bionic_core as bionic
from bionic_core import Mechanism, RequestError, hookimpl
from bionic_core.data.splits import Splits
from bionic_core.dataset import Split
from bionic_core.training import optimizers
from bionic_core.training.data import TrainingData
from bionic_core.training.loop import start, step_once
from bionic_core.training.plasticity import learn_locally
from bionic_core.training.recipe import recipe_of
from bionic_plugins.mechanisms.hebbian import scaled
from tests.support import oracle, toys

LABELS = torch.tensor([0, 1, 2, 0])


def trained(spec: bionic.Spec, steps: int) -> tuple[Any, dict[str, Tensor], dict[str, Tensor]]:
    """A toy network after some steps, with its parameters and masks before them."""
    network = bionic.build(spec, seed=1)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    state = start(network, recipe_of(spec))
    network.train()
    for step in range(steps):
        network.seek(step)
        step_once(network, state.optimizer, toys.images(seed=step).float(), LABELS, {})
    masks = {
        projection.label: torch.as_tensor(
            oracle.mask(
                toys.column(),
                projection.site.pre.cells.tolist(),
                projection.site.post.cells.tolist(),
            )
        )
        for projection in network.projections
    }
    return network, before, masks


# --- hebbian


def test_rates_are_rectified_and_divided_by_each_images_greatest() -> None:
    rates = torch.tensor([[-1.0, 2.0, 4.0], [0.0, -3.0, 0.0]])
    assert torch.equal(scaled(rates), torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("keys", [{}, {"hebb": 0.0}, {"home": 0.0, "hebb": 0.02}, {"target": 0.1}])
def test_hebbian_adds_the_printed_change_to_every_wired_weight(keys: dict[str, float]) -> None:
    network = toys.network({"masks": {}, "intra": {}, "layernorm": {}, "hebbian": keys}).train()
    rates = {"hebb": 5e-4, "home": 5e-4, "target": 0.35} | keys
    images = toys.images(8)
    record = {name: value.detach().numpy() for name, value in network.trace(images).items()}
    before = {p.label: p.values.detach().numpy().copy() for p in network.projections}
    biases = {p.label: p.bias.detach().clone() for p in network.projections}
    learn_locally(network, network.trace(images))
    assert len(before) == 6

    def unit(x: oracle.Array) -> oracle.Array:
        x = oracle.relu(x)
        greatest = x.max(axis=1, keepdims=True)
        quotient: oracle.Array = x / np.where(greatest > 0, greatest, 1)
        return quotient

    for projection in network.projections:
        pre_layer, post_layer = projection.site.pre, projection.site.post
        within = pre_layer is post_layer
        read = record[f"{post_layer.name}.projections" if within else f"{pre_layer.name}.out"]
        pre, post = unit(read), unit(record[f"{post_layer.name}.gain"])
        change = np.zeros((post_layer.size, pre_layer.size))
        for q in range(post_layer.size):
            for p in range(pre_layer.size):
                together = np.mean([pre[b, p] * post[b, q] for b in range(8)])
                excess = post[:, q].mean() - rates["target"]
                change[q, p] = rates["hebb"] * together - rates["home"] * excess
        change *= oracle.mask(toys.column(), pre_layer.cells.tolist(), post_layer.cells.tolist())
        expected = before[projection.label] + change
        np.testing.assert_allclose(projection.values.detach(), expected, atol=1e-12, rtol=0)
        assert torch.equal(projection.bias.detach(), biases[projection.label])


def test_hebbian_acts_in_training_only_and_after_the_optimisers_step() -> None:
    spec = toys.spec(("hebbian", "layernorm"))
    with_rule, _, _ = trained(spec, 1)
    network = bionic.build(toys.spec(("layernorm",)), seed=1)
    state = start(network, recipe_of(toys.spec(("layernorm",))))
    network.train()
    network.seek(0)
    record = network.trace(toys.images(seed=0).float())
    step_once(network, state.optimizer, toys.images(seed=0).float(), LABELS, {})
    for one, other in zip(with_rule.projections, network.projections, strict=True):
        pre = scaled(record[f"{one.site.pre.name}.out"])
        post = scaled(record[f"{one.site.post.name}.gain"])
        change = 5e-4 * post.T @ pre / 4 - 5e-4 * (post.mean(0) - 0.35)[:, None]
        torch.testing.assert_close(one.values, other.values + change, rtol=1e-5, atol=1e-7)
    before = [p.values.detach().clone() for p in with_rule.projections]
    with_rule.eval()(toys.images().float())
    assert all(torch.equal(a, p.values) for a, p in zip(before, with_rule.projections, strict=True))


@attrs.frozen(eq=False)
class Momentum(Mechanism):
    """Momentum for SGD."""

    name = "momentum"
    kind = "functional"

    @hookimpl
    def recipe(self) -> dict[str, object]:
        return {"optimizer.momentum": 0.9}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
def test_masked_weights_are_exactly_unchanged_after_200_steps(
    optimizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizers, "NARROW", 2)
    names = ["masks", "intra", "inhibition", "noise", "layernorm", "hebbian", "momentum"]
    tables: dict[str, Any] = {name: {} for name in names} | {"weight_decay": {"strength": 0.01}}
    if optimizer != "sgd":
        del tables["momentum"]
    spec = toys.spec(tables, (Momentum,))
    training = attrs.evolve(spec.training, optimizer=optimizer, lr=0.01)
    network, before, masks = trained(attrs.evolve(spec, training=training), 200)
    named = {id(p): name for name, p in network.named_parameters()}
    for projection in network.projections:
        gone = ~masks[projection.label]
        values, first = projection.values.detach(), before[named[id(projection.values)]]
        assert torch.equal(values[gone], first[gone])
        assert not values[gone].any()
        assert (values[~gone] != first[~gone]).all(), "wired weights must have learned"


# --- the loss


def course(spec: bionic.Spec, labels: list[int]) -> TrainingData:
    part = Split(np.zeros((len(labels), 1, 8, 8), np.uint8), np.array(labels))
    splits = Splits(part, part, part, "validation")
    return TrainingData.prepare(recipe_of(spec), splits, 0, torch.device("cpu"))


def test_class_weights_are_balanced_over_the_training_labels() -> None:
    labels = [0] * 6 + [1] * 3 + [2]
    weight = course(toys.spec(("class_weights",)), labels).loss["weight"]
    np.testing.assert_allclose(weight, [10 / (3 * 6), 10 / (3 * 3), 10 / (3 * 1)])
    assert course(toys.spec(()), labels).loss == {}


def test_label_smoothing_mixes_in_the_uniform_distribution() -> None:
    options = course(toys.spec({"label_smoothing": {"alpha": 0.3}}), [0, 1, 2]).loss
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = torch.nn.functional.cross_entropy(logits, LABELS, **options)
    log_p = logits.log_softmax(1).numpy()
    targets = 0.7 * np.eye(3)[LABELS.numpy()] + 0.3 / 3
    np.testing.assert_allclose(found, -(targets * log_p).sum(1).mean(), rtol=1e-12)


def test_class_weights_weigh_the_smoothing_too() -> None:
    """The loss by its equation; its minimum for a happy image under FER-2013's counts."""
    counts = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])  # angry disgusted … happy is 3
    spec = toys.spec({"label_smoothing": {"alpha": 0.1}, "class_weights": {}})
    spec = attrs.evolve(spec, model=attrs.evolve(spec.model, classes=7))
    options = course(spec, np.repeat(np.arange(7), counts).tolist()).loss
    weight = counts.sum() / (7 * counts)
    logits = torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([3, 0, 1, 3])
    double = {**options, "weight": torch.as_tensor(weight)}
    found = torch.nn.functional.cross_entropy(logits, labels, **double)
    own, log_p = weight[labels], logits.log_softmax(1).numpy()
    each = -0.9 * own * log_p[np.arange(4), labels] - 0.1 / 7 * (weight * log_p).sum(1)
    np.testing.assert_allclose(found, each.sum() / own.sum(), rtol=1e-12)
    best = 0.9 * weight[3] * np.eye(7)[3] + 0.1 / 7 * weight
    best /= best.sum()
    assert (round(best[3], 3), round(best[1], 3)) == (0.716, 0.185)
    at = torch.tensor(np.log(best)[None], requires_grad=True)
    torch.nn.functional.cross_entropy(at, torch.tensor([3]), **double).backward()  # type: ignore[no-untyped-call]
    assert at.grad is not None
    assert float(at.grad.abs().max()) < 1e-12
    np.testing.assert_allclose(options["weight"], weight, rtol=1e-6)


# --- the learning rate


def rates(keys: dict[str, Any] | None, figures: list[float], steps: int = 0) -> list[float]:
    """The learning rate after each epoch with the given figures, or after each of the steps."""
    spec = toys.spec({} if keys is None else {"lr_schedule": keys})
    training = attrs.evolve(spec.training, lr=0.5, batch_size=4, max_epochs=steps or 400)
    network = bionic.build(spec)
    state = start(network, recipe_of(attrs.evolve(spec, training=training)), 4)
    group, found = state.optimizer.param_groups[0], []
    for figure in figures or [0.0] * steps:
        if steps:
            found.append(group["lr"])
        state.optimizer.step()
        state.schedule.after_step()
        if figures:
            state.schedule.after_epoch(figure)
            found.append(group["lr"])
    return found


def test_plateau_cuts_the_rate_after_so_many_epochs_without_improvement() -> None:
    figures = [0.3, 0.4, 0.4, 0.39, 0.4, 0.41, 0.41, 0.41, 0.41]
    found = rates({"factor": 0.5, "patience": 2}, figures)
    assert found == [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125]
    losses = [-2.0, -1.9, -1.95, -1.95, -1.95]  # a monitored loss comes in with its sign turned
    assert rates({"factor": 0.1, "patience": 1}, losses) == pytest.approx([0.5] * 3 + [0.05] * 2)


def test_one_cycle_rises_to_the_rate_and_falls_to_nothing() -> None:
    found = rates({"policy": "one-cycle", "warm_up": 0.25, "anneal": "linear"}, [], steps=41)
    peak = found.index(max(found))
    assert max(found) == pytest.approx(0.5, rel=0.05)
    assert found[0] == pytest.approx(0.5 / 25)
    assert 8 <= peak <= 11
    assert found[-1] < 1e-3
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak:]) < 0).all()


def test_without_a_schedule_the_rate_stays() -> None:
    assert rates(None, [0.1] * 30) == [0.5] * 30


# --- none leaves a trace


@pytest.mark.parametrize(
    "name",
    ["hebbian", "augmentation", "weight_decay", "label_smoothing", "class_weights", "lr_schedule"],
)
def test_a_training_mechanism_left_out_leaves_no_trace(name: str) -> None:
    full = bionic.load("as-written")
    spec = full.without([name])
    assert name not in spec.to_toml()
    assert attrs.asdict(recipe_of(spec)) != attrs.asdict(recipe_of(full)) or name == "hebbian"
    network = bionic.build(spec, connectome=full.connectome.read() if full.connectome else None)
    assert bool(network.plastic) == (name != "hebbian")


VALIDATORS = [
    ("hebbian", {"hebb": -1}, "hebb = -1: must be >= 0"),
    ("hebbian", {"home": -1}, "home = -1: must be >= 0"),
    ("hebbian", {"target": 1.5}, "target = 1.5: must be <= 1"),
    ("label_smoothing", {"alpha": 1}, "alpha = 1: must be < 1"),
    ("class_weights", {"x": 1}, "x: there is no such key"),
    ("lr_schedule", {"policy": "cosine"}, 'policy = "cosine": must be one of "plateau"'),
    ("lr_schedule", {"factor": 1.0}, "factor = 1.0: must be < 1"),
    ("lr_schedule", {"patience": -1}, "patience = -1: must be >= 0"),
    ("lr_schedule", {"warm_up": 0}, "warm_up = 0: must be > 0"),
    ("lr_schedule", {"anneal": "x"}, 'anneal = "x": must be one of "cos", "linear"'),
]


@pytest.mark.parametrize(("name", "keys", "words"), VALIDATORS, ids=[str(v[1]) for v in VALIDATORS])
def test_keys_are_checked(name: str, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as caught:
        toys.spec({name: keys})
    assert f"mechanisms.{name}.{words}" in str(caught.value)
