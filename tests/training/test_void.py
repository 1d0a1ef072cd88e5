"""Mechanisms that do nothing: their recipe or their own values make them void."""

from __future__ import annotations

from pathlib import Path

import pytest

import bionic_core as api
from bionic_core import RequestError
from bionic_core.registry import Registry
from bionic_core.runs.train import train
from bionic_core.studies.ablation import plan_ablation
from bionic_core.studies.experiment import plan_factorial
from bionic_core.studies.factors import factor_of
from bionic_core.training.void import check_heard, even, voids

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
    demo = api.load("demo", with_=["lr_schedule"], set=["lr_schedule.patience=2"])
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
    spec = api.load("full")
    assert "each class has 20 training images" in even(spec, [20, 20, 20])["class_weights"]
    assert even(spec, [20, 19, 20]) == {}
