"""The Ray engine without a cluster: options, what a node lacks, what becomes of lost runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.runs import sending
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.files import STATE
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.observer import Observer
from bionic_core.runs.planned import PlannedRun
from bionic_core.runs.train import train
from bionic_plugins.engines.ray import engine as ray_engine
from bionic_plugins.engines.ray import tasks as ray_tasks
from bionic_plugins.engines.ray.engine import Ray
from bionic_plugins.engines.ray.tasks import Desk, Order
from tests.cli.test_cli import SMALL, Bionic, refused
from tests.cli.test_cli import bionic as command
from tests.support.killing import assert_same
from tests.support.observers import told as observer
from tests.support.options import from_options
from tests.support.ray_cluster import Told, ray, small

__all__ = ["command"]

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, of sockets and of what is to come


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--cpus", "1.5"], "must be a share from 0 to 1, or a whole number"),
        (["--gpus", "-1"], "must be a share from 0 to 1, or a whole number"),
        (["--retries", "-2"], "--retries"),
        (["--results", "post"], "must be one of"),
        (["--addres", "x"], "Did you mean '--address'?"),
    ],
)
def test_options_that_are_wrong(words: list[str], problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        from_options(Ray, words)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "work", "problem"),
    [
        (Ray(), {"jobs": 2}, "--jobs: with --engine ray, as many runs go at a time as"),
        (Ray(), {"device": "cuda"}, "give one, for example --gpus 0.25"),
        (Ray(address="ray://here:10001"), {}, "give the command on a node of the cluster"),
        (Ray(address="nonsense"), {}, "--address nonsense: no Ray cluster to be had there ("),
    ],
)
def test_requests_that_are_wrong(
    tmp_path: Path, engine: Ray, work: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RequestError) as caught:
        list(engine.train(Work([], tmp_path, **work)))
    assert problem in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_without_the_extra_one_line_names_it(
    command: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bionic_plugins.engines.ray.engine.find_spec", lambda name: None)
    words = ("factorial", "--mechanisms", "masks", "--seeds", "1", *SMALL)
    said = command(*words, "--engine", "ray", "--address", "auto")
    refused(said, "pip install 'bionic-connectome[ray]'")
    assert said.err.splitlines()[-1].startswith("bionic: --engine ray needs Ray")


def test_the_desk_keeps_what_a_run_can_go_on_from(tmp_path: Path) -> None:
    kept: list[dict[str, bytes]] = []
    run = train(small(), root=tmp_path / "apart", device="cpu", observer=snapshots(kept))
    desk, there = Desk(), tmp_path / "runs" / run.hash
    (first, files), error = desk.ask("begin", 0, there, 0.0)
    assert (files, error) == ({}, None)
    other = Desk().ask("begin", 7, there, 0.0)
    assert "another process trains this run" in str(other[1])
    for snapshot in kept[:2]:  # the spec and the manifest; the first epoch
        assert desk.ask("keep", 0, first, there, snapshot) == (True, None)
    (second, files), _ = desk.ask("begin", 0, there, 0.0)
    assert files == kept[1]
    assert desk.ask("keep", 0, first, there, kept[2]) == (False, None)
    assert sending.unfinished_files(there) == kept[1]
    desk.ask("end", 0, second, there, sending.finished_files(run.folder), "")
    assert Run(there).verify()
    assert {path.name for path in there.iterdir()} == {path.name for path in run.folder.iterdir()}
    assert_same(Run(there), run)
    desk.tell(0, "a word")
    assert [word.content for word in desk.words()] == ["a word"]
    assert desk.words() == []


def snapshots(kept: list[dict[str, bytes]]) -> Observer:
    return observer(saved=lambda task, folder: kept.append(sending.unfinished_files(folder)))


def test_a_damaged_checkpoint_is_refused_by_the_desk(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"what is this")
    value, error = Desk().ask("begin", 0, tmp_path, 0.0)
    assert value is None
    assert "damaged" in str(error)


def order(spec: bionic.Spec, root: Path, **changes: Any) -> Order:
    inputs = InputCache().get(spec)
    plain = Order(
        number=0,
        tables=spec.document(),
        name=spec.name,
        where="",
        seed=0,
        hash=PlannedRun.of(spec, 0, inputs, root).hash,
        root=root,
        probe="",
        must_share=False,
        device="cpu",
        wait=0.0,
        packages=("bionic", "toys"),
    )
    return attrs.evolve(plain, **changes)


def test_a_node_that_would_compute_otherwise_says_so(tmp_path: Path) -> None:
    spec = small()
    inputs = InputCache().get(spec)
    assert ray_tasks._spec(order(spec, tmp_path), inputs).hash == spec.hash
    with pytest.raises(RequestError) as caught:
        ray_tasks._spec(order(spec, tmp_path, hash="0" * 16), inputs)
    assert "the run would have other numbers there: the core or a plugin" in str(caught.value)
    assert "Install on every node what is installed here: bionic, toys" in str(caught.value)
    assert "of the Ray cluster" in caught.value.where


def test_a_folder_that_a_node_does_not_see_is_refused_where_it_must(tmp_path: Path) -> None:
    spec = small()
    wanted = order(spec, tmp_path, probe="nowhere", must_share=True)

    def nobody(*_: Any) -> Any:
        raise AssertionError("nothing is to be asked or told")

    with pytest.raises(RequestError) as caught:
        ray_tasks._train(wanted, spec, InputCache().get(spec), nobody, nobody)
    assert f"--results folder: {tmp_path} is not the same folder there" in str(caught.value)
    assert "or --results store" in str(caught.value)
    assert not list(tmp_path.iterdir())


def _after(error: Exception, root: Path, monkeypatch: pytest.MonkeyPatch, **engine: Any) -> Outcome:
    """Return what a study makes of a task that Ray gives up with this error."""

    def get(ref: object) -> Any:
        raise error

    monkeypatch.setattr(ray, "get", get)
    scheduler = object.__new__(ray_engine._Study)
    scheduler._engine, scheduler._work = Ray(**engine), Told().work([], root)
    scheduler._orders = {0: (order(small(), root, hash="f" * 16), None)}
    outcome: Outcome = scheduler._outcome(None, Task(0, small(), 0))
    return outcome


def test_a_node_that_cannot_run_bionic_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = ModuleNotFoundError("No module named 'bionic_plugins'")
    error = ray.exceptions.RayTaskError("train", "traceback", cause)
    with pytest.raises(RequestError) as caught:
        _after(error, tmp_path, monkeypatch)
    assert "a node of the Ray cluster cannot run bionic (No module named" in str(caught.value)
    assert "Install on every node the same bionic-connectome[ray]" in str(caught.value)


def test_a_run_that_ray_ends_for_its_memory_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ("f" * 16)).mkdir()
    outcome = _after(ray.exceptions.OutOfMemoryError("it grew"), tmp_path, monkeypatch)
    assert outcome.error.startswith("out of memory: Ray ended its process; a larger share (--cpus)")
    assert Run(tmp_path / ("f" * 16)).failure == outcome.error
    crash = ray.exceptions.WorkerCrashedError()
    assert "died, and so did 2 retries (Ray: WorkerCrashedError" in (
        _after(crash, tmp_path, monkeypatch, retries=2).error
    )
