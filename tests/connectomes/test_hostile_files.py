"""Connectomes and tables of strangers: refused in words, and names are names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse

from bionic_core import Connectome, RequestError
from bionic_core.base import arrow, parquet
from bionic_core.base.arrow import check_file_unpacks, unpacked
from bionic_core.connectomes.importing import Request, import_connectome
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.synapse_tables import SMALL

__all__ = ["bionic"]  # a fixture

EDGES = "pre,post,count\n1,2,1\n"
OTHER = "pre,post,count\n2,3,7\n"


def parts(folder: Path) -> dict[str, Any]:
    """The arrays of a connectome that was written."""
    one = Connectome.of(
        cell_id=np.arange(3),
        broad_type=["excitatory"] * 3,
        cell_type=["a", "b", "a"],
        position=np.zeros((3, 3)),
        pre=np.array([0, 1]),
        post=np.array([1, 2]),
        count=np.array([1, 2]),
        provenance={"label": "x"},
    )
    one.save(folder / "good.npz")
    with np.load(folder / "good.npz", allow_pickle=False) as file:
        return dict(file)


def text(words: str) -> Any:
    return np.frombuffer(words.encode(), np.uint8)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("provenance", text("[1, 2]"), "provenance must be a JSON object"),
        ("provenance", text("null"), "provenance must be a JSON object"),
        ("provenance", text("7"), "provenance must be a JSON object"),
        ("provenance", text('{"label": 7}'), "a text its label"),
        ("provenance", text("[" * 200_000), "provenance is no JSON"),
        ("provenance", text('{"a":' * 100_000 + "1" + "}" * 100_000), "provenance is no JSON"),
        ("provenance", text('{"a":' * 300 + "1" + "}" * 300), "20 levels deep"),
        ("provenance", text("{"), "provenance is no JSON"),
        ("provenance", text(""), "provenance is no JSON"),
        ("provenance", np.array("{}"), "bytes of JSON are needed"),
        ("provenance", np.uint8(9), "bytes of JSON are needed"),
        ("provenance", np.frombuffer(b"\xff\xfe{}", np.uint8), "provenance is no JSON"),
        ("pre", np.array([2**32, 1]), "damaged: pre has 4294967296 in row 0"),
        ("count", np.array([1, 2.9]), "damaged: count holds no whole numbers: row 1 has 2.9"),
        ("size", np.array([1, np.inf]), "damaged: size has 1 values that are not finite"),
        ("cell_id", np.array(7), "damaged:"),
        ("cell_type", np.array([b"\xff", b"a", b"b"]), "which is no text"),
        ("cell_type", np.array([0x110000] * 3, np.uint32).view("U1"), "has letters in row 0"),
    ],
)
def test_connectome_files_are_read_and_not_cast(
    bionic: Bionic, tmp_path: Path, key: str, value: Any, problem: str
) -> None:
    np.savez(tmp_path / "c.npz", **{**parts(tmp_path), key: value})
    refused(bionic("connectome", "info", "c.npz"), "c.npz", problem)


NAMES = (
    *("syn*.csv", "s?n.csv", "[s]yn.csv", "**.csv", "{a,b}.csv", "~.csv", "-x.csv"),
    *("quo'te.csv", 'quo"te.csv', "new\nline.csv", "per%20cent.csv", "back\\slash.csv", "a;b.csv"),
    *("k=1/s*.csv", "**/s.csv", "s3:/b/s.csv", "http:/h/s.csv", "[a-z]*/s.csv", "s*.tsv"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for other in ("synO.csv", "sxn.csv", "syn.csv", "sO.tsv", "a.csv", "b.csv"):
        Path(other).write_text(OTHER)
    for folder in ("k=1", "d", "a1"):
        Path(folder).mkdir()
        Path(folder, "s.csv").write_text(OTHER)
        Path(folder, "sO.csv").write_text(OTHER)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(EDGES)
    Path("c*.csv").write_text(SMALL)
    Path("cO.csv").write_text(SMALL.replace("1,", "9,"))
    found = import_connectome(Request(path, Path("c*.csv")), Path("o.npz"))
    assert found.cell_id.tolist() == [1, 2, 3]
    assert (found.pre.tolist(), found.post.tolist(), found.count.tolist()) == ([0], [1], [1])


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_patterns_of_binary_tables(tmp_path: Path, ending: str) -> None:
    for name, row in (("s*", [1, 2]), ("sO", [2, 3])):
        table = pa.table({"pre": [row[0]], "post": [row[1]]})
        frame: pd.DataFrame = table.to_pandas()
        (frame.to_parquet if ending == "parquet" else frame.to_feather)(
            tmp_path / f"{name}.{ending}"
        )
    (tmp_path / "c.csv").write_text(SMALL)
    request = Request(tmp_path / f"s*.{ending}", tmp_path / "c.csv")
    found = import_connectome(request, tmp_path / "o.npz")
    assert found.pre.tolist() == [0]


def test_a_name_that_cannot_be_said_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(SMALL)
    path = tmp_path / "a\\*b.csv"
    path.write_text(EDGES)
    with pytest.raises(RequestError, match="has a backslash and one of"):
        import_connectome(Request(path, tmp_path / "c.csv"), tmp_path / "o.npz")


def test_texts_that_begin_outside_of_an_arrow_file(tmp_path: Path) -> None:
    ends = pa.py_buffer(np.array([0, 3, 2**30, 5], np.int32).tobytes())
    words = pa.StringArray.from_buffers(3, ends, pa.py_buffer(b"abcde"))
    table = pa.table({"pre": words, "post": words})
    with (
        pa.OSFile(str(tmp_path / "s.feather"), "wb") as file,
        pa.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_table(table)
    (tmp_path / "c.csv").write_text(SMALL)
    with pytest.raises(RequestError, match=r"s\.feather: is damaged.*out of bounds"):
        import_connectome(Request(tmp_path / "s.feather", tmp_path / "c.csv"), tmp_path / "o.npz")


def write_arrow(path: Path, table: Any, packed: str | None, rows: int | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=packed)
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, table.schema, options=options) as w,
    ):
        w.write_table(table, max_chunksize=rows)


@pytest.mark.parametrize("packed", [None, "lz4", "zstd"])
def test_what_arrow_unpacks_to_is_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: str | None
) -> None:
    words = pa.array(["a", "b", None] * 4000).dictionary_encode()
    write_arrow(tmp_path / "s.arrow", pa.table({"x": words, "y": np.zeros(12_000)}), packed, 3000)
    reader = pa.ipc.MessageReader.open_stream((tmp_path / "s.arrow").read_bytes()[8:])
    found = [unpacked(one.metadata, one.body) for one in reader if one.body]
    with pa.ipc.open_file(str(tmp_path / "s.arrow")) as file:
        held = sum(
            buffer.size
            for k in range(file.num_record_batches)
            for column in file.get_batch(k).columns
            for buffer in getattr(column, "indices", column).buffers()
            if buffer
        )
    dictionary = found.pop(0)
    assert 10 <= dictionary <= 100  # two letters and where they begin, padded
    assert held <= sum(found) <= held + 8 * len(found)
    check_file_unpacks(tmp_path / "s.arrow")
    monkeypatch.setattr(arrow, "LARGEST_FILE", sum(found))
    with pytest.raises(ValueError, match="it unpacks to"):
        check_file_unpacks(tmp_path / "s.arrow")


def test_a_batch_of_zeros_is_not_unpacked(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "LARGEST_BATCH", 2**20)
    Path("c.csv").write_text(SMALL)
    write_arrow(
        Path("s.arrow"), pa.table({"pre": np.zeros(2**18), "post": np.zeros(2**18)}), "zstd"
    )
    assert Path("s.arrow").stat().st_size < 2000
    said = bionic("connectome", "import", "s.arrow", "--cells", "c.csv", "--out", "o.npz")
    refused(said, "s.arrow", "unpacks to 4,194,304 bytes", "write it anew in batches of fewer rows")


def test_a_parquet_file_is_believed_in_nothing(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("c.csv").write_text(SMALL)
    table = pa.table({"pre": np.ones(9000, int), "post": np.full(9000, 2)})
    words = ("connectome", "import", "s.parquet", "--cells", "c.csv", "--out", "o.npz")
    pq.write_table(table, "s.parquet", compression="brotli")
    refused(bionic(*words), "s.parquet", "packed by Brotli", "CVE-2026-111497", "zstd or snappy")
    pq.write_table(table, "s.parquet")
    good = Path("s.parquet").read_bytes()
    for cut in (4, len(good) // 2, len(good) - 5):
        Path("s.parquet").write_bytes(good[:cut] + good[-8:])
        refused(bionic(*words), "s.parquet")
    Path("s.parquet").write_bytes(good)
    for name, most, said in (
        ("ROWS_PER_BYTE", 1, "it claims 9,000 rows in"),
        ("LARGEST_GROUP", 50, "column pre claims"),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(parquet, name, most)
            refused(bionic(*words), "s.parquet", said)
    assert not Path("o.npz").exists()


@pytest.mark.parametrize(
    "cells",
    [
        SMALL + "4,excitatory,a,see note,b\n",
        SMALL + "4,excitatory\n",
        SMALL + '4,"excitatory,a\n',
        SMALL.encode("utf-16"),
        SMALL.encode() + b"\xff\xfe,excitatory,a\n",
        b"\x00" * 100,
        b"\x1f\x8b" + bytes(40),
    ],
    ids=["more values", "fewer", "an open quote", "UTF-16", "no UTF-8", "NULs", "half packed"],
)
def test_ragged_and_foreign_cells(bionic: Bionic, cells: str | bytes) -> None:
    Path("s.csv").write_text(EDGES)
    name = "c.csv.gz" if cells[:2] == b"\x1f\x8b" else "c.csv"
    Path(name).write_bytes(cells.encode() if isinstance(cells, str) else cells)
    said = bionic("connectome", "import", "s.csv", "--cells", name, "--out", "o.npz")
    refused(said, name)
    assert not Path("o.npz").exists()


def test_matrices_that_would_write_out_of_bounds(bionic: Bionic) -> None:
    Path("c.csv").write_text(SMALL)
    good: Any = {"format": b"csr", "shape": [3, 3], "data": np.ones(3), "indices": [0, 1, 2]}
    np.savez("falls.npz", **good, indptr=[0, 2**30, -5, 3])
    np.savez("zero.npz", **{**good, "data": [], "indices": []}, indptr=[0, 2**30, -5, 0])
    scipy.sparse.save_npz("dia.npz", scipy.sparse.dia_array((np.ones((1, 3)), [0]), shape=(3, 3)))
    for name in ("falls.npz", "zero.npz"):
        said = bionic("connectome", "import", name, "--cells", "c.csv", "--out", "o.npz")
        refused(said, f"{name}: is damaged, or no sparse matrix")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "missing", "unreadable link"])
def test_what_is_no_file_is_not_opened(bionic: Bionic, kind: str) -> None:
    """A pipe would be waited for without end."""
    Path("s.csv").write_text(EDGES)
    Path("c.csv").write_text(SMALL)
    for name in ("x.csv", "x.npz", "x.npy", "x.mtx", "x.parquet", "x.png", "x.toml"):
        if kind == "pipe":
            os.mkfifo(name)
        elif kind == "device":
            Path(name).symlink_to("/dev/zero")
        elif kind == "folder":
            Path(name).mkdir()
        elif kind == "unreadable link":
            Path(name).symlink_to(name)
    for name in ("x.csv", "x.npz", "x.npy", "x.mtx", "x.parquet"):
        refused(bionic("connectome", "import", name, "--cells", "c.csv", "--out", "o.npz"), name)
    refused(bionic("connectome", "import", "s.csv", "--cells", "x.csv", "--out", "o.npz"), "x.csv")
    refused(bionic("connectome", "info", "x.npz"), "x.npz")
    refused(bionic("analyse", "x.csv", "--response", "y"), "x.csv")
    refused(bionic("factorial", "demo", "--design", "x.csv", "--plan"), "x.csv")
    refused(bionic("build", "x.toml"), "x.toml")
    refused(bionic("data", "info", "x.npz"), "x.npz")
