"""What a plan says of time: by real steps of the planned model, wherever there is a plan."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import bionic_core as bionic
from bionic_core.runs import Plans, Task, Work, one_by_one
from bionic_core.runs import probe as timing
from bionic_core.runs.probe import in_all, told
from tests.cli.test_cli import Bionic
from tests.cli.test_cli import bionic as bionic_fixture
from tests.studies.test_readings import FILE

command = bionic_fixture

SMALL = ("--set", "data.train=70", "--set", "data.test=35", "--device", "cpu")
PICTURES = ("--set", 'data.source="schematic"', *SMALL)

STUDIES = {
    "factorial": ("demo", "--mechanisms", "noise,intra", "--seeds", "2", *SMALL),
    "ablate": ("demo", "--mechanisms", "noise", "--seeds", "4", *SMALL),
    "reproduce": ("--quick", "--seeds", "1", *PICTURES),
    "reproduce --readings": ("--readings", "tiny.toml", *PICTURES),
}


@pytest.mark.parametrize("study", STUDIES)
def test_every_plan_has_its_time_from_steps_of_its_model(
    command: Bionic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study: str
) -> None:
    asked: list[str] = []

    def timed(spec: bionic.Spec, *_: object) -> float:
        asked.append(spec.name)
        return 7.0

    monkeypatch.setattr(timing, "_probe", timed)
    (tmp_path / "tiny.toml").write_text(FILE)
    words = (study.split(maxsplit=1)[0], *STUDIES[study], "--plan", "--json", "--jobs", "2")
    document = command(*words).document
    assert asked
    found = document.get("estimate") or document
    assert "7" in str(found.get("seconds_per_run", found.get("seconds")))
    lines = " ".join(document.get("notes", ()) or document.get("lines", ()))
    assert "from a timed probe: real training steps, here" in lines


def test_jobs_that_have_no_run_make_nothing_faster() -> None:
    assert in_all(12.0, 3, 2) == 6.0
    assert in_all(12.0, 1, 8) == 12.0
    assert told({"fast": 60.0}, 120.0, 2, 8).startswith("about 60 s for the 2 runs that are left")


@pytest.mark.slow
def test_the_first_estimate_is_the_demos_time_but_for_a_factor_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In seconds of this process, whatever else the machine does."""
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=time.process_time))
    threads, plans, spec = torch.get_num_threads(), Plans(tmp_path), bionic.load("demo")
    torch.set_num_threads(1)
    try:
        said = timing.probe(spec, plans.inputs.get(spec), device="cpu", seconds=3.0)
        begun = time.process_time()
        (outcome,) = one_by_one(Work([Task(0, spec, 0)], tmp_path, device="cpu", plans=plans))
        taken = time.process_time() - begun
    finally:
        torch.set_num_threads(threads)
    assert not outcome.error
    assert taken / 2 < said < taken * 2
