"""Containers of strangers: what leads elsewhere, points outside, claims or hides is refused."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse
from openpyxl import Workbook

from bionic_core import RequestError
from bionic_core.base import arrays
from bionic_core.base.hdf5 import DEEPEST, opened_hdf
from bionic_core.base.matlab import read_matlab
from bionic_core.connectomes.importing.containers import unpacked

MATRIX = scipy.sparse.csc_matrix(np.arange(16.0).reshape(4, 4))


def level_5(path: Path, **changed: Any) -> None:
    """Write a sparse matrix as MATLAB does, its parts as they are given."""
    parts = {k: changed.get(k, getattr(MATRIX, k)) for k in ("indices", "indptr", "data")}
    scipy.io.savemat(path, {"w": MATRIX})
    data = bytearray(path.read_bytes())
    for name, part in parts.items():
        kind = "f8" if name == "data" else "i4"
        before = getattr(MATRIX, name).astype(kind).tobytes()
        place = data.find(before)
        assert place > 0
        data[place : place + len(before)] = np.asarray(part).astype(kind).tobytes()
    path.write_bytes(bytes(data))


def version_73(path: Path, ir: Any, jc: Any, rows: int = 4) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("w")
        group.attrs["MATLAB_sparse"] = np.uint64(rows)
        group["ir"], group["jc"] = np.asarray(ir, "u8"), np.asarray(jc, "u8")
        group["data"] = MATRIX.data


def but(array: Any, place: int, value: int) -> Any:
    found = array.astype(np.uint64 if value > 2**31 else np.int64)
    found[place] = value
    return found


def test_sparse_matrices_of_matlab(tmp_path: Path) -> None:
    """Their pointers led SciPy out of its memory; a negative row counted from the end."""
    path = tmp_path / "c.mat"
    for wrong in (
        {"indices": but(MATRIX.indices, 3, 2**30)},
        {"indices": but(MATRIX.indices, 3, -1)},
        {"indptr": but(MATRIX.indptr, 2, 10**6)},
        {"indptr": but(MATRIX.indptr, 2, -(10**6))},
    ):
        level_5(path, **wrong)
        with pytest.raises(RequestError, match=r"c\.mat: is damaged"):
            read_matlab(path, "w")
    level_5(path)
    assert np.array_equal(read_matlab(path, "w")[1], MATRIX.toarray())  # type: ignore[arg-type]
    for ir, jc in (
        (but(MATRIX.indices, 3, 2**64 - 1), MATRIX.indptr),
        (MATRIX.indices, MATRIX.indptr + 1),
        (MATRIX.indices, but(MATRIX.indptr, 4, 2**63)),
    ):
        version_73(path, ir, jc)
        with pytest.raises(RequestError, match=r"c\.mat: is damaged"):
            read_matlab(path, "w")
    version_73(path, MATRIX.indices, MATRIX.indptr)
    assert np.array_equal(read_matlab(path, "w")[1], MATRIX.toarray())  # type: ignore[arg-type]


def level_4(path: Path, rows: Any, columns: Any) -> None:
    """Write a sparse matrix as MATLAB 4 did: a table of places from 1, its last row the shape."""
    table = np.column_stack([[*rows, 4], [*columns, 4], [*MATRIX.tocoo().data, 0.0]])
    head = np.array([2, *table.shape, 0, 2], "<i4")
    path.write_bytes(head.tobytes() + b"w\0" + table.astype("<f8").tobytes(order="F"))


def test_sparse_matrices_of_matlab_4(tmp_path: Path) -> None:
    """They came as no matrix at all."""
    path, entries = tmp_path / "c.mat", MATRIX.tocoo()
    level_4(path, entries.row + 1, entries.col + 1)
    assert np.array_equal(read_matlab(path, "w")[1], MATRIX.toarray())  # type: ignore[arg-type]
    for wrong in (2**30, 0, -3):
        level_4(path, but(entries.row + 1, 3, wrong).astype("i8"), entries.col + 1)
        with pytest.raises(RequestError, match=r"c\.mat: is damaged"):
            read_matlab(path, "w")


def linked(file: Any, other: Path) -> None:
    file["w"] = h5py.ExternalLink(str(other), "w")


def outside(file: Any, other: Path) -> None:
    file.create_dataset("w", (4, 4), "f8", external=[(str(other), 0, 128)])


def virtual(file: Any, other: Path) -> None:
    layout = h5py.VirtualLayout((4, 4), "f8")
    layout[:] = h5py.VirtualSource(str(other), "w", (4, 4))
    file.create_virtual_dataset("w", layout)


def claiming(file: Any, _: Path) -> None:
    file.create_dataset("w", (5_000, 5_000), "f8", chunks=(100, 100), compression="gzip")


def deep(file: Any, _: Path) -> None:
    file.create_group("/".join("a" * (DEEPEST + 2)))


@pytest.mark.parametrize("make", [linked, outside, virtual, claiming, deep])
def test_hdf5_that_leads_elsewhere(make: Callable[[Any, Path], None], tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["w"] = np.ones((4, 4))
    path = tmp_path / "c.h5"
    with h5py.File(path, "w") as file:
        make(file, secret)
    words = r"another file; none|none is opened|claims 200,000,000|groups within groups"
    with pytest.raises(RequestError, match=words), opened_hdf(path, "none"):
        pass
    with h5py.File(path, "w") as file:
        file["w"] = np.ones((4, 4))
        file["again"], file["loop"] = h5py.SoftLink("/w"), file["/"]  # within, and in a circle
    with opened_hdf(path, "none") as file:
        assert file["again"][:].sum() == 16


def sonata(path: Path, ends: Any, index: Any) -> None:
    with h5py.File(path / "edges.h5", "w") as file:
        group = file.create_group("edges/e")
        group["source_node_id"], group["target_node_id"] = ends, ends
        for name in ("source_node_id", "target_node_id"):
            group[name].attrs["node_population"] = "n"
        group["edge_group_id"] = group["edge_type_id"] = np.zeros(2, int)
        group["edge_group_index"], group["0/size"] = index, np.array([1.0, 2.0])
    with h5py.File(path / "nodes.h5", "w") as file:
        group = file.create_group("nodes/n")
        group["node_group_id"] = group["node_type_id"] = np.zeros(2, int)
        group["node_group_index"], group["0/cell_id"] = np.arange(2), np.array([7, 8])


def test_places_of_sonata_count_from_the_start(tmp_path: Path) -> None:
    for ends, index, words in (
        ([0, -1], [0, 1], "node -1, in row 1, is none of 2"),
        (np.array([0, 2**64 - 1], "u8"), [0, 1], "node 18446744073709551615"),
        ([0, 1], [0, -1], "edge_group_index -1, in row 1, is none of 2"),
    ):
        sonata(tmp_path, ends, index)
        with pytest.raises(RequestError, match=words):
            unpacked(tmp_path / "edges.h5", "synapses", tmp_path)
    sonata(tmp_path, [0, 1], [1, 0])
    table = pq.read_table(unpacked(tmp_path / "edges.h5", "synapses", tmp_path)[0])
    assert table["pre"].to_pylist() == [7, 8]
    assert table["size"].to_pylist() == [2.0, 1.0]


NODES = [{"id": 0, "cell_type": "a"}, {"id": 1, "cell_type": "b"}]
EDGE = {"source": 0, "target": 1}


def graph_of(nodes: list[Any], links: list[Any], **more: Any) -> str:
    return json.dumps({"directed": True, "nodes": nodes, "links": links} | more)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (graph_of(NODES, [{"source": 0, "target": 9}]), "1 nodes that it does not list: 9"),
        (graph_of([*NODES, NODES[0]], [EDGE]), "the node 0 twice"),
        (graph_of(NODES, [EDGE], edges=[EDGE]), "both 'links' and 'edges'"),
        (graph_of([*NODES, {"id": [0]}], [EDGE]), r"the id \[0\]"),
        (graph_of("ab", [EDGE]), "no list of objects"),  # type: ignore[arg-type]
        (graph_of(NODES, [EDGE])[:-1] + ', "nodes": []}', "'nodes' is there twice"),
        (graph_of(NODES, [EDGE | {"size": float("inf")}]), "Infinity is no number"),
        ('{"nodes": ' + "[" * 100_000, "recursion"),
    ],
)
def test_graphs_that_are_not_what_they_seem(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text(text)
    with pytest.raises(RequestError, match=words):
        unpacked(path, "synapses", tmp_path)


def test_links_of_one_pair_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text(graph_of(NODES, [EDGE | {"count": 2}, EDGE | {"count": 3}], multigraph=False))
    assert pq.read_table(unpacked(path, "synapses", tmp_path)[0])["count"].to_pylist() == [2, 3]


def graphml(body: str) -> str:
    nodes = '<node id="0"/><node id="1"/>'
    head = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">'
    return f"{head}{nodes}{body}</graph></graphml>"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<edge source="0" target="9"/>', "1 nodes that it does not list: 9"),
        ('<node id="0"/>', "the node 0 twice"),
        ('<edge id="e" source="0" target="1"/>' * 2, "the edge e twice"),
        ('</graph><graph edgedefault="directed">', "holds 2 graphs"),
        ('<node id="2"><graph edgedefault="directed"/></node>', "holds 2 graphs"),
    ],
)
def test_graphml_that_is_not_what_it_seems(body: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "g.graphml"
    path.write_text(graphml(body))
    with pytest.raises(RequestError, match=words):
        unpacked(path, "synapses", tmp_path)


def test_what_is_packed_to_almost_nothing_is_not_parsed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "g.graphml.gz"
    with gzip.open(path, "wb") as file:
        file.write(graphml(" " * 2**26).encode())
    with pytest.raises(RequestError, match="more than 100 times as many"):
        unpacked(path, "synapses", tmp_path)
    monkeypatch.setattr(arrays, "LARGEST", 2**20)
    with pytest.raises(RequestError, match=r"more than the 0\.00 GiB"):
        unpacked(path, "synapses", tmp_path)
    book = tmp_path / "b.xlsx"
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", " " * 2**27)
    with pytest.raises(RequestError, match="more than 100 times as many"):
        unpacked(book, "synapses", tmp_path)


def sheet(path: Path, change: Callable[[str], str]) -> Path:
    """Write a workbook of three lines, its first sheet changed as text."""
    book = Workbook()
    page = book.active
    assert page is not None
    for row in (["pre", "post"], [1, 2], [2, 3]):
        page.append(row)
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"} & {*parts}:
        parts[name] = change(parts[name].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("claim", ["A1:B2", "A1:XFD1048576", "A1"])
def test_a_sheet_is_read_whatever_it_says_of_its_size(claim: str, tmp_path: Path) -> None:
    path = sheet(tmp_path / "b.xlsx", lambda text: text.replace('ref="A1:B3"', f'ref="{claim}"'))
    with unpacked(path, "synapses", tmp_path)[0].open() as file:
        assert [*csv.reader(file)] == [["pre", "post"], ["1", "2"], ["2", "3"]]


def test_a_sheet_has_the_limits_of_spreadsheets(tmp_path: Path) -> None:
    path = sheet(tmp_path / "b.xlsx", lambda text: text.replace('r="3"', 'r="999999999"'))
    with pytest.raises(RequestError, match="at most 1,048,576 rows"):
        unpacked(path, "synapses", tmp_path)
    path = sheet(tmp_path / "c.xlsx", lambda text: text.replace(">pre<", f">{'a' * 40_000}<"))
    with pytest.raises(RequestError, match="more than 32,767 letters"):
        unpacked(path, "synapses", tmp_path)


def test_each_file_of_a_folder_is_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(pa.table({"pre": [1]}), folder / "a.parquet", compression="brotli")
    with pytest.raises(RequestError, match="packed by Brotli"):
        unpacked(folder, "synapses", tmp_path)
