"""The Ray engine, on real clusters of several nodes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest

import bionic_core as bionic
from bionic_core import Mechanism, RequestError
from bionic_core.runs import checkpoint as checkpoints
from bionic_core.runs import transfer
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.folder import LOCK, RESULT, STATE, Run
from bionic_core.runs.inputs import InputCache
from bionic_core.runs.observer import Observer
from bionic_core.runs.planned import PlannedRun
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from bionic_core.training.loop import Moment
from bionic_plugins.engines.ray import engine as ray_engine
from bionic_plugins.engines.ray import tasks as ray_tasks
from bionic_plugins.engines.ray.engine import Ray
from bionic_plugins.engines.ray.tasks import Desk, Order
from tests.cli.test_cli import SMALL, Bionic, refused
from tests.cli.test_cli import bionic as command
from tests.support.killing import assert_same
from tests.support.observers import told as observer
from tests.support.options import from_options

__all__ = ["command"]

# Read when Ray is imported. Otherwise workers wait for all else on a busy machine, and are made
# anew under "uv run".
os.environ |= {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
ray = pytest.importorskip("ray", reason="needs bionic[ray]")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, of sockets and of what is to come

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


def small(seconds: float = 0, **training: Any) -> bionic.Spec:
    """A run of a moment; or of about so many seconds, on a machine with nothing else to do."""
    size = {"train": 70, "test": 35}
    if seconds:
        size = {"train": 2000, "test": 100}
        training |= {"max_epochs": max(2, round(seconds))}
    document = {
        "model": {"layers": {"A": 6, "B": 5}, "projections": ["A->B"]},
        "data": {"source": "schematic", **size},
        "training": {"max_epochs": 2, "patience": 0} | training,
        "mechanisms": {"convolution": {}, "noise": {}, "layernorm": {}},
    }
    return compose(document, name="small", registry=bionic.Registry.installed())


@contextmanager
def cluster(**head: Any) -> Iterator[Any]:
    """A cluster of one node, to which this program is connected; more can be added."""
    from ray.cluster_utils import Cluster

    def keep_every_epoch() -> None:
        checkpoints.SAVES_EVERY = 0.0

    made = Cluster(initialize_head=True, head_node_args=NODE | head)
    hook = {"worker_process_setup_hook": keep_every_epoch}
    try:
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR", runtime_env=hook)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@attrs.define
class Told:
    """What a study said while it went on."""

    begun: list[int] = attrs.field(factory=list)
    moments: list[tuple[int, Moment]] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)
    saved: list[Path] = attrs.field(factory=list)

    def work(self, tasks: list[Task], root: Path, **others: Callable[..., Any]) -> Work:
        calls: dict[str, Callable[..., Any]] = {
            "begun": lambda task: self.begun.append(task.number),
            "progress": lambda task, moment: self.moments.append((task.number, moment)),
            "note": lambda task, words: self.said.append(words),
            "saved": lambda task, folder: self.saved.append(folder),
        }
        return Work(
            tasks,
            root,
            "cpu",
            observer=observer(**calls | others),
        )


def by_number(outcomes: Any) -> dict[int, Outcome]:
    return {outcome.task.number: outcome for outcome in outcomes}


def runs(outcomes: dict[int, Outcome]) -> list[Run]:
    assert all(o.folder is not None for o in outcomes.values()), [*outcomes.values()]
    return [Run(o.folder) for _, o in sorted(outcomes.items()) if o.folder is not None]


def test_a_cluster_gives_the_numbers_of_this_machine(tmp_path: Path) -> None:
    task, told = Task(0, small(), 0), Told()
    with cluster():
        (run,) = runs(by_number(Ray(results="store").train(told.work([task], tmp_path / "ray"))))
    assert told.saved == [run.folder.resolve()] * (1 + len(run.history))  # as it goes, for trackers
    assert_same(run, train(task.spec, root=tmp_path / "here", device="cpu"))


@pytest.mark.slow
def test_runs_of_a_study_on_a_cluster(tmp_path: Path) -> None:
    tasks = [Task(0, small(), 0), Task(1, small(lr=1e30), 1), Task(2, small(), 2)]
    told = Told()
    with cluster():
        found = by_number(Ray(results="store").train(told.work(tasks, tmp_path / "store")))
        again = by_number(Ray().train(Told().work([tasks[0], tasks[2]], tmp_path / "store")))
        near = Told()
        shared = by_number(Ray(results="folder").train(near.work([tasks[0]], tmp_path / "f")))
    assert "the loss is" in found[1].error
    assert found[1].folder is None
    assert sorted(told.begun) == [0, 1, 2]
    assert {number for number, _ in told.moments} >= {0, 2}
    assert all(outcome.reused for outcome in again.values())
    here = [
        train(task.spec, seed=task.seed, root=tmp_path / "here", device="cpu")
        for task in tasks[::2]
    ]
    assert near.saved == [tmp_path / "f" / here[0].hash] * (1 + len(here[0].history))
    pairs = ((found[0], here[0]), (found[2], here[1]), (shared[0], here[0]))
    for outcome, other in pairs:
        assert outcome.folder is not None
        assert outcome.folder.name == other.hash
        assert_same(Run(outcome.folder), other)
        assert Run(outcome.folder).verify()
        assert not (outcome.folder / LOCK).exists()
        assert not (outcome.folder / STATE).exists()
    assert found[0].folder is not None
    assert Run(found[0].folder).result.run == str(found[0].folder.resolve())
    failed = [path for path in (tmp_path / "store").iterdir() if not (path / RESULT).exists()]
    assert [Run(path).failure for path in failed] == [found[1].error]


def interrupted(
    engine: Ray, tasks: list[Task], root: Path, act: Callable[[Moment], None]
) -> tuple[Told, dict[int, Outcome]]:
    """Train, and act once when a run is in its third epoch or later."""
    told, acted = Told(), False

    def watch(task: Task, moment: Moment) -> None:
        nonlocal acted
        if moment.epoch >= 3 and not acted:
            acted = True
            act(moment)

    work = told.work(tasks, root, progress=watch)
    found = by_number(engine.train(work))
    assert acted
    return told, found


def lost(run: Run, killed: Moment) -> int:
    """Epochs that a run lost to its interruption: 0 is all but the one under way."""
    (resumed,) = run.manifest["resumed"]
    return killed.epoch - 1 - int(resumed["after_epoch"])


@pytest.mark.slow
def test_a_node_killed_costs_the_epoch_under_way_and_one_that_joins_goes_on(tmp_path: Path) -> None:
    task = Task(0, small(12), 0)
    killed: list[Moment] = []
    with cluster(num_cpus=0) as nodes:
        node = nodes.add_node(**NODE)

        def replace(moment: Moment) -> None:
            killed.append(moment)
            nodes.remove_node(node, allow_graceful=False)
            nodes.add_node(**NODE)

        told, found = interrupted(Ray(results="store"), [task], tmp_path / "store", replace)
    (run,) = runs(found)
    assert told.begun == [0]
    assert lost(run, killed[0]) <= 0
    assert_same(run, train(task.spec, root=tmp_path / "here", device="cpu"))


@pytest.mark.slow
def test_a_node_that_stays_dead_is_a_reason(tmp_path: Path) -> None:
    with cluster(num_cpus=0) as nodes:
        node = nodes.add_node(**NODE)
        engine, tasks = Ray(results="store", retries=0), [Task(0, small(12), 0)]
        _, found = interrupted(
            engine, tasks, tmp_path, lambda _: nodes.remove_node(node, allow_graceful=False)
        )
    assert "its process or its node died, once (Ray: " in found[0].error
    (folder,) = tmp_path.iterdir()
    assert Run(folder).failure == found[0].error
    assert (folder / STATE).is_file()


@pytest.mark.slow
def test_runs_wait_for_a_node_with_room_and_ctrl_c_cancels_them(tmp_path: Path) -> None:
    tasks = [Task(0, small(12), 0), Task(1, small(12), 1)]
    with cluster(num_cpus=0) as nodes:
        told = Told()

        def watch(task: Task, moment: Moment) -> None:
            told.moments.append((task.number, moment))
            if moment.epoch >= 3:
                raise KeyboardInterrupt

        def say(task: Task, words: str) -> None:
            told.said.append(words)
            nodes.add_node(**NODE)

        work = told.work(tasks, tmp_path / "store", progress=watch, note=say)
        with pytest.raises(KeyboardInterrupt):
            list(Ray(results="store").train(work))
        assert told.said == [
            "no node of the cluster has 1 CPUs and 0 GPUs, so this and the other runs wait until "
            "one joins that has"
        ]
        end = time.monotonic() + 60
        while ray.available_resources().get("CPU", 0) < 1:
            assert time.monotonic() < end, "something goes on"
            time.sleep(0.2)
        again = by_number(Ray(results="store").train(Told().work(tasks, tmp_path / "store")))
    number, moment = told.moments[-1]  # Ray need not begin with the first
    run = runs(again)[number]
    assert lost(run, moment) <= 0
    here = train(tasks[number].spec, seed=number, root=tmp_path / "here", device="cpu")
    assert_same(run, here)


def _drive(address: str, root: Path) -> None:
    ray.init(address=address, log_to_driver=False)
    list(Ray(results="store").train(Told().work(_two(), root)))


def _two() -> list[Task]:
    return [Task(0, small(8), 0), Task(1, small(8), 1)]


@pytest.mark.slow
def test_a_study_that_is_killed_and_started_again_repeats_nothing(tmp_path: Path) -> None:
    with cluster() as nodes:
        process = multiprocessing.get_context("spawn").Process(
            target=_drive, args=(nodes.address, tmp_path)
        )
        process.start()
        end = time.monotonic() + 200
        while not (
            list(tmp_path.glob("*/result.json"))
            and any(_epochs(folder) >= 2 for folder in tmp_path.glob("*/"))
        ):
            assert time.monotonic() < end
            time.sleep(0.05)
        process.kill()
        process.join()
        (done,) = tmp_path.glob("*/result.json")
        stamp = done.stat().st_mtime_ns
        found = by_number(Ray(results="store").train(Told().work(_two(), tmp_path)))
    first, second = sorted(found.values(), key=lambda outcome: not outcome.reused)
    assert first.folder == done.parent
    assert done.stat().st_mtime_ns == stamp
    assert second.folder is not None
    assert Run(second.folder).manifest["resumed"][0]["after_epoch"] >= 2


def _epochs(folder: Path) -> int:
    done = (folder / STATE).is_file() and (folder / "metrics.jsonl").is_file()
    return len((folder / "metrics.jsonl").read_text().splitlines()) if done else 0


@attrs.frozen(eq=False)
class Elsewhere(Mechanism):
    """Is installed nowhere but here."""

    name = "elsewhere"
    kind = "functional"


@pytest.mark.slow
def test_a_node_without_a_plugin_says_so_by_name(tmp_path: Path) -> None:
    registry = bionic.Registry.installed().including(Elsewhere)
    tables = small().document()
    tables["mechanisms"]["elsewhere"] = {}
    spec = compose(tables, name="small", registry=registry)
    with cluster():
        with pytest.raises(RequestError) as caught:
            list(Ray().train(Told().work([Task(0, spec, 0)], tmp_path)))
        assert "there is no mechanism 'elsewhere'" in str(caught.value)
        assert "Install on every node what is installed here: bionic" in str(caught.value)
        assert "of the Ray cluster" in caught.value.where
        assert not list(tmp_path.glob("*/"))


# --- without a cluster


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
    refused(said, "pip install 'bionic[ray]'")
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
    assert transfer.unfinished_files(there) == kept[1]
    desk.ask("end", 0, second, there, transfer.finished_files(run.folder), "")
    assert Run(there).verify()
    assert {path.name for path in there.iterdir()} == {path.name for path in run.folder.iterdir()}
    assert_same(Run(there), run)
    desk.tell(0, "a word")
    assert [word.content for word in desk.words()] == ["a word"]
    assert desk.words() == []


def snapshots(kept: list[dict[str, bytes]]) -> Observer:
    return observer(saved=lambda task, folder: kept.append(transfer.unfinished_files(folder)))


def test_a_damaged_checkpoint_is_refused_by_the_desk(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"what is this")
    value, error = Desk().ask("begin", 0, tmp_path, 0.0)
    assert value is None
    assert "damaged" in str(error)


# --- what a node lacks


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


@pytest.mark.slow
def test_a_cpu_has_one_run_at_a_time(tmp_path: Path) -> None:
    """Ray gives a task's CPU away while it waits in ``ray.get``, so runs must not wait there."""
    tasks, told = [Task(number, small(4), number) for number in range(3)], Told()
    with cluster():
        runs(by_number(Ray(results="store").train(told.work(tasks, tmp_path))))
    turns = [number for number, _ in told.moments]
    assert {*turns} == {0, 1, 2}
    assert sum(one != other for one, other in pairwise(turns)) == 2, "one after the other"


@pytest.mark.slow
def test_runs_have_their_declared_share_of_a_gpu(tmp_path: Path) -> None:
    """Ray counts a GPU that is not there as well as one that is; the runs stay on the CPU."""
    tasks = [Task(number, small(6), number) for number in range(3)]
    free: list[tuple[float, float]] = []
    with cluster(num_cpus=4, num_gpus=1):
        told = Told()

        def watch(task: Task, moment: Moment) -> None:
            told.moments.append((task.number, moment))
            left = ray.available_resources()
            free.append((left.get("CPU", 0.0), left.get("GPU", 0.0)))

        work = told.work(tasks, tmp_path, progress=watch)
        runs(by_number(Ray(results="store", gpus=0.5).train(work)))
        assert min(gpus for _, gpus in free) == 0, "two runs of a half each"
        assert min(cpus for cpus, _ in free) == 2, "a third had no GPU left"
        said: list[str] = []

        def say(task: Task, words: str) -> None:
            said.append(words)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(Ray(gpus=2).train(Told().work(tasks, tmp_path / "no", note=say)))
        assert "no node of the cluster has 1 CPUs and 2 GPUs" in said[0]


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
    assert "Install on every node the same bionic, with bionic[ray]" in str(caught.value)


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
