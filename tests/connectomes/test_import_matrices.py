"""Imports of matrices, dense and sparse, by the order of the cells or by labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.importing import Request, import_connectome
from bionic_core.connectomes.importing.rules import Rules

CELLS = "id,cell_type,ei\n" + "".join(f"{10 + k},{'ab'[k % 2]},{'ei'[k % 2]}\n" for k in range(6))


def bring(folder: Path, name: str, **options: Any) -> Connectome:
    (folder / "c.csv").write_text(options.pop("cells", CELLS))
    rules = Rules.of(**{key: options.pop(key, ()) for key in ("drop", "refuse", "keep")})
    request = Request(folder / name, folder / "c.csv", rules=rules, **options)
    return import_connectome(request, folder / "o.npz", overwrite=True)


def dense(connectome: Connectome, key: str = "count") -> Any:
    matrix = np.zeros((connectome.cells, connectome.cells))
    matrix[connectome.pre, connectome.post] = getattr(connectome, key)
    return matrix


def matrix(seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (6, 6)) * (rng.random((6, 6)) < 0.5)


def lines(table: Any) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in table)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["npy", "float.npy", "npz", "mtx", "dense.mtx", "csv", "labels"])
def test_every_form_is_the_same_matrix(tmp_path: Path, form: str, seed: int) -> None:
    values = matrix(seed)
    name = f"m.{'csv' if form == 'labels' else form}"
    path = tmp_path / name
    if form.endswith("npy"):
        np.save(path, values.astype(np.float64) if "float" in form else values)
    elif form == "npz":
        scipy.sparse.save_npz(path, scipy.sparse.csr_array(values))
    elif form.endswith("mtx"):
        scipy.io.mmwrite(path, values if "dense" in form else scipy.sparse.coo_array(values))
    elif form == "csv":
        path.write_text(lines(values))
    else:  # labelled, in another order, with a stranger
        order = np.random.default_rng(seed).permutation(6)
        head = ["", *(str(10 + k) for k in order), "99"]
        body = [[str(10 + k), *values[k][order], 1] for k in order]
        path.write_text(lines([head, *body]))
    drop = ["unknown-cell"] * (form == "labels")
    connectome = bring(tmp_path, name, matrix=form in ("csv", "labels"), drop=drop)
    wanted = values.copy()
    np.fill_diagonal(wanted, 0)
    assert np.array_equal(dense(connectome), wanted)
    assert np.array_equal(dense(connectome, "size"), wanted)
    dropped = connectome.provenance["dropped"]
    assert dropped["autapse"] == np.count_nonzero(np.diag(values))
    assert dropped["unknown-cell"] == (6 if form == "labels" else 0)
    again = bring(tmp_path, name, matrix=form in ("csv", "labels"), keep=["autapse"], drop=drop)
    assert np.array_equal(dense(again), values)


def test_orientation_and_sizes(tmp_path: Path) -> None:
    values = np.zeros((6, 6))
    values[0, 1], values[4, 2] = 0.25, 7.5
    np.save(tmp_path / "m.npy", values)
    connectome = bring(tmp_path, "m.npy", values="size", post_by_pre=True)
    assert np.array_equal(dense(connectome, "size"), values.T)
    assert connectome.count.tolist() == [1, 1]
    assert connectome.provenance["matrix"] == {"shape": [6, 6], "values": "size", "rows": "post"}


def test_a_dropped_cell_loses_its_row_and_column(tmp_path: Path) -> None:
    values = np.ones((6, 6), int)
    np.save(tmp_path / "m.npy", values)
    connectome = bring(tmp_path, "m.npy", cells=CELLS.replace("12,a,e", "12,a,glia"))
    assert connectome.cell_id.tolist() == [10, 11, 13, 14, 15]
    assert len(connectome.pre) == 20
    assert connectome.provenance["dropped"]["dropped-cell"] == 11


@pytest.mark.parametrize(
    ("values", "options", "problem"),
    [
        (np.full((6, 6), -1), {}, "sign-conflict: 15 rows have a weight whose sign is not that"),
        (np.full((6, 6), 0.5), {}, "for example 0.5 in row 1, column 2. If some are no whole n"),
        (np.full((6, 6), np.nan), {}, "bad-count: 30 rows"),
        (np.full((6, 6), -1), {"values": "size"}, "sign-conflict: 15 rows"),
        (np.full((6, 6), np.inf), {"values": "size"}, "missing-size: 30 rows"),
        (np.ones((5, 6)), {}, "has 5 rows, but the table of cells has 6 rows"),
        (np.ones((6, 7)), {}, "has 7 columns, but the table of cells has 6 rows"),
        (np.ones(6), {}, "has shape (6,) and type float64; a matrix of numbers is needed"),
        (np.full((6, 6), "x"), {}, "a matrix of numbers is needed"),
        (np.full((6, 6), 1j), {}, "a matrix of numbers is needed"),
        (
            np.full((6, 6), None),
            {},
            "is damaged, or not an .npy of an array (the array holds objects",
        ),
        (np.ones((6, 6)), {"columns": {"pre": "x"}}, "is a matrix, which has no columns"),
    ],
)
def test_matrices_that_are_refused(
    tmp_path: Path, values: Any, options: dict[str, Any], problem: str
) -> None:
    np.save(tmp_path / "m.npy", values, allow_pickle=True)
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, "m.npy", **options)
    assert problem in str(caught.value)
    assert not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n", "is empty"),
        ("1,2\n3\n", "has lines of 1 to 2 values; a matrix has lines of one length"),
        ("1,2\n3,x\n", "line 2 has 'x', which is no number"),
        (",7,8\n7,1,2\n8,1,2\n", "none of the labels of its rows ('7' …) is in the table of cells"),
        (",10,8\n10,1,2\n11,1,y\n", "line 3 has 'y', which is no number"),
    ],
)
def test_written_matrices_that_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, "m.csv", matrix=True)
    assert problem in str(caught.value)


def test_files_that_are_no_matrices(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    (tmp_path / "x.mtx").write_text("no matrix")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "s.parquet").write_bytes(b"PAR1")
    for name in ("arrays.npz", "x.mtx", "cut.npy"):
        with pytest.raises(RequestError, match="is damaged, or no"):
            bring(tmp_path, name)
    with pytest.raises(RequestError, match="is of no known kind of matrix"):
        bring(tmp_path, "s.parquet", matrix=True)
    with pytest.raises(RequestError, match=r"gone\.npy: no such file"):
        bring(tmp_path, "gone.npy")
