"""Synapses and connections from tables, against loops and pandas; rows that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.importing.rules import REASONS, Rules
from tests.support.synapse_tables import (
    BASE,
    SMALL,
    as_dict,
    bring,
    cells_table,
    expected,
    synapse_table,
)


@pytest.mark.parametrize(
    ("name", "seed"),
    [(n, k) for k, n in enumerate(("s.csv", "s.csv.gz", "s.tsv", "s.parquet", "s.feather"))]
    + [("s.parquet", seed) for seed in range(10, 16)],
)
def test_random_tables_agree_with_a_loop(tmp_path: Path, name: str, seed: int) -> None:
    table = synapse_table(seed)
    connectome = bring(tmp_path, table, name=name, drop=["missing-id", "unknown-cell"])
    sums, dropped = expected(table, cells_table())
    assert as_dict(connectome) == sums
    found = connectome.provenance["dropped"]
    assert {key: found[key] for key in dropped} == dropped
    assert sum(found.values()) == sum(dropped.values())
    assert connectome.count.sum() + sum(dropped.values()) == len(table)
    assert connectome.cell_id.tolist() == cells_table()["pt_root_id"].tolist()
    assert connectome.layer.tolist() == cells_table()["layer"].tolist()
    assert connectome.position[3].tolist() == [30.0, 3.0, 7.0]


@pytest.mark.parametrize("seed", range(4))
def test_random_connections_agree_with_pandas(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = cells_table()["pt_root_id"].to_numpy()
    table = pd.DataFrame(
        {
            "pre_root_id": rng.choice(ids, 500),
            "post_root_id": rng.choice(ids, 500),
            "neuropil": rng.choice(["ME", "LO"], 500),
            "syn_count": rng.integers(0, 7, 500),
            "size": rng.random(500),
        }
    )
    connectome = bring(tmp_path, table, name="s.parquet")
    good = table[(table["pre_root_id"] != table["post_root_id"]) & (table["syn_count"] > 0)]
    sums = good.groupby(["pre_root_id", "post_root_id"])[["syn_count", "size"]].sum()
    found = as_dict(connectome)
    assert {key: n for key, (n, _) in found.items()} == sums["syn_count"].to_dict()
    assert [found[key][1] for key in sums.index] == pytest.approx(sums["size"].tolist())
    assert connectome.provenance["level"] == "edges"
    assert connectome.provenance["kept"]["repeated-connection"] == len(good) - len(sums)
    zero = (table["pre_root_id"] != table["post_root_id"]) & (table["syn_count"] == 0)
    assert connectome.provenance["dropped"]["zero-count"] == zero.sum()
    # The same whatever the order of the rows, to the last bit.
    shuffled = bring(tmp_path, table.sample(frac=1, random_state=1), name="s.parquet")
    assert shuffled.fingerprint == connectome.fingerprint


def test_eighteen_digits_survive_in_every_format(tmp_path: Path) -> None:
    cells = cells_table(3)
    table = pd.DataFrame({"pre": [BASE], "post": [BASE + 4]})
    for name in ("s.csv", "s.csv.gz", "s.parquet", "s.feather"):
        connectome = bring(tmp_path, table, cells, name=name)
        assert as_dict(connectome) == {(BASE, BASE + 4): (1, 1.0)}
    text = bring(tmp_path, table.astype(str), cells, name="s.parquet")
    assert as_dict(text) == as_dict(connectome)
    unsigned = bring(tmp_path, table.astype(np.uint64), cells, name="s.parquet")
    assert as_dict(unsigned) == as_dict(connectome)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("7,8.64691135e17,2,5\n", "float-id: 1 row has an id that was written by way of a float"),
        ("7,864691135000000000.0,2,5\n", "float-id: 1 row has"),
        ("7,123456789012345678901,2,5\n", "overflow-id: 1 row has an id beyond 64 bits"),
        ("7,1.5,2,5\n", "not-integer: 1 row has an id that is no whole number"),
        ("7,abc,2,5\n", "(pre abc, post 2, synapse_id 7, size 5)"),
        ("x,1,2,5\n", "not-integer: 1 row has"),
        (",1,2,5\n", "missing-synapse-id: 1 row has no synapse id"),
        ("7,1,2,-5\n8,1,2,-1\n", "negative-size: 2 rows have a negative size"),
        ("7,1,2,\n", "missing-size: 1 row has a size that is missing"),
        ("7,1,2,inf\n", "missing-size: 1 row has"),
        ("7,1,2,big\n", "size big)"),
        ("7,1,2,5\n7,1,3,5\n", "conflicting-id: 2 rows have a synapse id that other rows give"),
        ("7,1,2,5\n7,1,2,6\n", "conflicting-id: 2 rows have"),
    ],
)
def test_rows_that_are_refused(tmp_path: Path, rows: str, problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, "id,pre,post,size\n9,3,1,2\n" + rows, SMALL)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "s.csv"))
    name = str(caught.value).removeprefix(f"{tmp_path / 's.csv'}: ").partition(":")[0]
    remedy = f"Correct the file, or give --drop {name}"
    assert (remedy in str(caught.value)) == (name != "float-id")
    assert not (tmp_path / "o.npz").exists()
    if name != "float-id":
        connectome = bring(tmp_path, "id,pre,post,size\n9,3,1,2\n" + rows, SMALL, drop=[name])
        assert as_dict(connectome) == {(3, 1): (1, 2.0)}
        assert connectome.provenance["dropped"][name] == rows.count("\n")


def test_all_that_is_refused_is_said_at_once(tmp_path: Path) -> None:
    text = "id,pre,post,size\n1,1e18,2,5\n2,q,2,5\n3,1,2,-1\n4,,2,3\n5,1,1,3\n6,1,2,9\n"
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, text, SMALL, refuse=["missing-id", "autapse"])
    names = [problem.partition(":")[0] for problem in caught.value.problems]
    assert names == ["missing-id", "float-id", "not-integer", "autapse", "negative-size"]


def test_floats_that_hold_ids_exactly_are_taken(tmp_path: Path) -> None:
    # pandas makes floats of a column of ids with a gap; small ones survive that.
    text = "pre,post\n1.0,2\n2,3.0\n,1\n"
    gap: dict[str, Any] = {"drop": ["missing-id"]}
    assert set(as_dict(bring(tmp_path, text, SMALL, **gap))) == {(1, 2), (2, 3)}
    table = pd.DataFrame({"pre": [1.0, np.nan, 2.0], "post": [2.0, 1.0, 3.0]})
    connectome = bring(tmp_path, table, SMALL, name="s.parquet", **gap)
    assert set(as_dict(connectome)) == {(1, 2), (2, 3)}
    assert connectome.provenance["dropped"]["missing-id"] == 1
    with pytest.raises(RequestError, match="float-id: 1 row has"):
        bring(tmp_path, table.replace(2.0, float(BASE)).iloc[:1], SMALL, name="s.parquet")
    with pytest.raises(RequestError, match="not-integer: 1 row has"):
        bring(tmp_path, table.replace(1.0, 1.5).iloc[:1], SMALL, name="s.parquet")
    with pytest.raises(RequestError, match="float-id"):
        bring(
            tmp_path,
            pd.DataFrame({"pre": np.array([2**25 + 1], np.float32), "post": [1]}),
            SMALL,
            name="s.parquet",
        )


def test_ids_beyond_64_bits_in_a_column_of_integers(tmp_path: Path) -> None:
    table = pd.DataFrame({"pre": np.array([2**63 + 5, 1], np.uint64), "post": [2, 2]})
    with pytest.raises(RequestError, match="overflow-id: 1 row has"):
        bring(tmp_path, table, SMALL, name="s.parquet")
    connectome = bring(tmp_path, table, SMALL, name="s.parquet", drop=["overflow-id"])
    assert set(as_dict(connectome)) == {(1, 2)}


def test_what_is_kept(tmp_path: Path) -> None:
    text = "id,pre,post,size\n1,1,1,5\n2,1,2,5\n2,1,2,5\n3,9,9,1\n"
    strangers: dict[str, Any] = {"drop": ["unknown-cell"]}
    connectome = bring(tmp_path, text, SMALL, **strangers, keep=["autapse", "duplicate-id"])
    assert as_dict(connectome) == {(1, 1): (1, 5.0), (1, 2): (2, 10.0)}
    assert connectome.provenance["kept"]["autapse"] == 1
    assert connectome.provenance["kept"]["duplicate-id"] == 1
    assert connectome.provenance["dropped"]["unknown-cell"] == 1
    # What is kept hides no fault of the same row.
    with pytest.raises(RequestError, match="negative-size: 1 row has"):
        bring(tmp_path, "id,pre,post,size\n1,1,1,-5\n", SMALL, keep=["autapse"])
    clash = "id,pre,post,size\n2,1,2,5\n2,1,3,5\n"
    both = bring(tmp_path, clash, SMALL, keep=["conflicting-id"])
    assert set(as_dict(both)) == {(1, 2), (1, 3)}
    # Rows need no ids, or are not to be told apart by them.
    twice = "pre,post\n1,2\n1,2\n"
    assert as_dict(bring(tmp_path, twice, SMALL)) == {(1, 2): (2, 2.0)}
    plain = bring(tmp_path, text, SMALL, columns={"synapse_id": ""}, **strangers)
    assert as_dict(plain) == {(1, 2): (2, 10.0)}


def test_rules_that_are_none() -> None:
    with pytest.raises(RequestError) as caught:
        Rules.of(drop=["autaps", "float-id"], keep=["unknown-cell", "autapse"], refuse=["autapse"])
    text = str(caught.value)
    for word in (
        "--drop autaps: there is no such reason. Did you mean 'autapse'?",
        "--drop float-id: not for an id that was written by way of a float",
        "allowed is --refuse",
        "--keep unknown-cell: not for a cell that is not in the table of cells",
        "--keep autapse: two options say what to do with it",
    ):
        assert word in text


def test_the_provenance_says_it_all(tmp_path: Path) -> None:
    import hashlib

    bring(
        tmp_path,
        "id,pre,post,size\n1,1,2,5\n2,1,9,5\n",
        SMALL,
        label="three",
        drop=["unknown-cell"],
    )
    found = Connectome.load(tmp_path / "o.npz").provenance
    assert found["label"] == "three"
    assert found["files"]["synapses"] == {
        "name": "s.csv",
        "sha256": hashlib.sha256((tmp_path / "s.csv").read_bytes()).hexdigest(),
    }
    assert found["synapses"]["rows"] == 2
    assert found["synapses"]["columns"] == {
        "pre": "pre",
        "post": "post",
        "synapse_id": "id",
        "size": "size",
    }
    assert found["cells"]["columns"]["cell_id"] == "pt_root_id"
    assert found["dropped"]["unknown-cell"] == 1
    with np.load(tmp_path / "o.npz", allow_pickle=False) as file:
        assert {"cell_id", "pre", "post", "provenance"} <= set(file.files)
        assert "layer" not in file.files


def test_the_page_has_each_reason_and_its_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "connectomes.md").read_text()
    for reason in REASONS.values():
        others = ", ".join(word for word in reason.allowed if word != reason.usual) or "–"
        assert f"| `{reason.name}` | {reason.about} | {reason.usual} | {others} |" in page
