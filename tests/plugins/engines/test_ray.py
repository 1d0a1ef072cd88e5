"""The Ray engine, on real clusters of several nodes on this machine."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

import bionic_core as bionic
from bionic_core import Mechanism, RequestError
from bionic_core.runs.engine import Outcome, Task
from bionic_core.runs.files import LOCK, RESULT, STATE
from bionic_core.runs.folder import Run
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from bionic_core.training.loop import Progress
from bionic_plugins.engines.ray.engine import Ray
from tests.support.killing import assert_same
from tests.support.ray_cluster import NODE, Told, by_number, cluster, ray, runs, small

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, of sockets and of what is to come


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
    engine: Ray, tasks: list[Task], root: Path, act: Callable[[Progress], None]
) -> tuple[Told, dict[int, Outcome]]:
    """Train, and act once when a run is in its third epoch or later."""
    told, acted = Told(), False

    def watch(task: Task, moment: Progress) -> None:
        nonlocal acted
        if moment.epoch >= 3 and not acted:
            acted = True
            act(moment)

    work = told.work(tasks, root, progress=watch)
    found = by_number(engine.train(work))
    assert acted
    return told, found


def lost(run: Run, killed: Progress) -> int:
    """Epochs that a run lost to its interruption: 0 is all but the one under way."""
    (resumed,) = run.manifest["resumed"]
    return killed.epoch - 1 - int(resumed["after_epoch"])


@pytest.mark.slow
def test_a_node_killed_costs_the_epoch_under_way_and_one_that_joins_goes_on(tmp_path: Path) -> None:
    task = Task(0, small(12), 0)
    killed: list[Progress] = []
    with cluster(num_cpus=0) as nodes:
        node = nodes.add_node(**NODE)

        def replace(moment: Progress) -> None:
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

        def watch(task: Task, moment: Progress) -> None:
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

        def watch(task: Task, moment: Progress) -> None:
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
