"""Runs side by side: the same numbers as one after the other, and deaths that cost one try."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from safetensors.torch import load_file

import bionic_core as bionic
from bionic_core import Layer, Mechanism, RequestError, hookimpl
from bionic_core.runs.engine import Task, Work
from bionic_core.runs.files import MODEL
from bionic_core.runs.observer import Observers
from bionic_core.spec.spec import compose
from bionic_core.studies.experiment import plan_factorial, run_experiment
from bionic_core.studies.tracking import tracking
from bionic_plugins.engines.local import server
from bionic_plugins.engines.local.workers import longest_first, side_by_side
from tests.support.notes import Notes
from tests.support.observers import told

KEYS = {
    "model": {"layers": {"A": 6, "B": 5}, "projections": ["A->B"]},
    "data": {"source": "schematic", "train": 70, "test": 35},
    "training": {"max_epochs": 2, "patience": 0},
}


@attrs.frozen(eq=False)
class Killer(Mechanism):
    """Kills the process that builds it, so many times."""

    name = "killer"
    kind = "functional"
    tally: str = ""
    times: int = 1

    @hookimpl
    def rate(self, layer: Layer) -> None:
        tally = Path(self.tally)
        done = len(tally.read_text()) if tally.exists() else 0
        if done < self.times:
            tally.write_text("x" * (done + 1))
            os.kill(os.getpid(), signal.SIGKILL)


def spec(mechanisms: dict[str, Any]) -> bionic.Spec:
    registry = bionic.Registry.installed().including(Killer, Teller)
    return compose(KEYS | {"mechanisms": mechanisms}, name="small", registry=registry)


@attrs.frozen(eq=False)
class Teller(Mechanism):
    """Writes down the process that builds it."""

    name = "teller"
    kind = "functional"
    file: str = ""

    @hookimpl
    def rate(self, layer: Layer) -> None:
        process = multiprocessing.current_process().name
        about = {
            "process": process,
            "told": os.environ.get("BIONIC_TOLD"),
            "threads": torch.get_num_threads(),
        }
        Path(self.file).write_text(json.dumps(about))


def outcomes(tasks: list[Task], root: Path) -> dict[int, Any]:
    found = side_by_side(Work(tasks, root, "cpu", jobs=2))
    return {outcome.task.number: outcome for outcome in found}


def test_side_by_side_gives_the_numbers_of_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Notes, "books", {})
    base = spec({"layernorm": {}, "noise": {}})
    experiment = plan_factorial(base, ["noise"], [0, 1], bionic.Registry.installed())
    begun: list[int] = []
    cells = {}
    for jobs, trackers in ((1, []), (2, [Notes()])):
        with tracking(trackers, "side by side", experiment.specs, tmp_path / "told") as tracks:
            cells[jobs] = run_experiment(
                experiment,
                root=tmp_path / str(jobs),
                device="cpu",
                jobs=jobs,
                observer=Observers(tracks, told(begun=lambda task: begun.append(task.number))),
            )
    assert sorted(begun) == [0, 0, 1, 1, 2, 2, 3, 3]
    for one, other in zip(cells[1], cells[2], strict=True):
        assert (one.levels, one.seed) == (other.levels, other.seed)
        assert one.run is not None
        assert other.run is not None
        assert one.run.hash == other.run.hash
        weights = [load_file(run.folder / MODEL) for run in (one.run, other.run)]
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
        page = Notes.books["side by side"][other.run.hash]  # tracked, and the same all the same
        assert page.states == ["finished"]
        losses = [record["train"]["loss"] for record in other.run.history]
        assert [figures["train.loss"] for figures in page.epochs] == losses
    again = run_experiment(experiment, root=tmp_path / "2", device="cpu", jobs=2)
    assert all(cell.run is not None and cell.run.reused for cell in again)


def test_the_last_runs_of_a_study_are_its_shortest() -> None:
    both: dict[str, Any] = {"noise": {}, "weight_decay": {}}
    cells = [spec({}), spec({"noise": {}}), spec(both), spec({"weight_decay": {}})]
    tasks = [Task(n, cells[n % 4], 7 - n // 4) for n in range(8)]
    assert [task.number for task in longest_first(tasks)] == [2, 1, 3, 0, 6, 5, 7, 4]


def test_a_killed_run_is_tried_once_more_and_then_given_up(tmp_path: Path) -> None:
    once, always = (
        spec({"killer": {"tally": str(tmp_path / name), "times": times}})
        for name, times in (("once", 1), ("always", 99))
    )
    found = outcomes([Task(0, once, 0), Task(1, always, 0), Task(2, spec({}), 0)], tmp_path)
    assert found[0].folder is not None
    assert found[2].folder is not None
    assert found[1].folder is None
    assert "killed by SIGKILL, twice" in found[1].error
    assert "fewer --jobs" in found[1].error
    assert (tmp_path / "always").read_text() == "xx"


def test_a_wrong_request_ends_the_study(tmp_path: Path) -> None:
    wrong = spec({})
    wrong = attrs.evolve(wrong, model=attrs.evolve(wrong.model, classes=3))
    with pytest.raises(RequestError, match=r"model\.classes = 3"):
        outcomes([Task(0, wrong, 0)], tmp_path)


@pytest.mark.parametrize("forked", [True, False])
def test_a_worker_has_one_thread_and_todays_environment(
    forked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FORKED", forked and server.FORKED)
    for word in ("one", "two")[: 1 + forked]:  # the first's server is still there for the second
        monkeypatch.setenv("BIONIC_TOLD", word)
        file = tmp_path / word
        found = outcomes([Task(0, spec({"teller": {"file": str(file)}}), 0)], tmp_path / "runs")
        assert found[0].error == ""
        about = json.loads(file.read_text())
        assert about["process"] != "MainProcess"
        assert (about["told"], about["threads"]) == (word, 1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["passive", "20000"]),
        ({"OMP_WAIT_POLICY": "active"}, ["active", None]),
        ({"GOMP_SPINCOUNT": "7"}, ["passive", "7"]),
    ],
)
def test_threads_wait_briefly_unless_the_user_wants_otherwise(
    given: dict[str, str], expected: list[str | None]
) -> None:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {key: value for key, value in os.environ.items() if key not in names}
    said = subprocess.run(
        [sys.executable, "-c", SETTLED], env=environment | given, capture_output=True, check=True
    )
    assert json.loads(said.stdout) == expected


SETTLED = """
import json, os
from bionic_core.base.process import configure_process
configure_process()
print(json.dumps([os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")]))
"""


def test_the_server_starts_before_its_study_imports_torch() -> None:
    program = (
        "import sys\nfrom bionic_plugins.engines.local import Local\nLocal().prepare(2)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.skipif(not server.FORKED, reason="workers are spawned here")
def test_what_is_preloaded_starts_no_thread_and_has_torch() -> None:
    """A process with threads must not be forked; this one ends without taking itself apart."""
    said = subprocess.run(
        [sys.executable, "-c", PRELOADED], capture_output=True, check=True, text=True
    )
    assert json.loads(said.stdout) == {"threads": 1, "torch": True}
    assert said.stderr == ""


PRELOADED = """
import json, os, sys
import bionic_plugins.engines.local.preloaded
class Apart:
    def __del__(self): sys.stderr.write("taken apart")
apart = Apart()
print(json.dumps({
    "threads": len(os.listdir("/proc/self/task")), "torch": "torch" in sys.modules
}), flush=True)
"""
