"""Runs side by side: each worker is a process with one thread, and reads data and wiring once.

Workers never share this process's state: on Linux a server of their own, which holds nothing but
the imported libraries, is forked for each, elsewhere they are spawned. What passes between the
processes is made by this program and goes through pipes; nothing of it is ever on disk. A worker
ends when the study does, however that ends.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import attrs

from bionic_core.runs import failures
from bionic_plugins.engines.local import server
from bionic_core.runs.engine import Outcome, Saved, Task, Work
from bionic_core.errors import BusyError, DamagedError, RequestError, WriteError
from bionic_core.runs.inputs import InputCache
from bionic_core.base.process import settle
from bionic_core.runs.train import train
from bionic_core.training.loop import Moment

TELLS_EVERY = 0.5
"""Seconds between two words of a worker about where it is."""

TRIES = 2
"""A run that fails by the machine's fault is tried again, so many times in all."""

WAITS = 2.0
"""Seconds to wait for a run that another process trains, where nothing else is left to do."""


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of each seed with those of more mechanisms first, which take longer.

    What is left for the end is short then, and no worker waits long for another's last run (Graham
    1969, doi:10.1137/0117039).
    """
    blocks = {seed: n for n, seed in enumerate(dict.fromkeys(task.seed for task in tasks))}
    return sorted(tasks, key=lambda task: (blocks[task.seed], -len(task.spec.mechanisms)))


class Queue:
    """Tasks in their order; those that another process trains come again after all the others."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._ready = deque(tasks)
        self._elsewhere: deque[Task] = deque()

    def __bool__(self) -> bool:
        return bool(self._ready or self._elsewhere)

    def take(self) -> tuple[Task, float]:
        """Return a task, and the seconds to wait for another process that may train it."""
        if self._ready:
            return self._ready.popleft(), 0.0
        return self._elsewhere.popleft(), WAITS

    def again(self, task: Task) -> None:
        """Put a task in front."""
        self._ready.appendleft(task)

    def later(self, task: Task) -> None:
        """Put a task behind all others."""
        self._elsewhere.append(task)


def attempt(
    task: Task,
    *,
    root: Path,
    device: str,
    cache: InputCache,
    watch: Callable[[Moment], None] | None = None,
    say: Callable[[str], None] | None = None,
    begun: Callable[[Path], None] | None = None,
    saved: Callable[[Path], None] | None = None,
    wait: float = 0.0,
) -> Outcome:
    """Train a task; a failure while it runs becomes its reason.

    A failure of the machine (memory, a disk that cannot be read) is tried once more, from the last
    finished epoch.

    Raises:
        RequestError: what was asked cannot be done, for this run or any other.
        WriteError: nothing can be written, for this run or any other.
    """
    options: dict[str, Any] = {"watch": watch, "say": say, "begun": begun}
    options |= {"saved": saved, "wait": wait}
    again = ""
    for tried in range(1, TRIES + 1):
        try:
            run = train(task.spec, seed=task.seed, root=root, device=device, cache=cache, **options)
        except DamagedError as error:
            return Outcome(task, error=str(error))
        except (RequestError, WriteError):
            raise
        except BusyError:
            return Outcome(task, busy=True)
        except Exception as error:
            words = failures.reason(error)
            if failures.of_the_machine(error) and tried < TRIES:
                again = ", twice"
                del error
                gc.collect()
                continue
            return Outcome(task, error=words + again)
        return Outcome(task, run.folder, run.reused)
    raise AssertionError("the last try returns")


def one_by_one(work: Work) -> Iterator[Outcome]:
    """Train the tasks in this process, and give each outcome when it is there.

    A task that another process trains is given as busy, and again when it is done.

    Raises:
        RequestError: what was asked cannot be done.
        WriteError: nothing can be written.
    """
    cache, waiting, begun = InputCache(), Queue(work.tasks), set[int]()
    while waiting:
        task, seconds = waiting.take()
        if task.number not in begun:
            begun.add(task.number)
            work.started(task)
        outcome = attempt(
            task,
            root=work.root,
            device=work.device,
            cache=cache,
            watch=partial(work.watch, task),
            say=partial(work.say, task),
            saved=partial(work.saved, task),
            wait=seconds,
        )
        if outcome.busy:
            waiting.later(task)
        yield outcome


