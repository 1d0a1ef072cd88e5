"""The one door through which arrays come from files; nothing else in the project opens them.

A file may come from anybody. What it claims (shapes, numbers of entries, places in a matrix) is
compared with its size and with each other before anything is allocated and before compiled code
sees it: SciPy's writes where a sparse matrix's indices tell it to. Nothing is unpickled.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bionic_core.base.files import check_file
from bionic_core.base.memory import gib, machine_memory
from bionic_core.base.sparse import LONGEST, Entries, entries_of
from bionic_core.errors import DamagedError, RequestError

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[Any]

LARGEST = 4 * 2**30
"""Bytes of arrays that a file may unpack to: a small one can claim to hold any number."""

EMPTY = 10**6
"""The most that one side of an array without any value may have."""

DEFLATED = 1032
"""Times that deflate makes its input smaller, at most."""

TIMES = 100
"""Times that packing makes a text in a language of marks smaller, at most."""

KINDS = "biufcSU"
"""Kinds of dtypes that are read: numbers and text."""

DAMAGE = (
    *(OSError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(MemoryError, NotImplementedError, OverflowError, RuntimeError),  # claims beyond belief
    *(csv.Error, AssertionError),
)
"""What reading raises where a file is damaged, or made to do harm."""


def read_arrays(source: Path | bytes, where: Path | None = None) -> dict[str, Array]:
    """Return all arrays of an ``.npz``; one that would need pickle is refused.

    Args:
        source: a file, or what it holds.
        where: the file, for errors, where ``source`` is what it holds.

    Raises:
        RequestError: the file is missing, or damaged, or not an archive of arrays, or what its
            arrays claim to be is not what it holds, or it unpacks to more than :data:`LARGEST`
            bytes or more than this machine's memory.
    """
    path = source if isinstance(source, Path) else where
    with (
        reading(path, "not an .npz of arrays"),
        opened(source) as file,
        zipfile.ZipFile(file) as archive,
    ):
        members = archive.infolist()
        _check_members(members)
        for member in members:
            if not member.filename.endswith(".npy"):
                raise ValueError(f"it holds '{member.filename[:60]}', which is no array")
        found = {}
        for member in members:
            with archive.open(member) as part:
                check_header(part, member.file_size, member.filename)
            with archive.open(member) as part:
                found[member.filename[:-4]] = _array(part)
                part.read()  # to its end, where its checksum is compared
        return found


def read_array(
    source: Path | bytes, where: Path | None = None, what: str = "not an .npy of an array"
) -> Array:
    """Return the array of an ``.npy``; one that would need pickle is refused.

    Args:
        source: a file, or what it holds.
        where: the file, for errors, where ``source`` is what it holds.
        what: in words, what it is not if it cannot be read.

    Raises:
        RequestError: as :func:`read_arrays`.
    """
    path = source if isinstance(source, Path) else where
    with reading(path, what), opened(source) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        check_header(file, size, "the array")
        file.seek(0)
        return _array(file)


def read_members(path: Path, wanted: Callable[[str], bool], what: str) -> dict[str, bytes]:
    """Return what the members of a ``.zip`` hold whose names are wanted.

    Args:
        path: the file.
        wanted: whether a member of that name is.
        what: in words, what it is not if it cannot be read, ``not a .zip of pictures``.

    Raises:
        RequestError: the file is missing or damaged, or unpacks to more than is read.
    """
    with (
        reading(path, what),
        opened(path) as file,
        zipfile.ZipFile(file) as archive,
    ):
        members = [member for member in archive.infolist() if wanted(member.filename)]
        _check_members(members)
        return {member.filename: archive.read(member) for member in members}


def read_sparse(path: Path) -> Entries:
    """Return the entries of a sparse matrix that SciPy's ``save_npz`` wrote, in any form.

    Raises:
        RequestError: as :func:`read_arrays`, or it is no such matrix, or its entries stand outside
            of it, or their lengths disagree.
    """
    arrays = read_arrays(path)
    with reading(path, "no sparse matrix"):
        return entries_of(arrays)


def read_market(path: Path) -> Entries | Array:
    """Return a matrix in Matrix Market's format (``.mtx``, ``.mtx.gz``): entries, or a dense one.

    Raises:
        RequestError: the file is missing or damaged, is complex, or claims more entries than it
            can hold.
    """
    import scipy.io

    with reading(path, "no matrix in Matrix Market's format"):
        check_file(path)
        if path.suffix.lower() == ".gz":
            source: Any = io.BytesIO(unpacked(path))
            size = source.getbuffer().nbytes
        else:
            source, size = path.open("rb"), path.stat().st_size
        with source:
            _check_market(source, size)
            source.seek(0)
            found = scipy.io.mmread(source)
        if isinstance(found, np.ndarray):
            return found
        found = found.tocoo()
        return Entries.of(found.row, found.col, found.data, found.shape)


def load_tensors(data: bytes, where: Path) -> dict[str, Tensor]:
    """Return the tensors of what a safetensors file holds.

    Raises:
        DamagedError: it is none, or claims what it does not hold.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except (SafetensorError, *DAMAGE) as error:
        raise DamagedError(f"damaged: {error}", where=str(where)) from error


