"""Files: a reader finds the old one or the new one, never half of either; nothing is executed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from bionic_core.base.unwritten import WriteError
from bionic_core.errors import DamagedError, RequestError


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; on success flush it to disk and rename it.

    Raises:
        WriteError: the disk is full, or writing is not allowed there.
    """
    if (kind := kind_of(path)) not in ("", "file", "folder"):
        # renaming would put a file in its place: /dev/null would be none any more
        raise WriteError.of(OSError(errno.EEXIST, f"a {kind} is there"), path)
    from bionic_core.base.unfinished import removed_at_the_end

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with removed_at_the_end(temporary):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # else a crash may leave the new name and no content
            # Temporary files are private; what comes of them is as open as any other file.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError.of(error, path) from error


def remove_temporaries(folder: Path, names: Iterable[str]) -> None:
    """Remove what a process left that was killed while it wrote one of the named files."""
    for name in names:
        for path in folder.glob(f".{name}.*"):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, complete or not at all."""
    with write_atomically(path) as file:
        file.write(text.encode())


def present(path: Path) -> bool:
    """Say whether anything has this name, be it a link that leads nowhere.

    What should be a file and is none is to be refused by :func:`read_own`, not taken as missing.
    """
    return os.path.lexists(path)


def read_own(path: Path, most: int | None = None) -> bytes:
    """Return what a regular file of a folder that may come from anybody holds.

    A link is not followed, and nothing else than a file is opened: a pipe would wait for ever,
    and a device may act. The folder itself may be, or lie behind, a link.

    Args:
        path: the file.
        most: bytes that are read; of a larger one, none are.

    Raises:
        DamagedError: it is missing, a link, not a regular file, too large, or cannot be read.
    """
    try:
        _check_regular(path.lstat(), path)
        handle = os.open(path, os.O_RDONLY | _AS_IT_IS)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            _check_regular(found, path)  # it may be another than a moment ago
            if most is not None and found.st_size > most:
                raise DamagedError(
                    f"has {found.st_size:,} bytes, more than any such file of a run; it is not "
                    "read",
                    where=str(path),
                )
            return file.read()
    except FileNotFoundError as error:
        raise DamagedError("missing", where=str(path)) from error
    except (OSError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise DamagedError(_LINK, where=str(path)) from error
        raise DamagedError(f"cannot be read: {error}", where=str(path)) from error


_AS_IT_IS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
"""Flags for a file that no link leads to and that nobody waits for; not every system has them."""

_LINK = (
    "is a link, and a run's or study's files are read from its own folder only. Copy the folder "
    "with what its links lead to (cp -rL) if you trust it"
)

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (lambda _: True, "device"),
)


def _check_regular(found: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise DamagedError(_LINK, where=str(path))
    if not stat.S_ISREG(found.st_mode):
        kind = next(name for is_one, name in _KINDS if is_one(found.st_mode))
        raise DamagedError(f"is a {kind} and no file; it is not read", where=str(path))


def kind_of(path: Path) -> str:
    """Return what a name, or what its link leads to, is: ``file``, ``folder``, ``pipe``,
    ``socket`` or ``device``; empty where there is nothing that can be looked at.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return next(name for is_one, name in _KINDS if is_one(mode))


def check_file(path: Path) -> None:
    """Check, before a file that the user names is opened, that it is one; a link to one is.

    A pipe would be waited for without end, and a device may have no end.

    Raises:
        RequestError: it is missing, a folder, a pipe, a socket or a device, or cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RequestError("no such file", where=str(path)) from error
    except (OSError, ValueError) as error:  # a loop of links, a name too long or with a NUL
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RequestError(f"cannot be read ({words})", where=str(path)) from error
    if not stat.S_ISREG(mode):
        kind = next(name for is_one, name in _KINDS if is_one(mode))
        rest = "" if kind == "folder" else " and no file; it is not read. Save what it gives"
        raise RequestError(f"is a {kind}{rest}", where=str(path))


def limited_lines(file: TextIO, most: int, longest: int = 2**24) -> Iterator[str]:
    """Yield a text's lines, however much a small compressed file unpacks to.

    Raises:
        ValueError: it has more than ``most`` letters in all, or ``longest`` in a line.
    """
    total = 0
    while line := file.readline(longest):
        total += len(line)
        if total > most or len(line) == longest:
            raise ValueError(f"more than {most:,} letters, or {longest:,} in a line")
        yield line
