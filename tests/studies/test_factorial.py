"""Factorial studies from the command line: keys, fractions, tables, plans, responses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
import torch

import bionic_core as bionic_api
from bionic_core import RequestError
from bionic_core.spec.variants import Variants
from bionic_core.statistics.designs import Factor, Level
from bionic_core.studies.experiment import Experiment, plan_factorial
from bionic_core.studies.factors import cell_spec, factor_of, read_design
from bionic_core.studies.responses import about_runs, response_of
from bionic_core.training.metrics import full_metrics
from tests.cli.test_cli import SMALL, Bionic, bionic, refused
from tests.support import toys

__all__ = ["bionic"]

REGISTRY = toys.REGISTRY


def planned(mechanisms: list[str], *keys: str, **options: Any) -> Experiment:
    """A plan over the toy spec, which is built in no time."""
    given = [factor_of(key) for key in keys]
    return plan_factorial(toys.spec(), mechanisms, [0, 1], REGISTRY, keys=given, **options)


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("noise.sigma=0,0.03,0.12", Factor("noise.sigma", (0, 0.03, 0.12))),
        ("masks.wiring=real, dense", Factor("masks.wiring", ("real", "dense"))),
        ("mechanisms.x.on=false,true", Factor("x.on", (False, True))),
        ("a.b='x,y',z", Factor("a.b", ("'x", "y'", "z"))),
        ("a.b='x,y','z'", Factor("a.b", ("x,y", "z"))),
        ("training.lr=1e-3,1e-4", Factor("training.lr", (1e-3, 1e-4))),
    ],
)
def test_values_of_a_key_are_toml_or_bare_words(text: str, factor: Factor) -> None:
    found = factor_of(text)
    assert (found.name, found.levels) == (factor.name, factor.levels)
    assert [type(level) for level in found.levels] == [type(level) for level in factor.levels]


@pytest.mark.parametrize("text", ["noise", "noise=1,2", "noise.sigma", "noise.sigma=", "=1,2"])
def test_factors_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"must be of the form training\.lr=1e-4,1e-3"):
        factor_of(text)
    with pytest.raises(RequestError, match=r"cannot be a level"):
        factor_of("a.b={c = 1},2")


def test_keys_are_crossed_with_mechanisms_and_each_cell_has_its_values() -> None:
    study = planned(["masks"], "noise.sigma=0,0.5", "training.lr=1e-3,1e-4,1e-5")
    assert len(study.design.cells) == 12
    for cell, spec in zip(study.design.cells, study.specs, strict=True):
        assert ("masks" in spec.mechanisms) is cell["masks"]
        assert spec.document()["mechanisms"]["noise"]["sigma"] == cell["noise.sigma"]
        assert spec.training.lr == cell["training.lr"]
    assert len({spec.hash for spec in study.specs}) == 12


@pytest.mark.parametrize(
    ("mechanisms", "keys", "words"),
    [
        (["masks"], ["masks.wiring=real,dense"], "nested in the factor 'masks': without masks"),
        (["convolution"], ["lateral.alpha=0.1,0.2"], "nested in the factor 'convolution': lateral"),
        ([], ["noise.sigma=0,-1"], r"--factor noise\.sigma: mechanisms\.noise\.sigma"),
        ([], ["noise.sgma=0,1"], r"--factor noise\.sgma: mechanisms\.noise\.sgma.*sigma"),
        ([], ["noise.sigma=0.5"], r"'noise\.sigma' needs two levels or more"),
        ([], ["noise.sigma=0,1", "noise.sigma=0,2"], r"'noise\.sigma' is there twice"),
        ([], [], "name at least one mechanism, or give a key's values"),
    ],
)
def test_factors_that_cannot_be(mechanisms: list[str], keys: list[str], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        planned(mechanisms, *keys)


def test_a_fraction_and_its_foldover_over_a_spec() -> None:
    names = ["masks", "intra", "inhibition", "noise", "layernorm"]
    study = planned(names, resolution=3)
    assert (len(study.specs), study.design.resolution) == (8, 3)
    both = planned(names, resolution=3, folded=[])
    assert (len(both.specs), both.design.resolution) == (16, 4)
    with pytest.raises(RequestError, match="all combinations are run, so nothing is confounded"):
        planned(["masks"], folded=[])
    with pytest.raises(RequestError, match="lateral requires convolution, so a fraction"):
        planned(["convolution", "lateral", "masks", "noise", "intra"], resolution=5)


def test_a_table_is_read_as_a_design(tmp_path: Path) -> None:
    path = tmp_path / "design.csv"
    path.write_text("noise.sigma;masks;convolution;lateral\n0,5;x;1;1\n")
    with pytest.raises(RequestError) as caught:
        read_design(path, toys.spec(), REGISTRY)
    assert "row 1, column 'masks': 'x' is neither on nor off" in str(caught.value)
    path.write_text("noise.sigma,masks,convolution,lateral\n0.5,on,yes,+\n0,off,1,-1\n\n0,on,0,1\n")
    table = read_design(path, toys.spec(), REGISTRY)
    assert table.mechanisms == ("masks", "convolution", "lateral")
    assert table.keys == (Factor("noise.sigma", (0, 0.5)),)
    study = plan_factorial(
        toys.spec(), table.mechanisms, [0], REGISTRY, keys=table.keys, cells=table.cells
    )
    assert (study.design.kind, len(study.design.cells)) == ("table", 2)
    (impossible,) = study.design.impossible
    assert impossible.reason == "lateral requires convolution"
    assert list(study.design.cells[0]) == ["masks", "convolution", "lateral", "noise.sigma"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed,masks\n0,on\n", "seeds are blocks, and every row is run with each"),
        ("maks\non\n", "column 'maks' is no mechanism.*Did you mean 'masks'"),
        ("masks,masks\non,on\n", "the column 'masks' is there twice"),
        ("masks,\non,on\n", "column 2 has no name"),
        ("masks,noise\non\n", "line 2 has 1 values, the header 2"),
        ("masks\n", "has a header, but no rows"),
        ("", "is empty; the first line names the columns"),
        ('masks\n"on\n', "no valid CSV"),
        ("noise.sigma,masks\n,on\n", "row 1, column 'noise.sigma': '' cannot be a level"),
    ],
)
def test_tables_that_are_no_design(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "design.csv"
    path.write_text(text)
    with pytest.raises(RequestError, match=words):
        read_design(path, toys.spec(), REGISTRY)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match="cannot be read as text"):
        read_design(path, toys.spec(), REGISTRY)
    with pytest.raises(RequestError, match="no such file"):
        read_design(tmp_path / "other.csv", toys.spec(), REGISTRY)


def test_a_dose_of_nil_is_the_mechanism_left_out_and_its_study_is_analysed(bionic: Bionic) -> None:
    """From training to table, figures and ``analyse``: one study, another figure as response."""
    arguments = ("factorial", "--factor", "noise.sigma=0,0.06,2", *SMALL, "--seeds", "2")
    said = bionic(*arguments, "--response", "test.recall.happy", "--figures", "figures", "--json")
    document = said.document
    assert said.code == 0
    assert document["response"]["unit"] == "percentage points"
    runs = {(cell["levels"]["noise.sigma"], cell["seed"]): cell for cell in document["cells"]}
    result = json.loads(Path(runs[0, 0]["run"], "result.json").read_text())
    assert runs[0, 0]["response"] == result["test"]["classes"]["happy"]["recall"]
    absent = bionic("train", "demo", *SMALL, "--without", "noise", "--seed", "0", "--json").document
    assert {key: result["test"][key] for key in ("loss", "accuracy")} == {
        key: absent["test"][key] for key in ("loss", "accuracy")
    }
    assert {Path(path).name for path in document["figures"]} == {
        f"{name}.{form}" for name in ("effects", "dose_noise_sigma") for form in ("png", "svg")
    }
    for path in document["figures"]:
        assert Path(path).read_bytes()[:4] in (b"\x89PNG", b"<?xm")
    table = Path(document["file"]).with_suffix(".csv")
    (row, *_) = csv.DictReader(table.read_text().splitlines())
    assert float(row["test.recall.happy"]) == runs[0, 0]["response"]
    again = bionic("analyse", table, "--response", "test.recall.happy", "--percent", "--json")
    assert again.document["effects"] == document["effects"]
    assert again.document["trends"] == document["trends"]
    shown = bionic(*arguments, "--response", "epochs")
    assert "the model fits every run exactly" in " ".join(shown.out.split())
    plan = bionic(*arguments, "--plan", "--probe", "0", "--response", "test.recall.happy")
    assert "6 of them are done already" in plan.out
    assert "SD of a run" in plan.out
    assert "measured on 6 finished runs" in " ".join(plan.out.split())
    assert max(map(len, (shown.out + plan.out).splitlines())) <= 80


def test_plan_trains_nothing_and_says_what_a_fraction_will_see(bionic: Bionic) -> None:
    names = "masks,intra,inhibition,noise,layernorm"
    arguments = ("factorial", "--mechanisms", names, "--resolution", "V", *SMALL, "--plan")
    document = bionic(*arguments, "--seeds", "2", "--probe", "0.1", "--json").document
    assert not Path("runs").exists()
    design = document["design"]
    assert (design["runs"], design["resolution"], design["seeds"]) == (32, 5, [0, 1])
    assert (document["done"], document["degrees"]) == (0, 15)
    assert document["sd"]["value"] == pytest.approx(0.32 * np.sqrt(7178 / 70))
    assert document["estimate"]["seconds"] == pytest.approx(
        32 * document["estimate"]["seconds_per_run"]
    )
    pair = next(e for e in document["effects"] if e["term"] == "masks:noise")
    assert pair["aliases"] == ["intra:inhibition:layernorm"]
    assert pair["half_width"] < pair["detectable"] < pair["detectable_adjusted"]
    assert (document["method"], document["error"]) == ("t", "seeds")
    assert any("intervals will be by seeds: each seed's own" in n for n in document["notes"])
    assert any("divide by n − 1, as is taken here, or by n" in n for n in document["notes"])
    pooled = bionic(*arguments, "--seeds", "2", "--probe", "0", "--error", "pooled", "--json")
    narrow = pooled.document["effects"][0]["half_width"]
    assert pair["half_width"] > 5 * narrow  # t on one degree of freedom, not fifteen
    assert pooled.document["leave_one_out"]["half_width"] > narrow
    said = bionic(*arguments, "--probe", "0", "--seeds", "1")
    words = " ".join(said.out.split())
    for part in ("2^(5-1) fraction of resolution V", "A masks, B intra", "B:C:E", "I = masks:"):
        assert part in words
    assert "Lenth's method gives if no other effect is real, by simulation" in words
    assert "timed probe" not in words
    assert max(map(len, said.out.splitlines())) <= 80


def test_plan_names_what_cannot_be_estimated(bionic: Bionic) -> None:
    said = bionic(
        "factorial", "--mechanisms", "convolution,lateral,noise", "--plan", "--probe", "0"
    )
    words = " ".join(said.out.split())
    assert "left out: convolution off, lateral on, noise off: lateral requires conv" in words
    assert "cannot be estimated: convolution:lateral (not told from convolution, lateral)" in words


def test_a_plan_needs_no_data(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(spec: Any) -> None:
        raise RequestError("no such file", where="faces.csv")

    monkeypatch.setattr("bionic_core.runs.images_and_wiring.load_inputs", gone)
    said = bionic("factorial", "--mechanisms", "noise", "--plan", "--json")
    assert said.document["done"] is said.document["estimate"] is None
    assert said.document["sd"]["value"] == 0.32
    (note,) = (note for note in said.document["notes"] if "data" in note)
    assert note.startswith("the data cannot be read (faces.csv: no such file), so neither")
    said = bionic("factorial", "--mechanisms", "noise", "--plan", "--json", "--response", "epochs")
    assert said.document["sd"]["value"] is None
    assert any("units of the SD of a run" in note for note in said.document["notes"])


def test_requests_that_are_wrong(bionic: Bionic) -> None:
    Path("d.csv").write_text("masks\non\noff\n")
    Path("f").write_text("")
    masks = ("factorial", "--mechanisms", "masks")
    refused(bionic(*masks, "--resolution", "VI"), "--resolution VI: must be III, IV or V")
    refused(bionic(*masks, "--foldover"), "--foldover: all combinations are run")
    refused(bionic(*masks, "--design", "d.csv"), "--design: the file names the factors")
    refused(bionic(*masks, "--figures", "f"), "is a file")
    refused(
        bionic(*masks, "--error", "hc3"), "--error: there is no error 'hc3'; it is one of cells"
    )
    refused(bionic(*masks, "--seeds", "1", "--error", "seeds"), "all runs have one seed")
    refused(bionic(*masks, "--seeds", "1", "--error", "cells"), "give --error pooled")
    refused(bionic(*masks, *SMALL, "--response", "test.recall.hapy"), "--response", "test.recall.h")
    refused(bionic(*masks, *SMALL, "--plan", "--response", "test.f2"), "no figure 'test.f2'")
    many = ("factorial", "--mechanisms", "masks,noise,intra,layernorm", "--resolution", "4")
    refused(bionic(*many, "--foldover"), "--foldover: reversing masks, noise, intra, layernorm")
    refused(bionic(*many, "--foldover", "demo"), "'demo' is no factor", "Write SPEC before")
    refused(bionic(*many, "--order", "0"), "--order")


def test_units_follow_the_figure() -> None:
    assert response_of("test.macro_f1").scale == 100
    assert response_of("test.recall.disgusted").unit == "percentage points"
    assert response_of("test.loss") == response_of("test.loss").__class__("test.loss", "nats")
    assert (response_of("seconds").unit, response_of("epochs").unit) == ("s", "epochs")


class FakeRun:
    def __init__(self, low: float) -> None:
        test = full_metrics(torch.eye(2), np.arange(2), ("x", "y"))
        classes = {
            name: attrs.evolve(test.classes[name], support=n)
            for name, n in {"x": 30, "y": 70}.items()
        }
        test = attrs.evolve(test, interval=(low, 1.0), classes=classes)
        self.result = SimpleNamespace(test=test)


def test_runs_that_fail_or_learn_nothing_are_said() -> None:
    from bionic_core.studies.cell import Cell

    def cell(a: Level, b: Level, seed: int, low: float | None) -> tuple[Cell, float | None]:
        run: Any = None if low is None else FakeRun(low)
        return Cell({"a": a, "b": b}, seed, run, "" if run else "nan"), low

    known = [
        cell(True, True, 0, 0.6),
        cell(True, False, 0, 0.65),
        cell(False, True, 0, 0.9),
        cell(False, False, 0, None),
    ]
    missing, empty, follows, stuck = about_runs(known)
    assert missing == "missing: 1 of 4 runs failed (a off, b off, seed 0: nan)"
    assert empty.startswith("no run at all of a off, b off")
    assert follows.startswith("so seed 0 cannot be compared in every combination")
    assert stuck.startswith("2 of 4 runs learned nothing")
    assert "all of them with a on." in stuck
    lacking, *_ = about_runs([(known[0][0], None), *known[1:3]])
    assert lacking.startswith("1 of 3 runs lack this figure")


def test_cells_may_change_the_wiring_too() -> None:
    spec = cell_spec(Variants(toys.spec(), REGISTRY), {"masks.init": "dense", "noise": False})
    assert spec.document()["mechanisms"]["masks"]["init"] == "dense"
    assert "noise" not in spec.mechanisms


def test_analyse_is_a_public_function() -> None:
    rows = [{"a": a, "seed": s, "y": 3 * a + s} for a in (0, 1) for s in (1, 2, 3)]
    found = bionic_api.analyse(rows, response="y")
    assert found.effects.effects[0].estimate == pytest.approx(3)
    assert isinstance(found, bionic_api.Analysis)
