"""Files: a reader finds the old one or the new one, never half of either; nothing is executed."""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; on success flush it to disk and rename it."""
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


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, complete or not at all."""
    with write_atomically(path) as file:
        file.write(text.encode())


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of an ``.npz``; one that would need pickle is refused.

    Raises:
        RequestError: the file is missing, or damaged, or not an archive of arrays.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise RequestError("no such file", where=str(path)) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise RequestError(
            f"damaged, or not an .npz of arrays ({error})", where=str(path)
        ) from error
    except (AttributeError, TypeError) as error:  # a lone array, which is no archive
        raise RequestError("not an .npz of arrays", where=str(path)) from error
