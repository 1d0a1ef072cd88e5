"""Runs as people name them, and lists of runs that say which is which."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import bionic_core as api
from bionic_core import RequestError
from bionic_core.base.locks import Claim
from bionic_core.runs.files import LOCK
from bionic_core.runs.find import find_run
from bionic_core.runs.listing import NOT_BEGUN, RUNNING, list_runs
from tests.cli.test_cli import Bionic, bionic

__all__ = ["bionic"]

HASHES = ("0123456789abcdef", "01ff456789abcdef", "aa23456789abcdef")


@pytest.fixture
def runs(bionic: Bionic) -> Path:
    """Three runs of two variants that have begun, the second last; and the command line."""
    changes: tuple[list[str], ...] = ([], ["noise.sigma=0.5"], [])
    for number, (name, change) in enumerate(zip(HASHES, changes, strict=True)):
        folder = Path("runs", name)
        folder.mkdir(parents=True)
        (folder / "spec.toml").write_text(api.load("demo", set=change).to_toml())
        manifest = {
            "name": "demo",
            "seed": number % 2,
            "data": "drawn",
            "class_names": ["a", "b"],
            "identity": {},
            "started": f"2025-01-0{1 + 5 * number % 7}",
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return Path("runs")


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("0123", 0),
        ("runs/01f", 1),
        ("a", 2),
        ("latest", 1),
        ("runs/latest", 1),
        ("runs/0123456789abcdef", 0),
    ],
)
def test_a_run_is_found_by_the_beginning_of_its_name(runs: Path, given: str, place: int) -> None:
    assert find_run(Path(given)).folder == runs / HASHES[place]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("01", "2 runs in runs begin so: 0123456789abcdef, 01ff456789abcdef"),
        ("b", "no run in runs begins so"),
        ("none/ab", "no folder none of runs"),
        ("nobody", "no such run folder"),
    ],
)
def test_what_is_not_one_run_is_refused(runs: Path, given: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        find_run(Path(given))


def test_commands_take_such_names(runs: Path, bionic: Bionic) -> None:
    picture = Path("p.png")
    picture.touch()
    for words in (("evaluate", "latest"), ("predict", "01f", picture), ("export", "runs/01f")):
        said = bionic(*words)
        assert said.code == 2
        assert f"runs/{HASHES[1]}: this run is not finished" in said.err
    said = bionic("report", "b")
    assert "no run in runs begins so" in said.err


def test_the_list_says_which_variant_each_is_and_can_be_filtered(
    runs: Path, bionic: Bionic
) -> None:
    said = bionic("runs", "--json").document["runs"]
    assert {run["hash"]: run["variant"] for run in said} == dict(
        zip(HASHES, ("noise.sigma 0.06", "noise.sigma 0.5", "noise.sigma 0.06"), strict=True)
    )
    rows = list(csv.DictReader(bionic("runs", "--variant", "sigma 0.06", "--csv").out.splitlines()))
    assert [row["hash"] for row in rows] == [HASHES[0], HASHES[2]]
    assert [row["seed"] for row in rows] == ["0", "0"]
    assert "noise.sigma" in bionic("runs", "--seed", "1").out
    assert bionic("runs", "--state", "finished,failed", "--json").document["runs"] == []
    wrong = bionic("runs", "--state", "finishd")
    assert wrong.code == 2
    assert "Did you mean 'finished'?" in wrong.err


def test_a_run_that_has_not_begun_is_not_damaged(runs: Path) -> None:
    folder = runs / "bb23456789abcdef"
    folder.mkdir()
    (folder / "spec.toml").write_text("")
    state = {run.hash: run for run in list_runs(runs)}[folder.name]
    assert (state.state, state.reason) == (NOT_BEGUN, None)
    with Claim(folder / LOCK, lambda _: None) as claim:
        claim.take(1.0)
        assert {run.hash: run for run in list_runs(runs)}[folder.name].state == RUNNING
        claim.remove()
