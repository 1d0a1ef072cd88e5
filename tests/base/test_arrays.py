"""Arrays from files of strangers: what they claim is compared before anything is made of them."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from bionic_core import RequestError
from bionic_core.base import arrays as door
from bionic_core.base.arrays import load_tensors, read_array, read_arrays, read_market, read_sparse
from bionic_core.base.sparse import Entries
from bionic_core.errors import DamagedError
from tests.support.rooms import PACKAGES, ROOT, sources

Parts = Mapping[str, Any]


def dense(found: Entries) -> Any:
    matrix = np.zeros(found.shape)
    np.add.at(matrix, (found.row, found.column), found.value)
    return matrix


def some(seed: int = 0, shape: tuple[int, int] = (6, 8)) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(1, 9, shape) * (rng.random(shape) < 0.4)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.bool_])
def test_every_form_is_scipys_matrix(tmp_path: Path, form: str, kind: str, dtype: Any) -> None:
    matrix = getattr(scipy.sparse, f"{form}_{kind}")(some().astype(dtype))
    scipy.sparse.save_npz(tmp_path / "m.npz", matrix)
    found = read_sparse(tmp_path / "m.npz")
    assert np.array_equal(dense(found), matrix.toarray())
    assert found.value.dtype == dtype


def test_coordinates_and_repeated_entries(tmp_path: Path) -> None:
    twice = scipy.sparse.coo_array(([1, 2, 3], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    scipy.sparse.save_npz(tmp_path / "m.npz", twice)
    assert len(read_sparse(tmp_path / "m.npz").value) == 3
    coords = {"format": b"coo", "shape": [2, 2], "data": [5.0], "coords": [[1], [0]]}
    np.savez(tmp_path / "c.npz", **coords)  # type: ignore[arg-type]
    assert dense(read_sparse(tmp_path / "c.npz")).tolist() == [[0, 0], [5, 0]]


def csr(**other: Any) -> Parts:
    parts = {"format": b"csr", "shape": [3, 3], "indptr": [0, 1, 2, 3], "indices": [0, 1, 2]}
    return {**parts, "data": [1.0, 1.0, 1.0], **other}


def coo(**other: Any) -> Parts:
    return {"format": b"coo", "shape": [3, 3], "data": [1.0], "row": [0], "col": [2], **other}


BLOCK = {"format": b"bsr", "shape": [4, 4], "data": np.ones((2, 2, 2))}
DIAGONAL = {"format": b"dia", "shape": [3, 3], "offsets": [0], "data": np.ones((1, 3))}

HOSTILE: Mapping[str, Parts] = {
    "pointers fall": csr(indptr=[0, 3, 1, 3]),
    "pointers fall, and end with 0": csr(indptr=[0, 5, -3, 0], indices=[], data=[]),
    "pointers beyond the indices": csr(indptr=[0, 1, 2, 900]),
    "pointers that leave indices out": csr(indptr=[0, 1, 1, 1]),
    "pointers that begin late": csr(indptr=[1, 1, 2, 3]),
    "too few pointers": csr(indptr=[0, 3]),
    "an index beyond the columns": csr(indices=[0, 1, 3]),
    "a negative index": csr(indices=[0, -1, 2]),
    "an index of 2^32": csr(indices=[0, 2**32, 2]),
    "an unsigned index of 2^64": csr(indices=np.array([0, 2**64 - 1, 2], np.uint64)),
    "indices that are floats": csr(indices=[0.0, 1.0, 2.0]),
    "indices that are text": csr(indices=["0", "1", "2"]),
    "indices in two dimensions": csr(indices=[[0, 1, 2]]),
    "less data than indices": csr(data=[1.0]),
    "complex data": csr(data=[1j, 1j, 1j]),
    "data that is text": csr(data=["a", "b", "c"]),
    "no dimension": csr(indptr=7),
    "a shape of one side": csr(shape=[3]),
    "a negative shape": csr(shape=[-3, 3]),
    "a shape beyond 32 bits": coo(shape=[2**40, 2**40]),
    "a shape of floats": csr(shape=[3.0, 3.0]),
    "columns instead": csr(format=b"csc", indices=[0, 1, 3]),
    "an unknown form": csr(format=b"lil"),
    "a form that is a number": csr(format=3),
    "a form that is no text": csr(format=b"\xff"),
    "forms": csr(format=[b"csr", b"csr"]),
    "no form": {"a": [1.0]},
    "no indices": {key: part for key, part in csr().items() if key != "indices"},
    "no data": {key: part for key, part in csr().items() if key != "data"},
    "a place outside": coo(row=[3]),
    "a negative place": coo(col=[-1]),
    "more rows than columns": coo(row=[0, 1]),
    "three coordinates": {"format": b"coo", "shape": [2, 2], "data": [1.0], "coords": [[1]] * 3},
    "blocks outside": {**BLOCK, "indptr": [0, 1, 2], "indices": [0, 9]},
    "blocks that do not fit": {**BLOCK, "shape": [5, 4], "indptr": [0, 1, 2], "indices": [0, 1]},
    "blocks of pointers that fall": {**BLOCK, "indptr": [0, 9, 2], "indices": [0, 1]},
    "blocks of nothing": {
        **BLOCK,
        "data": np.ones((2, 0, 2)),
        "indptr": [0, 1, 2],
        "indices": [0, 1],
    },
    "an offset outside": {**DIAGONAL, "offsets": [3]},
    "an offset twice": {**DIAGONAL, "offsets": [0, 0], "data": np.ones((2, 3))},
    "diagonals that are too long": {**DIAGONAL, "data": np.ones((1, 50))},
    "more diagonals than offsets": {**DIAGONAL, "data": np.ones((2, 3))},
}


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE.keys())
def test_sparse_matrices_that_would_be_obeyed_are_refused(tmp_path: Path, parts: Parts) -> None:
    np.savez(tmp_path / "m.npz", **parts)
    with pytest.raises(RequestError, match=r"m\.npz: is damaged, or no"):
        read_sparse(tmp_path / "m.npz")


def header(text: str, *, version: int = 1) -> bytes:
    data = text.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(data))
    return b"\x93NUMPY" + bytes([version, 0]) + size + data


def claim(shape: str, descr: str = "'<f8'", fortran: bool = False) -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}")


CLAIMS = {
    "huge": claim("(1000000, 1000000)") + bytes(8),
    "huge beyond 64 bits": claim("(10000000000000, 10000000000000)") + bytes(8),
    "more than there is": claim("(2,)") + bytes(15),
    "less than there is": claim("(2,)") + bytes(24),
    "negative": claim("(-1,)") + bytes(8),
    "two negative sides": claim("(-1, -1)") + bytes(8),
    "no values, endless": claim("(0, 1000000000000)"),
    "text of no letters": claim("(1000000000000,)", "'<U0'"),
    "objects": claim("(1,)", "'|O'") + b"cos\nsystem\n(S'id'\ntR.",
    "fields": claim("(1,)", "[('a', '<f8')]") + bytes(8),
    "void": claim("(1,)", "'|V8'") + bytes(8),
    "dates": claim("(1,)", "'<M8[s]'") + bytes(8),
    "an array in an array": claim("(1,)", "'(1000000,)f8'") + bytes(8),
    "no shape": header("{'descr': '<f8', 'fortran_order': False}"),
    "code": header("__import__('os').abort()"),
    "deep": header("(" * 9000 + ")" * 9000),
    "another version": header("{}", version=3),
    "cut": b"\x93NUMPY",
    "empty": b"",
}


@pytest.mark.parametrize("data", CLAIMS.values(), ids=CLAIMS.keys())
def test_headers_that_claim_what_is_not_there(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(RequestError, match=r"a\.npy: is damaged, or not an \.npy of an array"):
        read_array(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", data)
    with pytest.raises(RequestError, match=r"a\.npz: is damaged, or not an \.npz of arrays"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "array",
    [np.asfortranarray(some()), np.arange(3, dtype=">i8"), np.array(["é", ""]), np.float32(3)],
    ids=["fortran", "big-endian", "text", "no dimension"],
)
def test_what_numpy_writes_is_read(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", a=array, empty=np.zeros((0, 3)))
    found = read_arrays(tmp_path / "a.npz")
    assert np.array_equal(read_array(tmp_path / "a.npy"), array)
    assert np.array_equal(found["a"], array)
    assert found["empty"].shape == (0, 3)


def zipped(*members: tuple[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def one(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def claimed_sizes(data: bytes, size: int) -> bytes:
    """Return an archive of one member whose directory claims that it unpacks to ``size``."""
    place = data.rindex(b"PK\x01\x02") + 24
    return data[:place] + struct.pack("<I", size) + data[place + 4 :]


GOOD = zipped(("a.npy", one(np.arange(100))))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "data",
    [
        lambda: claimed_sizes(GOOD, 2**32 - 2),
        lambda: claimed_sizes(GOOD, 200),
        lambda: claimed_sizes(zipped(("a.npy", bytes(900)), packed=zipfile.ZIP_STORED), 2**31),
        lambda: zipped(("a.npy", one(1)), ("a.npy", one(2))),
        lambda: zipped(("a.npy", one(1)), ("evil.pkl", b"cos\nsystem")),
        lambda: zipped(("a.npy", one(1)), packed=zipfile.ZIP_LZMA),
        lambda: GOOD[:-30],
        lambda: GOOD[:60] + b"\xff" * 9 + GOOD[69:],
        lambda: one(np.arange(3)),
    ],
    ids=[
        *("a directory that claims 4 GiB", "and too little", "stored", "one name twice"),
        *("something else inside", "another packing", "cut", "another content", "an .npy"),
    ],
)
def test_archives_that_lie(tmp_path: Path, data: Callable[[], bytes]) -> None:
    (tmp_path / "a.npz").write_bytes(data())
    with pytest.raises(RequestError, match=r"a\.npz: is damaged, or not an \.npz of arrays"):
        read_arrays(tmp_path / "a.npz")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "LARGEST", 10**5)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10**5))
    with pytest.raises(RequestError, match="unpacks to 800,128 bytes, more than the 100,000"):
        read_arrays(tmp_path / "a.npz")
    lines = "%%MatrixMarket matrix array real general\n400 400\n" + "0\n" * 160_000
    with gzip.open(tmp_path / "m.mtx.gz", "wt") as file:
        file.write(lines)
    with pytest.raises(RequestError, match="it unpacks to more than"):
        read_market(tmp_path / "m.mtx.gz")


MARKET = "%%MatrixMarket matrix"
MARKETS = {
    "a dense claim": f"{MARKET} array real general\n1000000 1000000\n1\n",
    "a sparse claim": f"{MARKET} coordinate real general\n50 50 1000000000000\n1 1 1\n",
    "a symmetric claim": f"{MARKET} array real symmetric\n30000 30000\n1\n",
    "too few entries": f"{MARKET} coordinate real general\n5 5 2\n1 1 1000000\n",
    "a place outside": f"{MARKET} coordinate real general\n5 5 1\n6 1 1\n",
    "place 0": f"{MARKET} coordinate real general\n5 5 1\n0 1 1\n",
    "negative sides": f"{MARKET} coordinate real general\n-5 5 1\n1 1 1\n",
    "sides beyond 64 bits": f"{MARKET} coordinate real general\n{10**30} 5 1\n1 1 1\n",
    "symmetric and not square": f"{MARKET} coordinate real symmetric\n5 4 1\n1 1 1\n",
    "complex": f"{MARKET} coordinate complex general\n5 5 1\n1 1 1 1\n",
    "hermitian": f"{MARKET} coordinate complex hermitian\n5 5 1\n1 1 1 0\n",
    "a vector": "%%MatrixMarket vector coordinate real general\n5 1\n1 1\n",
    "words": f"{MARKET} coordinate real general\nfive five one\n",
    "no header": "1 2 3\n",
    "nothing": "",
    "bytes": "\x00\xff" * 40,
}


@pytest.mark.parametrize("text", MARKETS.values(), ids=MARKETS.keys())
def test_market_files_that_claim_too_much(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.mtx").write_text(text)
    with pytest.raises(RequestError, match=r"m\.mtx: is damaged, or no matrix in Matrix Market's"):
        read_market(tmp_path / "m.mtx")


@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
def test_market_files_are_read(tmp_path: Path, symmetry: str) -> None:
    values = some(shape=(6, 6))
    values = {
        "general": values,
        "symmetric": values + values.T,
        "skew-symmetric": values - values.T,
    }[symmetry]
    scipy.io.mmwrite(tmp_path / "m.mtx", scipy.sparse.coo_array(values), symmetry=symmetry)
    (tmp_path / "m.mtx.gz").write_bytes(gzip.compress((tmp_path / "m.mtx").read_bytes()))
    for name in ("m.mtx", "m.mtx.gz"):
        found = read_market(tmp_path / name)
        assert isinstance(found, Entries)
        assert np.array_equal(dense(found), values)


def tensors(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 2**63) + b"{}",
        tensors({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}}, bytes(4)),
        tensors({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, bytes(4)),
        tensors({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        tensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
        tensors({"a": {"dtype": "OBJ", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        tensors(b"[" * 10_000),
        b"",
    ],
)
def test_tensors_that_claim_too_much(data: bytes) -> None:
    with pytest.raises(DamagedError, match="w: damaged"):
        load_tensors(data, Path("w"))


def test_nothing_else_reads_arrays() -> None:
    calls = ("np.load(", "load_npz", "mmread", "loadmat", "torch.load", "fromfile(", "genfromtxt")
    hdf = ("h5py.File(path", 'h5netcdf.File(path, "r', "open_dataset(")
    tensors = ("safetensors.torch import load", "safetensors.numpy import load", "load_file(")
    found = [
        f"{path.relative_to(ROOT)}: {call}"
        for path in sources(*PACKAGES)
        for call in (*calls, *hdf, *tensors)
        if call in path.read_text(encoding="utf-8")
    ]
    own = "bionic_core/base/arrays.py"
    others = (
        "bionic_core/base/hdf5.py: h5py.File(path",
        "bionic_core/base/matlab.py: loadmat",
        "bionic_core/connectomes/importing/buckets.py: fromfile(",  # its own spilled rows
        "bionic_core/runs/recorded.py: open_dataset(",  # after hdf5's door
    )
    assert sorted(found) == sorted(
        [f"{own}: mmread", f"{own}: safetensors.torch import load", *others]
    )
