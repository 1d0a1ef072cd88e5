"""A report says one thing: caveats in its answer, its reference, its runs, nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bionic_core.actions.html import of_factorial
from bionic_core.reports.factorial import studied
from bionic_core.reports.pages import write_report
from bionic_core.studies.found import find_results
from bionic_core.studies.results import FactorialResults
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.page_reader import changed, read

__all__ = ["bionic"]

NOTHING = "all 2 runs learned nothing, so that nothing follows for what was asked"


def judged(term: str, **more: Any) -> dict[str, Any]:
    known = {"estimate": 1.0, "low": 0.5, "high": 1.5, "p": 0.2, "p_adjusted": 0.3}
    return {"term": term, **known, **more}


def wiring_only(factorial: Path, folder: Path) -> Path:
    """A study of one factor of three levels, by the file of another."""
    study = json.loads(factorial.read_text())
    levels = ["dense", "real", "rewired"]
    design = study["design"] | {
        "factors": [{"name": "masks.wiring", "term": "masks.wiring", "levels": levels}],
        "cells": [{"masks.wiring": level} for level in levels],
        "runs": 6,
    }
    cells = [
        cell
        | {"levels": {"masks.wiring": levels[n % 3]}, "seed": n // 3, "accuracy": 0.2 + 0.1 * n}
        for n, cell in enumerate(study["cells"][:6])
    ]
    effects = [judged("masks.wiring=real", p_adjusted=0.01), judged("masks.wiring=rewired")]
    gone = ("anova", "half_normal", "leave_one_out", "trends", "caveats")
    parts = {"design": design, "cells": cells, "effects": effects} | {name: [] for name in gone}
    return changed(factorial, folder, **parts)


def test_the_answer_holds_the_caveat(factorial: Path, tmp_path: Path) -> None:
    path = changed(factorial, tmp_path, caveats=[NOTHING])
    page = write_report(path)
    assert page.answer[0] == f"A{NOTHING[1:]}."
    study = find_results(path).study
    assert isinstance(study, FactorialResults)
    assert f"A{NOTHING[1:]}." in of_factorial(study)
    assert studied(study)[0].text == [f"A{NOTHING[1:]}."]  # a terminal's first lines


def test_a_study_of_wiring_names_its_reference_and_shows_its_runs(
    factorial: Path, tmp_path: Path
) -> None:
    path = wiring_only(factorial, tmp_path)
    document = write_report(path)
    page = read(path.with_suffix(".html"))
    assert "masks.wiring real instead of dense raises test accuracy by 1.00" in document.answer[0]
    assert "dense (reference) / real / rewired" in page.said
    assert "Levels are less the reference level: dense of masks.wiring." in page.said
    assert "Runs by masks.wiring" in page.headings
    (alt,) = (a for a in page.all("aria-label") if a.startswith("Test accuracy, % of each run by"))
    assert "means: dense 35; real 45; rewired 55" in alt
    for absent in ("with the factor on", "An interaction A × B", "Behind F", "holds zero"):
        assert absent not in page.said, absent
    assert "A filled blue dot" in page.said


def test_nothing_is_explained_that_is_not_there(factorial: Path, tmp_path: Path) -> None:
    none = dict.fromkeys(("low", "high", "p", "p_adjusted"))
    path = wiring_only(factorial, tmp_path)
    study = json.loads(path.read_text())
    study["effects"] = [effect | none for effect in study["effects"]]
    study["design"]["seeds"] = [0]
    path.write_text(json.dumps(study))
    write_report(path)
    page = read(path.with_suffix(".html"))
    for absent in ("95 % interval", "filled", "empty grey", "Holm", "Bold", "A seed is a block"):
        assert absent not in page.said, absent


def test_the_newest_study_is_taken_where_it_holds_the_others(
    bionic: Bionic, factorial: Path, ablation: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    whole = json.loads(factorial.read_text())
    less = whole | {"cells": whole["cells"][:4], "design": whole["design"] | {"seeds": [0]}}
    older, newer = folder / "factorial-a.json", folder / "factorial-b.json"
    for path, study, at in ((older, less, 1_700_000_000), (newer, whole, 1_700_086_400)):
        path.write_text(json.dumps(study))
        os.utime(path, (at, at))
    said = bionic("report", folder)
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    assert "taken as the newest here, whose runs hold those of" in words
    assert newer.with_suffix(".html").is_file()
    assert bionic("report", folder, "--json").document["within"] == [str(older)]

    os.utime(older, (1_700_186_400,) * 2)  # now the newest lacks runs of the other
    said = bionic("report", folder)
    refused(said, "the results of 2 studies are here, the newest of which does not contain")
    assert f"bionic report {older}" in said.err
    assert "2023-11-1" in said.err
    assert "factorial of demo, masks off/on, noise off/on; seeds 0, 1" in said.err
    newer.write_text("{")
    refused(bionic("report", folder), "damaged")
    newer.unlink()
    (folder / ablation.name).write_text(ablation.read_text())
    said = bionic("report", folder)
    refused(said, "ablation of demo, without each of masks, noise; seeds 0, 1")


@pytest.mark.parametrize("columns", [80])
def test_an_analysis_in_a_terminal_explains_what_it_has(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    Path("t.csv").write_text("a,y\n" + "\n".join(f"{'xyz'[n % 3]},{n * n % 7}" for n in range(12)))
    said = " ".join(bionic("analyse", "t.csv", "--response", "y").out.split())
    assert "Levels are less the reference level: x of a." in said
    assert "Seen as leave-one-out" not in said
    assert "Bold" not in said
