"""SciPy's sparse forms, as arrays, to entries: checked in full and without compiled code.

SciPy's converters write where row pointers tell them to, and its own ``check_format`` looks at no
pointer but the last where that is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.exact import MismatchError, exact

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Shape = tuple[int, int]
Places = tuple[Array, Array, Array]
"""Rows, columns and values."""

KNOWN = {"format", "shape", "data", "indices", "indptr", "row", "col", "coords", "offsets"}
KNOWN |= {"_is_array"}
"""What ``save_npz`` writes, of all forms."""

LONGEST = 2**31 - 1
"""Rows or columns that a matrix may have; cells are numbered in 32 bits."""


@attrs.frozen(eq=False)
class Entries:
    """The entries of a sparse matrix.

    Attributes:
        row, column: int64 (E,), within the shape.
        value: (E,), real numbers of any kind.
        shape: rows and columns.
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    value: Array
    shape: Shape

    @classmethod
    def of(cls, row: Array, column: Array, value: Array, shape: Shape) -> Entries:
        """Check entries; what is no finite number is for its user to refuse, row by row.

        Raises:
            MismatchError: an entry stands outside of the matrix, lengths disagree, or values are no
                real numbers.
        """
        if value.dtype.kind not in "biuf":
            raise MismatchError(f"holds values of type {value.dtype}; numbers are needed")
        if not row.shape == column.shape == value.shape == (row.size,):
            raise MismatchError(
                f"has {row.shape} rows, {column.shape} columns and {value.shape} values"
            )
        rows, columns = (
            _within(name, part, length)
            for name, part, length in zip(("row", "column"), (row, column), shape, strict=True)
        )
        return cls(rows, columns, value, shape)


def entries_of(arrays: Arrays) -> Entries:
    """Return the entries of what SciPy's ``save_npz`` writes, in any of its forms.

    Raises:
        MismatchError: the arrays are no such matrix.
    """
    form = _form(arrays)
    if strange := sorted({*arrays} - KNOWN):
        raise MismatchError(f"it has '{strange[0][:40]}', which is no part of such a matrix")
    row, column, value = FORMS[form](arrays, shape := _shape(arrays))
    return Entries.of(row, column, value, shape)


def _form(arrays: Arrays) -> str:
    word = str(exact(arrays["format"], np.str_).item()) if "format" in arrays else "none"
    if word not in FORMS:
        raise MismatchError(f"its form is '{word[:20]}'; {', '.join(FORMS)} are read")
    return word


def _shape(arrays: Arrays) -> Shape:
    sides = _part(arrays, "shape", 1)
    if sides.shape != (2,) or not ((sides >= 0) & (sides <= LONGEST)).all():
        raise MismatchError(f"its shape is {sides.tolist()[:3]}; rows and columns are needed")
    return int(sides[0]), int(sides[1])


def _part(arrays: Arrays, name: str, sides: int) -> Array:
    """Return an array of whole numbers, int64."""
    if name not in arrays:
        raise MismatchError(f"lacks {name}")
    array = arrays[name]
    if array.ndim != sides or array.dtype.kind not in "iu":
        raise MismatchError(f"{name} is {array.dtype} {array.shape}, no list of whole numbers")
    try:
        return exact(array, np.int64)
    except MismatchError as error:
        raise MismatchError(f"{name} {error}") from error


def _data(arrays: Arrays, sides: int) -> Array:
    if "data" not in arrays:
        raise MismatchError("lacks data")
    if arrays["data"].ndim != sides:
        raise MismatchError(f"data has shape {arrays['data'].shape}, expected {sides} sides")
    return arrays["data"]


def _within(name: str, places: Array, length: int) -> npt.NDArray[np.int64]:
    places = exact(places, np.int64)
    wrong = (places < 0) | (places >= length)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise MismatchError(f"entry {first:,} is in {name} {places[first]} of {length:,}")
    return places


def _pointed(arrays: Arrays, lines: int, held: int) -> npt.NDArray[np.int64]:
    """Return the line of each index, from pointers to where lines begin."""
    pointers = _part(arrays, "indptr", 1)
    if len(pointers) != lines + 1:
        raise MismatchError(f"indptr has {len(pointers):,} numbers for {lines:,} lines")
    lengths = np.diff(pointers)
    if pointers[0] != 0 or pointers[-1] != held or (lengths < 0).any():
        falls = np.flatnonzero(lengths < 0)
        where = f", and falls after line {falls[0]:,}" if len(falls) else ""
        raise MismatchError(
            f"indptr goes from {pointers[0]} to {pointers[-1]} over {held:,} indices{where}"
        )
    return np.repeat(np.arange(lines), lengths)


def _compressed(arrays: Arrays, shape: Shape) -> Places:
    """Return the entries of compressed rows."""
    indices, data = _part(arrays, "indices", 1), _data(arrays, 1)
    return _pointed(arrays, shape[0], len(indices)), indices, data


def _compressed_columns(arrays: Arrays, shape: Shape) -> Places:
    column, row, data = _compressed(arrays, shape[::-1])
    return row, column, data


def _blocks(arrays: Arrays, shape: Shape) -> Places:
    """Return the entries of blocks, (blocks, rows, columns), in compressed rows of blocks."""
    indices, data = _part(arrays, "indices", 1), _data(arrays, 3)
    number, high, wide = data.shape
    if not high or not wide or shape[0] % high or shape[1] % wide or number != len(indices):
        raise MismatchError(f"{len(indices):,} blocks {data.shape} do not fit into {shape}")
    indices = _within("block column", indices, shape[1] // wide)
    top = _pointed(arrays, shape[0] // high, number) * high
    row = np.broadcast_to(top[:, None, None] + np.arange(high)[:, None], data.shape)
    column = np.broadcast_to((indices * wide)[:, None, None] + np.arange(wide), data.shape)
    return row.ravel(), column.ravel(), data.ravel()


def _diagonals(arrays: Arrays, shape: Shape) -> Places:
    """Return the entries of diagonals; what they hold beyond the matrix is padding."""
    offsets, data = _part(arrays, "offsets", 1), _data(arrays, 2)
    if len(offsets) != len(data) or len(np.unique(offsets)) < len(offsets):
        raise MismatchError(f"{data.shape} diagonals have {len(offsets):,} offsets, or one twice")
    outside = np.flatnonzero((offsets <= -shape[0]) | (offsets >= shape[1]))
    if len(outside):
        raise MismatchError(f"offset {offsets[outside[0]]} is outside of a matrix of {shape}")
    if data.shape[1] > shape[1]:
        raise MismatchError(f"diagonals of {data.shape[1]:,} in {shape[1]:,} columns")
    column = np.broadcast_to(np.arange(data.shape[1]), data.shape)
    row = column - offsets[:, None]
    inside = (row >= 0) & (row < shape[0]) & (data != 0)
    return row[inside], column[inside], data[inside]


def _listed(arrays: Arrays, shape: Shape) -> Places:
    """Return entries that are listed with their places."""
    if "coords" in arrays:
        places = _part(arrays, "coords", 2)
        if len(places) != 2:
            raise MismatchError(f"coords has {len(places)} lines; a matrix has 2")
        row, column = places
    else:
        row, column = _part(arrays, "row", 1), _part(arrays, "col", 1)
    return row, column, _data(arrays, 1)


FORMS: Mapping[str, Callable[[Arrays, Shape], Places]] = {
    "csr": _compressed,
    "csc": _compressed_columns,
    "bsr": _blocks,
    "coo": _listed,
    "dia": _diagonals,
}
"""Forms that ``save_npz`` writes."""
