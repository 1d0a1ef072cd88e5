"""Runs that fail: why, in words; tried again where the machine was to blame; the rest goes on."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch

import bionic_core as bionic
from bionic_core import Layer, Mechanism, hookimpl
from bionic_core.actions.progress import Tally
from bionic_core.base import failures
from bionic_core.base.unwritten import WriteError
from bionic_core.runs import train as run_module
from bionic_core.runs.attempt import outcome_of
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.files import FAILURE
from bionic_core.runs.folder import Run
from bionic_core.runs.listing import FAILED, FINISHED, list_runs
from bionic_core.runs.planned import Plans
from bionic_core.spec.spec import compose
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import plan_factorial, run_experiment
from bionic_core.studies.responses import missing_notes
from bionic_core.training import epochs
from bionic_core.training import loop as training_module
from bionic_core.training.figures import PlainFigures
from bionic_plugins.engines.local import workers
from bionic_plugins.engines.local.workers import side_by_side
from tests.support.killing import CACHE, forked, kill, needs_fork


def small(*plugins: type[Mechanism], **mechanisms: Any) -> bionic.Spec:
    document = {
        "model": {"layers": {"A": 6, "B": 5}, "projections": ["A->B"]},
        "data": {"source": "schematic", "train": 70, "test": 35},
        "training": {"max_epochs": 2, "patience": 0},
        "mechanisms": mechanisms,
    }
    registry = bionic.Registry.installed().including(*plugins)
    return compose(document, name="small", registry=registry)


def tried(root: Path, spec: bionic.Spec | None = None) -> Outcome:
    return outcome_of(Task(0, spec or small(), 0), Plans(root, CACHE), device="cpu")


def failing(monkeypatch: pytest.MonkeyPatch, *errors: Exception | None) -> list[int]:
    """Raise these in the epochs that are trained, one after the other; None is none."""
    epoch, coming, trained = epochs.train_epoch, list(errors), [0]

    def sometimes(*arguments: Any) -> Any:
        error = coming.pop(0) if coming else None
        if error is not None:
            raise error
        trained[0] += 1
        return epoch(*arguments)

    monkeypatch.setattr(run_module, "train_epoch", sometimes)
    return trained


ALLOCATOR = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), ALLOCATOR, OSError(5, "I/O")],
)
def test_the_machines_failures_are_tried_once_more_from_the_last_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    trained = failing(monkeypatch, None, error)
    outcome = tried(tmp_path)
    assert outcome.folder is not None
    assert trained == [2], "the first epoch is not trained again"
    assert not (outcome.folder / FAILURE).exists()


def test_a_second_failure_is_recorded_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, None, MemoryError(), MemoryError())
    outcome = tried(tmp_path)
    assert outcome.folder is None
    assert outcome.error == (
        "out of memory (MemoryError); fewer --jobs, or a smaller training.batch_size, need less, "
        "twice"
    )
    (told,) = list_runs(tmp_path)
    assert (told.state, told.epoch) == (FAILED, 1)
    assert told.reason is not None
    assert told.reason.startswith("out of memory (MemoryError)")
    failing(monkeypatch)
    assert tried(tmp_path).folder is not None, "the same command goes on"
    assert list_runs(tmp_path)[0].state == FINISHED


def test_the_runs_own_failures_are_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = failing(monkeypatch, TypeError("no such argument"))
    outcome = tried(tmp_path)
    assert outcome.error.startswith("TypeError: no such argument (test_failures.py, line ")
    assert trained == [0]
    (folder,) = tmp_path.iterdir()
    record = json.loads((folder / FAILURE).read_text())
    assert "Traceback" in record["traceback"]
    assert Run(folder).failure == record["reason"] == outcome.error


def test_a_figure_that_is_no_number_is_divergence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object) -> PlainFigures:
        return PlainFigures(math.nan, math.nan, 0.1, 3)

    monkeypatch.setattr(training_module, "metrics", nowhere)
    outcome = tried(tmp_path)
    assert "the accuracy to select by is nan in epoch 1: training diverged" in outcome.error
    assert list_runs(tmp_path)[0].state == FAILED


def test_a_damaged_folder_fails_alone_and_a_full_disk_ends_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = plan_factorial(small(noise={}), ["noise"], [0, 1], bionic.Registry.installed())
    first = run_experiment(experiment, root=tmp_path, device="cpu")[0].run
    assert first is not None
    (first.folder / "metrics.jsonl").write_text("{}\n")
    cells = run_experiment(experiment, root=tmp_path, device="cpu")
    assert [cell.run is None for cell in cells] == [True, False, False, False]
    assert "metrics.jsonl: damaged: it is not what was written" in cells[0].error
    told = missing_notes(cells)
    assert told[0].startswith("missing: 1 of 4 runs failed (noise off, seed 0: ")
    assert "so seed 0 cannot be compared in every combination" in told[1]

    failing(monkeypatch, None, WriteError(28, "No space left on device", "x"))
    with pytest.raises(WriteError, match="x: cannot be written"):
        run_experiment(experiment, root=tmp_path / "other", device="cpu")


def test_what_is_missing_and_what_follows() -> None:
    run = Run(Path("x"))

    def cells(*failed: tuple[bool, int]) -> list[Cell]:
        places = [(on, seed) for seed in (0, 1) for on in (False, True)]
        return [
            Cell({"a": on}, seed, None if (on, seed) in failed else run, "why" if failed else "")
            for on, seed in places
        ]

    assert missing_notes(cells()) == []
    assert "no run at all" not in " ".join(missing_notes(cells((True, 0))))
    told = missing_notes(cells((True, 0), (True, 1)))
    assert told[0] == "missing: 2 of 4 runs failed (a on, seed 0: why; a on, seed 1: why)"
    assert told[1].startswith("no run at all of a on: ")
    assert told[2].startswith("so seeds 0, 1 cannot be compared")
    assert "variant" in missing_notes(cells((True, 0)), lambda cell: "variant")[0]


# --- processes


@attrs.frozen(eq=False)
class Sleeper(Mechanism):
    """Writes down the process that builds it, and sleeps."""

    name = "sleeper"
    kind = "functional"
    place: str = ""

    @hookimpl
    def rate(self, layer: Layer) -> None:
        Path(self.place).write_text(str(os.getpid()))
        time.sleep(60)


@needs_fork
def test_workers_end_with_a_study_that_is_killed(tmp_path: Path) -> None:
    spec = small(Sleeper, sleeper={"place": str(tmp_path / "pid")})

    def study() -> None:
        list(side_by_side(Work([Task(0, spec, 0)], tmp_path, "cpu")))

    child = forked(study)
    end = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())
    os.kill(worker, 0)
    kill(child)
    end = time.monotonic() + 10
    while alive(worker):
        assert time.monotonic() < end, "an orphan"
        time.sleep(0.02)


def alive(process: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_death_is_told_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counts = tmp_path / "vmstat"
    monkeypatch.setattr(failures, "VMSTAT", counts)

    @attrs.frozen
    class Dead:
        exitcode: int

    def death(code: int, before: int | None, after: str) -> str:
        counts.write_text(after)
        return workers._death(workers._Worker(Dead(code), None, before))  # type: ignore[arg-type]

    killed = -signal.SIGKILL
    assert death(killed, 3, "oom_kill 4\n").startswith("out of memory: the system killed its")
    assert death(killed, 3, "oom_kill 3\n").startswith("its process was killed by SIGKILL, twice")
    assert death(killed, None, "nothing 1\n").startswith("its process was killed by SIGKILL")
    assert death(-signal.SIGSEGV, 3, "oom_kill 4\n").startswith("its process was killed by SIGSEGV")
    assert death(-63, 0, "oom_kill 4\n").startswith("its process was killed by signal 63")
    assert death(7, 0, "") == "its process ended with code 7, twice"


# --- progress


def test_the_rest_is_estimated_from_the_work_seen() -> None:
    now = [0.0]
    tally = Tally(6, lambda: now[0])
    assert str(tally) == "0 of 6 done, 0 running, 0 failed"
    tally.begin(0)
    tally.end(0, failed=False, reused=True)
    assert tally.seconds is None, "what was done before tells nothing"
    for number in (1, 2):
        tally.begin(number)
        tally.watch(number, 0.0)
    now[0] = 10.0
    tally.watch(1, 0.5)
    tally.watch(2, 0.5)
    assert tally.seconds == pytest.approx(40.0)  # a run's work in 10 s; 4 of 6 are left
    tally.end(1, failed=False, reused=False)
    assert str(tally) == "2 of 6 done, 1 running, 0 failed, about 23 s left"
    tally.end(2, failed=True, reused=False)
    tally.begin(3)
    tally.watch(3, 0.8)  # it went on from there, so most of it is no work of now
    assert tally.seconds == pytest.approx(2.2 * 10 / 1.5)
    assert (tally.done, tally.reused, tally.failed) == (2, 1, 1)


def test_a_study_tells_how_it_stands_in_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from rich.console import Console

    from bionic_core.actions import progress
    from bionic_core.training.loop import Progress

    file = io.StringIO()
    monkeypatch.setattr(progress, "STATUS_EVERY", -1.0)
    with progress.Display(Console(file=file), runs=3) as display:
        first, second = (Task(number, small(), 0, "everything on") for number in (0, 1))
        display.begun(first)
        display.progress(first, Progress(2, 4, 0, 100))
        display.note(second, "another process trains it")
        display.failed(first, "it diverged")
    lines = file.getvalue().splitlines()
    assert lines[0] == "0 of 3 done, 1 running, 0 failed: run 1 epoch 2 of 4"
    assert lines[1] == "run 2: another process trains it"
    failed = (
        "run 1/3  everything on, seed 0: FAILED: it diverged  [0 of 3 done, 0 running, 1 failed"
    )
    assert lines[2].startswith(failed)
