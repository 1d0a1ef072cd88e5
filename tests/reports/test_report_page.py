"""Pages of runs and studies: what they say, that they need nothing else, that no name acts."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from bionic_core import Registry
from bionic_core.reports.pages import write_report
from bionic_core.studies.publication import open_publication
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.page_reader import HOSTILE, alone, changed, read, summed

__all__ = ["bionic"]


def test_a_factorials_page_says_what_its_file_says(
    bionic: Bionic, factorial: Path, tmp_path: Path
) -> None:
    said = bionic("report", factorial, "--out", tmp_path / "page.html", "--json")
    assert said.code == 0, said.err
    document = said.document
    assert document["kind"] == "factorial"
    assert document["bytes"] == (tmp_path / "page.html").stat().st_size < 3_000_000
    page, study = read(tmp_path / "page.html"), json.loads(factorial.read_text())
    alone(page)
    assert page.headings == document["sections"]
    assert page.headings[:3] == ["Effects", "Design", "Interactions"]
    assert "Do masks and noise change the test accuracy of demo" in page.said
    rows = page.tables["Effects on test accuracy, percentage points"][1:]
    assert [row[0] for row in rows] == ["masks", "noise", "masks × noise"]
    for row, effect in zip(rows, study["effects"], strict=True):
        assert float(row[1].replace("−", "-")) == pytest.approx(effect["estimate"], abs=0.005)
        low, high = row[2].replace("−", "-").split(" to ")
        assert float(low) == pytest.approx(effect["low"], abs=0.005)
        assert float(high) == pytest.approx(effect["high"], abs=0.005)
    assert study["residual"]["method"] == "seeds"
    assert "Intervals and p by seeds, over seeds, on these" in page.said
    over = page.tables["Effects from seed to seed, percentage points"][1:]
    assert [row[0] for row in over] == [row[0] for row in rows]
    assert study["effects"][0]["seed_p"] == pytest.approx(float(over[0][2]), abs=5e-4)
    assert page.tables["Analysis of variance"][0][-3:] == ["F", "on", "p"]
    runs = page.tables["Runs"][1:]
    assert [row[4] for row in runs] == [f"{100 * c['accuracy']:.2f} %" for c in study["cells"]]
    for href in (href for href in page.all("href") if href.startswith("./")):
        assert (tmp_path / unquote(href) / "result.json").is_file()
    (alt,) = (a for a in page.all("aria-label") if a.startswith("Effects with"))
    assert all(f"{e['estimate']:+.2f}".replace("-", "−") in alt for e in study["effects"])
    assert "bionic factorial --mechanisms masks,noise" in page.said


def test_sections_follow_what_the_analysis_offers(factorial: Path, tmp_path: Path) -> None:
    judged = {"low": -1.0, "high": 3.0, "p": 0.02, "p_adjusted": 0.04}
    source = {"degrees": 1, "sum_of_squares": 2.0, "mean_square": 2.0, "f": 8.5, "p": 0.012}
    level = {"estimate": 50.0, "low": 48.0, "high": 52.0, "p": 0.1}
    terms = ["noise", "masks:noise", "masks"]
    path = changed(
        factorial,
        tmp_path,
        response={"name": "test.recall.happy", "unit": "percentage points", "scale": 100.0},
        cells=[
            cell | {"response": 0.5 + 0.01 * number}
            for number, cell in enumerate(json.loads(factorial.read_text())["cells"])
        ],
        anova=[{"source": "masks", **source}, {"source": "residual", **source, "f": None}],
        half_normal=[
            {"term": term, "size": 1.0 + n, "quantile": 0.3 + n} for n, term in enumerate(terms)
        ],
        lenth={
            "pse": 1.5,
            "margin": 3.0,
            "simultaneous_margin": 6.0,
            "degrees": 1.0,
            "effects": [{"term": term, **judged} for term in terms],
        },
        trends=[
            {
                "factor": "noise.sigma",
                "levels": [0.0, 0.1, 0.2],
                "means": [{"level": x, **level} for x in (0.0, 0.1, 0.2)],
                "components": [{"degree": 1, "name": "linear", **level}],
            }
        ],
        leave_one_out=[
            {"term": "masks", "with": ["noise"], "runs": [2, 0], "predicted": True, **level}
        ],
        residual={"sd": 1.0, "degrees": 4, "robust": True},
        notes=["residuals: nothing speaks against normal ones"],
    )
    write_report(path)
    page = read(path.with_suffix(".html"))
    alone(page)
    for heading in ("Analysis of variance", "Half-normal plot", "Seen as leave-one-out"):
        assert heading in page.headings
    assert "Dose and response: noise.sigma" in page.headings
    assert page.tables["Analysis of variance"][1] == ["masks", "1", "2", "2", "8.5", "0.012"]
    row = page.tables["Everything on, less without, percentage points"][1]
    assert row == ["masks (with noise) *", "+50.00", "+48.00 to +52.00", "0.100", "–"]
    rows = page.tables["Effects on test recall happy, percentage points"]
    assert {row[2] for row in rows[1:]} == {"−1.00 to +3.00"}
    assert page.tables["Runs"][1][4] == "50.00 %"
    assert "raises test recall happy" in page.said or "lowers test recall happy" in page.said
    assert "residuals: nothing speaks against normal ones" in page.said


def test_an_ablations_page_has_the_papers_figures_beside_ours(
    bionic: Bionic, ablation: Path, tmp_path: Path
) -> None:
    said = bionic("report", ablation, "--out", tmp_path / "page.html")
    assert said.code == 0, said.err
    assert "written:" in said.out
    page, study = read(tmp_path / "page.html"), json.loads(ablation.read_text())
    alone(page)
    published = open_publication(None, Registry.installed())
    alts = page.all("aria-label")
    for whose in ("published", "ours"):
        (scatter,) = (a for a in alts if a.startswith(f"Accuracy against macro F1, {whose}"))
        (ranked,) = (a for a in alts if a.startswith(f"Test accuracy by rank, {whose}"))
        if whose == "published":
            assert all(f"{row.accuracy[0]:.4g}" in scatter for row in published.rows)
            assert "1  Standard CNN (Baseline) 60.16 (59.71 to 60.61)" in ranked
        else:
            best = max(study["rows"], key=lambda row: row["accuracy"]["mean"])
            assert f"1  {best['variant']} {100 * best['accuracy']['mean']:.2f}" in ranked
    beside = page.tables["Full − without, percentage points of test accuracy"][1:]
    assert {row[0]: row[1] for row in beside} == {"masks": "+1.01", "noise": "+0.02"}
    for row in beside:
        ours = next(r for r in study["rows"] if r["mechanism"] == row[0])["difference"]
        assert float(row[2].replace("−", "-")) == pytest.approx(ours["estimate"], abs=0.005)
    assert published.title in page.said
    one = changed(ablation, tmp_path, rows=study["rows"][:2])
    write_report(one)
    assert "Beside the paper" not in read(one.with_suffix(".html")).headings


def test_a_runs_page_shows_what_it_learned_and_how_it_is_built(
    bionic: Bionic, run: Path, tmp_path: Path
) -> None:
    said = bionic("report", run, "--out", tmp_path / "page.html", "--json")
    assert said.code == 0, said.err
    page = read(tmp_path / "page.html")
    alone(page)
    result = json.loads((run / "result.json").read_text())
    title = "Confusion matrix of the test images: rows are true classes, columns predicted ones"
    counts = [[int(count) for count in row[1:]] for row in page.tables[title][1:]]
    assert counts == result["test"]["confusion"]
    classes = page.tables["Figures of each class, test images"][1:]
    for row in classes:
        assert float(row[2]) == pytest.approx(result["test"]["classes"][row[0]]["recall"], abs=5e-4)
    alts = page.all("aria-label")
    for start in ("Learning curves: loss", "Learning curves: accuracy", "ROC curves", "Pipeline"):
        assert any(alt.startswith(start) for alt in alts), start
    assert sum(alt.startswith("Wiring of ") for alt in alts) == 7
    assert "image, then retina, then lgn, then bridge, then A, then B, then C, then D" in str(alts)
    command = re.search(r"bionic train \S+ --seed \d+", page.said)
    assert command is not None
    again = bionic(*shlex.split(command[0])[1:], "--out", run.parent, "--device", "cpu", "--json")
    assert again.document["hash"] == run.name
    assert "epoch" not in again.err


def test_what_cannot_be_drawn_is_said(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIONIC_PLUGINS", "-noise")
    write_report(run, tmp_path / "page.html")
    page = read(tmp_path / "page.html")
    assert "The pipeline cannot be drawn here" in page.said
    assert "'noise'" in page.said
    assert "Wiring" not in page.headings
    assert any(alt.startswith("ROC curves") for alt in page.all("aria-label"))


def test_failed_and_missing_runs_are_named_first(factorial: Path, tmp_path: Path) -> None:
    study = json.loads(factorial.read_text())
    cells = study["cells"][:7]
    cells[2] |= {"run": None, "accuracy": None, "error": "the loss is nan in epoch 1"}
    path = changed(factorial, tmp_path, cells=cells, selected_on="test")
    document = write_report(path)
    assert document.warnings[0].startswith("Test-selected")
    assert "1 of 7 runs failed" in document.warnings[1]
    assert "masks off, noise on, seed 0 (the loss is nan in epoch 1)" in document.warnings[1]
    assert "1 of 8 planned runs are not there yet" in document.warnings[2]
    page = read(path.with_suffix(".html"))
    assert [row[-2:] for row in page.tables["Runs"]][3] == ["–", "failed"]
    assert not [href for href in page.all("href") if href.startswith("./")] or all(
        (tmp_path / unquote(href)).exists() for href in page.all("href") if href.startswith("./")
    )


def test_without_its_runs_a_study_still_has_a_page(factorial: Path, tmp_path: Path) -> None:
    study = json.loads(factorial.read_text())
    cells = [cell | {"run": f"gone/{number}"} for number, cell in enumerate(study["cells"])]
    path = changed(factorial, tmp_path, cells=cells, command="")
    write_report(path)
    page = read(path.with_suffix(".html"))
    assert page.tables["Runs"][1][-1] == "0"
    assert not [href for href in page.all("href") if href.startswith("./")]
    assert "No run's folder is left" in page.said
    assert "bionic factorial demo --mechanisms masks,noise --seeds 2" in page.said


def test_nobodys_name_acts(
    studies: Path, factorial: Path, ablation: Path, run: Path, tmp_path: Path
) -> None:
    """Names of specs, factors, classes, data and files are words, whatever they are."""
    for path in (factorial, ablation):
        text = path.read_text()
        for number, name in enumerate(("demo", "masks", "noise", "schematic (seed 0)")):
            text = text.replace(json.dumps(name), json.dumps(HOSTILE[number]))
        for name in ("without masks", "without noise"):
            text = text.replace(json.dumps(name), json.dumps(f"{HOSTILE[4]} {HOSTILE[0]}"))
        study = json.loads(text)
        study["notes"] = list(HOSTILE)
        study["cells"][0] |= {"run": None, "accuracy": None, "error": HOSTILE[0]}
        study["cells"][1]["run"] = str(tmp_path / HOSTILE[2])
        shutil.copytree(run, tmp_path / HOSTILE[2], dirs_exist_ok=True)
        copy = tmp_path / path.name
        copy.write_text(json.dumps(study))
        write_report(copy)
        page = read(copy.with_suffix(".html"))
        alone(page)
        assert HOSTILE[0] in page.said
        assert "./javascript%3Aalert%281%29/" in page.all("href")
    hostile = tmp_path / "<b>run"
    shutil.copytree(run, hostile)
    for file in ("manifest.json", "result.json"):
        text = (hostile / file).read_text()
        for number, name in enumerate(("angry", "disgusted", "fearful", "happy", "neutral")):
            text = text.replace(json.dumps(name), json.dumps(HOSTILE[number]))
        text = text.replace('"name": "demo"', f'"name": {json.dumps(HOSTILE[1])}')
        (hostile / file).write_text(text)
    summed(hostile)
    write_report(hostile, tmp_path / "page.html")
    page = read(tmp_path / "page.html")
    alone(page)
    assert page.said.count(HOSTILE[0]) > 2
    assert "\x00" not in page.said


def test_what_is_no_report_is_refused(bionic: Bionic, studies: Path, tmp_path: Path) -> None:
    refused(bionic("report", "nowhere"), "nowhere: no such file or folder")
    Path("empty").mkdir()
    refused(bionic("report", "empty"), "empty: there is nothing to report on")
    refused(bionic("report", studies), "the results of 2 studies are here", "ablation-")
    run = next(studies.glob("*/result.json")).parent
    begun = Path("begun")
    shutil.copytree(run, begun / run.name)
    said = bionic("report", "begun")
    refused(said, "no study is finished here: there are 1 finished runs and 0 unfinished ones")
    assert f"bionic report begun/{run.name}" in said.err
    (begun / run.name / "result.json").unlink()
    refused(bionic("report", "begun"), "0 finished runs and 1 unfinished", "nothing has been writ")
    refused(bionic("report", begun / run.name), "this run is not finished")
    Path("other.json").write_text("{}")
    refused(bionic("report", "other.json"), "not the results of a study", "factorial-*.json")
    Path("factorial-1.json").write_text("{")
    refused(bionic("report", "factorial-1.json"), "factorial-1.json: damaged: ")
    Path("factorial-1.json").write_text('{"name": "x", "cells": []}')
    refused(bionic("report", "factorial-1.json"), "it lacks design, effects, notes")
    wrong = {"name": "x", "design": 3, "cells": [], "effects": [], "notes": []}
    Path("factorial-1.json").write_text(json.dumps(wrong))
    refused(bionic("report", "factorial-1.json"), "damaged: design = 3: must be a table")
    study = next(studies.glob("factorial-*.json"))
    refused(bionic("report", study, "--out", "empty"), "empty: is a folder")
    refused(bionic("report", study, "--out", "other.json/page.html"), "cannot be written")
    assert not list(tmp_path.rglob("*.html"))


def test_a_page_that_is_too_large_is_not_written(
    factorial: Path, tmp_path: Path, bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bionic_core.reports import pages as report_page

    monkeypatch.setattr(report_page, "LIMIT", 1000)
    said = bionic("report", factorial, "--out", "page.html")
    assert said.code == 1
    assert "more than 1,000; nothing has been written" in said.err
    assert not Path("page.html").exists()
