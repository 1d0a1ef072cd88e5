"""Fetching: a download that goes on where it stopped, and a file that is whole or absent."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.arrays import read_arrays
from bionic_core.base.files import write_atomically, write_text
from bionic_core.connectome import Connectome
from bionic_core.connectomes.roles import ConnectomeFetcher, Unwatched, Watch
from bionic_core.errors import BionicError, RequestError

MARK = "query.json"
"""The file that says which query a folder of pieces belongs to."""


class Parts:
    """The finished pieces of a download, in a folder that belongs to one query.

    A folder that holds another query's pieces is emptied first: they would be mixed otherwise.
    """

    def __init__(self, folder: Path, query: Mapping[str, Any]) -> None:
        """Open the folder for a query (JSON-ready data, without secrets)."""
        self.folder = folder
        text = json.dumps(dict(query), sort_keys=True, indent=1) + "\n"
        mark = folder / MARK
        if not mark.is_file() or mark.read_text(encoding="utf-8") != text:
            remove_parts(folder)
            write_text(mark, text)

    def path(self, name: str) -> Path:
        """Return the path of a piece."""
        return self.folder / name

    def read(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """Return a piece's arrays; None where it is not there, or not whole."""
        path = self.path(f"{name}.npz")
        if not path.is_file():
            return None
        try:
            return read_arrays(path)
        except RequestError:  # the disk filled up, or somebody edited it: fetch it again
            path.unlink()
            return None

    def write(self, name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep a piece; it is there as a whole or not at all."""
        with write_atomically(self.path(f"{name}.npz")) as file:
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]


def parts_folder(out: Path) -> Path:
    """Return the folder beside ``out`` for the pieces of its download."""
    return out.with_name(out.name + ".parts")


def remove_parts(folder: Path) -> None:
    """Remove a folder of pieces.

    Raises:
        RequestError: the folder holds something else; it is left as it is.
    """
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).is_file()):
        raise RequestError(
            "is in the way: the pieces of the download belong there, but it is no folder of "
            "such pieces. Move it, or choose another --out",
            where=str(folder),
        )
    shutil.rmtree(folder)


def check_free(out: Path, *, overwrite: bool) -> None:
    """Check that a file may be written, before the work of making it.

    Raises:
        RequestError: it is a folder, or it exists already and is not to be overwritten.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise RequestError(
            "is a folder; name a file"
            if out.is_dir()
            else "exists already. Name another file, remove it, or give --overwrite",
            where=str(out),
        )


def fetch_connectome(
    fetcher: ConnectomeFetcher,
    out: Path,
    *,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> Connectome:
    """Download a connectome into an ``.npz`` file and return it.

    Finished pieces are kept in ``OUT.parts`` until the file is written, so that the same call
    goes on where an interrupted one stopped.

    Raises:
        RequestError: ``out`` exists already or cannot be written, or the fetcher refuses.
        BionicError: the download failed.
    """
    check_free(out, overwrite=overwrite)
    folder = parts_folder(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"cannot be written ({error.strerror or error}); choose another --out", where=str(out)
        ) from error
    try:
        connectome = fetcher.fetch(folder, watch or Unwatched())
        connectome.save(out)
    except BaseException as error:
        if folder.is_dir() and {path.name for path in folder.iterdir()} <= {MARK}:
            shutil.rmtree(folder)  # nothing to go on from: leave no trace
        if isinstance(error, OSError):
            raise BionicError(
                f"{out}: cannot be written ({error.strerror or error}); make room, and give the "
                "same command again: it goes on from what is finished"
            ) from error
        raise
    shutil.rmtree(folder)
    return connectome


def sha256(path: Path) -> str:
    """Return a file's SHA-256 as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
