"""The command line: exit codes, one JSON document on stdout, one paragraph for each error."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from bionic_core import cli
from bionic_core.runs.task import Task
from tests.support.notes import done_before

SMALL = ("--set", "data.train=140", "--set", "data.test=70", "--epochs", "1", "--device", "cpu")


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Bionic = Callable[..., Said]


@pytest.fixture
def bionic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Bionic:
    """Run a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["bionic", *(str(a) for a in arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return command


def refused(said: Said, *words: str) -> None:
    """A wrong request: code 2, a paragraph, nothing on stdout, nothing written."""
    assert said.code == 2, said
    assert said.out == ""
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err, said.err
    assert not list(Path.cwd().glob("runs*"))


def test_baseline_has_the_papers_number_of_parameters(bionic: Bionic) -> None:
    document = bionic("build", "baseline", "--json").document
    assert document["parameters"]["allocated"] == 1381223
    assert document["parameters"]["effective"] == 1381223
    assert document["layers"] == [
        {"name": "H1", "size": 512, "cell_types": []},
        {"name": "H2", "size": 384, "cell_types": []},
    ]
    convolutions = 48 * 48 * 8 * 25 + 24 * 24 * 16 * 8 * 9
    assert document["macs"] == convolutions + 2304 * 512 + 512 * 384 + 384 * 7
    assert document["masks"] == []


def test_full_has_the_layers_and_parts_of_the_reading(bionic: Bionic) -> None:
    document = bionic("build", "full", "--json").document
    sizes = {layer["name"]: layer["size"] for layer in document["layers"]}
    assert sizes == {"A": 266, "B": 349, "C": 185, "D": 383}
    assert document["parameters"]["allocated"] == 1224896
    assert document["parameters"]["by_part"] == {
        "features": 1376,
        "modulate": 209,
        "bridge": 613130,
        "projections": 229171,
        "current": 374654,
        "gain": 4,
        "norm": 3664,
        "readout": 2688,
    }
    masked = sum(sizes[m["pre"]] * sizes[m["post"]] - m["connections"] for m in document["masks"])
    assert document["parameters"]["effective"] == 1224896 - masked
    assert [(m["pre"], m["post"]) for m in document["masks"]] == [
        *[("A", "B"), ("B", "C"), ("C", "D")],
        *[("A", "A"), ("B", "B"), ("C", "C"), ("D", "D")],
    ]
    assert all(0 < m["density"] < 0.2 for m in document["masks"])
    assert all(m["synapses"] >= m["connections"] > 0 for m in document["masks"])
    assert "surrogate" in document["connectome"]["label"]


def test_build_shows_and_saves(bionic: Bionic, tmp_path: Path) -> None:
    said = bionic("build", "full", "--without", "convolution", "--save", "saved")
    assert said.code == 0
    for word in ("1,224,896", "surrogate", "multiply-adds", "A->B"):
        assert (word in said.out) == (word != "1,224,896"), word
    assert "attention" not in said.out
    assert {path.name for path in Path("saved").iterdir()} == {"spec.toml", "model.safetensors"}
    again = bionic("build", "saved/spec.toml", "--json").document
    assert (
        again["hash"]
        == bionic("build", "full", "--without", "convolution", "--json").document["hash"]
    )


def test_train_evaluate_and_train_again(bionic: Bionic) -> None:
    said = bionic("train", "demo", *SMALL, "--json", "--seed", "3")
    assert said.code == 0
    assert "epoch   1" in said.err
    document = said.document
    for key in ("run", "hash", "epochs", "validation", "test", "seconds", "selected_on"):
        assert key in document
    assert set(document["test"]) >= {"accuracy", "loss", "macro_f1"}
    assert Path(document["run"]).parent == Path("runs")
    figures = bionic("evaluate", document["run"], "--json").document
    assert figures["accuracy"] == document["test"]["accuracy"]
    said = bionic("train", "demo", *SMALL, "--seed", "3")
    assert "epoch" not in said.err
    assert document["hash"] in said.out
    assert "selected on" in said.out
    low, high = document["test"]["interval"]
    assert f"95 % interval {100 * low:.2f} to {100 * high:.2f} %" in said.out
    said = bionic("evaluate", document["run"], "--split", "validation")
    assert "macro F1" in said.out
    assert "the validation images chose the epoch" in said.out


def test_evaluate_compares_and_draws_and_predict_predicts(bionic: Bionic) -> None:
    one, other = (
        bionic("train", "demo", *SMALL, "--json", "--seed", seed).document for seed in (0, 1)
    )
    said = bionic("evaluate", one["run"], "--against", other["run"], "--figures", "f", "--json")
    document = said.document
    assert document["against"]["hash"] == other["hash"]
    assert len(document["figures"]) == len(list(Path("f").iterdir())) == 6
    assert document["confusion"] == one["test"]["confusion"]
    said = bionic("evaluate", one["run"], "--against", other["run"], "--figures", "f")
    assert "McNemar's p" in said.out
    assert "confusion.png" in said.out
    Path("pictures").mkdir()
    Image.new("RGB", (300, 200), "white").save("pictures/white.jpg")
    (found,) = bionic("predict", one["run"], "pictures", "--json").document
    assert set(found) == {"image", "prediction", "probabilities"}
    assert set(found["probabilities"]) == set(document["classes"])
    assert found["prediction"] in bionic("predict", one["run"], "pictures/white.jpg").out


def test_evaluate_and_predict_refuse_in_words(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bionic("train", "demo", *SMALL, "--json", "--out", "kept").document["run"]
    Path("empty").mkdir()
    Path("text.png").write_text("no picture")
    refused(bionic("predict", run, "empty"), "empty: there are no pictures")
    refused(bionic("predict", run, "text.png", "--json"), "text.png: not a picture that can be")
    refused(bionic("predict", run), "IMAGE")
    refused(bionic("predict", "empty", "text.png"), "not a run folder")
    refused(bionic("evaluate", run, "--against", "empty"), "empty: not a run folder")
    refused(bionic("evaluate", run, "--figures", "text.png"), "text.png: is a file")
    monkeypatch.setenv("BIONIC_PLUGINS", "-noise")
    for command in (("evaluate", run, "--figures", "f"), ("predict", run, "text.png")):
        refused(bionic(*command), "trained with the mechanism 'noise' of bionic", "not installed")
    assert not Path("f").exists()


def test_factorial_trains_each_cell_once_and_estimates(bionic: Bionic) -> None:
    arguments = ("factorial", "--mechanisms", "masks,noise", *SMALL)
    said = bionic(*arguments, "--seeds", "1", "--json")
    document = said.document
    assert document["design"]["runs"] == 4
    assert document["design"]["resolution"] is None
    assert len(document["cells"]) == 4
    assert [effect["term"] for effect in document["effects"]] == ["masks", "noise", "masks:noise"]
    assert {effect["low"] for effect in document["effects"]} == {None}
    assert any("nothing is left to estimate error from" in note for note in document["notes"])
    accuracy = {
        (c["levels"]["masks"], c["levels"]["noise"]): c["accuracy"] for c in document["cells"]
    }
    main = [
        sum(s * accuracy[on, b] for b in (False, True)) / 2 for s, on in ((1, True), (-1, False))
    ]
    assert document["effects"][0]["estimate"] == pytest.approx(100 * sum(main))
    lines = Path(document["file"]).with_suffix(".csv").read_text().splitlines()
    assert [row["masks"] for row in csv.DictReader(lines)] == ["off", "on", "off", "on"]
    extended = bionic(*arguments, "--seeds", "2")
    assert extended.code == 0
    assert done_before(extended.err) == 4
    assert "run 8/8" in extended.err
    assert "95 % interval" in extended.out
    assert len(list(Path("runs").glob("*/result.json"))) == 8


def test_a_failed_run_is_recorded_and_the_rest_goes_on(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bionic_core.runs.attempt as engine
    from bionic_core import BionicError

    train = engine.train_task  # type: ignore[attr-defined]

    def sometimes(task: Task, *others: Any, **options: Any) -> Any:
        if "masks" not in task.spec.mechanisms and task.seed == 1:
            raise BionicError("the loss is nan in epoch 1")
        return train(task, *others, **options)

    monkeypatch.setattr(engine, "train_task", sometimes)
    said = bionic("factorial", "--mechanisms", "masks", *SMALL, "--seeds", "2", "--json")
    assert said.code == 1
    assert "1 of 4 runs failed" in said.err
    assert [cell.get("error") for cell in said.document["cells"]][2] == "the loss is nan in epoch 1"
    assert said.document["cells"][2]["accuracy"] is None
    assert any("unbalanced" in note for note in said.document["notes"])
    said = bionic("factorial", "--mechanisms", "masks", *SMALL, "--seeds", "2")
    told = " ".join(said.out.split())
    assert "missing: 1 of 4 runs failed (masks off, seed 1: the loss is nan" in told
    assert "so seed 1 cannot be compared in every combination" in told
    assert "[2 of 4 done, 0 running, 1 failed" in " ".join(said.err.split())
    monkeypatch.setattr(engine, "train_task", train)
    said = bionic("factorial", "--mechanisms", "masks", *SMALL, "--seeds", "2")
    assert said.code == 0
    assert done_before(said.err) == 3


def test_a_study_of_failures_has_no_effects(bionic: Bionic) -> None:
    wild = (*SMALL, "--set", "training.lr=1e30", "--seeds", "1")
    said = bionic("factorial", "--mechanisms", "masks", *wild)
    assert said.code == 1
    assert "every run failed, the first with: the loss is" in said.err


def test_factorial_names_impossible_cells_and_what_goes_along(bionic: Bionic) -> None:
    said = bionic("factorial", "--mechanisms", "convolution,lateral", "--plan", "--json")
    design = said.document["design"]
    assert len(design["impossible"]) == 1
    assert design["impossible"][0]["levels"] == {"convolution": False, "lateral": True}
    assert "lateral requires convolution" in design["impossible"][0]["reason"]
    said = bionic("factorial", "--mechanisms", "convolution", "--plan")
    assert "convolution (with lateral)" in said.out
    assert not Path("runs").exists()


def test_plugins_lists_roles_and_kinds(bionic: Bionic) -> None:
    listed = {plugin["name"]: plugin for plugin in bionic("plugins", "--json").document["plugins"]}
    assert listed["masks"]["role"] == "mechanism"
    assert listed["masks"]["kind"] == "structural"
    assert listed["lateral"]["requires"] == ["convolution"]
    assert listed["column"]["role"] == "connectome source"
    assert listed["schematic"]["role"] == "data source"
    assert "inhibition" in bionic("plugins").out


def test_data_info_counts(bionic: Bionic) -> None:
    document = bionic("data", "info", "schematic", "--json").document
    assert len(document["class_names"]) == 7
    said = bionic("data", "info", "schematic")
    assert "happy" in said.out
    assert "validation" in said.out


def test_connectome_info_says_surrogate(bionic: Bionic) -> None:
    assert "surrogate" in bionic("connectome", "info", "--json").document["label"]
    said = bionic("connectome", "info")
    assert "surrogate" in said.out
    assert "5P-NP" in said.out


def spec(text: str) -> str:
    Path("wrong.toml").write_text(text)
    return "wrong.toml"


MODEL = '[model]\nlayers = { A = 5, B = 4 }\nprojections = ["A->B"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[model\n", ["wrong.toml", "line 1, column 7"]),
        (MODEL + "[mechanisms.nosie]\n", ["mechanisms.nosie", "Did you mean 'noise'?"]),
        (MODEL + "[mechanisms.noise]\nsigm = 1\n", ["mechanisms.noise.sigm", "'sigma'"]),
        (MODEL + "[mechanisms.noise]\nsigma = 'x'\n", ['sigma = "x": must be a number']),
        (MODEL + "[mechanisms.inhibition]\nalpha = 1.7\n", ["alpha = 1.7: must be < 1"]),
        (MODEL + "[mechanisms.lateral]\n", ["mechanisms.lateral: requires 'convolution'"]),
        (
            MODEL + '[connectome]\nsource = "column"\n[mechanisms.masks]\n',
            ["mechanisms.masks: layer 'A' is the plain integer 5 and has no cells"],
        ),
        (MODEL + "[mechanisms.masks]\n", ["mechanisms.masks", "there is no connectome"]),
        (
            '[model]\nlayers = { A = ["4p"] }\n[connectome]\nsource = "column"\n',
            ["model.layers.A: there is no cell type '4p'", "Did you mean '4P'?"],
        ),
        (
            '[model]\nlayers = { A = 2, B = 2, C = 2 }\nprojections = ["A->B", "B->C", "C->B"]\n',
            ["is a cycle"],
        ),
        ("[model]\nlayers = { A = [] }\n", ["model.layers.A = []: a layer with no cells"]),
        ('[model]\nlayers = { A = ["4P"], B = ["4P"] }\n', ["is in layer 'A' already"]),
        ("[model]\nlayers = { A = 2, B = 2 }\n", ["model.layers.A: lies on no path"]),
        (
            '[model]\nlayers = { A = 2 }\n[connectome]\nsource = "gone.npz"\n',
            ["gone.npz: no such file"],
        ),
    ],
)
def test_a_wrong_spec_is_refused_by_build_and_train(
    bionic: Bionic, text: str, words: list[str]
) -> None:
    refused(bionic("build", spec(text)), *words)
    refused(bionic("train", spec(text)), *words)


def test_requests_that_are_wrong(bionic: Bionic, tmp_path: Path) -> None:
    refused(bionic("build", "nowhere.toml"), "nowhere.toml: no such spec", "demo")
    refused(bionic("build", "demo", "--without", "mask"), "Did you mean 'masks'?")
    refused(bionic("train", "full"), "fer2013", "--data")
    refused(bionic("train", "full", "--data", "gone.csv"), "gone.csv: no such file or folder")
    refused(bionic("train", "demo", "--device", "gpu"), "must be auto, cpu or cuda")
    refused(bionic("factorial"), "--mechanisms: name at least one mechanism")
    refused(bionic("factorial", "--mechanisms", "maks"), "Did you mean 'masks'?")
    refused(bionic("factorial", "--mechanisms", "masks,masks"), "masks")
    refused(bionic("evaluate", tmp_path), "not a run folder")
    refused(bionic("evaluate", tmp_path / "x"), "no such run folder")
    refused(bionic("train", "demo", "--epochs", "0"), "--epochs")
    refused(bionic("train"), "SPEC")
    refused(bionic("tarin", "demo"), "tarin")
    refused(bionic("connectome", "info", "colum"), "Did you mean 'column'?")
    refused(bionic("data", "info", "nothing"), "nothing: no such file or folder")


def test_damaged_files_are_refused(bionic: Bionic, tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, train_images=np.zeros((3, 48, 48), np.uint8))
    refused(bionic("train", "full", "--data", whole), "whole.npz")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(whole.read_bytes()[:60])
    refused(bionic("train", "full", "--data", cut), "cut.npz")
    refused(bionic("connectome", "info", cut), "cut.npz: is damaged, or not an .npz of arrays")
    refused(
        bionic("connectome", "info", whole),
        "whole.npz: not a connectome: it lacks broad_type, cell_id",
    )
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n9,1 2 3,Training\n")
    refused(bionic("train", "full", "--data", "fer2013.csv"), "fer2013.csv")


def test_traceback_only_when_asked(bionic: Bionic) -> None:
    said = bionic("--traceback", "build", "nowhere")
    assert said.code == 2
    assert "Traceback" in said.err


def test_ctrl_c_says_how_to_go_on(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    import bionic_core.runs.train

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bionic_core.runs.train, "train_epoch", interrupted)
    said = bionic("train", "demo", *SMALL)
    assert said.code == 1
    assert "stopped; finished epochs are kept, and the same command goes on" in said.err


def test_version(bionic: Bionic) -> None:
    from bionic_core import __version__

    assert bionic("--version").out.strip() == f"bionic {__version__}"
