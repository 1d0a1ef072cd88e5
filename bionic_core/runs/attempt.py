"""Runs tried: a failure becomes its reason, and one of the machine is tried again.

An engine that trains in processes of its own tries each run by :func:`outcome_of` there.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Sequence

from bionic_core.base import failures
from bionic_core.base.unwritten import WriteError
from bionic_core.errors import BusyError, DamagedError, RequestError
from bionic_core.runs.engine import Outcome, Task, Work
from bionic_core.runs.observer import Observer
from bionic_core.runs.planned import Plans
from bionic_core.runs.train import train_task

TRIES = 2
"""A run that fails by the machine's fault is tried again, so many times in all."""

WAITS = 2.0
"""Seconds to wait for a run that another process trains, where nothing else is left to do."""


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


def outcome_of(
    task: Task, plans: Plans, *, device: str, observer: Observer | None = None, wait: float = 0.0
) -> Outcome:
    """Train a task; a failure while it runs becomes its reason.

    A failure of the machine (memory, a disk that cannot be read) is tried once more, from the last
    finished epoch.

    Raises:
        RequestError: what was asked cannot be done, for this run or any other.
        WriteError: nothing can be written, for this run or any other.
    """
    told, again = observer or Observer(), ""
    for tried in range(1, TRIES + 1):
        try:
            run = train_task(task, plans, device=device, observer=told, wait=wait)
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
    waiting = Queue(work.tasks)
    while waiting:
        task, seconds = waiting.take()
        work.started(task)
        outcome = outcome_of(
            task, work.plans, device=work.device, observer=work.observer, wait=seconds
        )
        if outcome.busy:
            waiting.later(task)
        yield outcome
