"""Matrices in MATLAB's files; those of version 7.3 are HDF5.

A sparse one is made dense by :mod:`bionic_core.base.sparse`, since SciPy's own way writes where the
file's pointers tell it to.
"""

from __future__ import annotations

import math
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bionic_core.base.arrays import LARGEST, Array, opened, reading
from bionic_core.base.hdf5 import opened_hdf
from bionic_core.base.memory import machine_memory
from bionic_core.base.sparse import entries_of
from bionic_core.errors import RequestError

WHAT = "not a .mat of matrices"


def read_matlab(path: Path, wanted: str = "") -> tuple[list[str], Array | None]:
    """Return the names of the matrices of numbers in a ``.mat``, and the one that is wanted.

    A sparse matrix comes dense.

    Raises:
        RequestError: it is missing or damaged, claims more than is read, or h5py is needed.
    """
    with reading(path, WHAT):
        with opened(path) as file:
            # MATLAB puts HDF5 after a block of 512 bytes of its own.
            hdf = file.read(512 + 4).find(b"\x89HDF") >= 0
        return (_of_hdf if hdf else _of_levels)(path, wanted)


def _of_levels(path: Path, wanted: str) -> tuple[list[str], Array | None]:
    import scipy.io
    import scipy.sparse

    found = [
        one
        for one in scipy.io.whosmat(path)
        if len(one[1]) == 2 and re.fullmatch(r"double|single|sparse|logical|u?int\d+", one[2])
    ]
    names = [str(name) for name, shape, _ in found if min(shape) > 1]
    if not wanted:
        return names, None
    _check_size(wanted, next(shape for name, shape, _ in found if name == wanted))
    # as matrices SciPy would convert them unasked, before 1.17 with its compiled code
    value = scipy.io.loadmat(path, variable_names=[wanted], spmatrix=False)[wanted]
    if scipy.sparse.issparse(value) and value.format == "coo":  # of level 4
        parts = {"row": value.coords[0], "col": value.coords[1]}
        return names, _dense({"format": np.array("coo"), "data": value.data, **parts}, value.shape)
    if scipy.sparse.issparse(value):
        return names, _columns(value.data, value.indices, value.indptr, value.shape)
    return names, np.asarray(value)


def _of_hdf(path: Path, wanted: str) -> tuple[list[str], Array | None]:
    if find_spec("h5py") is None:
        words = "is a .mat of version 7.3, which is read by the package h5py (extra hdf5)"
        raise RequestError(words, where=str(path))
    with opened_hdf(path, WHAT) as file:
        shapes = {n: shape for n, v in file.items() if (shape := _shape(v))}
        names = [name for name, shape in shapes.items() if min(shape) > 1]
        if not wanted:
            return names, None
        shape, table = shapes[wanted], file[wanted]
        _check_size(wanted, shape)
        if "MATLAB_sparse" not in table.attrs:
            return names, np.asarray(table[:]).T  # MATLAB writes columns first
        if "ir" not in table:
            return names, np.zeros(shape)
        return names, _columns(table["data"][:], table["ir"][:], table["jc"][:], shape)


def _check_size(name: str, shape: tuple[int, ...]) -> None:
    if math.prod(shape) * 8 > min(LARGEST, machine_memory() // 2):
        raise ValueError(f"{name} claims to be {shape[0]:,} × {shape[1]:,}")


def _columns(data: Array, rows: Array, pointers: Array, shape: tuple[int, ...]) -> Array:
    parts = {"data": data, "indices": rows, "indptr": pointers}
    return _dense({"format": np.array("csc"), **parts}, shape)


def _dense(parts: dict[str, Array], shape: tuple[int, ...]) -> Array:
    """Return a sparse matrix in full; entries of one place are added, as SciPy does."""
    found = entries_of({**parts, "shape": np.array(shape)})
    matrix = np.zeros(found.shape)
    np.add.at(matrix, (found.row, found.column), found.value)
    return matrix


def _shape(item: Any) -> tuple[int, int] | None:
    """Return the rows and columns of a matrix of numbers in HDF5 of MATLAB's; of others None."""
    if "MATLAB_sparse" in item.attrs and "jc" in item:
        return int(item.attrs["MATLAB_sparse"]), len(item["jc"]) - 1
    numbers = getattr(item, "ndim", 0) == 2 and item.dtype.kind in "biuf"
    if not numbers or item.attrs.get("MATLAB_class") in (b"char", b"cell"):
        return None
    return int(item.shape[1]), int(item.shape[0])
