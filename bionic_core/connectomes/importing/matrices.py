"""Connections in a matrix: dense (.npy, .csv) or sparse (SciPy's .npz, .mtx)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.arrays import read_array, read_market, read_sparse, reading
from bionic_core.base.exact import MismatchError, exact
from bionic_core.base.files import check_file
from bionic_core.base.sparse import Entries
from bionic_core.connectome import EXCITATORY
from bionic_core.connectomes.importing.cells import Cells
from bionic_core.connectomes.importing.entries import Matrix
from bionic_core.connectomes.importing.labels import Places
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.importing.summing import LARGEST, ROW, Connections, Summing
from bionic_core.connectomes.importing.text import Reading, is_text
from bionic_core.connectomes.importing.written import read_written
from bionic_core.errors import RequestError

ENDINGS = (".npy", ".npz", ".mtx", ".mtx.gz")


def is_matrix(path: Path) -> bool:
    """Whether a file is a matrix by its name; a CSV file may be one all the same."""
    return path.name.lower().endswith(ENDINGS)


def read_matrix(path: Path, form: Reading) -> Matrix:
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
        if is_text(path):
            return read_written(path, form)
    raise RequestError(
        "is of no known kind of matrix; known are .npy, .csv, SciPy's .npz and .mtx",
        where=str(path),
    )


def sum_matrix(
    matrix: Matrix,
    places: Places,
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
        places: the cells of its rows and columns, as rows of the table of cells.
        cells: those that are taken.
        rules: what is done with entries that are not as they should be.
        folder: for what does not fit into memory.
        values: ``count`` where an entry is a number of synapses; ``size`` where it is the size
            of a connection, which then counts as one synapse.
        post_by_pre: the rows are post, the columns pre.
        where: the file, for messages.

    Raises:
        RequestError: the rules refuse entries, or no connection is left.
    """
    table = [places.rows[matrix.row], places.columns[matrix.column]]
    ends = [np.where(row >= 0, cells.places[row], -2) for row in table]
    pre, post = ends[::-1] if post_by_pre else ends
    value = matrix.value
    signed = bool(np.any(value < 0))
    sign = np.where(cells.broad_type == EXCITATORY, 1, -1)[np.maximum(pre, 0)]
    clash = np.where(pre >= 0, np.sign(value) * sign < 0, False) if signed else np.zeros(1, bool)
    checks = _checks(pre, post, value, values, clash)
    reason = _reasons(checks, rules, len(value))
    names = list(checks)
    counts = {name: int((reason == k).sum()) for k, name in enumerate(names, 1)}
    examples = {}
    for name in rules.refused(counts):
        first = int(np.flatnonzero(reason == names.index(name) + 1)[0])
        examples[name] = (
            f"{value[first]:g} in row {matrix.row[first] + 1}, column {matrix.column[first] + 1}"
        )
    rules.check(counts, examples, where, _advice(matrix, places, cells, post_by_pre=post_by_pre))
    rules.check_losses(counts, len(value), _strangers(matrix, places), where)
    kept = [k for k, n in enumerate(names, 1) if rules.verdicts[n] == "keep"]
    good = (reason == 0) | np.isin(reason, kept)
    rows = np.empty(int(good.sum()), ROW)
    rows["pair"] = pre[good].astype(np.int64) * len(cells.id) + post[good]
    rows["size"] = np.abs(value[good])
    rows["count"] = np.abs(value[good]) if values == "count" else 1
    summing = Summing(folder, len(cells.id), numbered=False)
    summing.add(rows)
    connections = summing.connections(rules)
    counts["repeated-connection"] = summing.counts["repeated-connection"]
    rules.check(counts, {}, where)
    if not len(connections.pre):
        _refuse_nothing(counts, len(value), where)
    return connections, counts


def _refuse_nothing(counts: Mapping[str, int], entries: int, where: str) -> None:
    lost = ", ".join(f"{name} {number:,}" for name, number in counts.items() if number)
    raise RequestError(
        f"no connection is left of its {entries:,} entries ({lost or 'all are 0'})", where=where
    )


def _checks(
    pre: npt.NDArray[np.int64],
    post: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
    values: str,
    clash: npt.NDArray[np.bool_],
) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which entries are not as they should be, by reason; an entry may be in several."""
    checks = {
        "unknown-cell": (pre < -1) | (post < -1),
        "dropped-cell": (pre == -1) | (post == -1),
        "autapse": pre == post,
    }
    if values == "count":
        checks["bad-count"] = ~((value == np.floor(value)) & (np.abs(value) <= LARGEST))
    else:
        checks["missing-size"] = ~np.isfinite(value)
    return checks | {"sign-conflict": clash, "zero-count": value == 0}


def _advice(matrix: Matrix, places: Places, cells: Cells, *, post_by_pre: bool) -> dict[str, str]:
    """Return what to do about entries that are refused, by reason."""
    fractions = (
        "If some are no whole numbers, they are sizes and not counts of synapses: give --values "
        "size, and each connection counts as one synapse"
    )
    turned = places.rows if post_by_pre else places.columns
    ends = turned[matrix.row if post_by_pre else matrix.column]
    known = (ends >= 0) & (cells.places[ends] >= 0)
    sign = np.where(cells.broad_type == EXCITATORY, 1, -1)[cells.places[ends[known]]]
    fits = known.any() and bool(np.all(np.sign(matrix.value[known]) * sign >= 0))
    if fits:
        other = "leave out --post-by-pre" if post_by_pre else "give --post-by-pre"
        return {
            "sign-conflict": f"Seen the other way round, all signs agree: {other}",
            "bad-count": fractions,
        }
    whole = bool(np.all(np.isfinite(matrix.value)))
    return {"bad-count": fractions} if whole else {}


def _strangers(matrix: Matrix, places: Places) -> dict[str, str]:
    """Return a label that is no cell's, for entries of cells that are not in their table."""
    shown = []
    for side, place, labels in (
        ("row", places.rows, matrix.labels[0]),
        ("column", places.columns, matrix.labels[1]),
    ):
        first = next((k for k, found in enumerate(place) if found < 0), None)
        if first is not None and labels:
            shown.append(f"{side} '{labels[first]}'")
    return {"unknown-cell": f"{' and '.join(shown)} are not in the table of cells" if shown else ""}


def _reasons(
    checks: Mapping[str, npt.NDArray[np.bool_]], rules: Rules, number: int
) -> npt.NDArray[np.int8]:
    """Return each entry's one reason, 0 where it is good: the first that does not keep it."""
    reason = np.zeros(number, np.int8)
    for kept in (False, True):
        for code, (name, found) in enumerate(checks.items(), 1):
            if (rules.verdicts[name] == "keep") == kept:
                reason[(reason == 0) & found] = code
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
