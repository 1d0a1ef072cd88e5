"""What is written beside its name, and gets it once it is whole; a signal leaves nothing of it."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from bionic_core.base.failures import REFUSED
from bionic_core.base.unwritten import WriteError
from bionic_core.errors import BionicError, RequestError

ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process and may be caught: by ``kill``, and where a terminal is closed."""

TRIES, LOOKS = 40, 6
"""How often removing is tried, over two seconds; how often a folder must be found gone."""

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # Linux's fcntl.h and fs.h

_UNFINISHED: list[Path] = []


@contextmanager
def removed_at_the_end(path: Path) -> Iterator[None]:
    """Remove an unfinished file or folder afterwards, and before a signal ends the process.

    The signal ends it as it would have. One that somebody else has seen to is left to them.
    """
    ours = threading.current_thread() is threading.main_thread()
    caught = [one for one in ENDS if ours and signal.getsignal(one) is signal.SIG_DFL]
    _UNFINISHED.append(path)
    for one in caught:
        signal.signal(one, _end)
    try:
        yield
        _remove(path)
    except BaseException:
        _remove(path, stopped=True)
        raise
    finally:
        for one in caught:
            signal.signal(one, signal.SIG_DFL)
        _UNFINISHED.remove(path)


def _end(number: int, frame: FrameType | None) -> None:
    """Remove what is unfinished, and end by the signal."""
    for path in _UNFINISHED:
        _remove(path, stopped=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _remove(path: Path, *, stopped: bool = False) -> None:
    """Remove a file or folder; into the folder of what was stopped, threads may write on (zarr's).

    They make it anew where it is gone, so that it must be found gone several times.
    """
    looks = LOOKS if stopped and path.is_dir() else 1
    for _ in range(TRIES):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        if not os.path.lexists(path):
            looks -= 1
        if looks <= 0:
            return
        time.sleep(0.05)


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """Yield a folder of one's own on the disk of ``out``, for the time being."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    with removed_at_the_end(folder):
        yield folder


@contextmanager
def made_beside(out: Path) -> Iterator[Path]:
    """Yield a path for a library that opens files itself; what is there then gets the name ``out``.

    A file or a folder that has the name is replaced, and kept where anything fails.

    Raises:
        WriteError: the disk is full, or writing is not allowed there.
    """
    try:
        with folder_beside(out) as folder:
            made = folder / out.name
            yield made
            _to_disk(made)
            if out.is_dir():
                _exchanged(made, out)
            else:
                made.replace(out)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError.of(error, out) from error


def _to_disk(made: Path) -> None:
    """Flush every file, else a crash may leave the new name and no content."""
    for path in made.rglob("*") if made.is_dir() else (made,):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _exchanged(made: Path, out: Path) -> None:
    """Give a folder's name to another in one step, where the system can; the old one is beside."""
    with suppress(OSError, AttributeError, TypeError):
        names = os.fsencode(made), os.fsencode(out)
        rename = ctypes.CDLL(None).renameat2
        if rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0:
            return
    before = made.with_name(f"{out.name}.before")
    out.replace(before)
    try:
        made.replace(out)
    except BaseException:
        before.replace(out)
        raise


def refused(error: OSError, path: Path, option: str, other: str) -> BionicError:
    """Return the error of a place that an option names.

    The request is wrong where the system takes no such name, or lets nobody write there; where a
    disk is full or broken, the machine has failed.
    """
    if error.errno not in REFUSED:
        return error if isinstance(error, WriteError) else WriteError.of(error, path)
    words = f"cannot be written ({error.strerror or error}); give {option} {other}"
    return RequestError(words, where=str(path))
