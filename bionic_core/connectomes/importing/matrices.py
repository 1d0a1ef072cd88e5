"""Connections in a matrix: dense (.npy, .csv) or sparse (SciPy's .npz, .mtx)."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.arrays import read_array, read_market, read_sparse, reading
from bionic_core.base.exact import MismatchError, exact
from bionic_core.base.files import check_file, limited_lines
from bionic_core.base.sparse import Entries
from bionic_core.connectomes.importing.cells import Cells
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.importing.summing import LARGEST, ROW, Connections, Summing
from bionic_core.errors import RequestError

LETTERS = 2**32
"""That a matrix in text may have, however small its file is."""

ENDINGS = (".npy", ".npz", ".mtx", ".mtx.gz")


@attrs.frozen(eq=False)
class Matrix:
    """A matrix's entries.

    Attributes:
        row, column: int64 (E,), places of the entries that are not 0.
        value: float64 (E,).
        shape: rows and columns.
        labels: names of the rows and of the columns; empty where they go by the table of cells.
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    shape: tuple[int, int]
    labels: tuple[Sequence[str], Sequence[str]] = ((), ())


def is_matrix(path: Path) -> bool:
    """Whether a file is a matrix by its name; a CSV file may be one all the same."""
    return path.name.lower().endswith(ENDINGS)


def read_matrix(path: Path) -> Matrix:
    """Return the entries of a matrix; nothing in the file is executed.

    Raises:
        RequestError: the file is missing, damaged, or no matrix of numbers.
    """
    name = path.name.lower()
    check_file(path)
    with reading(path, "no matrix of numbers"):
        if name.endswith(".npy"):
            return _dense(read_array(path), path)
        if name.endswith(".npz"):
            return _sparse(read_sparse(path), path)
        if name.endswith((".mtx", ".mtx.gz")):
            found = read_market(path)
            return _sparse(found, path) if isinstance(found, Entries) else _dense(found, path)
        if name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")):
            return _written(path)
    raise RequestError(
        "is of no known kind of matrix; known are .npy, .csv, SciPy's .npz and .mtx",
        where=str(path),
    )


def sum_matrix(
    matrix: Matrix,
    cells: Cells,
    rules: Rules,
    folder: Path,
    *,
    values: str,
    post_by_pre: bool,
    where: str,
) -> tuple[Connections, dict[str, int]]:
    """Return the connections in a matrix, and its entries by reason.

    Args:
        matrix: its rows are pre, its columns post.
        cells: rows and columns go by the rows of their table, or by labels.
        rules: what is done with entries that are not as they should be.
        folder: for what does not fit into memory.
        values: ``count`` where an entry is a number of synapses; ``size`` where it is the size
            of a connection, which then counts as one synapse.
        post_by_pre: the rows are post, the columns pre.
        where: the file, for messages.

    Raises:
        RequestError: its shape or labels do not fit the cells, or the rules refuse entries.
    """
    places = [_places(matrix, axis, cells, where) for axis in (0, 1)]
    pre, post = places[0][matrix.row], places[1][matrix.column]
    if post_by_pre:
        pre, post = post, pre
    value = matrix.value
    checks = _checks(pre, post, value, values)
    reason = _reasons(checks, rules, len(value))
    counts = {name: int((reason == name).sum()) for name in checks}
    examples = {}
    for name in rules.refused(counts):
        first = int(np.flatnonzero(reason == name)[0])
        examples[name] = (
            f"{value[first]:g} in row {matrix.row[first] + 1}, column {matrix.column[first] + 1}"
        )
    rules.check(counts, examples, where)
    good = (reason == "") | np.isin(reason, [n for n, v in rules.verdicts.items() if v == "keep"])
    rows = np.empty(int(good.sum()), ROW)
    rows["pair"] = pre[good] * len(cells.id) + post[good]
    rows["size"] = value[good]
    rows["count"] = value[good] if values == "count" else 1
    summing = Summing(folder, len(cells.id), numbered=False)
    summing.add(rows)
    connections = summing.connections(rules)
    counts["repeated-connection"] = summing.counts["repeated-connection"]
    rules.check(counts, {}, where)
    return connections, counts


