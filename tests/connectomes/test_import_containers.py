"""Connectomes from files that hold tables in another form: what is exported comes back equal."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import h5py
import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from openpyxl import Workbook

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.exporting import FORMS, export_connectome
from bionic_core.connectomes.importing import Request, import_connectome
from bionic_core.connectomes.importing.rules import Rules

BIG = 864_691_135_000_000_017

CELLS: list[list[object]] = [
    ["id", "type", "sign"],
    [1, "PN", "exc"],
    [2, "KC", "exc"],
    [3, "APL", "inh"],
]
EDGES: list[list[object]] = [["pre", "post", "synapses"], [1, 2, 4], [2, 3, 1], [3, 2, 7]]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    path = tmp_path / "cells.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(CELLS)
    return path


def edges_of(connectome: Connectome) -> list[tuple[int, ...]]:
    ids = connectome.cell_id
    ends = zip(ids[connectome.pre], ids[connectome.post], connectome.count, strict=True)
    return [tuple(map(int, row)) for row in ends]


WANTED = [(1, 2, 4), (2, 3, 1), (3, 2, 7)]


def read(synapses: Path, cells: Path, **more: object) -> Connectome:
    request = Request(synapses=synapses, cells=cells, **more)  # type: ignore[arg-type]
    return import_connectome(request, synapses.with_name("out.npz"), overwrite=True)


@pytest.mark.parametrize("form", [*FORMS])
def test_what_is_exported_comes_back_equal(form: str, tmp_path: Path) -> None:
    made = Connectome.of(
        cell_id=np.array([BIG, BIG + 1, 5]),
        broad_type=["excitatory", "inhibitory", "excitatory"],
        cell_type=["23P", "BC", 'a, "b"'],
        layer=["L2", "", "L4"],
        name=["x1", "ÄVAL", ""],
        transmitter=["", "GABA", ""],
        position=np.array([[1.5, 2.0, 0.1], [3.0, 1.0, 1 / 3], [np.nan] * 3]),
        pre=np.array([0, 0, 1]),
        post=np.array([1, 0, 2]),
        count=np.array([3, 1, 2]),
        size=np.array([1 / 3, 2.0, 1e-12]),
        provenance={"label": "three cells"},
    )
    out = export_connectome(
        made, form, tmp_path / "out.json" if "json" in form else tmp_path / f"out.{form}"
    )
    ending = {"csv": ".csv", "parquet": ".parquet", "sonata": ".h5"}.get(form, "")
    first, second = ("edges", "nodes") if form == "sonata" else ("connections", "cells")
    synapses, table = (
        (out / f"{first}{ending}", out / f"{second}{ending}") if ending else (out, out)
    )
    found = read(synapses, table, rules=Rules.of(keep=("autapse",)))
    assert found.cell_id.tolist() == made.cell_id.tolist()
    assert found.fingerprint == made.fingerprint


def test_a_spreadsheet(cells: Path, tmp_path: Path) -> None:
    book = Workbook()
    notes, page = book.active, book.create_sheet("edges")
    assert notes is not None
    for row in EDGES:
        page.append(row)
    path = tmp_path / "edges.xlsx"
    book.save(path)
    assert edges_of(read(path, cells)) == WANTED  # the empty sheet is none
    notes.append(["look here"])
    book.save(path)
    with pytest.raises(RequestError, match=r"several sheets: Sheet, edges\. Say which: --table"):
        read(path, cells)
    assert edges_of(read(path, cells, table="edges")) == WANTED
    with pytest.raises(RequestError, match="no sheet 'edge'; it has Sheet, edges"):
        read(path, cells, table="edge")


def test_an_archive(cells: Path, tmp_path: Path) -> None:
    path = tmp_path / "both.zip"
    text = "\n".join(",".join(map(str, row)) for row in EDGES)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/edges.csv", text)
        archive.writestr("__MACOSX/data/._edges.csv", "x")
        archive.writestr("data/", "")
    assert edges_of(read(path, cells)) == WANTED
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../cells.csv", cells.read_text())
    both = read(path, path, table="data/edges.csv", cells_table="../../cells.csv")
    assert edges_of(both) == WANTED
    assert not (tmp_path.parent.parent / "cells.csv").exists()


@pytest.mark.parametrize("labelled", [False, True])
def test_matlab(labelled: bool, cells: Path, tmp_path: Path) -> None:
    matrix = np.zeros((3, 3))
    for pre, post, count in WANTED:
        matrix[pre - 1, post - 1] = count
    path = tmp_path / "c.mat"
    more = {"W2": np.ones((3, 3))} if labelled else {}
    scipy.io.savemat(path, {"W": matrix, "names": np.array(["a", "b", "c"], object), **more})
    if labelled:
        with pytest.raises(RequestError, match="several matrices: W, W2"):
            read(path, cells)
    assert edges_of(read(path, cells, table="W" if labelled else "")) == WANTED
    # Version 7.3: HDF5 after a block of MATLAB's own; columns come first.
    with h5py.File(path, "w", userblock_size=512) as file:
        file["W"] = matrix.T
        file.create_dataset("names", data=np.ones((2, 3), np.uint16)).attrs["MATLAB_class"] = (
            np.bytes_("char")
        )
    assert edges_of(read(path, cells)) == WANTED
    sparse = scipy.sparse.csc_array(matrix)
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("S")
        group.attrs["MATLAB_sparse"] = np.uint64(3)
        for name, values in (("ir", sparse.indices), ("jc", sparse.indptr), ("data", sparse.data)):
            group[name] = values
    assert edges_of(read(path, cells)) == WANTED


def test_graphs_of_others(tmp_path: Path) -> None:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(
        [
            ("AVAL", {"cell_type": "inter", "sign": "exc"}),
            ("DD1", {"cell_type": "motor", "sign": "inh"}),
        ]
    )
    graph.add_edge("AVAL", "DD1", synapses=2)
    graph.add_edge("AVAL", "DD1", synapses=3)
    path = tmp_path / "worm.graphml"
    nx.write_graphml(graph, path)
    found = read(path, path)
    assert (found.name.tolist(), found.count.tolist()) == (["AVAL", "DD1"], [5])
    nx.write_graphml(graph.to_undirected(), path)
    with pytest.raises(RequestError, match="undirected"):
        read(path, path)
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"cells": []}))
    with pytest.raises(RequestError, match="is no graph"):
        read(wrong, wrong)


def test_a_folder_of_parquet(cells: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    folder = tmp_path / "edges.parquet"
    for number, row in enumerate(EDGES[1:]):
        (folder / f"part={number}").mkdir(parents=True)
        table = pa.table(
            {name: [value] for name, value in zip(map(str, EDGES[0]), row, strict=True)}
        )
        parquet.write_table(table, folder / f"part={number}" / "0.parquet")
    (folder / "_SUCCESS").touch()
    assert edges_of(read(folder, cells)) == WANTED


@pytest.mark.parametrize("name", ["a.xlsx", "a.zip", "a.mat", "a.graphml", "a.json", "a.h5"])
def test_damage_is_told(name: str, cells: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    for content in (b"", b"nothing of the kind", b"PK\x03\x04" + bytes(40)):
        path.write_bytes(content)
        with pytest.raises(RequestError, match=name.replace(".", r"\.")):
            read(path, cells)
