"""Runs side by side: each worker is a process with one thread, and reads data and wiring once.

Workers never share this process's state: on Linux a server of their own, which holds nothing but
the imported libraries, is forked for each, elsewhere they are spawned. What passes between the
processes is made by this program and goes through pipes; nothing of it is ever on disk. A worker
ends when the study does, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import attrs

from bionic_core import WriteError
from bionic_core.errors import BionicError, RequestError
from bionic_core.runs import (
    REMEDY,
    TRIES,
    Outcome,
    Plans,
    Queue,
    Reporter,
    Task,
    Work,
    configure_process,
    hear,
    kills_for_memory,
    outcome_of,
    record_failure,
)
from bionic_plugins.engines.local import server


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of each seed with those of more mechanisms first, which take longer.

    What is left for the end is short then, and no worker waits long for another's last run (Graham
    1969, doi:10.1137/0117039).
    """
    blocks = {seed: n for n, seed in enumerate(dict.fromkeys(task.seed for task in tasks))}
    return sorted(tasks, key=lambda task: (blocks[task.seed], -len(task.spec.mechanisms)))


def check_sendable(work: Work) -> None:
    """Check that processes can be started here, and import all that the runs need.

    Raises:
        RequestError: they cannot; it says what to do.
    """
    if multiprocessing.current_process().daemon:
        raise RequestError(
            f"--jobs {work.jobs}: this is itself a process that another has started as its worker, "
            "and may start none; give --jobs 1 here, or call from the process above it"
        )
    specs = {id(task.spec): task.spec for task in work.tasks}.values()
    used = {plugin for s in specs for plugin in (*s.mechanisms.values(), s.data, s.connectome)}
    here = sorted({type(one).__name__ for one in used if type(one).__module__ == "__main__"})
    if here:
        raise RequestError(
            f"--jobs {work.jobs}: {', '.join(here)} is defined in this script or notebook, which "
            "processes do not import. Put it into a module of its own and install that ('bionic "
            "new NAME' writes one), or give --jobs 1"
        )


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
    check_sendable(work)
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
                if isinstance(word, (RequestError, WriteError)):
                    raise word
                elif isinstance(word, Outcome):
                    outcome = attrs.evolve(word, task=worker.task)
                    if outcome.busy:
                        crew.waiting.later(worker.task)
                    crew.give(worker)
                    yield outcome
                else:
                    if isinstance(word, Path):
                        worker.folder = word
                    hear(work, worker.task, word)
    finally:
        crew.end()


class _Crew:
    """The workers, and the tasks that wait for one."""

    def __init__(self, work: Work) -> None:
        self.workers: list[_Worker] = []
        self.waiting = Queue(longest_first(work.tasks))
        self._leaving: list[BaseProcess] = []
        self._deaths: Counter[int] = Counter()
        self._arguments = (work.root, work.device)
        self._started = work.started
        self._context: Any = multiprocessing.get_context("forkserver" if server.FORKED else "spawn")

    def hire(self) -> None:
        """Start a worker on the next task."""
        ours, theirs = self._context.Pipe()
        arguments = (theirs, *self._arguments, dict(os.environ))
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        try:
            with server.without_interrupts():
                process.start()
        except (EOFError, OSError) as error:
            raise BionicError(
                f"the server that workers are started from was killed ({error or 'it is gone'}); "
                "where that is the system's doing for want of memory, "
                f"{REMEDY}. Finished epochs are kept, and the same command goes on after them"
            ) from error
        theirs.close()
        worker = _Worker(process, ours, kills_for_memory())
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
                record_failure(worker.folder, words)
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
    code, kills = worker.process.exitcode or 0, kills_for_memory()
    if code >= 0:
        return f"its process ended with code {code}, twice"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL" and None not in (worker.kills, kills) and kills != worker.kills:
        return f"out of memory: the system killed its process, twice; {REMEDY}"
    return (
        f"its process was killed by {name}, twice; where that is the system's doing for want of "
        f"memory, {REMEDY}"
    )


def _work(pipe: Connection, root: Path, device: str, environment: dict[str, str]) -> None:
    """Train what comes through the pipe until None comes; run in a worker process."""
    _end_with_the_study()
    os.environ.update(environment)  # the server's may be older
    configure_process()
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    plans, known = Plans(root), dict[int, Task]()

    def tell(word: object) -> None:
        try:
            pipe.send(word)
        except OSError:
            raise SystemExit from None  # the study is gone, and nobody would hear of the rest

    reporter = Reporter(tell)
    while True:
        try:
            given = pipe.recv()
        except (EOFError, OSError):
            return
        if given is None:
            return
        task, seconds = given
        task = known.setdefault(task.number, task)  # one that comes again is planned already
        word: Any
        try:
            word = outcome_of(task, plans, device=device, observer=reporter, wait=seconds)
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