@contextmanager
def reading(path: Path | None, what: str) -> Iterator[None]:
    """Turn what reading a file raises into sentences about it."""
    try:
        yield
    except RequestError:
        raise
    except FileNotFoundError as error:
        raise RequestError("no such file", where=str(path)) from error
    except DAMAGE as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RequestError(
            f"is damaged, or {what} ({' '.join(words.split())[:300]})", where=str(path)
        ) from error


@contextmanager
def opened(source: Path | bytes) -> Iterator[BinaryIO]:
    """Open a file, or what one holds; nothing but a regular file is opened."""
    if isinstance(source, Path):
        check_file(source)
        with source.open("rb") as file:
            yield file
    else:
        yield io.BytesIO(source)


def unpacked(path: Path) -> bytes:
    """Return what a gzip file unpacks to.

    Raises:
        ValueError: it is more than :data:`LARGEST` bytes, or than half of this machine's memory.
    """
    most = min(LARGEST, machine_memory() // 2)
    with gzip.open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it unpacks to more than the {gib(most)} that are read")
    return data


def check_unpacking(size: int, packed: int) -> None:
    """Refuse a text in a language of marks, such as XML, that was packed to do harm.

    Real ones become some 5 to 30 times as small; a reader takes several times the size in memory.

    Raises:
        ValueError: it becomes :data:`TIMES` times as large, and more than 64 MiB.
    """
    if size > max(2**26, TIMES * packed):
        raise ValueError(f"{packed:,} bytes unpack to {size:,}, more than {TIMES} times as many")


def check_header(file: IO[bytes], size: int, name: str) -> None:
    """Compare what an array's header claims with the bytes that follow it.

    Raises:
        ValueError: the header is none, claims another size, or a kind that is not read.
    """
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"{name} has a header of version {version}")
    shape, _, dtype = readers[version](file)
    start = file.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects, which only pickle could read")
    if dtype.kind not in KINDS:
        raise ValueError(f"{name} holds values of type {dtype}, neither numbers nor text")
    number = math.prod(shape)
    claimed, held = number * dtype.itemsize, size - start
    if min(shape, default=1) < 0 or claimed != held or (number and not dtype.itemsize):
        raise ValueError(
            f"{name} says that it is {dtype} {shape}, {claimed:,} bytes, and has {held:,}"
        )
    if not number and max(shape) > EMPTY:
        raise ValueError(f"{name} says that it is {dtype} {shape} and has no values")


def _array(file: IO[bytes]) -> Array:
    array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Check what an archive claims of its members, before any is unpacked."""
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("it has two members of one name")
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} is packed in a way that is not read")
        times = DEFLATED if member.compress_type == zipfile.ZIP_DEFLATED else 1
        if member.file_size > times * member.compress_size + 64:
            raise ValueError(f"{member.filename} claims to unpack to more than it can hold")
    size, most = sum(member.file_size for member in members), min(LARGEST, machine_memory())
    if size > most:
        raise ValueError(f"it unpacks to {size:,} bytes, more than the {most:,} that are read")


MARKET = ("coordinate", "array")
REAL = ("real", "double", "integer", "unsigned-integer", "pattern")
SYMMETRIES = ("general", "symmetric", "skew-symmetric")


def _check_market(file: BinaryIO, size: int) -> None:
    """Compare what a Matrix Market file's header claims with the bytes that follow it."""
    words = file.readline(1024).decode("ascii").lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        raise ValueError("its first line is no header of that format")
    layout, field, symmetry = words[2:]
    if layout not in MARKET or field not in REAL or symmetry not in SYMMETRIES:
        raise ValueError(f"it is {layout} {field} {symmetry}; a matrix of real numbers is needed")
    line = file.readline(1 << 16)
    while line.startswith(b"%") or (line and not line.strip()):
        line = file.readline(1 << 16)
    sides = [int(word) for word in line.split()]
    listed = layout == "coordinate"
    if len(sides) != 2 + listed or not 0 <= min(sides) <= max(sides[:2]) <= LONGEST:
        raise ValueError(f"its sizes are '{line[:60].decode('ascii', 'replace').strip()}'")
    rows, columns, number = (*sides, sides[0] * sides[1])[:3]
    if symmetry != "general" and rows != columns:
        raise ValueError(f"it is {symmetry} and has {rows:,} rows and {columns:,} columns")
    if not listed and symmetry != "general":
        number = rows * (rows + (1 if symmetry == "symmetric" else -1)) // 2
    # An entry is two or three numbers, or one, of a digit each, and what stands between them.
    least = (4 if field == "pattern" else 6) if listed else 2
    if number > (size - file.tell() + 1) // least:
        raise ValueError(f"it claims {number:,} entries and has {size - file.tell():,} bytes")
