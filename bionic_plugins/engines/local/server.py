"""The server that workers are forked from; importing this imports nothing that takes long.

So a study can start its server before anything else, and import torch itself meanwhile.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from bionic_core.base.process import safe_path

FORKED = sys.platform == "linux"
"""Elsewhere a process may not be forked once it has loaded what torch links to."""


def expect() -> None:
    """Begin to import what workers need, beside what this process does meanwhile.

    The libraries are then imported once, and not once a worker.
    """
    if not FORKED:
        return
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["bionic_plugins.engines.local.preloaded"]
    )
    with without_interrupts():
        forkserver.ensure_running()


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the study ends its workers itself.

    Nor do they import anything from the working directory.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows; there a worker is told later
        with safe_path(), without_main():
            yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with safe_path(), without_main():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def without_main() -> Iterator[None]:
    """Start processes that do not run the program that starts them again, as Python's do.

    They need nothing of it, and a script that has no ``if __name__ == "__main__":`` would begin
    its study anew in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
