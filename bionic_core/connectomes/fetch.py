"""Fetching: a download that goes on where it stopped, and a file that is whole or absent."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.arrays import read_arrays
from bionic_core.base.files import kind_of, present, read_own, write_atomically, write_text
from bionic_core.base.strict_json import json_text
from bionic_core.base.unfinished import refused
from bionic_core.connectome import Connectome
from bionic_core.connectomes.roles import ConnectomeFetcher, Unwatched, Watch
from bionic_core.errors import BionicError, DamagedError, RequestError

MARK = "query.json"
"""The file that says which query a folder of pieces belongs to."""

HASH = "sha256"
"""The array of a piece that says what the others hash to; checked whenever it is read."""


class Parts:
    """The finished pieces of a download, in a folder that belongs to one query.

    A folder that holds another query's pieces is emptied first: they would be mixed otherwise.
    """

    def __init__(self, folder: Path, query: Mapping[str, Any]) -> None:
        """Open the folder for a query (JSON-ready data, without secrets)."""
        self.folder = folder
        text = json_text(dict(query), sort_keys=True, indent=1) + "\n"
        mark = folder / MARK
        try:
            known = not folder.is_symlink() and read_own(mark, most=2**20) == text.encode()
        except DamagedError:
            known = False
        if not known:
            remove_parts(folder)
            write_text(mark, text)

    def path(self, name: str) -> Path:
        """Return the path of a piece."""
        return self.folder / name

    def read(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """Return a piece's arrays; None where it is not there, or not as it was written."""
        path = self.path(f"{name}.npz")
        if not present(path):
            return None
        try:
            arrays = read_arrays(read_own(path), path)
            said = arrays.pop(HASH, None)
            if said is not None and said.shape == () and str(said) == _hash(arrays):
                return arrays
        except RequestError:  # the disk filled up, or somebody edited it: fetch it again
            pass
        self.remove(path)
        return None

    def write(self, name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep a piece, which the caller has checked; it is there as a whole or not at all."""
        with write_atomically(self.path(f"{name}.npz")) as file:
            np.savez(file, **dict(arrays), **{HASH: np.array(_hash(arrays))})  # type: ignore[arg-type]

    def clear(self) -> None:
        """Remove the pieces; the folder stays this query's."""
        for path in self.folder.iterdir():
            if path.name != MARK:
                self.remove(path)

    @staticmethod
    def remove(path: Path) -> None:
        """Remove what stands where a piece belongs: a file, or a link but not what it leads to."""
        if path.is_dir() and not path.is_symlink():
            raise RequestError("is a folder where a piece of the download belongs", where=str(path))
        path.unlink(missing_ok=True)


def _hash(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return the SHA-256 of arrays with their names, dtypes and shapes."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def parts_folder(out: Path) -> Path:
    """Return the folder beside ``out`` for the pieces of its download."""
    return out.with_name(out.name + ".parts")


def remove_parts(folder: Path) -> None:
    """Remove a folder of pieces.

    Raises:
        RequestError: the folder holds something else; it is left as it is.
    """
    if not present(folder):
        return
    if (
        folder.is_symlink()
        or not folder.is_dir()
        or (any(folder.iterdir()) and not (folder / MARK).is_file())
    ):
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
    kind = kind_of(out)
    if kind not in ("", "file") or (kind and not overwrite):
        raise RequestError(
            f"is a {kind}; name a file"
            if kind != "file"
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
    if folder.is_symlink():
        remove_parts(folder)  # which refuses: nothing is written where a link leads
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(error, out, "--out", "another file") from error
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
