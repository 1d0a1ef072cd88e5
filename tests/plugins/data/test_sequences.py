"""Sequences: their classes are past steps, and only what remembers them can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bionic_core as core
from bionic_core.errors import RequestError
from bionic_core.runs.capacity import capacities
from bionic_core.runs.folder import Run
from bionic_core.runs.train import train
from bionic_core.spec.spec import Spec, compose
from bionic_core.statistics.capacity import memory_capacity
from bionic_plugins.data.sequences import Sequences
from tests.cli.test_cli import Bionic, bionic

__all__ = ["bionic"]  # a fixture

REGISTRY = core.Registry.installed()

LENGTH = 10


def spec(data: dict[str, Any] | None = None, **model: Any) -> Spec:
    document = {
        "model": {
            "layers": {"A": 1, "B": 5},
            "projections": ["A->B", "B->B"],
            "input": "rows",
            "steps": LENGTH + 1,
            "image": [1, LENGTH, 8],
        }
        | model,
        "data": {"source": "sequences", "train": 300, "test": 100} | (data or {}),
        "training": {"optimizer": "ridge", "max_epochs": 1},
        "mechanisms": {},
    }
    return compose(document, name="sequences", registry=REGISTRY)


@pytest.mark.parametrize("delay", [0, 3, LENGTH - 1])
def test_the_class_is_that_of_a_past_row(delay: int) -> None:
    for form in ("values", "symbols"):
        data = Sequences(delay=delay, form=form, symbols=4, train=100).read((1, LENGTH, 9))
        rows = data.train.images[:, 0, LENGTH - 1 - delay]
        if form == "values":
            assert (rows == rows[:, :1]).all()
            assert (rows[:, 0].astype(int) * 4 // 256 == data.train.labels).all()
        else:
            own = np.arange(9) * 4 // 9
            assert (rows == 255 * (own == data.train.labels[:, None])).all()
        assert not np.array_equal(data.train.images[:100], data.test.images[:100])
        assert (
            Sequences(delay=delay, form=form, symbols=4, train=100).read((1, LENGTH, 9)).fingerprint
            == data.fingerprint
        )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"delay": 10}, r"the past ends at delay 9.*model.image = \[1, 11, 8\]"),
        ({"form": "symbols", "symbols": 9}, r"model.image = \[1, 10, 9\]"),
        ({"symbols": 200, "train": 200}, "none of the drawn sequences has class"),
    ],
    ids=str,
)
def test_what_no_sequence_has_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Sequences(**keys).read((1, LENGTH, 8))


def delay_line(neurons: int) -> Any:
    """A network that hands each input on: from A to B's first neuron, and from there along B."""
    network = core.build(spec(layers={"A": 1, "B": neurons})).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.bridge.weight[0, 0] = 0.5
        network.bridge.bias[0] = 0.5  # of inputs in [−1, 1], so that ReLU changes nothing
        to, within = (p.values for p in network.projections)
        to[0, 0] = 1
        within.copy_(torch.eye(neurons).roll(1, 0).tril(-1))
    return network


@pytest.mark.parametrize("neurons", [1, 4, 7])
def test_a_delay_line_of_neurons_has_as_many_inputs(neurons: int) -> None:
    network = delay_line(neurons)
    data = Sequences(train=300, test=200).read((1, LENGTH, 8))
    states, inputs, present = [], [], []
    for part in (data.train, data.test):
        record = network.trace(torch.as_tensor(part.images).double() / 255)
        states.append(record["B.out"][:, LENGTH - 1].detach().numpy())
        present.append(record["A.out"][:, LENGTH - 1].detach().numpy())
        inputs.append(part.images[:, 0, :, 0].astype(float))
    found = memory_capacity((states[0], states[1]), (inputs[0], inputs[1]))
    assert found.total == pytest.approx(neurons, abs=0.2)
    assert found.by_delay[:neurons] == pytest.approx((1.0,) * neurons)
    memoryless = memory_capacity((present[0], present[1]), (inputs[0], inputs[1]))
    assert memoryless.total == pytest.approx(0, abs=0.2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(spec({"delay": 1}), root=tmp_path_factory.mktemp("sequences"), device="cpu")


def test_the_capacity_of_a_run_is_that_of_its_layers(run: Run) -> None:
    found = capacities(run)
    assert [one.layer for one in found.layers] == ["A", "B", "all"]
    assert (found.train, found.test, found.steps) == (269, 100, LENGTH)
    totals = [one.capacity.total for one in found.layers]
    assert totals[0] == pytest.approx(0, abs=0.3)
    assert 0.5 < totals[2] <= 6.3
    assert [one.capacity.neurons for one in found.layers] == [1, 5, 6]


def test_the_command_says_it(run: Run, bionic: Bionic) -> None:
    said = bionic("capacity", str(run.folder))
    assert said.code == 0
    assert "Memory capacity of sequences" in said.out
    told = bionic("capacity", str(run.folder), "--data", "schematic")
    assert told.code == 2


def test_runs_without_rows_are_told_what_to_set(tmp_path: Path, run: Run) -> None:
    whole = spec({"test": 50}, input="constant", steps=3)
    with pytest.raises(RequestError, match=r'set model.input = "rows"'):
        capacities(train(whole, root=tmp_path, device="cpu"))
    fronted = spec({"test": 50}, image=[1, 16, 16], steps=5)
    fronted = core.load(_written(fronted, tmp_path), with_=["convolution"])
    with pytest.raises(RequestError, match="other rows of them; leave out convolution"):
        capacities(train(fronted, root=tmp_path, device="cpu"))
    marks = spec({"form": "symbols"})
    with pytest.raises(RequestError, match="not one value each"):
        capacities(train(marks, root=tmp_path, device="cpu"))


def _written(document: Spec, folder: Path) -> Path:
    (folder / "spec.toml").write_text(document.to_toml())
    return folder / "spec.toml"
