"""One process at a time trains a run: a lock of the operating system, which dies with its holder.

The lock is ``flock`` on Linux and macOS and ``LockFile`` on Windows, through the package filelock.
The kernel gives it back when its holder ends, however it ends, so a crash leaves nothing to clear
away; the file that it is on means nothing by itself. Over NFS, Linux takes it on the server (since
2.6.12), and a client that dies loses it when its lease ends. Where a file system has no locks at
all, training goes on without, and says so.
"""

from __future__ import annotations

import errno
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from bionic_core.base.unwritten import WriteError
from bionic_core.errors import BusyError

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
"""What systems answer where a file system cannot lock."""

LOOKS_EVERY = 0.25
"""Seconds between two looks at a lock that another process holds."""


class Claim:
    """The right to train one run, taken once and held until the block ends."""

    def __init__(self, path: Path, say: Callable[[str], None] | None = None) -> None:
        """Name the lock's file; nothing is written before the claim is taken."""
        self.path = path
        self._say = say or (lambda _: None)
        self._lock: FileLock | None = None

    @property
    def contested(self) -> bool:
        """Whether another process may hold it: its file is there."""
        return self.path.exists()

    def take(self, wait: float) -> Claim:
        """Take the lock, waiting so many seconds for another process if need be.

        Raises:
            BusyError: the other process has it still.
            WriteError: the lock's file cannot be made.
        """
        if self._lock is not None:
            return self
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path)
            self._lock = lock
            if not self._acquired(lock, 0):
                if wait == math.inf:
                    self._say("another process trains this run; waiting until it ends")
                if not self._acquired(lock, wait):
                    self._lock = None
                    raise BusyError("another process trains this run")
        except OSError as error:
            if isinstance(error, WriteError) or error.errno not in NO_LOCKS:
                raise WriteError.of(error, self.path) from error
            self._say(
                f"{self.path.parent}: this file system has no locks ({error.strerror}), so see to "
                "it yourself that no other process trains the same run"
            )
        return self

    def _acquired(self, lock: FileLock, wait: float) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the file that serves where flock is missing
                lock.acquire(timeout=-1 if wait == math.inf else wait, poll_interval=LOOKS_EVERY)
        except Timeout:
            return False
        return True

    def remove(self) -> None:
        """Remove the lock's file; only for a run that is complete, which nobody trains again."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError:  # Windows keeps files that are open
            return

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = None


def held(path: Path) -> bool:
    """Whether a process holds the lock of this file now."""
    if path.is_symlink() or not path.is_file():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written, or without locks: nobody trains there
        return False
    lock.release()
    return False
