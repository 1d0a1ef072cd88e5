"""``bionic connectome export``: what other tools then find, read by them and not by bionic."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.exporting import FORMS, export_connectome

BIG = 864_691_135_000_000_017
"""A root id of CAVE's: beyond what a float holds."""


@pytest.fixture
def small() -> Connectome:
    return Connectome.of(
        cell_id=np.array([BIG, BIG + 1, 5]),
        broad_type=["excitatory", "inhibitory", "excitatory"],
        cell_type=["23P", "BC", 'a, "b"\nc'],
        layer=["L2", "", "L4"],
        name=["", "ÄVAL", ""],
        position=np.array([[1.5, 2.0, 0.1], [np.nan, 1.0, 1 / 3], [np.nan] * 3]),
        pre=np.array([0, 0, 1]),
        post=np.array([1, 0, 2]),
        count=np.array([3, 1, 2]),
        size=np.array([1 / 3, 2.0, 1e-12]),
        provenance={"label": "three cells", "source": "nowhere"},
    )


EDGES = [(BIG, BIG, 1, 2.0), (BIG, BIG + 1, 3, 1 / 3), (BIG + 1, 5, 2, 1e-12)]


def test_tables(small: Connectome, tmp_path: Path) -> None:
    export_connectome(small, "csv", tmp_path / "csv")
    export_connectome(small, "parquet", tmp_path / "pq")
    with (tmp_path / "csv" / "cells.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert [int(row["cell_id"]) for row in cells] == small.cell_id.tolist()
    assert [row["cell_type"] for row in cells] == small.cell_type.tolist()
    assert [row["x"] for row in cells] == ["1.5", "", ""]
    assert float(cells[1]["z"]) == 1 / 3
    with (tmp_path / "csv" / "connections.csv").open(newline="") as file:
        rows = [tuple(map(float, row.values())) for row in csv.DictReader(file)]
    assert [row[2:] for row in rows] == [edge[2:] for edge in EDGES]
    table = pq.read_table(tmp_path / "pq" / "connections.parquet")
    assert [tuple(row.values()) for row in table.to_pylist()] == EDGES
    said = json.loads((tmp_path / "csv" / "provenance.json").read_text())
    assert said == dict(small.provenance)


@pytest.mark.parametrize("form", ["graphml", "networkx-json"])
def test_graphs(small: Connectome, form: str, tmp_path: Path) -> None:
    path = export_connectome(small, form, tmp_path / "graph")
    if form == "graphml":
        graph = nx.read_graphml(path, node_type=int)
    else:
        graph = nx.node_link_graph(json.loads(path.read_text()), edges="edges")
    assert graph.is_directed()
    assert [*graph.nodes] == small.cell_id.tolist()
    assert graph.nodes[BIG + 1]["name"] == "ÄVAL"
    assert "x" not in graph.nodes[5]
    found = [(a, b, d["count"], d["size"]) for a, b, d in graph.edges(data=True)]
    assert sorted(found) == sorted(EDGES)


def test_sonata(small: Connectome, tmp_path: Path) -> None:
    export_connectome(small, "sonata", tmp_path / "s")
    with h5py.File(tmp_path / "s" / "edges.h5") as file:
        edges = file["edges/cells_to_cells"]
        assert edges["source_node_id"].attrs["node_population"] == "cells"
        ends = list(zip(edges["source_node_id"][:], edges["target_node_id"][:], strict=True))
        assert ends == [(0, 0), (0, 1), (1, 2)]
        assert edges["0/size"][:].tolist() == [2.0, 1 / 3, 1e-12]
    with h5py.File(tmp_path / "s" / "nodes.h5") as file:
        assert file["nodes/cells/0/cell_id"][:].tolist() == small.cell_id.tolist()
        assert file["nodes/cells/0/name"].asstr()[1] == "ÄVAL"
        assert np.isnan(file["nodes/cells/0/x"][1:]).all()


def test_nothing_is_replaced_unasked(small: Connectome, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    for overwrite in (False, True):
        with pytest.raises(RequestError, match="is a folder"):
            export_connectome(small, "csv", mine, overwrite=overwrite)
    assert (mine / "thesis.txt").read_text() == "years"
    export_connectome(small, "csv", tmp_path / "out")
    with pytest.raises(RequestError, match=r"out: exists already.*--overwrite"):
        export_connectome(small, "csv", tmp_path / "out")
    export_connectome(small, "parquet", tmp_path / "out", overwrite=True)
    assert not (tmp_path / "out" / "cells.csv").exists()
    with pytest.raises(RequestError, match="--to gexf: must be csv"):
        export_connectome(small, "gexf", tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert set(FORMS) == {"csv", "parquet", "graphml", "sonata", "networkx-json"}