def _checks(
    pre: npt.NDArray[np.int64],
    post: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
    values: str,
) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which entries are not as they should be, by reason; an entry may be in several."""
    checks = {"unknown-cell": (pre < 0) | (post < 0), "autapse": pre == post}
    if values == "count":
        checks["bad-count"] = ~((value >= 0) & (value == np.floor(value)) & (value <= LARGEST))
    else:
        checks["missing-size"] = ~np.isfinite(value)
        checks["negative-size"] = value < 0
    return checks | {"zero-count": value == 0}


def _reasons(
    checks: Mapping[str, npt.NDArray[np.bool_]], rules: Rules, number: int
) -> npt.NDArray[np.str_]:
    """Return each entry's one reason, empty where it is good: the first that does not keep it."""
    reason = np.zeros(number, "U20")
    for kept in (False, True):
        for name, found in checks.items():
            if (rules.verdicts[name] == "keep") == kept:
                reason[(reason == "") & found] = name
    return reason


def _dense(matrix: npt.NDArray[Any], path: Path) -> Matrix:
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise RequestError(
            f"has shape {matrix.shape} and type {matrix.dtype}; a matrix of numbers is needed",
            where=str(path),
        )
    row, column = np.nonzero(matrix)
    return _sparse(Entries(row, column, matrix[row, column], matrix.shape), path)


def _sparse(found: Entries, path: Path) -> Matrix:
    try:
        value = exact(found.value, np.float64)
    except MismatchError as error:
        first = str(error).replace("row", "entry")
        raise RequestError(f"its value {first}", where=str(path)) from error
    return Matrix(found.row, found.column, value, found.shape)


def _written(path: Path) -> Matrix:
    """Return a matrix in text; a first line and a first column of labels are recognised."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        start = file.read(65536)
        file.seek(0)
        line = start.split("\n", 1)[0]
        mark = max(",\t; ", key=line.count)
        lines = csv.reader(limited_lines(file, LETTERS), delimiter=mark)
        table = [[word.strip() for word in row] for row in lines if row]
    if not table:
        raise RequestError("is empty", where=str(path))
    widths = {len(row) for row in table}
    if len(widths) > 1:
        raise RequestError(
            f"has lines of {min(widths)} to {max(widths)} values; a matrix has lines of one length",
            where=str(path),
        )
    # Labels stand around the matrix: its corner is empty or a word, or it would have no corner.
    labelled = not _number(table[0][0])
    body = [row[1:] for row in table[1:]] if labelled else table
    labels = ([row[0] for row in table[1:]], table[0][1:]) if labelled else ((), ())
    for number, row in enumerate(body, 1 + labelled):
        for word in row:
            if word and not _number(word):
                raise RequestError(
                    f"line {number} has '{word[:40]}', which is no number", where=str(path)
                )
    dense = np.array([[float(word) if word else 0.0 for word in row] for row in body], np.float64)
    found = _dense(dense.reshape(len(body), -1), path)
    return attrs.evolve(found, labels=labels)


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _places(matrix: Matrix, axis: int, cells: Cells, where: str) -> npt.NDArray[np.int64]:
    """Return the cell of each row (axis 0) or column (1); −1 where it is none that is taken."""
    labels, length = matrix.labels[axis], matrix.shape[axis]
    if labels:
        keys = cells.name.tolist() if cells.named else [str(number) for number in cells.id]
        known = {key: place for place, key in enumerate(keys)}
        found = np.array([known.get(label, -1) for label in labels], np.int64)
        if not (found >= 0).any():
            raise RequestError(
                f"none of the labels of its {'columns' if axis else 'rows'} ('{labels[0]}' …) is "
                f"in the table of cells, which has '{keys[0] if keys else ''}' …",
                where=where,
            )
        return found
    if length != len(cells.places):
        raise RequestError(
            f"has {length:,} {'columns' if axis else 'rows'}, but the table of cells has "
            f"{len(cells.places):,} rows; without labels they go by the order of that table",
            where=where,
        )
    return cells.places
