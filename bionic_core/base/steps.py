"""What takes long names itself, and whoever waits is told of it once two seconds have passed.

Rooms below say what they do (`doing`) and know no terminal; who carries a command out listens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bionic_core.base.words import duration

AFTER = 2.0
"""Seconds of silence after which what is being done is said."""

AGAIN = 60.0
"""Seconds after which a step that still goes on is said again."""

LOOKS_EVERY = 0.25


class Steps:
    """What is being done, and what of it was said; steps within steps are told, not those around.

    Args:
        say: shows a line to whoever waits.
        now: the time in seconds.
    """

    def __init__(
        self, say: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._now = say, now
        self._under_way: list[tuple[str, float]] = []
        self._quiet_since = now()
        self._said = ""
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None

    def begin(self, words: str) -> None:
        """Note that a step begins; silence counts from the first one on."""
        if not self._under_way:
            self._quiet_since = self._now()
        self._under_way.append((words, self._now()))

    def end(self) -> None:
        """Note that the latest step ends."""
        self._under_way.pop()

    def look(self) -> None:
        """Say what is being done, if nothing was said of it for so long."""
        if not (under_way := self._under_way[-1:]):
            return
        ((words, begun),) = under_way
        now = self._now()
        again = words == self._said
        if now - self._quiet_since < (AGAIN if again else AFTER):
            return
        self._quiet_since, self._said = now, words
        self._say(f"{words}, for {duration(now - begun)} so far" if again else f"{words} …")

    def watch(self) -> None:
        """Look now and then, in a thread of its own, from the first step on."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._look_on, name="steps", daemon=True)
            self._watcher.start()

    def _look_on(self) -> None:
        while not self._ended.wait(LOOKS_EVERY):
            self.look()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join()


_heard: ContextVar[Steps | None] = ContextVar("steps", default=None)


@contextmanager
def heard(say: Callable[[str], None]) -> Iterator[None]:
    """Have ``say`` told of what is being done, where that takes long."""
    steps = Steps(say)
    token = _heard.set(steps)
    try:
        yield
    finally:
        _heard.reset(token)
        steps.stop()


@contextmanager
def doing(words: str) -> Iterator[None]:
    """Name what is being done, for example ``reading synapses.csv``, to whoever waits for it."""
    if (steps := _heard.get()) is None:
        yield
        return
    steps.begin(words)
    steps.watch()
    try:
        yield
    finally:
        steps.end()
