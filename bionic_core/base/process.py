"""What a process that trains sets for itself, and how it ends; an imported library sets nothing.

Its threads spin until the next operation begins, which makes training faster where nothing else
runs. Where a core is shared, they spend on waiting what the thread that they wait for would need:
while others wait for a core, they spin for less long. The system tells how long a thread was ready
and had no core.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

# mallopt's parameters, from glibc's malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3

SPINS = "20000"
"""How often a thread looks whether there is work before it sleeps: for some half a millisecond."""

EVERY = 0.5
"""Seconds between two looks."""

CROWDED = 0.2
"""Threads that lacked a core for more than this share of the time share it with others.

Beside a process that takes a core it is about a half; alone, below a tenth.
"""

SURE = 2
"""Looks at crowded cores, one after the other, until threads spin for less long."""

CALM = 4
"""Looks at cores that nobody else wanted, one after the other, until they spin again."""


def configure_process() -> None:
    """Set threads and memory for training; call it before torch is imported.

    Threads that sleep at once wake too late for the next of a step's short operations, so they
    spin before they sleep, for longer than the gaps within a step. Where cores are shared, that
    costs more than it saves: :func:`give_way` sees to it. And glibc gives the memory
    of every large tensor back to the system, so that each step of training pays for new pages: a
    seventh of the time of a step of 32 images. A process that trains keeps it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # children import nothing of the working directory
    with suppress(OSError, AttributeError, TypeError):  # not every system has glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 32 * 2**20)  # the most that glibc takes
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_TOP_PAD, 64 * 2**20)


def import_beside(name: str) -> None:
    """Begin to import a library in a thread, while this one has nothing to do but wait."""
    threading.Thread(target=import_module, args=(name,), daemon=True).start()


def import_elsewhere(name: str) -> None:
    """Import a library that reads settings of the working directory from a folder without any."""
    here = Path.cwd()
    os.chdir(Path(__file__).parent)
    try:
        import_module(name)
    finally:
        os.chdir(here)


@contextmanager
def safe_path() -> Iterator[None]:
    """Start Python's processes so that they import nothing from the working directory."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


def leave(code: int) -> None:
    """End this process; return where output does not arrive, or another thread is to be waited for.

    What is registered to run at the end runs. Python would then take all modules apart, which takes
    most of a second where torch and its compiler are among them.
    """
    others = {*threading.enumerate()} - {threading.main_thread()}
    if any(not thread.daemon for thread in others):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)  # everything that was to be done at the end is done


def give_way() -> None:
    """Begin to watch, in a thread, whether others want this process's cores; Linux tells.

    Does nothing where somebody has decided how threads wait, by OpenMP's variables.
    """
    if os.environ.get("GOMP_SPINCOUNT") == SPINS:
        threading.Thread(target=_watch, name="cores", daemon=True).start()


def delays() -> dict[str, int]:
    """Return how long each thread of this process was ready and had no core, in ns, by its id.

    Nothing where the system does not tell.
    """
    found: dict[str, int] = {}
    for task in Path("/proc/self/task").glob("*"):
        with suppress(OSError, IndexError, ValueError):  # a thread may have ended
            found[task.name] = int((task / "schedstat").read_text().split()[1])
    return found


def crowding(before: Mapping[str, int], after: Mapping[str, int], seconds: float) -> float:
    """Return for which share of so many seconds threads lacked a core, added up over threads."""
    waited = sum(max(0, after[task] - before[task]) for task in before.keys() & after.keys())
    return waited / (seconds * 1e9)


class Manners:
    """Whether threads spin for long: not while, and shortly after, others wanted the cores.

    Attributes:
        team: what keeps them from it, None while they may.
    """

    def __init__(self) -> None:
        self.team: IdleTeam | None = None
        self.looks = 0  # that speak for a change

    def see(self, share: float) -> None:
        """Take in how crowded the cores were since the last look."""
        crowded = share > CROWDED
        self.looks = self.looks + 1 if crowded == (self.team is None) else 0
        if self.team is None and self.looks >= SURE and _threads() > 1:
            self.team, self.looks = IdleTeam(), 0
        elif self.team is not None and self.looks >= CALM:
            self.team.dissolve()
            self.team, self.looks = None, 0


class IdleTeam(threading.Thread):
    """A second team of OpenMP threads in this process, asleep.

    With more OpenMP threads in a process than cores, libgomp lets each spin a thousand times at
    most, then sleep (its manual, GOMP_SPINCOUNT). There is no other way to tell it at run time.
    """

    def __init__(self) -> None:
        super().__init__(name="idle team", daemon=True)
        self._end = threading.Event()
        self._ready = threading.Event()
        self.start()
        self._ready.wait()

    def run(self) -> None:
        """Have a team, by an operation large enough to be shared out, until it is dissolved."""
        import torch

        torch.zeros(2**18).add_(1)
        self._ready.set()
        self._end.wait()

    def dissolve(self) -> None:
        """End the team's threads."""
        self._end.set()
        self.join()


def _threads() -> int:
    """Return torch's threads, 0 before it is imported."""
    count = getattr(sys.modules.get("torch"), "get_num_threads", None)
    return count() if count else 0


def _watch() -> None:
    manners, before, begun = Manners(), delays(), time.monotonic()
    while before:
        time.sleep(EVERY)
        now, moment = delays(), time.monotonic()
        manners.see(crowding(before, now, moment - begun))
        before, begun = now, moment
