"""Processes that share a study, or want the same run: each run is trained once, whoever dies."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import filelock
import pytest

import bionic_core as bionic
from bionic_core.base.locks import Claim, held
from bionic_core.errors import BusyError
from bionic_core.runs import train as run_module
from bionic_core.runs.attempt import Queue
from bionic_core.runs.engine import Task
from bionic_core.runs.files import LOCK, RESULT
from bionic_core.runs.folder import Run
from bionic_core.runs.listing import INTERRUPTED, RUNNING, list_runs, state_of
from bionic_core.spec.spec import compose
from bionic_core.statistics.designs import Design, Factor
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment, plan_factorial, run_experiment
from bionic_core.training import epochs
from tests.support.killing import ended, forked, kill, needs_fork, trained
from tests.support.observers import told


def small(**mechanisms: Any) -> bionic.Spec:
    document = {
        "model": {"layers": {"A": 6, "B": 5}, "projections": ["A->B"]},
        "data": {"source": "schematic", "train": 70, "test": 35},
        "training": {"max_epochs": 2, "patience": 0},
        "mechanisms": mechanisms,
    }
    return compose(document, name="small", registry=bionic.Registry.installed())


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import what training does, once for all the processes that are forked."""
    trained(small(), tmp_path_factory.mktemp("warm"))


