"""Names of runs in trackers: what sets a run of a study apart from the others, in words."""

from __future__ import annotations

from typing import Any

import attrs

from bionic_core.registry import Registry
from bionic_core.statistics.designs import Factor
from bionic_core.studies.experiment import plan_factorial
from bionic_core.studies.names import RunNames, flat
from tests.runs.test_runs import small


def names(*specs: Any) -> list[str]:
    named = RunNames(specs)
    return [named(spec, 7) for spec in specs]


def test_runs_are_named_by_what_sets_them_apart() -> None:
    registry = Registry.installed()
    assert names(small()) == ["seed 7"]
    keys = [Factor("noise.sigma", (0.1, 0.2)), Factor("training.monitor", ("loss", "accuracy"))]
    experiment = plan_factorial(small(), ["augmentation"], [7], registry, keys=keys)
    assert names(*experiment.specs)[:2] == [
        "without augmentation, training.monitor loss, noise.sigma 0.1, seed 7",
        "all mechanisms, training.monitor loss, noise.sigma 0.1, seed 7",
    ]
    bare = small().without(["noise", "augmentation", "weight_decay"])
    none = bare.without(["convolution"])
    assert names(small(), bare, none) == [
        "all mechanisms, seed 7",
        "only convolution, seed 7",
        "only the skeleton, seed 7",
    ]
    other = attrs.evolve(bare, name="other")
    assert names(small(), other) == ["small, seed 7", "other, seed 7"]
    assert flat({"a": {"b": True, "c": [1, "x"]}, "d": 2.5}) == {
        "a.b": True,
        "a.c": '[1, "x"]',
        "d": 2.5,
    }
