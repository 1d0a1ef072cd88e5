"""What ``connectome info`` says, against dense matrices."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from bionic_core import Connectome
from bionic_core.base.records import to_document
from bionic_core.connectomes.summary import summarise


def connectome(seed: int, cells: int = 40) -> Connectome:
    rng = np.random.default_rng(seed)
    pre, post = np.nonzero(rng.random((cells, cells)) < 0.2)
    types = rng.choice(["23P", "4P", "5P-ET", "BC"], cells)
    return Connectome.of(
        cell_id=np.arange(cells),
        broad_type=np.where(types == "BC", "inhibitory", "excitatory"),
        cell_type=types,
        position=np.zeros((cells, 3)),
        pre=pre,
        post=post,
        count=rng.integers(1, 5, len(pre)),
        provenance={"label": "drawn"},
    )


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_dense_matrix(seed: int) -> None:
    drawn = connectome(seed)
    document = to_document(summarise(drawn, by_type=True))
    wired = np.zeros((40, 40), bool)
    wired[drawn.pre, drawn.post] = True
    count = np.zeros((40, 40))
    count[drawn.pre, drawn.post] = drawn.count
    autapses = int(np.diag(wired).sum())
    assert document["autapses"] == autapses > 0
    np.fill_diagonal(wired, False)
    np.fill_diagonal(count, 0)
    assert document["density"] == pytest.approx(wired.sum() / (40 * 39))
    assert document["reciprocity"] == pytest.approx((wired & wired.T).sum() / wired.sum())
    for entry in document["type_densities"]:
        rows, columns = drawn.cell_type == entry["pre"], drawn.cell_type == entry["post"]
        block = np.ix_(rows, columns)
        pairs = rows.sum() * columns.sum() - (rows & columns).sum()
        assert entry["pairs"] == pairs
        assert entry["connections"] == wired[block].sum()
        assert entry["density"] == pytest.approx(wired[block].sum() / pairs)
        assert entry["synapses"] == count[block].sum()
    names = {"23P": "2/3", "4P": "4", "5P-ET": "5", "BC": "–"}
    layer = np.array([names[name] for name in drawn.cell_type.tolist()])
    for entry in document["layer_densities"]:
        block = np.ix_(layer == entry["pre"], layer == entry["post"])
        assert entry["connections"] == wired[block].sum()
    values, numbers = np.unique(drawn.count, return_counts=True)
    assert document["synapses_histogram"] == [
        {"synapses": int(v), "connections": int(n)} for v, n in zip(values, numbers, strict=True)
    ]
    out = np.bincount(drawn.pre, minlength=40)
    assert document["out_degree"]["mean"] == pytest.approx(out.mean())
    assert document["types"]["BC"]["out_degree"]["sd"] == pytest.approx(
        out[drawn.cell_type == "BC"].std()
    )


def test_layers_are_the_connectomes_own_or_those_asked_for() -> None:
    drawn = connectome(0)
    own = Connectome.of(
        **{
            key: getattr(drawn, key)
            for key in ("cell_id", "broad_type", "cell_type", "position", "pre", "post", "count")
        },
        layer=np.where(np.arange(40) < 10, "L1", ""),
        provenance={},
    )
    assert own.fingerprint != drawn.fingerprint
    assert summarise(own).layers["L1"].cells == 10
    asked = to_document(summarise(own, layers={"X": ["23P", "BC"]}))["layers"]
    assert asked["X"]["cells"] == int(np.isin(drawn.cell_type, ("23P", "BC")).sum())


def test_a_connectome_without_connections() -> None:
    empty: Any = np.zeros(0, int)
    nothing = Connectome.of(
        cell_id=np.arange(2),
        broad_type=["excitatory"] * 2,
        cell_type=["a", "b"],
        position=np.zeros((2, 3)),
        pre=empty,
        post=empty,
        count=empty,
        provenance={},
    )
    document = to_document(summarise(nothing))
    assert document["reciprocity"] == 0
    assert document["unconnected"] == 2
    assert document["synapses_per_connection"]["excitatory->excitatory"] is None


def test_time_is_linear_in_connections_not_in_pairs() -> None:
    cells, edges = 100_000, 200_000
    rng = np.random.default_rng(0)
    pair = np.unique(rng.integers(0, cells * cells, edges))
    large = Connectome.of(
        cell_id=np.arange(cells),
        broad_type=["excitatory"] * cells,
        cell_type=[f"t{k % 1000}" for k in range(cells)],
        position=np.zeros((cells, 3)),
        pre=pair // cells,
        post=pair % cells,
        count=np.ones(len(pair), int),
        provenance={},
    )
    start = time.process_time()
    document = to_document(summarise(large))
    assert time.process_time() - start < 10  # of this process: others do not count
    assert len(document["types"]) == 1000
    assert document["connections"] == len(pair)
