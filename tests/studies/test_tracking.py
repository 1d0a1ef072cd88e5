"""Tracking: trackers are told what is in the runs' folders, once, and change no number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bionic_core as library
from bionic_core import Engine, Recorded, RequestError, Study, Tracked, Tracker
from bionic_core.base.files import write_text
from bionic_core.base.locks import Claim
from bionic_core.registry import Registry
from bionic_core.runs.folder import Run
from bionic_core.runs.observer import Observer, Observers
from bionic_core.runs.task import Task
from bionic_core.runs.train import train
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment, plan_factorial, run_experiment
from bionic_core.studies.tracking import LOCKS, tracking
from bionic_core.training.loop import Progress
from tests.runs.test_runs import CACHE, Stop, cut_after, small
from tests.support.notes import FULL, Notebook, Notes, Page, Twin, installed
from tests.support.observers import told

__all__ = ["installed"]


def study(**tables: Any) -> Experiment:
    """Two cells, with noise and without."""
    return plan_factorial(small(**tables), ["noise"], [0], Registry.installed())


def followed(
    experiment: Experiment,
    root: Path,
    *trackers: Tracker,
    others: tuple[Observer, ...] = (),
    **options: Any,
) -> tuple[list[Cell], list[str]]:
    """Train a study that is tracked; return its cells, and what trackers gave to say."""
    said: list[str] = []
    with tracking(trackers, "study", experiment.specs, root / "tracking", said.append) as tracks:
        cells = run_experiment(
            experiment, root=root, device="cpu", observer=Observers(tracks, *others), **options
        )
    return cells, said


def pages(name: str = "study") -> dict[str, Page]:
    return Notes.books[name]


def numbers(run: Run) -> dict[str, Any]:
    """All that a run gives, less its times."""
    history = [
        {key: value for key, value in record.items() if key not in ("seconds", "images_per_second")}
        for record in run.history
    ]
    kept = {name: (run.folder / name).read_bytes() for name in ("model.safetensors", "spec.toml")}
    return {"history": history, **kept, "logits": run.predictions["test_logits"].tobytes()}


@pytest.mark.parametrize("engine", ["local", "stacked"])
def test_a_study_is_told_run_by_run(tmp_path: Path, engine: str) -> None:
    experiment = study()
    chosen = Registry.installed().get(engine, Engine)()
    cells, said = followed(experiment, tmp_path, Notes(), engine=chosen)
    assert said == []
    ((_, opened),) = Notes.opened
    assert opened == Study("study", tmp_path / "tracking")
    runs = [cell.run for cell in cells if cell.run is not None]
    assert {run.hash for run in runs} == set(pages())
    names = ["without noise, seed 0", "all mechanisms, seed 0"]
    for run, spec, name in zip(runs, experiment.specs, names, strict=True):
        page = pages()[run.hash]
        assert page.states == ["finished"]
        assert page.begun == 1
        told = page.run
        assert (told.name, told.seed, told.cell) == (name, 0, spec.hash)
        assert (told.folder, told.spec) == (run.folder, spec.to_toml())
        assert told.mechanisms == {
            "augmentation": True,
            "convolution": True,
            "noise": "noise" in spec.mechanisms,
            "weight_decay": True,
        }
        assert told.parameters["training.lr"] == 3e-3
        assert told.parameters["model.layers.A"] == 12
        assert told.parameters["mechanisms.convolution.filters"] == "[4, 4]"
        assert ("mechanisms.noise.sigma" in told.parameters) == ("noise" in spec.mechanisms)
        assert len(page.epochs) == len(run.history) == 2
        for figures, record in zip(page.epochs, run.history, strict=True):
            assert figures["train.loss"] == record["train"]["loss"]
            assert figures["validation.accuracy"] == record["validation"]["accuracy"]
            assert (figures["lr"], figures["seconds"]) == (record["lr"], record["seconds"])
        assert page.result["result.test.accuracy"] == run.result.test.accuracy
        assert page.result["result.best_epoch"] == run.result.best_epoch
        assert not [name for name in page.result if "classes" in name or "confusion" in name]
    assert not (tmp_path / "tracking" / LOCKS).exists()


def test_epochs_are_told_as_they_end(tmp_path: Path) -> None:
    seen: list[int] = []
    spec = small(epochs=3)
    count = told(epoch=lambda task, record: seen.append(len(pages()[next(iter(pages()))].epochs)))
    with tracking([Notes()], "study", [spec], tmp_path / "tracking") as tracks:
        observer = Observers(tracks, count)
        train(spec, root=tmp_path, device="cpu", cache=CACHE, observer=observer)
    assert seen == [1, 2, 3]


def test_a_run_that_goes_on_is_told_without_a_gap_and_nothing_twice(tmp_path: Path) -> None:
    spec = small(epochs=4)
    task = Task(0, spec, 0)

    def once(*others: Observer) -> None:
        with tracking([Notes()], "study", [spec], tmp_path / "tracking") as tracks:
            observer = Observers(tracks, *others)
            run = train(spec, root=tmp_path, device="cpu", cache=CACHE, observer=observer)
            observer.finished(task, run)

    with pytest.raises(Stop):
        once(cut_after(1))
    (page,) = pages().values()
    assert (len(page.epochs), page.states) == (1, ["interrupted"])
    # an epoch that nobody was told of: it is in the folder alone
    with pytest.raises(Stop):
        train(spec, root=tmp_path, device="cpu", cache=CACHE, observer=cut_after(2))
    assert len(page.epochs) == 1
    once()
    assert page.states == ["interrupted", "finished"]
    history = Run(page.run.folder).history
    assert [figures["train.loss"] for figures in page.epochs] == [
        record["train"]["loss"] for record in history
    ]
    begun = page.begun
    once()  # all is there
    assert (page.begun, page.states[2:]) == (begun + 1, [])


def test_runs_that_were_finished_before_are_told_from_their_folders(tmp_path: Path) -> None:
    experiment = study()
    followed(experiment, tmp_path)
    assert not (tmp_path / "tracking").exists()
    cells, _ = followed(experiment, tmp_path, Notes())
    assert all(cell.reused for cell in cells)
    assert [(len(page.epochs), page.states) for page in pages().values()] == [
        (2, ["finished"]),
        (2, ["finished"]),
    ]


@pytest.mark.parametrize(
    ("method", "error", "reason"),
    [
        ("begin", FULL, "No space left on device"),
        ("epoch", FULL, "No space left on device"),
        ("epoch", SystemExit(3), "SystemExit: 3"),
        ("end", ConnectionError("the server is gone"), "the server is gone"),
        ("close", FULL, "No space left on device"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_tracker_that_fails_changes_no_run(
    tmp_path: Path, method: str, error: BaseException, reason: str, plain: Mapping[str, Any]
) -> None:
    notes = Notes(fails=method, fault=error)
    cells, said = followed(study(), tmp_path, notes)
    (words,) = said
    assert words.startswith("tracker 'notes' failed (")
    assert reason in words
    assert "No run is changed" in words
    assert "--track notes" in words
    assert {c.run.hash: numbers(c.run) for c in cells if c.run is not None} == plain
    assert not (tmp_path / "tracking" / LOCKS).exists()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The numbers of a study that is not tracked."""
    cells, _ = followed(study(), tmp_path_factory.mktemp("plain"))
    return {cell.run.hash: numbers(cell.run) for cell in cells if cell.run is not None}


