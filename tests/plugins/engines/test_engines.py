"""Engines: plugins that train a study's runs, chosen on the command line with their own options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

import bionic_core as library
from bionic_core import Engine
from bionic_core.runs import attempt as workers
from bionic_core.runs.engine import Outcome, Work
from bionic_core.studies.experiment import default_engine
from bionic_core.studies.reproduction import Estimate
from tests.cli.test_cli import SMALL, Bionic, bionic, refused
from tests.support.announcing import announce
from tests.support.notes import done_before

__all__ = ["bionic"]


@attrs.frozen(eq=False)
class Backwards(Engine):
    """Trains the runs backwards.

    Attributes:
        address: of nobody.
    """

    name = "backwards"
    used: ClassVar[list[tuple[Backwards, Work]]] = []

    address: str = "nowhere"
    share: float = 1.0
    loud: bool = False

    def train(self, work: Work) -> Iterator[Outcome]:
        Backwards.used.append((self, work))
        yield from workers.one_by_one(attrs.evolve(work, tasks=work.tasks[::-1]))


@attrs.frozen(eq=False)
class Clash(Backwards):
    """Has an option that the commands have."""

    name = "clash"
    jobs: int = 2


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, Backwards, Clash)
    monkeypatch.setattr(Backwards, "used", [])


def folders() -> set[str]:
    return {path.parent.name for path in Path("runs").glob("*/result.json")}


def test_an_engine_trains_the_runs_that_others_would(bionic: Bionic) -> None:
    arguments = ("factorial", "--mechanisms", "masks", "--seeds", "1", *SMALL, "--json")
    engine = ("--address", "there", "--engine=backwards", "--share=0.5", "--loud")
    said = bionic(*arguments, *engine)
    assert said.code == 0, said.err
    ((made, work),) = Backwards.used
    assert (made.address, made.share, made.loud) == ("there", 0.5, True)
    assert (work.root, work.device, work.jobs) == (Path("runs"), "cpu", 1)
    assert [task.number for task in work.tasks] == [0, 1]
    assert said.err.index("run 2/2") < said.err.index("run 1/2")
    first, cells = folders(), said.document["cells"]
    assert [cell["levels"] for cell in cells] == [{"masks": False}, {"masks": True}]
    said = bionic(*arguments, "--engine", "local")
    assert done_before(said.err) == 2
    assert folders() == first
    assert said.document["cells"] == cells
    assert len(Backwards.used) == 1


def test_ablate_and_reproduce_have_engines_too(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(self: Backwards, work: Work) -> Iterator[Outcome]:
        Backwards.used.append((self, work))
        for task in work.tasks:
            yield Outcome(task, error=f"no time for {task.number}")

    monkeypatch.setattr(Backwards, "train", train)
    engine = ("--engine", "backwards", "--address", "here", "--seeds", "1", *SMALL)
    said = bionic("ablate", "demo", "--mechanisms", "noise", *engine)
    assert said.code == 1
    assert "every run failed, the first with: no time for 0" in said.err
    timed = Estimate(14, {}, 0.0)
    monkeypatch.setattr("bionic_core.studies.reproduction.estimate", lambda *_, **__: timed)
    said = bionic("reproduce", "--data", "schematic", *engine)
    assert said.code == 1
    assert "14 failed" in said.err
    assert [made.address for made, _ in Backwards.used] == ["here"] * 3
    assert [len(work.tasks) for _, work in Backwards.used] == [2, 1, 13]


def test_help_shows_an_engines_options(bionic: Bionic) -> None:
    said = bionic("ablate", "--engine", "backwards", "--help")
    assert said.code == 0
    assert "--mechanisms" in said.out
    assert "Trains the runs backwards." in said.out
    assert "--address   [nowhere]" in said.out
    assert "local has no options." in bionic("factorial", "--engine", "local", "--help").out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--engine", "lokal"], "there is no engine 'lokal'. Did you mean 'local'? Installed are:"),
        (["--engine", "masks"], "'masks' is a mechanism, not an engine"),
        (["--engine", "backwards", "--share", "much"], '--share = "much": must be a number'),
        (["--engine", "backwards", "--address"], "--address: needs a value"),
        (["--engine", "clash"], "its option --jobs is one of 'factorial' itself"),
    ],
)
def test_wrong_engines_are_refused(bionic: Bionic, words: list[str], problem: str) -> None:
    refused(bionic("factorial", "--mechanisms", "masks", *words), problem)


def test_options_of_no_engine_are_refused(bionic: Bionic) -> None:
    for words in (["--address", "x"], ["--engine", "backwards", "--adress", "x"], ["--engine"]):
        refused(bionic("factorial", "--mechanisms", "masks", *words), words[-2:][0])


def test_the_default_is_local() -> None:
    assert type(default_engine()) is library.Registry.installed().get("local", Engine)
