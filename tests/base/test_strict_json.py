"""JSON that every reader takes: numbers that it lacks are words, in all files that are written."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path
from typing import Any

import attrs
import pytest

import bionic_core as api
from bionic_core.base.records import from_document
from bionic_core.base.strict_json import in_numbers, json_text, replaced
from bionic_core.errors import DamagedError
from bionic_core.runs.folder import Run
from bionic_core.runs.result import Seen
from tests.cli.test_cli import SMALL, Bionic, bionic

__all__ = ["bionic"]

ROOT = Path(api.__file__).parent

FREE = {"spec/spec.py", "base/checksums.py", "base/strict_json.py", "connectomes/kept.py"} | {
    *("connectomes/importing/containers.py", "studies/names.py", "studies/factors.py"),
    *("runs/checkpoint.py", "actions/written.py", "actions/arguments.py"),
}
"""Modules whose ``json.dumps`` writes no file, or which see to it themselves."""


def strictly(text: str) -> Any:
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_numbers_that_json_lacks_are_words_and_come_back() -> None:
    given = {"a": [1.5, math.inf, (-math.inf, math.nan)], "NaN": "NaN?", "n": 2}
    text = json_text(given)
    found = strictly(text)
    assert found == {"a": [1.5, "Infinity", ["-Infinity", "NaN"]], "NaN": "NaN?", "n": 2}
    assert replaced(found, in_numbers)["a"][1] == math.inf
    assert math.isnan(from_document(Seen, {"loss": "NaN", "accuracy": 1}, where="x").loss)
    with pytest.raises(DamagedError, match="must be a number"):
        from_document(Seen, {"loss": "nan", "accuracy": 1}, where="x")


def test_only_known_modules_write_json_of_their_own() -> None:
    calls = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("dump", "dumps")
        if isinstance(node.value, ast.Name) and "json" in node.value.id
    }
    assert calls <= FREE, "json_text writes what every reader takes"


def test_every_file_of_a_study_whose_figures_are_no_numbers(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bionic_core.runs.train as runs
    import bionic_core.training.loop as loop

    metrics, full = vars(loop)["metrics"], vars(runs)["full_metrics"]
    monkeypatch.setattr(loop, "metrics", lambda *a: attrs.evolve(metrics(*a), loss=math.inf))
    monkeypatch.setattr(runs, "full_metrics", lambda *a: attrs.evolve(full(*a), loss=math.nan))
    wild = ("--mechanisms", "noise", "--seeds", "1", *SMALL)
    assert strictly(bionic("factorial", *wild, "--json").out)
    written = [*Path("runs").rglob("*.json"), *Path("runs").rglob("*.jsonl")]
    assert len(written) >= 6
    for path in written:
        for text in (
            path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        ):
            strictly(text)
    folder = next(path.parent for path in written if path.name == "result.json")
    assert '"Infinity"' in (folder / "metrics.jsonl").read_text()
    assert '"NaN"' in (folder / "result.json").read_text()
    assert math.isnan(Run(folder).result.test.loss)
    for command in (("runs", "runs"), ("evaluate", folder)):
        assert strictly(bionic(*command, "--json").out)
        assert bionic(*command).code == 0
    assert bionic("report", folder, "--out", "page.html").code == 0
