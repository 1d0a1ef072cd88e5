"""Mechanisms that do nothing: their recipe or their own values make them void."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import bionic_core as api
from bionic_core import Dataset, RequestError, Split
from bionic_core.data.splits import split
from bionic_core.registry import Registry
from bionic_core.runs.images_and_wiring import InputCache, Inputs
from bionic_core.runs.train import train
from bionic_core.studies.ablation import plan_ablation
from bionic_core.studies.experiment import plan_factorial
from bionic_core.studies.factors import factor_of
from bionic_core.studies.idle import check_with_images
from bionic_core.training.schedules import Schedule
from bionic_core.training.void import FIRST, check_heard, even, said, voids

NIL = {
    "lr_schedule": ["training.monitor=epoch"],
    "noise": ["noise.sigma=0"],
    "label_smoothing": ["label_smoothing.alpha=0"],
    "weight_decay": ["weight_decay.strength=0"],
    "hebbian": ["hebbian.hebb=0", "hebbian.home=0"],
    "masks": ["masks.wiring=dense"],
    "augmentation": [
        *("augmentation.scale=[1,1]", "augmentation.ratio=[1,1]", "augmentation.rotation=0"),
        *("augmentation.flip=0", "augmentation.brightness=0", "augmentation.contrast=0"),
    ],
}


@pytest.mark.parametrize("name", NIL)
def test_what_a_recipe_or_values_make_void_is_known(name: str) -> None:
    assert list(voids(api.load("full", set=NIL[name]))) == [name]


PLATEAU = ("training.monitor=accuracy", "lr_schedule.policy=plateau")


def test_what_acts_is_not_void() -> None:
    for spec in ("full", "fast", "demo", "baseline"):
        assert voids(api.load(spec)) == {}
    # torch's adamw decays by 0.01 of its own accord
    strong = ["training.optimizer=adamw", "weight_decay.strength=0"]
    assert voids(api.load("full", set=strong)) == {}


def test_a_schedule_that_waits_for_ever_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    spec = api.load("full", set=["training.monitor=epoch"], data="schematic")
    with pytest.raises(RequestError, match=r"'lr_schedule' does nothing: .*monitor = \"epoch\""):
        train(spec, root=tmp_path / "runs", device="cpu")
    assert not (tmp_path / "runs").exists()
    registry = Registry.installed()
    with pytest.raises(RequestError, match="'lr_schedule' does nothing"):
        plan_ablation(spec, (), [0], registry)
    demo = api.load("demo", with_=["lr_schedule"], set=[*PLATEAU, "lr_schedule.patience=2"])
    keys = [factor_of("training.monitor=accuracy,epoch")]
    with pytest.raises(RequestError, match="'lr_schedule' does nothing"):
        plan_factorial(demo, [], [0], registry, keys=keys)
    cycle = api.load("full", set=["training.monitor=epoch", "lr_schedule.policy=one-cycle"])
    check_heard(cycle)


def test_no_study_switches_what_does_nothing() -> None:
    spec = api.load("demo", set=["noise.sigma=0"])
    with pytest.raises(RequestError, match="'noise' does nothing, so that a study would find no"):
        plan_factorial(spec, ["noise"], [0], Registry.installed())
    with pytest.raises(RequestError, match="'noise' does nothing"):
        plan_ablation(spec, ["noise"], [0], Registry.installed())


def test_balanced_weights_of_balanced_classes_are_said() -> None:
    spec = api.load("as-written")
    assert "each class has 20 training images" in even(spec, [20, 20, 20])["class_weights"]
    assert even(spec, [20, 19, 20]) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["training.max_epochs=12"], "nothing before epoch 13, and training.max_epochs is 12"),
        (["training.max_epochs=12"], "a patience of 9 or less"),
        (["training.max_epochs=2"], "more epochs"),
        (["training.patience=11"], r"training.patience = 11 ends the run before"),
        (["training.max_epochs=13"], ""),
        (["training.patience=12"], ""),
        (["training.patience=11", "training.monitor=loss"], ""),
        (["training.max_epochs=2", "lr_schedule.policy=one-cycle"], ""),
    ],
)
def test_a_schedule_that_comes_too_late_is_void(changes: list[str], words: str) -> None:
    found = voids(api.load("full", set=changes))
    assert list(found) == (["lr_schedule"] if words else [])
    assert words in found.get("lr_schedule", "")


def test_the_last_epoch_that_a_plateau_can_change_is_where_torch_has_it() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    for patience in (0, 1, 10):
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        options = {"policy": "plateau", "patience": patience}
        schedule = Schedule(optimizer, options, lr=1.0, steps=1)
        epoch = 1
        while optimizer.param_groups[0]["lr"] == 1.0:
            schedule.after_epoch(0.5)
            epoch += 1
        assert epoch == patience + FIRST


@pytest.mark.parametrize(
    ("base", "factor", "words"),
    [
        ("monitor=epoch", "training.patience=3,5", "training.monitor = .epoch. always improves"),
        ("max_epochs=4", "training.patience=5,50", "ends with epoch 4, before it can"),
        ("max_epochs=4", "lr_schedule.patience=5,9", "nothing before epoch 8"),
        ("max_epochs=40", "lr_schedule.warm_up=0.1,0.3", "beside the other settings 0.1 and 0.3"),
    ],
)
def test_keys_that_change_nothing_beside_the_others_are_no_factors(
    base: str, factor: str, words: str
) -> None:
    demo = api.load(
        "demo",
        set=[
            *PLATEAU[base.startswith("monitor") :],
            f"training.{base}",
            "lr_schedule.patience=2",
            "noise.sigma=0",
        ],
    )
    if base == "monitor=epoch":
        demo = api.load("demo", without=["lr_schedule"])
    with pytest.raises(RequestError, match=words):
        plan_factorial(demo, [], [0], Registry.installed(), keys=[factor_of(factor)])


def test_what_does_nothing_in_some_cells_is_said_and_in_all_refused() -> None:
    spec, registry = (
        api.load("demo", set=[*PLATEAU, "lr_schedule.patience=2"]),
        Registry.installed(),
    )
    keys = [factor_of("training.max_epochs=4,20")]
    experiment = plan_factorial(spec, ["lr_schedule"], [0], registry, keys=keys)
    (note,) = experiment.idle
    assert "'lr_schedule' does nothing in 1 of the 2 combinations that have it" in note
    assert "(lr_schedule on, training.max_epochs 4)" in note
    short = [factor_of("training.max_epochs=3,4")]
    with pytest.raises(RequestError, match="mechanism 'lr_schedule' does nothing, so that a study"):
        plan_factorial(spec, ["lr_schedule"], [0], registry, keys=short)


def test_an_ablation_leaves_out_what_does_something_alone() -> None:
    spec = api.load("full", set=["training.max_epochs=3"], data="schematic")
    ablation = plan_ablation(spec, (), [0], Registry.installed())
    assert "lr_schedule" not in ablation.kinds
    assert any("'lr_schedule' does nothing, so that it is not" in note for note in ablation.notes)


def test_counts_of_images_are_known_before_anything_is_trained(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    part = Split(rng.integers(0, 255, (14, 1, 24, 24), dtype=np.uint8), np.arange(14) % 7)
    data = Dataset("even", tuple("abcdefg"), part, part, part)
    spec = api.load("demo", without=["lr_schedule"], set=["training.max_epochs=2"])
    cache = InputCache()
    cache.put(spec, Inputs(data, split(data, "honest", 0), None))
    registry = Registry.installed()
    for names, keys, words in (
        (["class_weights"], [], "'class_weights' does nothing.*each class has 2 training images"),
        ([], ["training.batch_size=64,128"], "batch_size does nothing.*with 14 training images"),
        ([], ["training.averaging=0.9,0.99"], "averaging does nothing"),
    ):
        planned = plan_factorial(spec, names, [0], registry, keys=[*map(factor_of, keys)])
        design = planned.design.factors
        with pytest.raises(RequestError, match=words):
            check_with_images(design, planned.spec, planned.specs, cache)
    planned = plan_factorial(spec, [], [0], registry, keys=[factor_of("training.batch_size=4,64")])
    check_with_images(planned.design.factors, planned.spec, planned.specs, cache)


def test_training_says_which_settings_do_nothing() -> None:
    assert said(api.load("demo", set=["training.patience=5"])) == [
        'training.patience does nothing here: training.monitor = "epoch" always improves, so '
        "nothing stops early"
    ]
    assert said(api.load("fast")) == said(api.load("full")) == said(api.load("demo")) == []
