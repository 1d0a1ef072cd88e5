"""``--track`` on the command line: which trackers, their options, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bionic_core import Engine, Study
from bionic_core.registry import Registry
from bionic_core.registry.announced import SKIP_VARIABLE
from bionic_core.runs.engine import Outcome
from bionic_core.studies.reproduction import Estimate
from tests.cli.test_cli import SMALL, Bionic, bionic, refused
from tests.studies.test_tracking import pages
from tests.support.notes import Notes, installed

__all__ = ["bionic", "installed"]

STUDY = ("factorial", "--mechanisms", "noise", "--seeds", "1", *SMALL)


def test_the_commands_track(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    said = bionic(*STUDY, "--track", "notes", "--colour=red", "--json")
    assert said.code == 0, said.err
    assert said.document["design"]["runs"] == 2  # stdout is the document alone
    assert "epoch!" in said.err
    ((made, group),) = Notes.opened
    assert made.colour == "red"
    (results,) = Path("runs").glob("factorial-*.json")
    assert group == Study(f"demo-{results.stem}", Path.cwd() / "runs" / "tracking")
    assert {page.run.name for page in pages(group.name).values()} == {
        "without noise, seed 0",
        "all mechanisms, seed 0",
    }
    said = bionic(
        "ablate", "demo", "--mechanisms", "noise", "--seeds", "1", *SMALL, "--track=notes"
    )
    assert said.code == 0, said.err
    (results,) = Path("runs").glob("ablation-*.json")
    assert len(pages(f"demo-{results.stem}")) == 2
    said = bionic("train", "demo", *SMALL, "--track", "notes", "--track-to", "else", "--json")
    assert said.code == 0, said.err
    assert Notes.opened[-1][1] == Study("demo", Path.cwd() / "else")
    (page,) = pages("demo").values()
    assert (page.run.name, page.run.hash) == ("seed 0", said.document["hash"])
    assert page.result["result.test.loss"] == said.document["test"]["loss"]


def test_reproduce_tracks_all_its_experiments_as_one_study(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwilling(self: Any, work: Any) -> Any:
        for task in work.tasks:
            yield Outcome(task, error="no time")

    monkeypatch.setattr(Registry.installed().get("local", Engine), "train", unwilling)
    timed = Estimate(14, {}, 0.0)
    monkeypatch.setattr("bionic_core.studies.reproduction.estimate", lambda *_, **__: timed)
    said = bionic("reproduce", "--data", "schematic", "--seeds", "1", *SMALL, "--track", "notes")
    assert said.code == 1
    ((_, group),) = Notes.opened
    assert group.name.startswith("paper-reproduction-")


def test_a_run_that_fails_in_train(bionic: Bionic) -> None:
    broken = ("--set", "training.lr=1e30", "--set", "training.optimizer=sgd")
    said = bionic("train", "demo", *SMALL, *broken, "--track", "notes")
    assert said.code == 1
    (page,) = pages("demo").values()
    assert page.states == ["failed"]
    assert "diverged" in page.reason


def test_help_shows_a_trackers_options(bionic: Bionic) -> None:
    said = bionic("train", "--track", "notes", "--help")
    assert "Keeps notes." in said.out
    assert "--colour   [blue]" in said.out
    assert "--track-to" in said.out
    both = bionic("factorial", "--track", "notes", "--engine", "local", "--help").out
    assert "local has no options." in both
    assert "Keeps notes." in both


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--track", "note"], "there is no tracker 'note'. Did you mean 'notes'? Installed are:"),
        (["--track", "masks"], "'masks' is a mechanism, not a tracker"),
        (["--track", "notes", "--colour"], "--colour: needs a value"),
        (["--track", "clash"], "its option --jobs is one of 'factorial' itself"),
        (["--track", "notes", "--track", "twin"], "is one of notes too"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_wrong_trackers_are_refused(bionic: Bionic, words: Sequence[str], problem: str) -> None:
    refused(bionic("factorial", "--mechanisms", "masks", *words), problem)


def test_trackers_can_be_left_out(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SKIP_VARIABLE, "-notes,-tensorboard")
    for name in ("notes", "tensorboard"):
        refused(bionic("train", "demo", "--track", name), f"there is no tracker '{name}'")


def test_trackers_are_listed(bionic: Bionic) -> None:
    listed = {plugin["name"]: plugin for plugin in bionic("plugins", "--json").document["plugins"]}
    for name in ("notes", "tensorboard", "mlflow"):
        assert listed[name]["role"] == "tracker"
        assert listed[name]["error"] is None
