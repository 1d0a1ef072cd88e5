"""A readout in closed form against the normal equations, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import bionic_core as bionic
from bionic_core.errors import RequestError
from bionic_core.runs.train import train
from bionic_core.spec.spec import Spec, compose
from bionic_core.training.recipe import recipe_of
from bionic_core.training.ridge import PENALTIES, solve

REGISTRY = bionic.Registry.installed()


def spec(mechanisms: dict[str, Any] | None = None, **training: Any) -> Spec:
    document = {
        "model": {
            "layers": {"A": 30, "B": 40},
            "projections": ["A->B", "B->B"],
            "steps": 3,
            "image": [1, 16, 16],
        },
        "data": {"source": "schematic", "train": 160, "test": 60},
        "training": {"optimizer": "ridge", "max_epochs": 1, **training},
        "mechanisms": {"frozen": {}, "spectral": {}} if mechanisms is None else mechanisms,
    }
    return compose(document, name="reservoir", registry=REGISTRY)


def test_the_readout_is_the_normal_equations() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(200, 12)), rng.integers(0, 3, 200)
    readout = nn.Linear(12, 3).double()
    penalty = solve(readout, torch.tensor(x), torch.tensor(labels))
    assert penalty in PENALTIES
    y, centred = np.eye(3)[labels], x - x.mean(0)
    right = np.linalg.solve(centred.T @ centred + penalty * np.eye(12), centred.T @ (y - y.mean(0)))
    np.testing.assert_allclose(readout.weight.detach().numpy(), right.T, atol=1e-10)
    bias = y.mean(0) - x.mean(0) @ right
    np.testing.assert_allclose(readout.bias.detach().numpy(), bias, atol=1e-10)


def test_a_run_solves_the_readout_and_nothing_else(tmp_path: Path) -> None:
    run = train(spec(), root=tmp_path, device="cpu")
    start = bionic.build(spec(), seed=0).state_dict()
    trained = load_file(run.folder / "model.safetensors")
    changed = {name for name, value in trained.items() if not torch.equal(value, start[name])}
    assert changed == {"readout.weight", "readout.bias"}
    record = run.history[0]
    assert record["train"]["accuracy"] > 0.2  # of seven classes
    assert run.result.test.accuracy > 0.15


@pytest.mark.parametrize(
    ("mechanisms", "training", "words"),
    [
        ({}, {"max_epochs": 3}, "training.max_epochs is 3; set it to 1"),
        ({}, {"averaging": 0.9}, "training.averaging is 0.9"),
        ({"weight_decay": {}}, {}, "optimizer.weight_decay"),
        ({"label_smoothing": {}}, {}, "loss.label_smoothing"),
        ({"lr_schedule": {}}, {}, "schedule.policy"),
    ],
    ids=str,
)
def test_what_has_no_use_is_refused(
    mechanisms: dict[str, Any], training: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        recipe_of(spec(mechanisms, **training))
