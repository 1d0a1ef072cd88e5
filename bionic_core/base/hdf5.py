"""The one door through which HDF5 comes: MATLAB's of version 7.3, SONATA's, NetCDF's.

HDF5 can name other files in three ways (links, storage outside, virtual datasets), and its library
follows them unasked; a dataset may claim any size and hold nothing.
"""

from __future__ import annotations

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
