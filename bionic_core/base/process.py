"""What a process that trains sets for itself, and how it ends; an imported library sets nothing."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from contextlib import suppress
from importlib import import_module

# mallopt's parameters, from glibc's malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3

SPINS = "20000"
"""How often a thread looks whether there is work before it sleeps: for some half a millisecond."""


def settle() -> None:
    """Set threads and memory for training; call it before torch is imported.

    Threads that sleep at once wake too late for the next of a step's short operations, so they
    spin before they sleep, for longer than the gaps within a step. Where cores are shared, that
    costs more than it saves: :mod:`bionic_core.base.cores` sees to it. And glibc gives the memory
    of every large tensor back to the system, so that each step of training pays for new pages: a
    seventh of the time of a step of 32 images. A process that trains keeps it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    with suppress(OSError, AttributeError, TypeError):  # not every system has glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 32 * 2**20)  # the most that glibc takes
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_TOP_PAD, 64 * 2**20)


def import_beside(name: str) -> None:
    """Begin to import a library in a thread, while this one has nothing to do but wait."""
    threading.Thread(target=import_module, args=(name,), daemon=True).start()


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
    os._exit(code)
