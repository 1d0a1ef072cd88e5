"""The leave-one-out study, from the command line to its files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bionic_core import BionicError, RequestError
from bionic_core.runs.task import Task
from bionic_core.statistics.designs import Factor, leave_one_out
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.notes import done_before

__all__ = ["bionic"]

TINY = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1", "--device", "cpu")
CHOSEN = ("ablate", "demo", *TINY, "--mechanisms", "convolution,lateral,noise")


def test_everything_on_then_each_off_with_what_it_brings() -> None:
    factors = [Factor("a", brings=("b", "x")), Factor("b"), Factor("c")]
    design = leave_one_out(factors, [4, 5])
    assert [tuple(cell.values()) for cell in design.cells] == [
        (True, True, True),
        (False, False, True),
        (True, False, True),
        (True, True, False),
    ]
    assert (design.runs, design.resolution, design.impossible) == (8, None, ())


def test_designs_that_leave_nothing_out() -> None:
    with pytest.raises(RequestError) as caught:
        leave_one_out([Factor("a"), Factor("a"), Factor("b", (1, 2))], [1, 1])
    assert caught.value.problems == (
        "factor 'a' is there twice",
        "factor 'b' must be off and on to be left out",
        "seed 1 is there twice",
    )


def test_plan_has_every_mechanism_and_the_smallest_effect(bionic: Bionic) -> None:
    said = bionic("ablate", "demo", "--plan", "--json", "--seeds", "3")
    document = said.document
    terms = [factor["term"] for factor in document["design"]["factors"]]
    assert terms[:2] == ["convolution (with lateral)", "inhibition"]
    assert document["design"]["runs"] == 9 * 3
    assert document["design"]["kinds"]["masks"] == "structural"
    assert document["detectable"]["sd"] == pytest.approx(0.32 * (7178 / 2000) ** 0.5)
    assert document["detectable"]["plain"] < document["detectable"]["adjusted"]
    estimate = document["estimate"]
    assert estimate["seconds"] == pytest.approx(27 * estimate["seconds_per_run"])
    assert estimate["seconds"] > 0
    assert not Path("runs").exists()
    said = bionic("ablate", "full", "--plan", "--mechanisms", "masks", "--seeds", "1")
    assert "2 runs: 2 variants × seeds 0" in said.out
    assert "timed probe" not in said.out
    assert "one seed: nothing tells what another seed would do" in said.out.replace("\n", " ")


def test_a_study_is_tables_4_5_and_6_with_intervals(bionic: Bionic) -> None:
    said = bionic(*CHOSEN, "--seeds", "2", "--json")
    assert said.code == 0, said.err
    document = said.document
    assert document["design"]["runs"] == 8
    rows = {row["variant"]: row for row in document["rows"]}
    assert list(rows) == ["full", "without convolution", "without lateral", "without noise"]
    assert rows["without convolution"]["term"] == "convolution (with lateral)"
    assert rows["without convolution"]["kind"] == "functional"
    assert rows["full"]["difference"] is None
    results = [json.loads((Path(c["run"]) / "result.json").read_text()) for c in document["cells"]]
    for place, row in enumerate(document["rows"]):
        accuracies = [result["test"]["accuracy"] for result in results[place::4]]
        assert row["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
        assert row["accuracy"]["sd"] == pytest.approx(np.std(accuracies, ddof=1))
        assert row["accuracy"]["n"] == 2
        assert row["epochs"]["mean"] == 1
        assert row["parameters"]["effective"] < row["parameters"]["allocated"]
        if place:
            full = np.mean([result["test"]["accuracy"] for result in results[::4]])
            change = row["difference"]
            assert change["estimate"] == pytest.approx(100 * (full - np.mean(accuracies)))
            pairs = 100 * np.array([r["test"]["accuracy"] for r in results]).reshape(2, 4)
            if np.ptp(pairs[:, 0] - pairs[:, place]) < 1e-9:  # 35 images: equal in both seeds
                assert change["low"] is change["p"] is None
                continue
            assert change["simultaneous_low"] <= change["low"] <= change["estimate"]
            assert change["p"] <= change["p_adjusted"]
            assert (change["method"], change["degrees"]) == ("paired", 1)
    assert document["pool"]["degrees"] == 3
    assert document["detectable"]["sd"] == document["pool"]["sd"]
    assert document["pool"]["error"] == "seeds"
    assert any("convolution (with lateral): what requires" in note for note in document["notes"])
    assert any("2 seeds make intervals wide: t on 1 degrees" in note for note in document["notes"])
    path = Path(document.pop("file"))
    assert json.loads(path.read_text()) == document
    table = list(csv.DictReader(path.with_suffix(".csv").read_text().splitlines()))
    assert [row["variant"] for row in table[:4]] == list(rows)
    assert [float(row["accuracy"]) for row in table] == [c["accuracy"] for c in document["cells"]]
    extended = bionic(*CHOSEN, "--seeds", "3")
    assert done_before(extended.err) == 8
    assert "run 12/12  without noise, seed 2" in extended.err
    for words in ("Variants by test accuracy", "Structural mechanisms", "Functional mechanisms"):
        assert words in extended.out
    assert "smallest effect seen with 80% power" in extended.out
    assert "…" not in re.sub(
        r" … |… of functional ones|[-+][\d.]+ …", "", extended.out
    )  # none cut off


def test_one_seed_gives_no_intervals_and_says_why(bionic: Bionic) -> None:
    said = bionic("ablate", "demo", *TINY, "--mechanisms", "noise", "--seeds", "1", "--json")
    change = said.document["rows"][1]["difference"]
    assert change["estimate"] is not None
    assert {change[key] for key in ("low", "high", "p", "p_adjusted")} == {None}
    assert any(note.startswith("one seed") for note in said.document["notes"])


def test_tables_say_test_selected(bionic: Bionic) -> None:
    arguments = ("ablate", "demo", *TINY, "--mechanisms", "noise", "--seeds", "1")
    said = bionic(*arguments, "--set", "data.protocol=paper")
    assert "(test-selected)" in said.out
    assert "test-selected: the test images chose each run's epoch" in said.out
    assert "no structural mechanism was left out" in said.out


def test_failed_runs_are_named_and_the_rest_goes_on(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bionic_core.runs.attempt as engine

    train = engine.train_task  # type: ignore[attr-defined]

    def sometimes(task: Task, *others: Any, **options: Any) -> Any:
        if "noise" not in task.spec.mechanisms:
            raise BionicError("the loss is nan in epoch 1")
        return train(task, *others, **options)

    monkeypatch.setattr(engine, "train_task", sometimes)
    arguments = ("ablate", "demo", *TINY, "--mechanisms", "noise,lateral", "--seeds", "2")
    said = bionic(*arguments, "--json")
    assert said.code == 1
    assert "2 of 6 runs failed; the figures are of the others" in said.err
    assert said.document["rows"][1]["accuracy"] == {"mean": None, "sd": None, "n": 0}
    assert said.document["rows"][1]["difference"]["estimate"] is None
    assert said.document["rows"][2]["difference"]["estimate"] is not None
    said = bionic(*arguments)
    told = " ".join(said.out.split())
    assert "missing: 2 of 6 runs failed (without noise, seed 0: the loss is nan" in told
    assert "no run at all of without noise" in told

    def never(*_: Any, **__: Any) -> Any:
        raise BionicError("the loss is nan in epoch 1")

    monkeypatch.setattr(engine, "train_task", never)
    said = bionic(*arguments)
    assert said.code == 1
    assert "every run failed, the first with: the loss is nan in epoch 1" in said.err


def test_mechanisms_that_cannot_stay_out_stay_in(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bionic_core.studies.ablation as study

    build = study.build  # type: ignore[attr-defined]

    def picky(spec: Any, **options: Any) -> Any:
        if "masks" not in spec.mechanisms:
            raise RequestError("something is missing")
        return build(spec, **options)

    monkeypatch.setattr(study, "build", picky)
    document = bionic("ablate", "demo", "--plan", "--json").document
    assert "masks" not in document["design"]["kinds"]
    assert "masks stays in every variant: without it, something is missing" in document["notes"]
    refused(bionic("ablate", "demo", "--mechanisms", "masks"), "something is missing")


def test_requests_that_are_wrong(bionic: Bionic) -> None:
    refused(bionic("ablate"), "SPEC")
    refused(
        bionic("ablate", "demo", "--mechanisms", "maks"),
        "demo.toml: --mechanisms: 'maks' is not in the spec, so it cannot be left out. Did you "
        "mean 'masks'? It has convolution",
    )
    refused(bionic("ablate", "demo", "--mechanisms", "masks,masks"), "'masks' is there twice")
    refused(bionic("ablate", "demo", "--seeds", "0"), "--seeds")
    refused(bionic("ablate", "demo", "--jobs", "0"), "--jobs")
    refused(bionic("ablate", "demo", "--error", "hc3"), "there is no error 'hc3'")
    refused(bionic("ablate", "full", "--mechanisms", "masks"), "fer2013", "--data")
    Path("bare.toml").write_text('[model]\nlayers = { A = 5, B = 4 }\nprojections = ["A->B"]\n')
    refused(bionic("ablate", "bare.toml"), "bare.toml: there is no mechanism to leave out")
