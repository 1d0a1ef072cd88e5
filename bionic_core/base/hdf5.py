"""The one door through which HDF5 comes and goes: MATLAB's of version 7.3, SONATA's, NetCDF's.

HDF5 can name other files in three ways (links, storage outside, virtual datasets), and its library
follows them unasked; a dataset may claim any size and hold nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bionic_core.base.arrays import DEFLATED, LARGEST, reading
from bionic_core.base.files import check_file
from bionic_core.base.memory import machine_memory

DEEPEST = 64
"""Groups within groups, at most: the library follows them by recursion."""

SMALL = 2**26
"""Bytes that a dataset may unpack to, whatever is stored of it."""


@contextmanager
def opened_hdf(path: Path, what: str) -> Iterator[Any]:
    """Open a file of HDF5 that holds all that it has, and claims no more than it holds.

    Args:
        path: the file.
        what: in words, what it is not if it cannot be read, ``no SONATA file``.

    Raises:
        RequestError: it is missing or damaged, names another file, or claims too much.
    """
    import h5py

    with reading(path, what):
        check_file(path)
        with h5py.File(path, "r") as file:
            _check(file)
            yield file


def _check(file: Any) -> None:
    import h5py

    most = min(LARGEST, machine_memory() // 2)
    todo, seen = [(file, "", 0)], set()
    while todo:
        group, at, depth = todo.pop()
        for name in group:
            place = f"{at}/{name}"[-200:]
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise ValueError(f"{place} leads to another file, {link.filename}; none is opened")
            if not isinstance(link, h5py.HardLink):
                continue  # to a place within
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(item, h5py.Group):
                if depth >= DEEPEST:
                    raise ValueError(f"it has more than {DEEPEST} groups within groups")
                todo.append((item, place, depth + 1))
            elif isinstance(item, h5py.Dataset):
                _check_dataset(item, place, most)


def _check_dataset(item: Any, place: str, most: int) -> None:
    if item.external or item.is_virtual:
        raise ValueError(f"{place} is kept in another file; none is opened")
    size, held = item.nbytes, item.id.get_storage_size()
    if size > most or size > max(SMALL, DEFLATED * held):
        raise ValueError(f"{place} claims {size:,} bytes and has {held:,}")


class Lenient(io.RawIOBase):
    """A file for HDF5's library, which crashes the process where a write fails: none does here.

    What failed is kept, and raised by :meth:`check` and at the end.
    """

    def __init__(self, file: io.RawIOBase) -> None:
        self.file = file
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise what writing has met."""
        if self.error is not None:
            raise self.error

    def write(self, data: Any) -> int:
        """Write all, or keep why not."""
        view = memoryview(data).cast("B")
        try:
            done = 0
            while self.error is None and done < len(view):
                done += self.file.write(view[done:]) or 0
        except OSError as error:
            self.error = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length, or keep why not."""
        try:
            return self.file.truncate(size) if self.error is None else size or 0
        except OSError as error:
            self.error = error
            return size or 0

    def readinto(self, buffer: Any) -> int:
        """Read; what was never written is zeros."""
        found = self.file.readinto(buffer) or 0
        memoryview(buffer).cast("B")[found:] = bytes(len(buffer) - found)
        return len(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self.file.tell()

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.check()


@contextmanager
def writing_hdf(path: Path) -> Iterator[Lenient]:
    """Open a new file that h5py or h5netcdf can write into, on a full disk too.

    Raises:
        OSError: what writing has met, once the library is done.
    """
    with path.open("w+b", buffering=0) as raw, Lenient(raw) as file:
        yield file