@attrs.define(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    kills: int | None
    task: Task | None = None
    folder: Path | None = None


def side_by_side(work: Work) -> Iterator[Outcome]:
    """Train the tasks in ``work.jobs`` processes, and give each outcome when it is there.

    A run whose process dies is tried once more; then the death is its reason. On any exception
    here, Ctrl-C included, the workers are ended: each loses what it has done since its last
    checkpoint. A task that another process trains is given as busy, and again when it is done.

    Raises:
        RequestError: what was asked cannot be done.
        WriteError: nothing can be written.
    """
    server.expect()
    crew = _Crew(work)
    try:
        for _ in range(min(work.jobs, len(work.tasks))):
            crew.hire()
        while crew.workers:
            for worker in crew.ready():
                assert worker.task is not None
                try:
                    word = worker.pipe.recv()
                except (EOFError, OSError):
                    yield from crew.bury(worker)
                    continue
                if isinstance(word, Moment):
                    work.watch(worker.task, word)
                elif isinstance(word, Path):
                    worker.folder = word
                elif isinstance(word, Saved):
                    work.saved(worker.task, word.folder)
                elif isinstance(word, str):
                    work.say(worker.task, word)
                elif isinstance(word, (RequestError, WriteError)):
                    raise word
                else:
                    outcome = attrs.evolve(word, task=worker.task)
                    if outcome.busy:
                        crew.waiting.later(worker.task)
                    crew.give(worker)
                    yield outcome
    finally:
        crew.end()


class _Crew:
    """The workers, and the tasks that wait for one."""

    def __init__(self, work: Work) -> None:
        self.workers: list[_Worker] = []
        self.waiting = Queue(longest_first(work.tasks))
        self._leaving: list[BaseProcess] = []
        self._begun: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._arguments = (work.root, work.device)
        self._started = work.started
        self._context: Any = multiprocessing.get_context("forkserver" if server.FORKED else "spawn")

    def hire(self) -> None:
        """Start a worker on the next task."""
        ours, theirs = self._context.Pipe()
        arguments = (theirs, *self._arguments, dict(os.environ))
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        with server.without_interrupts():
            process.start()
        theirs.close()
        worker = _Worker(process, ours, failures.kills_for_memory())
        self.workers.append(worker)
        self.give(worker)

    def give(self, worker: _Worker) -> None:
        """Give a worker the next task, or let it go where there is none."""
        try:
            if not self.waiting:
                self.workers.remove(worker)
                self._leaving.append(worker.process)  # that takes a while, and others have words
                worker.pipe.send(None)
                return
            worker.task, seconds = self.waiting.take()
            worker.folder = None
            if worker.task.number not in self._begun:
                self._begun.add(worker.task.number)
                self._started(worker.task)
            worker.pipe.send((worker.task, seconds))
        except (BrokenPipeError, ConnectionError):
            return  # it has died between two tasks; its pipe will tell

    def ready(self) -> list[_Worker]:
        """Wait for a word, or a death, and return whose."""
        heard = wait([worker.pipe for worker in self.workers])
        return [worker for worker in self.workers if worker.pipe in heard]

    def bury(self, worker: _Worker) -> Iterator[Outcome]:
        """Put another in a dead worker's place; give its run up after the second death."""
        self.workers.remove(worker)
        worker.process.join()
        task = worker.task
        assert task is not None
        self._deaths[task.number] += 1
        if self._deaths[task.number] < TRIES:
            self.waiting.again(task)
        else:
            words = _death(worker)
            if worker.folder is not None:
                failures.record(worker.folder, words)
            yield Outcome(task, error=words)
        if self.waiting:
            self.hire()

    def end(self) -> None:
        """End all workers at once."""
        for worker in self.workers:
            worker.process.terminate()
        for process in (*self._leaving, *(worker.process for worker in self.workers)):
            process.join()


def _death(worker: _Worker) -> str:
    """Return what ended a worker's process, for the second time."""
    code, kills = worker.process.exitcode or 0, failures.kills_for_memory()
    if code >= 0:
        return f"its process ended with code {code}, twice"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL" and None not in (worker.kills, kills) and kills != worker.kills:
        return f"out of memory: the system killed its process, twice; {failures.REMEDY}"
    return (
        f"its process was killed by {name}, twice; where that is the system's doing for want of "
        f"memory, {failures.REMEDY}"
    )


def _work(pipe: Connection, root: Path, device: str, environment: dict[str, str]) -> None:
    """Train what comes through the pipe until None comes; run in a worker process."""
    _end_with_the_study()
    os.environ.update(environment)  # the server's may be older
    settle()
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    cache = InputCache()
    told = 0.0

    def tell(word: object) -> None:
        try:
            pipe.send(word)
        except OSError:
            raise SystemExit from None  # the study is gone, and nobody would hear of the rest

    def watch(moment: Moment) -> None:
        nonlocal told
        if time.monotonic() - told > TELLS_EVERY:
            told = time.monotonic()
            tell(moment)

    while True:
        try:
            given = pipe.recv()
        except (EOFError, OSError):
            return
        if given is None:
            return
        task, seconds = given
        word: Any
        try:
            word = attempt(
                task,
                root=root,
                device=device,
                cache=cache,
                watch=watch,
                say=tell,
                begun=tell,
                saved=lambda folder: tell(Saved(folder)),
                wait=seconds,
            )
            word = attrs.evolve(word, task=None)
        except (RequestError, WriteError) as error:
            word = error
        tell(word)


def _end_with_the_study() -> None:
    """End this process as soon as its parent has ended, even by a signal that it cannot catch."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_it() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()
