"""Why something failed: in words, and whether the machine is to blame."""

from __future__ import annotations

import traceback
from pathlib import Path

from bionic_core.errors import BionicError

VMSTAT = Path("/proc/vmstat")

MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "bad alloc")
"""In the words of torch's errors, where memory is what lacks."""


REMEDY = "fewer --jobs, or a smaller training.batch_size, need less"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory is what lacked, on the CPU or on a GPU."""
    words = str(error).lower()  # torch has no class of its own for want of memory on the CPU
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in words for sign in MEMORY)
    )


def of_the_machine(error: BaseException) -> bool:
    """Whether the same run may well succeed when it is tried again."""
    return out_of_memory(error) or (
        isinstance(error, OSError) and not isinstance(error, BionicError)
    )


def reason(error: BaseException) -> str:
    """Return why a run failed, in words."""
    if isinstance(error, BionicError):
        return str(error)
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    if out_of_memory(error):
        first = what.splitlines()[0]
        return f"out of memory ({first}); {REMEDY}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return what + place


def kills_for_memory() -> int | None:
    """Return how many processes the kernel has killed for want of memory; None where unknown.

    Linux counts them since 4.13.
    """
    try:
        counts = dict(line.split() for line in VMSTAT.read_text().splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
