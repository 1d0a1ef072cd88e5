"""TensorBoard and MLflow, read back with their own readers after a real study."""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from bionic_core import Journal, Recorded, Study, Tracked, cli
from bionic_core.runs.folder import Run
from bionic_core.studies.names import flat
from bionic_plugins.trackers.mlflow_tracker import MLflow
from bionic_plugins.trackers.tensorboard_tracker import TensorBoard
from tests.cli.test_cli import Bionic, Said, bionic, refused
from tests.support.notes import done_before
from tests.support.pages import blocks

__all__ = ["bionic"]

LESS = shlex.split("--seeds 1 --device cpu --epochs 2 --set data.train=70 --set data.test=35")
"""Beside the command of the page, so that it takes seconds."""


def command() -> list[str]:
    """The command of the page."""
    ((_, text),) = blocks("how-to/tracking.md", "console")
    return [*shlex.split(text), *LESS]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's study, of four runs."""
    return studied(tmp_path_factory.mktemp("study"))


def studied(folder: Path, *more: str) -> Path:
    """Train and track a study in a folder."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", [*command(), *more])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert not stop.value.code
    return folder


def runs_of(place: Path) -> list[tuple[Run, bool, bool]]:
    """The runs, and whether masks and noise are on."""
    (results,) = (place / "runs").glob("factorial-*.json")
    cells = json.loads(results.read_text())["cells"]
    return [(Run(place / c["run"]), c["levels"]["masks"], c["levels"]["noise"]) for c in cells]


def named(masks: bool, noise: bool) -> str:
    off = [name for name, on in (("masks", masks), ("noise", noise)) if not on]
    return f"without {', '.join(off)}, seed 0" if off else "all mechanisms, seed 0"


def events(folder: Path) -> Any:
    """TensorBoard's own reader of a run's folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    return reader.Reload()


def scalars(reader: Any, tag: str) -> dict[int, float]:
    found = reader.Scalars(tag)
    assert len({event.step for event in found}) == len(found)
    return {event.step: event.value for event in found}


def hyperparameters(reader: Any) -> tuple[str, dict[str, Any]]:
    from tensorboard.plugins.hparams import metadata

    contents = reader.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    info = metadata.parse_session_start_info_plugin_data(contents)
    values = {name: getattr(v, v.WhichOneof("kind")) for name, v in info.hparams.items()}
    return info.group_name, values


def status(reader: Any) -> int:
    from tensorboard.plugins.hparams import metadata

    contents = reader.summary_metadata[metadata.SESSION_END_INFO_TAG].plugin_data.content
    return int(metadata.parse_session_end_info_plugin_data(contents).status)


def texts(reader: Any) -> dict[str, str]:
    from tensorboard.plugins.text.metadata import PLUGIN_NAME

    return {
        tag: reader.Tensors(tag)[-1].tensor_proto.string_val[0].decode()
        for tag in reader.PluginTagToContent(PLUGIN_NAME)
    }


def test_a_study_in_tensorboard(place: Path) -> None:
    (group,) = (place / "runs" / "tracking" / "tensorboard").iterdir()
    (results,) = (place / "runs").glob("factorial-*.json")
    assert group.name == f"demo-{results.stem}"
    folders = {folder.name.rpartition("-")[2]: folder for folder in group.iterdir()}
    assert len(folders) == 4
    for run, masks, noise in runs_of(place):
        folder = folders[run.hash]
        assert (
            folder.name == f"{named(masks, noise).replace(', ', '-').replace(' ', '-')}-{run.hash}"
        )
        reader = events(folder)
        assert [record["epoch"] for record in run.history] == [1, 2]
        for number, record in enumerate(run.history, 1):
            for tag, value in (
                ("train/loss", record["train"]["loss"]),
                ("validation/accuracy", record["validation"]["accuracy"]),
                ("lr", record["lr"]),
                ("seconds", record["seconds"]),
            ):
                assert set(scalars(reader, tag)) == {1, 2}
                assert scalars(reader, tag)[number] == pytest.approx(value)
        result = scalars(reader, "result/test/accuracy")
        assert result == pytest.approx({2: run.result.test.accuracy})
        cell, values = hyperparameters(reader)
        assert cell == run.spec().hash
        assert (values["mechanism.masks"], values["mechanism.noise"]) == (masks, noise)
        assert values["mechanism.convolution"] is True
        assert values["training.max_epochs"] == 2
        assert values["model.layers.A"] == '["4P"]'
        assert status(reader) == 1  # STATUS_SUCCESS
        told = texts(reader)
        assert told["state"] == "finished"
        assert f"* noise: {'on' if noise else 'off'}\n" in told["mechanisms"]
        assert 'source = "schematic"' in told["spec"]
        assert str(run.folder.resolve()) in told["run"]