def test_tracked_or_not_the_numbers_are_the_same(tmp_path: Path, plain: Mapping[str, Any]) -> None:
    cells, _ = followed(study(), tmp_path, Notes())
    assert {c.run.hash: numbers(c.run) for c in cells if c.run is not None} == plain


def test_one_tracker_fails_and_another_goes_on(tmp_path: Path) -> None:
    _, said = followed(study(), tmp_path, Twin(fails="epoch"), Notes())
    assert len(said) == 1
    assert {page.states[-1] for page in pages().values()} == {"finished"}


def test_a_run_that_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    cells, _ = followed(study(training={"lr": 1e30, "optimizer": "sgd"}), tmp_path, Notes())
    assert [cell.run for cell in cells] == [None, None]
    assert len(pages()) == 2
    for page in pages().values():
        assert page.states == ["failed"]
        assert "training diverged" in page.reason
        assert page.result == {}


def test_ctrl_c_leaves_runs_as_interrupted(tmp_path: Path) -> None:
    def stop(task: Task, moment: Progress) -> None:
        if moment.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        followed(study(), tmp_path, Notes(), others=(told(progress=stop),))
    (page,) = pages().values()
    assert (len(page.epochs), page.states) == (1, ["interrupted"])
    followed(study(), tmp_path, Notes())
    assert [len(page.epochs) for page in pages().values()] == [2, 2]
    assert page.states == ["interrupted", "finished"]


def test_what_another_process_tells_is_not_told_twice(tmp_path: Path) -> None:
    experiment = study()
    cells, _ = followed(experiment, tmp_path)
    first = cells[0].run
    assert first is not None
    with Claim(tmp_path / "tracking" / LOCKS / f"notes-{first.hash}") as claim:
        claim.take(0)
        _, said = followed(experiment, tmp_path, Notes())
    assert said == []
    assert first.hash not in pages()
    assert len(pages()) == 1
    followed(experiment, tmp_path, Notes())
    assert pages()[first.hash].states == ["finished"]


