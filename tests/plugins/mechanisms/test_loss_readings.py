"""Keys for what the paper leaves open of its loss and its rule, each by its equation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.data.splits import Splits
from bionic_core.dataset import Split
from bionic_core.runs.identity import as_before, identity
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.training.data import TrainingData
from bionic_core.training.evaluation import divergence, metrics
from bionic_core.training.loop import Single, start
from bionic_core.training.loss import training_loss
from bionic_core.training.plasticity import learn_locally, rule_rates
from bionic_core.training.recipe import Recipe, recipe_of
from bionic_core.training.void import voids
from bionic_core.training.weights import Weights
from tests.support import toys

OLDER = Path(__file__).parents[2] / "runs" / "older"

FER = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])
"""Training images of each class of FER-2013; the second is "disgusted"."""


def spec_of(mechanisms: dict[str, dict[str, Any]], classes: int) -> bionic.Spec:
    spec = toys.spec(mechanisms)
    return attrs.evolve(spec, model=attrs.evolve(spec.model, classes=classes))


def course(spec: bionic.Spec, counts: list[int]) -> TrainingData:
    labels = np.repeat(np.arange(len(counts)), counts)
    part = Split(np.zeros((len(labels), 1, 8, 8), np.uint8), labels)
    splits = Splits(part, part, part, "validation")
    return TrainingData.prepare(recipe_of(spec), splits, 0, torch.device("cpu"))


@pytest.mark.parametrize("exponent", [0.0, 0.25, 0.5, 1.0, 1.5])
def test_weights_follow_a_power_and_an_images_mean_is_one(exponent: float) -> None:
    spec = spec_of({"class_weights": {"exponent": exponent}}, 7)
    found = course(spec, FER.tolist()).loss["weight"].double().numpy()
    expected = FER**-exponent
    expected /= (FER * expected).sum() / FER.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_default_is_what_balanced_was_to_the_last_bit() -> None:
    found = course(spec_of({"class_weights": {}}, 7), FER.tolist()).loss["weight"]
    before = int(FER.sum()) / (7 * torch.as_tensor(FER).float())
    assert torch.equal(found, before)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999, 1 - 1e-12])
def test_weights_follow_the_effective_number(beta: float) -> None:
    found = np.array(Weights(beta=beta).of(FER.tolist()))
    effective = FER if beta > 0.9999 else (1 - beta**FER) / (1 - beta)
    expected = FER.sum() / (FER / effective).sum() / effective
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (FER * found).sum() / FER.sum() == pytest.approx(1)


def test_a_class_without_an_image_weighs_one_and_such_runs_have_names_of_their_own() -> None:
    """The last class too, which no label tells of."""
    loss = course(spec_of({"class_weights": {}}, 4), [6, 0, 3, 0]).loss
    np.testing.assert_allclose(loss["weight"], [9 / (2 * 6), 1, 9 / (2 * 3), 1])
    spec = bionic.load(str(OLDER / "integers.toml"), set=["data.train=70"])
    inputs = InputCache().get(spec)
    missing = inputs.splits.train.labels > 0
    part = Split(inputs.splits.train.images[missing], inputs.splits.train.labels[missing])
    fewer = attrs.evolve(inputs, splits=attrs.evolve(inputs.splits, train=part))
    weighed = bionic.compose(
        spec.document() | {"mechanisms": {"class_weights": {}}},
        name="weighed",
        registry=bionic.Registry.installed(),
    )
    key = "classes without images"
    assert identity(weighed, 0, fewer)["data"][key] == "weigh 1"
    assert key not in identity(weighed, 0, inputs)["data"]
    assert key not in identity(spec, 0, fewer)["data"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"exponent": 1.6}, r"class_weights.exponent.*1.6.*1.5"),
        ({"exponent": -0.1}, r"class_weights.exponent.*-0.1.*0"),
        ({"beta": 1.0}, r"class_weights.beta.*1"),
        ({"form": "sqrt"}, r'class_weights.form = "sqrt".*"power", "effective"'),
    ],
)
def test_what_is_no_weight_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        toys.spec({"class_weights": keys})


def test_weights_that_weigh_nothing_are_told() -> None:
    for keys in ({"exponent": 0.0}, {"form": "effective", "beta": 0.0}):
        assert "all weights are 1" in voids(toys.spec({"class_weights": keys}))["class_weights"]
    assert not voids(toys.spec({"class_weights": {}}))
    with pytest.raises(RequestError, match="exclude each other"):
        Weights(exponent=1.0, beta=0.5).of([1, 2])


def test_smoothing_may_weigh_an_image_by_its_own_class_only() -> None:
    spec = spec_of({"label_smoothing": {"form": "image"}, "class_weights": {}}, 7)
    options = course(spec, FER.tolist()).loss
    drawn = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 7, dtype=torch.float64, generator=drawn)
    labels = torch.tensor([3, 0, 1, 1, 6, 2])
    double = {**options, "weight": options["weight"].double()}
    found = training_loss(logits, labels, **double)
    targets = 0.9 * np.eye(7)[labels] + 0.1 / 7
    each = -(targets * logits.log_softmax(1).numpy()).sum(1)
    own = double["weight"].numpy()[labels]
    np.testing.assert_allclose(found, (own * each).sum() / own.sum(), rtol=1e-12)
    plain = course(spec_of({"label_smoothing": {"form": "image"}}, 7), FER.tolist()).loss
    torch.testing.assert_close(
        training_loss(logits, labels, **plain), training_loss(logits, labels, label_smoothing=0.1)
    )


def test_defaults_are_no_part_of_names() -> None:
    """Of runs, nor of studies; another value is of both."""
    names = ("class_weights", "label_smoothing", "hebbian")
    spec = bionic.load(str(OLDER / "column.toml"))
    tables = identity(spec, 0, InputCache().get(spec))["mechanisms"]
    assert [tables[name] for name in names] == [as_before(spec)["mechanisms"][n] for n in names]
    assert tables["class_weights"] == {}
    assert tables["label_smoothing"] == {"alpha": 0.1}
    assert set(tables["hebbian"]) == {"hebb", "home", "target"}
    assert "drawing" not in as_before(spec)["connectome"]
    other = bionic.load(str(OLDER / "column.toml"), set=["class_weights.exponent=0.5"])
    assert as_before(other)["mechanisms"]["class_weights"] == {"exponent": 0.5}
    assert identity(other, 0, InputCache().get(other))["mechanisms"]["class_weights"] == {
        "exponent": 0.5
    }


# --- the rule


def test_the_rule_may_take_a_sigmoid_of_rates() -> None:
    keys = {"normalise": "sigmoid", "hebb": 0.02}
    network = toys.network({"masks": {}, "hebbian": keys}).train()
    record = network.trace(toys.images(8))
    before = {p.label: p.values.detach().clone() for p in network.projections}
    learn_locally(network, record)
    for projection in network.projections:
        site = projection.site
        pre = 1 / (1 + np.exp(-record[f"{site.pre.name}.out"].detach().numpy()))
        post = 1 / (1 + np.exp(-record[f"{site.post.name}.gain"].detach().numpy()))
        change = 0.02 * post.T @ pre / 8 - 5e-4 * (post.mean(0) - 0.35)[:, None]
        expected = before[projection.label] + projection.wired(torch.as_tensor(change))
        torch.testing.assert_close(projection.values.detach(), expected, rtol=0, atol=1e-12)


def changes(rates: str, lr: float) -> list[torch.Tensor]:
    """What a step without a gradient changes, the learning rate standing at ``lr`` of 0.5."""
    spec = toys.spec({"hebbian": {"rates": rates}, "lr_schedule": {}})
    spec = attrs.evolve(spec, training=attrs.evolve(spec.training, optimizer="sgd", lr=0.5))
    network = bionic.build(spec, seed=1)
    part = Split(np.full((8, 1, 8, 8), 90, np.uint8), np.arange(8) % 3)
    data = TrainingData.prepare(
        recipe_of(spec), Splits(part, part, part, "validation"), 0, torch.device("cpu")
    )
    state = start(network, data.recipe, 8)
    before = [p.values.detach().clone() for p in network.projections]
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    network.readout.weight.requires_grad_(True)  # a loss needs something that it depends on
    learner = Single(state, data)
    images, labels = next(iter(learner.batches()))
    learner.take(images, labels, [0])
    after = [p.values.detach() for p in network.projections]
    return [new - old for new, old in zip(after, before, strict=True)]


def test_the_rules_rates_may_follow_the_schedule() -> None:
    fixed, same = changes("fixed", 0.05), changes("scheduled", 0.5)
    tenth = changes("scheduled", 0.05)
    assert any(change.any() for change in fixed)
    for one, whole, less in zip(fixed, same, tenth, strict=True):
        torch.testing.assert_close(one, whole)
        torch.testing.assert_close(less, whole / 10, rtol=1e-3, atol=1e-7)


def test_a_rule_whose_rates_are_fixed_asks_for_nothing() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    training = toys.spec({}).training
    assert rule_rates(Recipe(training), optimizer) == {}
    recipe = Recipe(attrs.evolve(training, lr=0.4), scheduled={"hebbian": True, "other": False})
    assert rule_rates(recipe, optimizer) == {"hebbian": pytest.approx(0.25)}


# --- the reported divergence


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_divergence_is_that_of_its_definition(smoothing: float) -> None:
    drawn = torch.Generator().manual_seed(2)
    logits, labels = torch.randn(40, 7, generator=drawn), np.arange(40) % 7
    targets = (1 - smoothing) * np.eye(7)[labels] + smoothing / 7
    log_p = logits.double().log_softmax(1).numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(targets > 0, targets * (np.log(targets) - log_p), 0.0)
    np.testing.assert_allclose(divergence(logits, labels, smoothing), terms.sum(1), atol=1e-12)
    found = metrics(logits, labels, smoothing)
    assert found.kl == pytest.approx(terms.sum(1).mean())
    if not smoothing:
        assert found.kl == pytest.approx(found.loss, rel=1e-6)
    assert metrics(logits, labels).kl is None


def test_at_the_target_it_is_zero_and_the_papers_constant_is_the_entropy() -> None:
    best = torch.tensor([[0.9 + 0.1 / 7, *[0.1 / 7] * 6]]).double().log()
    assert float(divergence(best, np.array([0]), 0.1)) == pytest.approx(0, abs=1e-12)
    crossed = torch.nn.functional.cross_entropy(best, torch.tensor([0]), label_smoothing=0.1)
    assert float(crossed) == pytest.approx(0.446, abs=5e-4)
