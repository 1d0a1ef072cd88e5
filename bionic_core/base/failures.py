"""Why something failed: in words, and whether the machine is to blame."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from bionic_core.errors import BionicError

VMSTAT = Path("/proc/vmstat")

MEMORY = (
    *("out of memory", "can't allocate memory", "not enough memory", "bad alloc", "bad_alloc"),
    *("could not create a memory object", "could not create a primitive"),  # oneDNN's words
    *("failed to map segment", "can't start new thread"),  # of a library; of Python's
    *("could not execute a primitive", "invalid buffer size", "storage size calculation overfl"),
)
"""In the words of torch's errors, where memory is what lacks."""


REMEDY = "fewer --jobs, or a smaller training.batch_size, need less"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory is what lacked, on the CPU or on a GPU."""
    words = str(error).lower()  # torch has no class of its own for want of memory on the CPU
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError) and any(sign in words for sign in MEMORY)
    )


def of_the_machine(error: BaseException) -> bool:
    """Whether the same run may well succeed when it is tried again."""
    return out_of_memory(error) or (
        isinstance(error, OSError) and not isinstance(error, BionicError)
    )


REFUSED = {
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ESPIPE, errno.EROFS),
}
"""What the system says of a name that is no file which may be read or written."""


def explained(error: BaseException) -> tuple[str, int] | None:
    """Return what is to be said of an error that no part of bionic foresaw, and the exit code.

    None where neither the request nor the machine is to blame.
    """
    if out_of_memory(error):
        return f"{reason(error)}; nothing is half-written", 1
    if isinstance(error, OSError):
        words = error.strerror or str(error)
        place = f"{error.filename}: " if error.filename else ""
        if error.errno in REFUSED and error.filename:
            return f"{place}cannot be used ({words}). Name another file or folder", 2
        return f"{place}the system refused ({words}); nothing is half-written", 1
    if isinstance(error, EOFError):
        return "a process, or what was to be typed, ended before it had said all", 1
    if isinstance(error, OverflowError):
        return f"a number is too large to be computed with ({error}); give a smaller one", 2
    if isinstance(error, UnicodeError) or (isinstance(error, ValueError) and "null" in str(error)):
        return f"a text or a name has letters that are none ({error}); write it otherwise", 2
    if isinstance(error, RecursionError):
        return f"something is nested too deep ({error}); make it flatter", 2
    return None


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
