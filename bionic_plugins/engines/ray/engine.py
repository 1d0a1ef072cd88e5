"""The Ray engine: the runs of a study on a cluster, by Ray's scheduler, retries and object store.

Source: Moritz et al. 2018, Ray: a distributed framework for emerging AI applications, OSDI.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import attrs

from bionic_core import UNIT, Engine, RequestError
from bionic_core.errors import BionicError
from bionic_core.registry.extras import install

if TYPE_CHECKING:
    from bionic_core.runs import Outcome, PlannedRun, Task, Work
    from bionic_plugins.engines.ray.tasks import Order

LOOKS_EVERY = 0.2
"""Seconds between two looks at what the runs have told."""

MISSING = "--engine ray needs Ray, which is not installed here: "

SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
"""Of Ray, unless the user's environment says otherwise: it reports nothing, and installs nothing
on the nodes, which have their own bionic."""


def _share(_: Any, field: attrs.Attribute[float], value: float) -> None:
    """From 0 to 1, or a whole number."""
    if value < 0 or (value > 1 and value != int(value)):
        raise ValueError(f"must be a share from 0 to 1, or a whole number, as Ray has it: {value}")


@attrs.frozen(eq=False)
class Ray(Engine):
    """The nodes of a Ray cluster: as many runs at a time as have room there, a thread each.

    A node on which a run dies, or that goes altogether, costs that run what it did since its last
    checkpoint, and Ray tries it again elsewhere. Every node needs the same bionic and the same
    plugins.

    Attributes:
        address: of the cluster, ``HOST:PORT``, or auto for the one that this machine belongs to;
            else a cluster of this machine alone, for as long as the study takes.
        cpus: a run's share of CPUs, such as 1.
        gpus: its share of GPUs; 0.25 puts four runs on one.
        retries: how often Ray tries a run again whose process or node dies; -1 for no limit.
        results: folder, where all nodes share --out; store, where none does; auto looks.
    """

    name = "ray"
    source = "Moritz et al. 2018, Ray, OSDI"

    address: str = ""
    cpus: float = attrs.field(default=1.0, validator=_share, metadata={UNIT: "CPUs"})
    gpus: float = attrs.field(default=0.0, validator=_share, metadata={UNIT: "GPUs"})
    retries: int = attrs.field(default=3, validator=attrs.validators.ge(-1), metadata={UNIT: "1"})
    results: Literal["auto", "folder", "store"] = "auto"

    def train(self, work: Work) -> Iterator[Outcome]:
        """Train the tasks on the cluster."""
        if find_spec("ray") is None:
            raise RequestError(MISSING + install("ray"))
        if work.jobs > 1:
            raise RequestError(
                "--jobs: with --engine ray, as many runs go at a time as the cluster has room for; "
                "leave --jobs out, and give each run a larger share (--cpus) for fewer"
            )
        if work.device == "cuda" and not self.gpus:
            raise RequestError(
                "--device cuda: a run has no share of a GPU; give one, for example --gpus 0.25"
            )
        with self._cluster():
            study = _Study(self, work)
            try:
                yield from study.outcomes()
            finally:
                study.end()

    @contextmanager
    def _cluster(self) -> Iterator[None]:
        """Connect to the cluster, or start one, unless the program has done so itself."""
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        import ray

        if ray.is_initialized():
            yield
            return
        if self.address.startswith("ray://"):
            raise RequestError(
                f"--address {self.address}: give the command on a node of the cluster, with "
                "--address auto; a Ray Client would take the study's folder from its runs"
            )
        try:
            ray.init(address=self.address or None, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError, AssertionError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise RequestError(
                f"--address {self.address or '(none)'}: no Ray cluster to be had there ({first}). "
                "Start one with 'ray start --head', or leave --address out for this machine alone"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


class _Study:
    """The runs under way, and what is to be known of them."""

    def __init__(self, engine: Ray, work: Work) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from bionic_plugins.engines.ray.tasks import Desk

        self._engine, self._work = engine, work
        self._root = work.root.resolve()
        self._tasks = {task.number: task for task in work.tasks}
        self._pending: dict[Any, Task] = {}
        self._later: list[tuple[float, Task]] = []
        self._orders: dict[int, tuple[Order, Any]] = {}
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._desk = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here).remote()
        self._probe = ""
        if engine.results != "store":
            self._probe = f".shared-{uuid.uuid4().hex}"
            self._root.mkdir(parents=True, exist_ok=True)
            (self._root / self._probe).touch()

    def outcomes(self) -> Iterator[Outcome]:
        """Give each task's outcome when it is there."""
        import ray

        yield from self._send()
        self._warn_of_no_room()
        while self._pending or self._later:
            self._listen()
            if not self._pending:
                time.sleep(LOOKS_EVERY)
            done = ray.wait(list(self._pending), timeout=LOOKS_EVERY)[0] if self._pending else []
            for ref in done:
                task = self._pending.pop(ref)
                outcome = self._outcome(ref, task)
                self._listen()
                self._work.started(task)
                if outcome.busy:
                    self._later.append((time.monotonic(), task))
                yield outcome
            yield from self._send_again()

    def end(self) -> None:
        """Cancel what is under way, and leave nothing on the cluster."""
        import ray

        for ref in self._pending:
            with suppress(Exception):  # it has just ended
                ray.cancel(ref, force=True)
        with suppress(Exception):
            ray.kill(self._desk)
        if self._probe:
            (self._root / self._probe).unlink(missing_ok=True)

    def _send(self) -> Iterator[Outcome]:
        """Put data and wiring into the object store, and give Ray the runs that are missing."""
        import ray

        from bionic_core import Registry
        from bionic_core.runs import RESULT

        plans, registry = self._work.plans, Registry.installed()
        put: dict[int, Any] = {}
        done: list[Task] = []
        for task in self._work.tasks:
            order = self._order(task, plans.of(task.spec, task.seed), registry)
            inputs = plans.inputs.get(task.spec)
            if (self._root / order.hash / RESULT).is_file():
                done.append(task)
                continue
            if id(inputs) not in put:
                put[id(inputs)] = ray.put(inputs)
            self._orders[task.number] = (order, put[id(inputs)])
            self._submit(task)
        for task in done:
            yield self._reused(task)

    def _order(self, task: Task, planned: PlannedRun, registry: Any) -> Order:
        from bionic_core import Mechanism
        from bionic_core.runs import PROGRAM
        from bionic_plugins.engines.ray.tasks import Order

        spec = task.spec
        announced = {registry.distribution(name, Mechanism) for name in spec.mechanisms}
        packages = {package for package in announced if package} or {"bionic"}
        if PROGRAM in packages:
            raise RequestError(
                "--engine ray: a mechanism is a class of this script or notebook, which the "
                "cluster does not have. Put it into a package ('bionic new NAME' writes one) and "
                "install that there, or take --engine local"
            )
        device = self._work.device
        return Order(
            number=task.number,
            tables=spec.tables,
            name=spec.name,
            where=spec.where,
            seed=task.seed,
            hash=planned.hash,
            root=self._root,
            probe=self._probe,
            must_share=self._engine.results == "folder",
            device="cpu" if device == "auto" and not self._engine.gpus else device,
            wait=0.0,
            packages=tuple(sorted(packages)),
        )

    def _submit(self, task: Task) -> None:
        import ray

        from bionic_plugins.engines.ray.tasks import work

        order, inputs = self._orders[task.number]
        ref = (
            ray.remote(work)
            .options(
                num_cpus=self._engine.cpus,
                num_gpus=self._engine.gpus,
                max_retries=self._engine.retries,
                name=f"bionic {order.hash}",
            )
            .remote(order, inputs, self._desk)
        )
        self._pending[ref] = task

    def _reused(self, task: Task) -> Outcome:
        """Return a run that is complete, once it is what was written."""
        from bionic_core.runs import outcome_of

        self._work.started(task)
        return outcome_of(task, self._work.plans, device="cpu")

    def _send_again(self) -> Iterator[Outcome]:
        """Ask again for runs that other processes train, or return them where they are done."""
        from bionic_core.runs import RESULT, WAITS

        due = [task for since, task in self._later if time.monotonic() - since > WAITS]
        self._later = [pair for pair in self._later if pair[1] not in due]
        for task in due:
            order, _ = self._orders[task.number]
            if (self._root / order.hash / RESULT).is_file():
                yield self._reused(task)
            else:
                self._submit(task)

    def _listen(self) -> None:
        """Pass on what the runs have told."""
        import ray

        from bionic_core.runs import hear

        for word in ray.get(self._desk.words.remote()):
            task = self._tasks[word.number]
            self._work.started(task)
            if word.content is not None:
                hear(self._work, task, word.content)

    def _outcome(self, ref: Any, task: Task) -> Outcome:
        """Return what a finished task of Ray says, or why it says nothing."""
        import ray
        from ray import exceptions

        from bionic_core.runs import Outcome, keep_wiring, reason, record_failure

        folder = self._work.root / self._orders[task.number][0].hash
        try:
            said = ray.get(ref)
        except exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, ImportError):
                raise RequestError(
                    f"a node of the Ray cluster cannot run bionic ({cause}). Install on every "
                    "node the same bionic-connectome[ray], and the same plugins as here"
                ) from error
            return Outcome(task, error=reason(cause))
        except exceptions.RayError as error:
            words = self._death(error)
            record_failure(folder, words)
            return Outcome(task, error=words)
        if isinstance(said, BionicError):
            raise said
        ok = not said.error and not said.busy
        if ok:  # what the runs of another machine kept is there
            keep_wiring(folder, task.spec, self._work.plans.inputs.get(task.spec).connectome)
        outcome: Outcome = attrs.evolve(said, task=task, folder=folder if ok else None)
        return outcome

    def _death(self, error: Exception) -> str:
        """Return what Ray says of a run that its retries could not save."""
        from ray import exceptions

        from bionic_core.runs import REMEDY

        tries = f"and so did {self._engine.retries} retries" if self._engine.retries else "once"
        if isinstance(error, exceptions.OutOfMemoryError):
            return f"out of memory: Ray ended its process; a larger share (--cpus), or {REMEDY}"
        first = (str(error).strip().splitlines() or [""])[0]
        return f"its process or its node died, {tries} (Ray: {type(error).__name__}: {first})"

    def _warn_of_no_room(self) -> None:
        """Say where no node has room for a run: they wait until one joins."""
        import ray

        wants = {"CPU": self._engine.cpus, "GPU": self._engine.gpus}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        fits = any(all(node.get(k, 0) >= n for k, n in wants.items()) for node in nodes)
        if self._pending and not fits:
            self._work.say(
                next(iter(self._pending.values())),
                f"no node of the cluster has {wants['CPU']:g} CPUs and {wants['GPU']:g} GPUs, so "
                "this and the other runs wait until one joins that has",
            )