def mlflow_client(folder: Path) -> Any:
    """MLflow's own client of a database."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def test_a_study_in_mlflow(place: Path) -> None:
    folder = place / "runs" / "tracking"
    client = mlflow_client(folder)
    (results,) = (place / "runs").glob("factorial-*.json")
    group = client.get_experiment_by_name(f"demo-{results.stem}")
    found = {run.data.tags["bionic.hash"]: run for run in client.search_runs([group.experiment_id])}
    assert len(found) == 4
    for run, masks, noise in runs_of(place):
        told = found[run.hash]
        assert told.info.status == "FINISHED"
        assert told.info.run_name == named(masks, noise)
        tags = told.data.tags
        assert tags["mechanism.masks"] == ("on" if masks else "off")
        assert tags["mechanism.noise"] == ("on" if noise else "off")
        assert tags["mechanism.convolution"] == "on"
        assert tags["bionic.folder"] == str(run.folder.resolve())
        assert told.data.params["training.max_epochs"] == "2"
        assert told.data.params["data.drop_leaks"] == "false"
        assert told.data.params["seed"] == "0"
        for name in ("train.loss", "validation.accuracy", "lr"):
            metrics = client.get_metric_history(told.info.run_id, name)
            assert [(metric.step, metric.value) for metric in metrics] == [
                (record["epoch"], flat(record)[name]) for record in run.history
            ]
        assert told.data.metrics["result.test.accuracy"] == run.result.test.accuracy
        files = {file.path for file in client.list_artifacts(told.info.run_id)}
        assert files == {"spec.toml", "metrics.jsonl", "manifest.json", "result.json"}
    on = client.search_runs([group.experiment_id], "tags.`mechanism.noise` = 'on'")
    assert {run.data.tags["bionic.hash"] for run in on} == {
        run.hash for run, _, noise in runs_of(place) if noise
    }


@pytest.mark.slow
def test_a_study_of_processes_side_by_side(tmp_path: Path) -> None:
    test_a_study_in_tensorboard(studied(tmp_path, "--jobs", "2"))
    test_a_study_in_mlflow(tmp_path)


def test_the_same_study_again_adds_nothing(
    place: Path, bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    board = place / "runs" / "tracking" / "tensorboard"
    before = {path: path.read_bytes() for path in board.rglob("*") if path.is_file()}
    said = bionic(*command()[1:], "--json")
    assert said.code == 0, said.err
    assert done_before(said.err) == 4
    assert "failed (" not in said.err
    assert {path: path.read_bytes() for path in board.rglob("*") if path.is_file()} == before
    client = mlflow_client(place / "runs" / "tracking")
    found = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert len(found) == 4
    assert len(client.get_metric_history(found[0].info.run_id, "result.test.loss")) == 1


def test_the_page_reads_what_was_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    read: dict[str, Any] = {}
    exec("".join(text for _, text in blocks("how-to/tracking.md", "python")), read)
    words = {True: "on", False: "off"}
    assert read["accuracy"] == {
        (words[masks], words[noise]): run.result.test.accuracy
        for run, masks, noise in runs_of(place)
    }
    (whole,) = (run for run, masks, noise in runs_of(place) if masks and noise)
    losses = [record["train"]["loss"] for record in whole.history]
    assert read["losses"] == pytest.approx(losses)
    shown = "".join(text for _, text in blocks("how-to/tracking.md", "sh"))
    for path in ("runs/tracking/tensorboard", "runs/tracking/mlflow.db"):
        assert path in shown
        assert Path(path).exists()


def tracked(folder: Path, hash_: str = "0123456789abcdef") -> Tracked:
    """A run that nobody trains."""
    run = folder / hash_
    run.mkdir(exist_ok=True)
    for name in ("spec.toml", "result.json"):
        (run / name).write_text("{}")
    return Tracked(
        hash=hash_,
        name="without a/b: c, seed 3",
        cell="cell",
        seed=3,
        mechanisms={"a/b: c": False, "d": True},
        parameters={"x": 1.5, "on": True, "of layers": "[1]", "odd→": "→" * 7000},
        spec="[model]\n",
        folder=run,
    )


def tell(journal: Journal, run: Tracked, *numbers: int) -> Recorded:
    held = journal.begin(run)
    for number in numbers:
        journal.epoch(run, number, {"train.loss": 1 / number, "lr": 0.1})
    return held


def test_a_run_goes_on_in_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    study, run = Study("a study: of 2", tmp_path), tracked(tmp_path)

    def opened() -> Journal:
        return TensorBoard().open(study)

    assert tell(opened(), run, 1, 2) == Recorded()
    (folder,) = (tmp_path / "tensorboard" / "a-study-of-2").iterdir()
    assert folder.name == f"without-a-b-c-seed-3-{run.hash}"
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-3])  # a process that was killed while it wrote
    journal = opened()
    assert tell(journal, run, 2, 3) == Recorded(1)
    journal.end(run, "failed", {}, "out of memory")
    reader = events(folder)
    assert status(reader) == 2  # STATUS_FAILURE
    assert texts(reader)["state"] == "failed: out of memory"
    journal = opened()
    assert tell(journal, run, 4) == Recorded(3)
    journal.end(run, "interrupted", {}, "")
    journal = opened()
    assert tell(journal, run, 5) == Recorded(4)
    journal.end(run, "finished", {"result.epochs": 5, "result.test.loss": 0.5}, "")
    reader = events(folder)
    assert scalars(reader, "train/loss") == pytest.approx({n: 1 / n for n in range(1, 6)})
    assert scalars(reader, "result/test/loss") == {5: 0.5}
    assert status(reader) == 1
    assert texts(reader)["state"] == "finished"
    assert opened().begin(run) == Recorded(finished=True)


def test_a_run_goes_on_in_mlflow(place: Path, tmp_path: Path) -> None:
    folder = place / "runs" / "tracking"  # making another database would take seconds
    study, run = Study("a study: of 2", folder), tracked(tmp_path)

    def opened() -> Journal:
        return MLflow().open(study)

    client = mlflow_client(folder)

    def found() -> Any:
        group = client.get_experiment_by_name(study.name).experiment_id
        (one,) = client.search_runs([group])
        return one

    journal = opened()
    assert tell(journal, run, 1, 2) == Recorded()
    told = found()
    assert told.info.status == "RUNNING"
    assert told.data.tags["mechanism.a/b_ c"] == "off"
    assert told.data.params["of layers"] == "[1]"
    assert len(told.data.params["odd_"]) == 6000
    journal.end(run, "failed", {}, "out of memory")
    told = found()
    assert (told.info.status, told.data.tags["bionic.reason"]) == ("FAILED", "out of memory")
    journal = opened()
    assert tell(journal, run, 3) == Recorded(2)
    told = found()
    assert told.info.status == "RUNNING"
    assert "bionic.reason" not in told.data.tags
    journal.end(run, "interrupted", {}, "")
    assert found().info.status == "KILLED"
    group = client.get_experiment_by_name(study.name).experiment_id
    client.delete_experiment(group)
    journal = opened()  # which brings it back
    assert tell(journal, run) == Recorded(3)
    journal.end(run, "finished", {"result.epochs": 3, "result.test.loss": 0.5}, "")
    told = found()
    assert told.info.status == "FINISHED"
    history = client.get_metric_history(told.info.run_id, "train.loss")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert told.data.metrics["result.test.loss"] == 0.5
    assert opened().begin(run) == Recorded(finished=True)


@pytest.mark.parametrize(
    ("name", "package"),
    [("tensorboard", "tensorboard"), ("mlflow", "mlflow"), ("mlflow", "sqlalchemy")],
)
def test_without_the_extra_one_line_names_it(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    real = importlib.util.find_spec
    for module in ("tensorboard_tracker", "mlflow_tracker"):
        monkeypatch.setattr(
            f"bionic_plugins.trackers.{module}.find_spec",
            lambda asked: None if asked == package else real(asked),
        )
    said: Said = bionic("train", "demo", "--track", name)
    refused(said, f"--track {name} needs", f"pip install 'bionic-connectome[{name}]'")
    assert len(said.err.strip().splitlines()) == 1


def test_places_that_cannot_be_used(bionic: Bionic, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    (tmp_path / "taken").write_text("")
    said = bionic("train", "demo", "--track", "tensorboard", "--track-to", "taken/here")
    refused(said, "--track tensorboard: nothing can be written there", "--track-to")


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("localhost:5000", "--server localhost:5000: must be the address of an MLflow tracking"),
        ("http://localhost:9", "--track mlflow: http://localhost:9 cannot be used ("),
    ],
)
def test_servers_that_are_none(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str, problem: str
) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    there = ("--track-to", tmp_path / "there")
    said = bionic("train", "demo", "--track", "mlflow", *there, "--server", server)
    refused(said, problem)


def test_a_damaged_database_is_refused(place: Path, bionic: Bionic, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mlflow.db").write_bytes(b"no database" * 1000)
    said = bionic("train", "demo", "--track", "mlflow", "--track-to", "there")
    refused(said, "--track mlflow", "file is not a database")


def test_neither_tool_is_imported_unless_it_is_asked_for() -> None:
    program = (
        "import sys\n"
        "from bionic_core import Registry, Tracker\n"
        "for name in ('tensorboard', 'mlflow'): Registry.installed().get(name, Tracker)()\n"
        "heavy = {'torch', 'mlflow', 'tensorboard', 'sqlalchemy'} & {*sys.modules}\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_mlflow_reports_nothing_to_its_makers(place: Path) -> None:
    from mlflow.telemetry.utils import is_telemetry_disabled

    settings: Mapping[str, str] = attrs.asdict(MLflow())
    assert settings == {"server": ""}
    assert is_telemetry_disabled()