def waited(until: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def slow(tmp_path: Path, marker: Path) -> Any:
    """Train a run that stays in its first epoch until the marker is gone."""
    parent = os.getpid()

    def wait(task: Task, record: Mapping[str, Any]) -> None:
        while marker.exists() and os.getppid() == parent:  # no longer than the test
            time.sleep(0.01)

    return lambda: trained(small(), tmp_path / "runs", observer=told(epoch=wait))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    path = tmp_path / "marker"
    path.touch()
    return path


def begun(root: Path) -> bool:
    return bool(list(root.glob("*/metrics.jsonl")))


@needs_fork
def test_a_run_that_another_process_trains_is_waited_for(tmp_path: Path, marker: Path) -> None:
    root = tmp_path / "runs"
    child = forked(slow(tmp_path, marker))
    waited(lambda: begun(root))
    (folder,) = root.iterdir()
    assert held(folder / LOCK)
    known = state_of(Run(folder))
    assert (known.state, known.epoch, known.reason) == (RUNNING, 1, None)
    with pytest.raises(BusyError, match="another process trains this run"):
        trained(small(), root, wait=0.0)
    said: list[str] = []

    def say(task: Task, words: str) -> None:
        said.append(words)
        marker.unlink()

    run = trained(small(), root, observer=told(note=say))
    assert ended(child) == 0
    assert said == ["another process trains this run; waiting until it ends"]
    assert run.reused
    assert run.result.epochs == 2
    assert not (folder / LOCK).exists()


@needs_fork
def test_a_lock_dies_with_its_holder(tmp_path: Path, marker: Path) -> None:
    root = tmp_path / "runs"
    child = forked(slow(tmp_path, marker))
    waited(lambda: begun(root))
    kill(child)
    (folder,) = root.iterdir()
    assert (folder / LOCK).exists()
    assert not held(folder / LOCK)
    (known,) = list_runs(root)
    assert (known.state, known.epoch) == (INTERRUPTED, 1)
    run = trained(small(), root, wait=0.0)
    assert not run.reused
    assert [record["epoch"] for record in run.history] == [1, 2]


@needs_fork
def test_two_processes_share_a_study_and_train_no_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = plan_factorial(
        small(noise={}, layernorm={}), ["noise", "layernorm"], [0, 1], bionic.Registry.installed()
    )
    epoch = epochs.train_epoch

    def counted(state: Any, *rest: Any) -> Any:
        record = epoch(state, *rest)
        with (tmp_path / "epochs").open("a") as file:
            print(os.getpid(), file=file)
        time.sleep(0.05)
        return record

    monkeypatch.setattr(run_module, "train_epoch", counted)

    def study() -> list[Cell]:
        return run_experiment(experiment, root=tmp_path / "runs", device="cpu")

    def finish() -> None:
        cells = study()
        hashes = [cell.run.hash for cell in cells if cell.run]
        (tmp_path / f"cells-{os.getpid()}").write_text(json.dumps(hashes))

    children = [forked(finish), forked(finish)]
    waited((tmp_path / "epochs").exists)
    assert [ended(child) for child in children] == [0, 0]
    trainers = (tmp_path / "epochs").read_text().split()
    assert len(trainers) == 8 * 2, "8 runs of 2 epochs, none twice"
    assert len(set(trainers)) == 2, "and both processes trained"
    lists = [json.loads(path.read_text()) for path in tmp_path.glob("cells-*")]
    assert len(lists) == 2
    assert lists[0] == lists[1]
    assert len(set(lists[0])) == 8
    assert not list((tmp_path / "runs").glob(f"*/{LOCK}"))


@needs_fork
def test_the_other_takes_over_where_one_is_killed(tmp_path: Path, marker: Path) -> None:
    experiment = plan_factorial(small(noise={}), ["noise"], [0], bionic.Registry.installed())
    first = experiment.specs[0]

    def stuck() -> None:
        def wait(task: Task, record: Mapping[str, Any]) -> None:
            time.sleep(30)

        trained(first, tmp_path, observer=told(epoch=wait))

    child = forked(stuck)
    waited(lambda: begun(tmp_path))
    said: list[tuple[str, int]] = []

    def say(task: Task, words: str) -> None:
        said.append((words, task.number))
        kill(child)

    cells = run_experiment(experiment, root=tmp_path, device="cpu", observer=told(note=say))
    assert said == [("another process trains it", 0)]
    assert [cell.run is not None and cell.run.result.epochs for cell in cells] == [2, 2]
    assert [cell.reused for cell in cells] == [False, False]


def test_tasks_that_others_train_come_last() -> None:
    tasks = [Task(number, small(), 0) for number in range(3)]
    queue = Queue(tasks)
    first, wait = queue.take()
    assert (first.number, wait) == (0, 0.0)
    queue.later(first)
    order = [queue.take() for _ in range(3)]
    assert [task.number for task, _ in order] == [1, 2, 0]
    assert [wait > 0 for _, wait in order] == [False, False, True]
    assert not queue
    queue.again(tasks[2])
    assert queue.take() == (tasks[2], 0.0)


def test_where_a_file_system_has_no_locks_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lockless(self: object, *arguments: object, **options: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", lockless)
    said: list[str] = []
    run = trained(small(), tmp_path, observer=told(note=lambda task, words: said.append(words)))
    assert run.done
    assert "this file system has no locks (No locks available), so see to it yourself" in said[0]
    (run.folder / LOCK).touch()
    assert not held(run.folder / LOCK)


def test_a_claim_is_taken_once_and_not_through_a_link(tmp_path: Path) -> None:
    with Claim(tmp_path / LOCK) as claim:
        assert not claim.contested
        claim.take(0)
        assert claim.take(0) is claim
        assert claim.contested
        assert held(tmp_path / LOCK)
        claim.remove()
    assert not held(tmp_path / LOCK)
    victim = tmp_path / "victim"
    (tmp_path / "link").symlink_to(victim)
    claim = Claim(tmp_path / "link")
    with pytest.raises(bionic.BionicError, match="cannot be written"):
        claim.take(0)
    assert not victim.exists()


# --- what is there already is not trained again


def test_more_factors_levels_or_seeds_train_only_what_is_missing(tmp_path: Path) -> None:
    registry = bionic.Registry.installed()
    base = small(noise={}, layernorm={})
    trained_now: list[int] = []

    def run(experiment: Experiment) -> int:
        cells = run_experiment(experiment, root=tmp_path, device="cpu")
        assert all(cell.run is not None for cell in cells)
        trained_now.append(sum(not cell.reused for cell in cells))
        return len(cells)

    assert run(plan_factorial(base, ["noise"], [0], registry)) == 2
    assert run(plan_factorial(base, ["noise"], [0, 1], registry)) == 4  # a seed
    assert run(plan_factorial(base, ["noise", "layernorm"], [0, 1], registry)) == 8  # a factor
    assert trained_now == [2, 2, 4]

    def levels(*sigmas: float) -> Experiment:
        cells = tuple({"noise.sigma": sigma} for sigma in sigmas)
        specs = tuple(small(noise={"sigma": sigma}, layernorm={}) for sigma in sigmas)
        return Experiment(base, Design((Factor("noise.sigma", sigmas),), cells, (), (0,)), specs)

    assert run(levels(0.06, 0.1)) == 2  # the first is noise's default, trained above
    assert run(levels(0.06, 0.1, 0.2)) == 3  # a level
    assert trained_now[3:] == [1, 1]
    assert len(list(tmp_path.glob(f"*/{RESULT}"))) == 10
    same = attrs.evolve(levels(0.06, 0.1), specs=(base, base))
    cells = run_experiment(same, root=tmp_path / "twice", device="cpu")
    assert [cell.reused for cell in cells] == [False, True], "one run serves two cells"
