"""Files: a reader finds the old one or the new one, never half of either; nothing is executed."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError, WriteError

LARGEST = 4 * 2**30
"""Bytes of arrays that an ``.npz`` may unpack to: a small file can claim to hold any number."""


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; on success flush it to disk and rename it.

    Raises:
        WriteError: the disk is full, or writing is not allowed there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
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


def read_arrays(source: Path | bytes, where: Path | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of an ``.npz``; one that would need pickle is refused.

    Args:
        source: a file, or what it holds.
        where: the file, for errors, where ``source`` is what it holds.

    Raises:
        RequestError: the file is missing, or damaged, or not an archive of arrays, or unpacks to
            more than :data:`LARGEST` bytes.
    """
    path = source if isinstance(source, Path) else where
    try:
        with (
            source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file,
            np.load(file, allow_pickle=False) as archive,
        ):
            size = sum(member.file_size for member in archive.zip.infolist())
            if size > LARGEST:
                raise RequestError(
                    f"unpacks to {size:,} bytes, more than the {LARGEST:,} that are read",
                    where=str(path),
                )
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise RequestError("no such file", where=str(path)) from error
    except DAMAGE as error:
        raise RequestError(
            f"damaged, or not an .npz of arrays ({error})", where=str(path)
        ) from error
    except (AttributeError, TypeError) as error:  # a lone array, which is no archive
        raise RequestError("not an .npz of arrays", where=str(path)) from error


DAMAGE = (
    *(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error),
    *(MemoryError, NotImplementedError, OverflowError, RuntimeError),  # claims beyond belief
)
"""What reading an archive raises where it is damaged, or made to do harm."""
