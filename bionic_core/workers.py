"""Runs side by side: each worker is a process with one thread, and reads data and wiring once.

Workers are spawned, not forked, so that they behave alike on every system. What passes between
the processes is made by this program and goes through pipes; nothing of it is ever on disk.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import attrs

from bionic_core.errors import BionicError, RequestError
from bionic_core.inputs import InputCache
from bionic_core.runs import train
from bionic_core.spec import Spec
from bionic_core.training import Moment

TELLS_EVERY = 0.5
"""Seconds between two words of a worker about where it is."""

TRIES = 2
"""A run whose worker dies is tried again, so many times in all: the machine may be to blame."""


@attrs.frozen(eq=False)
class Task:
    """A run to be trained; ``number`` is its place in the study."""

    number: int
    spec: Spec
    seed: int


@attrs.frozen(eq=False)
class Outcome:
    """What became of a task: a run's folder, or the reason why there is none."""

    task: Task
    folder: Path | None = None
    reused: bool = False
    error: str = ""


def attempt(
    task: Task,
    *,
    root: Path,
    device: str,
    cache: InputCache,
    watch: Callable[[Moment], None] | None = None,
) -> Outcome:
    """Train a task; a failure while it runs becomes its reason.

    Raises:
        RequestError: what was asked cannot be done, for this run or any other.
    """
    try:
        run = train(task.spec, seed=task.seed, root=root, device=device, cache=cache, watch=watch)
    except RequestError:
        raise
    except BionicError as error:
        return Outcome(task, error=str(error))
    except (MemoryError, RuntimeError, OSError) as error:
        return Outcome(task, error=f"{type(error).__name__}: {error}")
    return Outcome(task, run.folder, run.reused)


@attrs.define(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task


def side_by_side(
    tasks: Sequence[Task],
    *,
    root: Path,
    device: str,
    jobs: int,
    started: Callable[[Task], None],
    watch: Callable[[Task, Moment], None],
) -> Iterator[Outcome]:
    """Train the tasks in ``jobs`` processes, and give each outcome when it is there.

    A run whose process dies is tried once more; then the death is its reason. On any exception
    here, Ctrl-C included, the workers are ended: each loses the epoch under way, no more.

    Raises:
        RequestError: what was asked cannot be done.
    """
    crew = _Crew(tasks, root, device, started)
    try:
        for _ in range(min(jobs, len(tasks))):
            crew.hire()
        while crew.workers:
            for worker in crew.ready():
                try:
                    word = worker.pipe.recv()
                except EOFError:
                    yield from crew.bury(worker)
                    continue
                if isinstance(word, Moment):
                    watch(worker.task, word)
                elif isinstance(word, RequestError):
                    raise word
                else:
                    outcome = attrs.evolve(word, task=worker.task)
                    crew.give(worker)
                    yield outcome
    finally:
        crew.end()


class _Crew:
    """The workers, and the tasks that wait for one."""

    def __init__(
        self, tasks: Sequence[Task], root: Path, device: str, started: Callable[[Task], None]
    ) -> None:
        self.workers: list[_Worker] = []
        self._waiting = list(reversed(tasks))
        self._tries: Counter[int] = Counter()
        self._arguments = (root, device)
        self._started = started
        self._context = multiprocessing.get_context("spawn")

    def hire(self) -> None:
        """Start a worker on the next task."""
        ours, theirs = self._context.Pipe()
        arguments = (theirs, *self._arguments)
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours, self._waiting[-1])
        self.workers.append(worker)
        self.give(worker)

    def give(self, worker: _Worker) -> None:
        """Give a worker the next task, or let it go where there is none."""
        if not self._waiting:
            worker.pipe.send(None)
            worker.process.join()
            self.workers.remove(worker)
            return
        worker.task = self._waiting.pop()
        self._tries[worker.task.number] += 1
        self._started(worker.task)
        worker.pipe.send(worker.task)

    def ready(self) -> list[_Worker]:
        """Wait for a word, or a death, and return whose."""
        heard = wait([worker.pipe for worker in self.workers])
        return [worker for worker in self.workers if worker.pipe in heard]

    def bury(self, worker: _Worker) -> Iterator[Outcome]:
        """Put another in a dead worker's place; give its run up after the second death."""
        self.workers.remove(worker)
        worker.process.join()
        if self._tries[worker.task.number] < TRIES:
            self._waiting.append(worker.task)
        else:
            yield Outcome(worker.task, error=_death(worker.process))
        if self._waiting:
            self.hire()

    def end(self) -> None:
        """End all workers at once."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()


def _death(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code < 0:
        return (
            f"its process was killed by {signal.Signals(-code).name}, twice; where that is the "
            "system's doing for want of memory, fewer --jobs help"
        )
    return f"its process ended with code {code}, twice"


def _work(pipe: Connection, root: Path, device: str) -> None:
    """Train what comes through the pipe until None comes; run in a worker process."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the study ends its workers itself
    torch.set_num_threads(1)
    cache = InputCache()
    told = 0.0

    def watch(moment: Moment) -> None:
        nonlocal told
        if time.monotonic() - told > TELLS_EVERY:
            told = time.monotonic()
            pipe.send(moment)

    try:
        while (task := pipe.recv()) is not None:
            word: Any
            try:
                word = attempt(task, root=root, device=device, cache=cache, watch=watch)
                word = attrs.evolve(word, task=None)
            except RequestError as error:
                word = error
            pipe.send(word)
    except (EOFError, BrokenPipeError):
        return  # the study is gone, and nobody would hear of the rest