def test_words_after_a_runs_end_are_of_no_account(tmp_path: Path) -> None:
    spec = small()
    task = Task(0, spec, 0)
    run = train(spec, root=tmp_path, device="cpu", cache=CACHE)
    with tracking([Notes()], "study", [spec], tmp_path / "tracking") as tracks:
        tracks.note(task, "another process trains it")
        assert pages() == {}
        tracks.finished(task, run)
        tracks.saved(task, run.folder)
        tracks.failed(Task(1, spec, 1), "it never began")
    (page,) = pages().values()
    assert (page.begun, page.states) == (1, ["finished"])
    with tracking([], "study", [spec], tmp_path / "tracking") as nowhere:
        nowhere.saved(task, run.folder)
        nowhere.finished(task, run)


def test_a_folder_that_cannot_be_read_is_no_trackers_fault(tmp_path: Path) -> None:
    spec = small()
    task = Task(0, spec, 0)
    run = train(spec, root=tmp_path, device="cpu", cache=CACHE)
    said: list[str] = []
    with tracking([Notes()], "study", [spec], tmp_path / "tracking", said.append) as tracks:
        (run.folder / "result.json").unlink()
        write_text(run.folder / "metrics.jsonl", "{")
        tracks.saved(task, run.folder)
        shutil.rmtree(run.folder)
        tracks.finished(task, run)
    assert said == []
    assert not (tmp_path / "tracking" / LOCKS).exists()


def test_a_result_that_cannot_be_read_is_left_to_the_next_command(tmp_path: Path) -> None:
    spec = small()
    task = Task(0, spec, 0)
    run = train(spec, root=tmp_path, device="cpu", cache=CACHE)
    result = run.folder / "result.json"
    written = result.read_bytes()
    for text in (b"{", written):
        result.write_bytes(text)
        with tracking([Notes()], "study", [spec], tmp_path / "tracking") as tracks:
            tracks.finished(task, run)
        assert not (tmp_path / "tracking" / LOCKS).exists()
    (page,) = pages().values()
    assert (len(page.epochs), page.states) == (2, ["finished"])


class Wrong(Notebook):
    """Answers with the wrong kind."""

    def begin(self, run: Tracked) -> Recorded:
        return 3  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (RequestError("no licence for it"), "no licence for it"),
        (
            PermissionError(13, "Permission denied", "/there"),
            "--track notes: nothing can be written there (/there: Permission denied). Name another "
            "folder with --track-to",
        ),
        (RuntimeError("no server"), "--track notes: it cannot be opened (RuntimeError: no server"),
        (SystemExit(2), "it cannot be opened (SystemExit: 2"),
        (None, "its 'open' answered with NoneType; expected a Journal"),
    ],
)
def test_trackers_that_cannot_be_opened_are_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, problem: str
) -> None:
    def opens(self: Tracker, study: Study) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(Notes, "open", opens)
    closed: list[str] = []
    monkeypatch.setattr(Notebook, "close", lambda self: closed.append("closed"))
    monkeypatch.setattr(Twin, "open", lambda self, study: Notebook(study, {}, "", OSError()))
    with pytest.raises(RequestError) as caught:
        followed(study(), tmp_path, Twin(), Notes())
    assert problem in str(caught.value)
    assert closed == ["closed"]
    assert list(tmp_path.iterdir()) == []


def test_an_answer_of_the_wrong_kind_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Notes, "open", lambda self, study: Wrong(study, {}, "", OSError()))
    cells, said = followed(study(), tmp_path, Notes())
    assert "its 'begin' answered with int; expected Recorded" in said[0]
    assert all(cell.run for cell in cells)


def test_the_record_of_a_run_is_there_without_any_tracker(tmp_path: Path) -> None:
    """JSONL always: a line for each epoch, as the epochs end."""
    lines: list[int] = []

    def count(task: Task, record: Mapping[str, Any]) -> None:
        (path,) = tmp_path.glob("*/metrics.jsonl")
        lines.append(len(path.read_text().splitlines()))

    observer = told(epoch=count)
    run = train(small(epochs=3), root=tmp_path, device="cpu", cache=CACHE, observer=observer)
    assert lines == [1, 2, 3]
    (path,) = tmp_path.glob("*/metrics.jsonl")
    first = json.loads(path.read_text().splitlines()[0])
    assert np.isclose(first["train"]["loss"], run.history[0]["train"]["loss"])
    assert library.Tracker is Tracker
