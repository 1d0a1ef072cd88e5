"""How much memory the machine has, and what a model in the making takes of it."""

from __future__ import annotations

import os
from pathlib import Path

from bionic_core.errors import RequestError

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_memory() -> int:
    """Return the bytes of memory that this machine, or the container, has in all."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in LIMITS:
        try:
            found.append(int(Path(path).read_text()))
        except (OSError, ValueError):  # no such limit, or the word "max"
            continue
    return min(found)  # a container's limit is below what the machine has


def gib(size: float) -> str:
    """Return a number of bytes for people: ``1.49 GiB``."""
    return f"{size / 2**30:,.2f} GiB"


class Budget:
    """What a model in the making has taken of the machine's memory."""

    def __init__(self) -> None:
        self.taken = 0
        self.all = machine_memory()

    def take(self, size: int, what: str, remedy: str) -> None:
        """Account for ``size`` bytes that are about to be allocated.

        Raises:
            RequestError: they do not fit beside what was taken before.
        """
        before, self.taken = self.taken, self.taken + size
        if self.taken > self.all:
            beside = f" beside {gib(before)} before it" if before else ""
            raise RequestError(
                f"{what} would take {gib(size)} of memory{beside}, and this machine has "
                f"{gib(self.all)}. {remedy}"
            )
