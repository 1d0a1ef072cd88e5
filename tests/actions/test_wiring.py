"""Connectomes of data frames and matrices: the right values, and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bionic_core import Connectome, RequestError
from tests.support import toys

CELLS = pd.DataFrame(
    {
        "cell_id": [864691135000000007, 12, 13],
        "cell_type": ["a", "a", "i"],
        "broad_type": ["excitatory", "excitatory", "inhibitory"],
        "x": [1.0, 2.0, np.nan],
        "y": [0.0, 0.0, 0.0],
        "z": [0.0, 0.0, 0.0],
    }
)
EDGES = pd.DataFrame({"pre": [13, 864691135000000007], "post": [12, 13], "count": [3, 1]})


def test_edges_become_connections() -> None:
    found = Connectome.from_edges(EDGES, CELLS, label="toy")
    assert found.label == "toy"
    assert found.cell_id.tolist() == [864691135000000007, 12, 13]
    assert [*zip(found.pre, found.post, found.count, found.size, strict=True)] == [
        (0, 2, 1, 1.0),
        (2, 1, 3, 3.0),
    ]
    assert found.position[0].tolist() == [1.0, 0.0, 0.0]
    single = Connectome.from_edges(EDGES.drop(columns="count").assign(size=[0.5, 2.0]), CELLS)
    assert single.count.tolist() == [1, 1]
    assert single.size.tolist() == [2.0, 0.5]


def test_names_may_stand_for_ids() -> None:
    cells = CELLS.assign(cell_id=["AVAL", "AVAR", "RIM"])
    found = Connectome.from_edges({"pre": ["AVAL"], "post": ["RIM"]}, cells)
    assert found.name.tolist() == ["AVAL", "AVAR", "RIM"]
    assert (found.pre.tolist(), found.post.tolist()) == ([0], [2])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.coo_array])
def test_a_matrix_is_pre_by_post(form: Callable[[Any], Any]) -> None:
    matrix = np.array([[0, 2, 0], [0, 0, 0], [1, 0, 0]])
    found = Connectome.from_matrix(form(matrix), CELLS)
    assert [*zip(found.pre, found.post, found.count, strict=True)] == [(0, 1, 2), (2, 0, 1)]
    ids = CELLS["cell_id"]
    labelled = pd.DataFrame(matrix, index=ids, columns=ids)
    assert Connectome.from_matrix(labelled, CELLS).fingerprint == found.fingerprint
    with pytest.raises(RequestError, match="matrix: its rows are not the cells in their order"):
        Connectome.from_matrix(labelled.iloc[::-1], CELLS)


def test_what_another_connectome_holds_comes_back() -> None:
    column = toys.column()
    graph = column.to_networkx()
    edges = pd.DataFrame(
        [(int(a), int(b), d["count"], d["size"]) for a, b, d in graph.edges(data=True)],
        columns=["pre", "post", "count", "size"],
    )
    cells = pd.DataFrame({name: getattr(column, name) for name in ("cell_id", "cell_type")})
    cells["broad_type"] = column.broad_type
    cells[["x", "y", "z"]] = column.position
    assert Connectome.from_edges(edges, cells).fingerprint == column.fingerprint


@pytest.mark.parametrize(
    ("edges", "cells", "words"),
    [
        (EDGES.rename(columns={"pre": "prae"}), CELLS, "edges: there is no column 'pre'.*'prae'"),
        (EDGES, CELLS.drop(columns="broad_type"), "cells: there is no column 'broad_type'"),
        (pd.concat([EDGES, EDGES]), CELLS, r"edges: 4 rows.*13 to 12.*edges.groupby"),
        (EDGES.assign(post=[12, 99]), CELLS, "edges: column 'post' names 1 cells.*: 99"),
        (EDGES.assign(pre=[13, np.nan]), CELLS, "edges: column 'pre' has nothing in row 1"),
        (EDGES.assign(count=[0, 1]), CELLS, "count"),
        (EDGES.assign(count=["x", 1]), CELLS, "edges: column 'count' holds object"),
        (EDGES, CELLS.assign(cell_id=[1, 1, 2]), "cells: cell_id 1 occurs more than once"),
        (EDGES, CELLS.assign(cell_id=[1.0, 2.0, 3.0]), "cells: cell_id are decimal numbers"),
        (EDGES, CELLS.assign(broad_type="exc"), "cells: broad_type must be 'excitatory'.*'exc'"),
        (EDGES, CELLS.drop(columns="z"), "cells: there is x, y; positions need x, y and z"),
        (3, CELLS, "edges: must be a data frame"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(edges: Any, cells: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Connectome.from_edges(edges, cells)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.zeros((2, 3)), r"matrix: its shape is \(2, 3\); for 3 cells it must be \(3, 3\)"),
        (np.full((3, 3), -1), r"matrix: 9 entries are no counts.*-1 in row 0, column 0"),
        (np.full((3, 3), 0.5), "matrix: 9 entries are no counts"),
        ([["a"] * 3] * 3, "matrix: must be of numbers"),
    ],
)
def test_a_matrix_that_is_none_is_refused(matrix: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Connectome.from_matrix(matrix, CELLS)


def test_a_connectome_is_drawn_on_axes() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    _, axes = pyplot.subplots()
    column = toys.column()
    assert column.plot(axes) is axes
    assert axes.get_ylabel() == "pre-synaptic cell"
    assert column.plot(kind="layers").figure is not axes.figure
    pyplot.close("all")
    with pytest.raises(RequestError, match="Did you mean 'layers'"):
        column.plot(kind="layer")
    with pytest.raises(RequestError, match="ax: 'degrees' has several panels"):
        column.plot(axes, kind="degrees")
