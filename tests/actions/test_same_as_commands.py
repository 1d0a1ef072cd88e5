"""Python and the command line do the same: same numbers, same folders, same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import bionic_core as py
from tests.cli.test_cli import Bionic
from tests.cli.test_cli import bionic as command  # noqa: F401  # a fixture
from tests.runs.test_runs import small

QUICK = ("--device", "cpu", "--out")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(small(epochs=1, data={"train": 70, "test": 35}).to_toml())
    return path


def document(path: Path) -> Any:
    """A study's file, less the command that asked for it and where its runs are."""
    found = json.loads(path.read_text())
    found.pop("command", None)
    for cell in found["cells"]:
        cell["run"] = Path(cell["run"]).name
    return found


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_train_evaluate_and_predict(command: Bionic, spec: Path) -> None:  # noqa: F811
    said = command("train", spec, "--seed", 3, "--set", "noise.sigma=0.1", *QUICK, "a", "--json")
    run = py.train(spec, seed=3, set={"noise.sigma": 0.1}, device="cpu", out="b")
    theirs = Path(said.document["run"])
    assert (run.hash, run.reused, run.seed) == (theirs.name, False, 3)
    for name in ("model.safetensors", "predictions.npz", "spec.toml"):
        assert (run.folder / name).read_bytes() == (theirs / name).read_bytes(), name
    assert run.test.accuracy == said.document["test"]["accuracy"]
    again = py.train(spec, seed=3, set=["noise.sigma=0.1"], device="cpu", out="a")
    assert (again.reused, again.folder) == (True, theirs.absolute())

    said = command("evaluate", theirs, "--split", "validation", "--flip", "--json")
    found = py.evaluate(again, split="validation", flip=True)
    assert found.figures.accuracy == said.document["accuracy"]
    assert found.flip_averaged is not None
    assert found.flip_averaged.loss == said.document["flip_averaged"]["loss"]

    picture = Path("face.png")
    Image.fromarray(np.arange(2304, dtype=np.uint8).reshape(48, 48)).save(picture)
    said = command("predict", theirs, picture, "--json")
    frame = py.predict(theirs, picture)
    (told,) = said.document
    assert frame.loc["face.png", "prediction"] == told["prediction"]
    assert {name: frame.loc["face.png", name] for name in told["probabilities"]} == (
        told["probabilities"]
    )


def test_factorial_ablate_and_plan(command: Bionic, spec: Path) -> None:  # noqa: F811
    wanted = ("--mechanisms", "noise", "--factor", "training.lr=1e-3,3e-3", "--seeds", 2)
    said = command("factorial", spec, *wanted, *QUICK, "a", "--json")
    asked: dict[str, Any] = {"factors": {"training.lr": [1e-3, 3e-3]}, "seeds": 2}
    asked |= {"mechanisms": ["noise"], "device": "cpu"}
    study = py.factorial(spec, out="b", **asked)
    theirs = only(Path("a"), "factorial-*.json")
    assert study.file.name == theirs.name
    assert [run.hash for run in study.runs] == [
        Path(cell["run"]).name for cell in said.document["cells"]
    ]
    assert document(study.file) == document(theirs)
    for told in said.document["effects"]:
        row = study.effects.loc[told["term"], ["estimate", "low", "p_adjusted"]]
        theirs_ = [np.nan if told[name] is None else told[name] for name in row.index]
        np.testing.assert_array_equal(row.to_numpy(float), theirs_)
    reused = py.factorial(spec, out="a", **asked)
    assert {run.folder.parent for run in reused.runs} == {Path("a").absolute()}
    assert len(list(Path("a").glob("*/result.json"))) == 8

    said = command("factorial", spec, *wanted, "--plan", "--probe", 0, *QUICK, "a", "--json")
    plan = py.plan(spec, out="a", seconds=0, **asked)
    assert (plan.runs, plan.found.done) == (8, 8)
    assert list(plan.found.notes) == said.document["notes"]
    assert not [note for note in plan.notes if " --" in note]
    assert plan.effects.loc["noise", "half_width"] == said.document["effects"][0]["half_width"]

    command("ablate", spec, "--mechanisms", "noise", "--seeds", 2, *QUICK, "a", "--json")
    ablation = py.ablate(spec, mechanisms=["noise"], seeds=2, device="cpu", out="b")
    assert document(ablation.file) == document(only(Path("a"), "ablation-*.json"))
    assert list(ablation.variants.index) == ["full", "without noise"]


def test_errors_are_the_paragraphs_of_the_command_line(command: Bionic) -> None:  # noqa: F811
    said = command("train", "fst")
    with pytest.raises(py.RequestError) as error:
        py.train("fst")
    assert said.err == f"bionic: {error.value}\n"
    assert "Did you mean 'fast'?" in said.err
