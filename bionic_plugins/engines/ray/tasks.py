"""What runs on a Ray cluster: the runs of a study, and a desk beside the study that they report to.

The desk is an actor on the study's own machine, so it lives exactly as long as the study, and what
it has is safe from other nodes. Where a node has no folder in common with the study, the desk
writes a run's checkpoint into the run's folder after each epoch, and gives it to the node on which
Ray tries the run again: the objects of a dead node are gone, and a task that is retried starts
from its arguments.
"""

from __future__ import annotations

import platform
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core import WriteError
from bionic_core.errors import BusyError, DamagedError, RequestError

if TYPE_CHECKING:
    from bionic_core import Spec
    from bionic_core.runs import InputCache, Inputs, Observer, Outcome, Task

Call = Callable[..., Any]
"""Calls a method of the desk by its name, waits for the answer, and raises what it raised."""


@attrs.frozen(eq=False)
class Order:
    """A run, as it is sent to a node.

    Attributes:
        number: its place in the study.
        tables: of the resolved spec; plugins are found by name where it is trained.
        name, where: of the spec, for outputs and errors.
        seed: of the run.
        hash: its identity, as the study computed it.
        root: the folder of runs, absolute, on the study's machine.
        probe: a file in it: a node that sees the file shares the folder. Empty: none is to.
        must_share: whether a node that does not see it is an error.
        device: as for training.
        wait: seconds to wait for another process that trains the same run.
        packages: who announces the plugins that the spec names, for errors.
    """

    number: int
    tables: Mapping[str, Any]
    name: str
    where: str
    seed: int
    hash: str
    root: Path
    probe: str
    must_share: bool
    device: str
    wait: float
    packages: tuple[str, ...]


@attrs.frozen
class Word:
    """Something that the study is told of a run."""

    number: int
    content: Any


class Desk:
    """Takes in what the runs report, and keeps their checkpoints in the study's folder.

    Every answer is a pair of a value and an error, one of them None: Ray would wrap an error.
    """

    def __init__(self) -> None:
        self._words: list[Word] = []
        self._claims: dict[int, Any] = {}
        self._tries: dict[int, int] = {}

    def ask(self, method: str, number: int, *arguments: Any) -> tuple[Any, Exception | None]:
        """Do what a run asks for, and return the answer or the error."""
        try:
            return getattr(self, f"_{method}")(number, *arguments), None
        except (RequestError, WriteError, BusyError) as error:
            return None, error

    def tell(self, number: int, content: Any) -> None:
        """Keep something for the study, which comes for it now and then."""
        self._words.append(Word(number, content))

    def words(self) -> list[Word]:
        """Return what was told since the last time."""
        told, self._words = self._words, []
        return told

    def _begin(self, number: int, folder: Path, wait: float) -> tuple[int, dict[str, bytes]]:
        """Claim a run, and return the number of the try and the files to go on from."""
        from bionic_core.runs import LOCK, Claim, Run, look, unfinished_files

        if number not in self._claims:
            say = partial(self.tell, number)
            self._claims[number] = Claim(folder / LOCK, say).take(wait)
        self._tries[number] = self._tries.get(number, 0) + 1
        look(Run(folder))
        return self._tries[number], unfinished_files(folder)

    def _keep(self, number: int, tried: int, folder: Path, files: Mapping[str, bytes]) -> bool:
        """Write what a run can go on from; False to a try that another has taken the place of."""
        from bionic_core.runs import FAILURE, write_unfinished

        if tried != self._tries.get(number):
            return False
        write_unfinished(folder, files)
        (folder / FAILURE).unlink(missing_ok=True)
        return True

    def _end(
        self, number: int, tried: int, folder: Path, files: Mapping[str, bytes], failure: str
    ) -> None:
        """Write what a run has come to, and let go of it."""
        from bionic_core.runs import FAILURE, write_finished, write_text

        if tried != self._tries.get(number):
            return
        if files:
            write_finished(folder, files)
        if failure:
            write_text(folder / FAILURE, failure)
        claim = self._claims.pop(number)
        if files:
            claim.remove()
        claim.__exit__(None, None, None)


class GoneError(Exception):
    """Another try of the run has taken this one's place."""


