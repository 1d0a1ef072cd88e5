"""A time limit on importing a plugin: a stranger's import may wait for a server, or for ever."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import Any

from bionic_core.errors import RequestError

LIMIT_VARIABLE = "BIONIC_PLUGIN_SECONDS"
"""Environment variable: seconds that the import of one plugin may take."""

LIMIT = 60.0
"""Seconds where the variable says nothing: libraries on a network disk have room."""

_hung: dict[EntryPoint, float] = {}
"""What hung in this process, so that its limit is waited for but once."""


class HungError(Exception):
    """The import took longer than it may."""


class _Alarm(BaseException):
    """Raised in the middle of an import; no ``except Exception`` of a stranger's stops it."""


def time_limit() -> float:
    """Return the seconds that an import may take.

    Raises:
        RequestError: the variable holds no number of seconds.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        seconds = float(text or LIMIT)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise RequestError(f"{LIMIT_VARIABLE}={text}: must be a number of seconds above 0")
    return seconds


def import_within(point: EntryPoint, seconds: float) -> Any:
    """Import what an entry point names.

    The limit is kept by a signal, which ends the import itself. Where there are none (Windows, or
    a thread other than the main one), there is no limit. torch is imported before the clock runs:
    nearly every plugin imports it, and torch broken off half-way cannot be imported again.

    Raises:
        HungError: it took longer.
        Exception: whatever the import raises.
    """
    if _hung.get(point, 0.0) < seconds:
        import torch  # noqa: F401

        try:
            with _alarm(seconds):
                return point.load()
        except _Alarm:
            _hung[point] = seconds
    raise HungError(
        f"its import had not ended after {seconds:g} seconds; {LIMIT_VARIABLE} sets another limit"
    )


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise an alarm after so many seconds, unless what is inside has ended."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    begun = time.monotonic()
    delay, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if delay:  # somebody else's timer goes on where it would be
            rest = max(delay - (time.monotonic() - begun), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, rest, interval)