def work(order: Order, inputs: Inputs, desk: Any) -> Outcome | RequestError | WriteError:
    """Train a run on this node; run by Ray."""
    import torch

    def call(method: str, *arguments: Any) -> Any:
        # Not ray.get: a task that waits in it gives its CPU to another, and both then run on it.
        value, error = desk.ask.remote(method, order.number, *arguments).future().result()
        if error is not None:
            raise error
        return value

    def tell(content: Any) -> None:
        desk.tell.remote(order.number, content)

    torch.set_num_threads(1)  # as local workers do: sums differ between thread counts
    warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
    tell(None)
    try:
        spec = _spec(order, inputs)
        return _train(order, spec, inputs, call, tell)
    except (RequestError, WriteError) as error:
        return error


def _spec(order: Order, inputs: Inputs) -> Spec:
    """Return the order's spec, made of what is installed here.

    Raises:
        RequestError: a plugin is not installed here, or the run would have other numbers.
    """
    from bionic_core import Registry, __version__, compose
    from bionic_core.runs import PlannedRun

    needs = f"Install on every node what is installed here: {', '.join(order.packages)}"
    try:
        spec = compose(
            order.tables, name=order.name, where=order.where, registry=Registry.installed()
        )
    except RequestError as error:
        raise RequestError([*error.problems, needs], where=_node()) from error
    if PlannedRun.of(spec, order.seed, inputs, order.root).hash != order.hash:
        raise RequestError(
            f"the run would have other numbers there: the core or a plugin computes otherwise "
            f"than here (bionic {__version__} there). {needs}",
            where=_node(),
        )
    return spec


def _node() -> str:
    return f"node {platform.node()} of the Ray cluster"


def _train(
    order: Order, spec: Spec, inputs: Inputs, call: Call, tell: Callable[[Any], None]
) -> Outcome:
    """Train in the study's folder where it is shared, else in one of this node's own."""
    from bionic_core.runs import InputCache, Plans, Reporter, Task, outcome_of

    done: Any
    task, cache = Task(order.number, spec, order.seed), InputCache()
    cache.put(spec, inputs)
    if order.probe and (order.root / order.probe).is_file():
        done = outcome_of(
            task,
            Plans(order.root, cache),
            device=order.device,
            observer=Reporter(tell),
            wait=order.wait,
        )
    elif order.must_share:
        raise RequestError(
            f"--results folder: {order.root} is not the same folder there; give --out a folder "
            "that all nodes share, or --results store",
            where=_node(),
        )
    else:
        done = _apart(order, task, cache, call, tell)
    said: Outcome = attrs.evolve(done, task=None, folder=None)  # the study knows both
    return said


def _apart(
    order: Order, task: Task, cache: InputCache, call: Call, tell: Callable[[Any], None]
) -> Outcome:
    """Train in a folder that goes with this call; the desk gets all that is to stay."""
    from bionic_core.runs import (
        FAILURE,
        Outcome,
        Plans,
        finished_files,
        outcome_of,
        write_unfinished,
    )

    there = order.root / order.hash
    try:
        tried, files = call("begin", there, order.wait)
    except BusyError:
        return Outcome(task, busy=True)
    except DamagedError as error:
        return Outcome(task, error=str(error))
    with tempfile.TemporaryDirectory(prefix="bionic-") as place:
        root = Path(place)
        if files:
            write_unfinished(root / order.hash, files)
        observer = _keeper(there, tried, call, tell)
        try:
            done = outcome_of(task, Plans(root, cache), device=order.device, observer=observer)
        except BaseException:
            call("end", tried, there, {}, "")
            raise
        failure = root / order.hash / FAILURE
        words = failure.read_text() if failure.is_file() else ""
        call("end", tried, there, finished_files(done.folder) if done.folder else {}, words)
    return done


def _keeper(there: Path, tried: int, call: Call, tell: Callable[[Any], None]) -> Observer:
    """Return what has the desk keep all that a run saves, in the run's folder ``there``."""
    from bionic_core.runs import Reporter, Saved, unfinished_files

    class Keeper(Reporter):
        """Speaks of the study's folder, not of the one that goes with the call."""

        def claimed(self, task: Task, folder: Path) -> None:
            self.tell(there)

        def saved(self, task: Task, folder: Path) -> None:
            if not call("keep", tried, there, unfinished_files(folder)):
                raise GoneError
            self.tell(Saved(there))

    return Keeper(tell)
