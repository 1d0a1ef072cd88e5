"""Imports of tables, against pandas doing the same by other means, on tables with dirty rows."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.importing import Request, import_connectome
from bionic_core.connectomes.importing.rules import REASONS, Rules

BASE = 864691135000000001
"""Odd, and beyond 2^53: by way of a float it would become even."""


def cells_table(number: int = 30) -> pd.DataFrame:
    kinds = ["23P", "4P", "BC"]
    return pd.DataFrame(
        {
            "pt_root_id": [BASE + 2 * k for k in range(number)],
            "broad_type": ["inhibitory" if k % 3 == 2 else "excitatory" for k in range(number)],
            "cell_type": [kinds[k % 3] for k in range(number)],
            "layer": [f"L{k % 2 + 4}" for k in range(number)],
            "pt_position_x": np.arange(number) * 10.0,
            "pt_position_y": np.arange(number) * 1.0,
            "pt_position_z": 7.0,
        }
    )


def synapse_table(seed: int, rows: int = 400, cells: int = 30) -> pd.DataFrame:
    """Synapses with all the faults that are dropped: as text, so that a file holds them as is."""
    rng = np.random.default_rng(seed)
    ids = np.array([BASE + 2 * k for k in range(cells)])
    table = pd.DataFrame(
        {
            "id": rng.permutation(10 * rows)[:rows],
            "pre_pt_root_id": rng.choice(ids, rows),
            "post_pt_root_id": rng.choice(ids, rows),
            "size": rng.integers(1, 9000, rows),
        }
    )
    for column in ("pre_pt_root_id", "post_pt_root_id"):
        table.loc[rng.random(rows) < 0.05, column] = 0
        table.loc[rng.random(rows) < 0.10, column] = BASE + 1  # an even id: nobody's
    autapse = rng.random(rows) < 0.05
    table.loc[autapse, "post_pt_root_id"] = table.loc[autapse, "pre_pt_root_id"]
    return pd.concat([table, table.sample(20, random_state=seed)], ignore_index=True).sample(
        frac=1, random_state=seed
    )


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.name.endswith(".parquet"):
        table.to_parquet(path)
    elif path.name.endswith(".feather"):
        table.reset_index(drop=True).to_feather(path)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


def bring(
    folder: Path, synapses: Any, cells: Any = None, *, name: str = "s.csv", **options: Any
) -> Connectome:
    """Import two tables by way of files."""
    cells = cells_table() if cells is None else cells
    if isinstance(synapses, str):
        (folder / name).write_text(synapses)
    else:
        write(synapses, folder / name)
    if isinstance(cells, str):
        (folder / "c.csv").write_text(cells)
    else:
        write(cells, folder / "c.csv")
    rules = Rules.of(**{key: options.pop(key, ()) for key in ("drop", "refuse", "keep")})
    request = Request(folder / name, folder / "c.csv", rules=rules, **options)
    return import_connectome(request, folder / "o.npz", overwrite=True)


def expected(table: pd.DataFrame, cells: pd.DataFrame) -> tuple[dict[Any, Any], dict[str, int]]:
    """The same by a loop over rows: sums by pair of ids, and the counts of what was dropped."""
    known = set(cells["pt_root_id"])
    sums: dict[Any, Any] = {}
    dropped = dict.fromkeys(("missing-id", "unknown-cell", "autapse", "duplicate-id"), 0)
    seen: set[int] = set()
    for number, pre, post, size in table.itertuples(index=False):
        if pre == 0 or post == 0:
            dropped["missing-id"] += 1
        elif pre not in known or post not in known:
            dropped["unknown-cell"] += 1
        elif pre == post:
            dropped["autapse"] += 1
        elif number in seen:
            dropped["duplicate-id"] += 1
        else:
            seen.add(number)
            count, total = sums.get((pre, post), (0, 0))
            sums[pre, post] = (count + 1, total + size)
    return sums, dropped


def as_dict(connectome: Connectome) -> dict[Any, Any]:
    ids = connectome.cell_id
    return {
        (int(ids[a]), int(ids[b])): (int(n), float(s))
        for a, b, n, s in zip(
            connectome.pre, connectome.post, connectome.count, connectome.size, strict=True
        )
    }


@pytest.mark.parametrize(
    ("name", "seed"),
    [(n, k) for k, n in enumerate(("s.csv", "s.csv.gz", "s.tsv", "s.parquet", "s.feather"))]
    + [("s.parquet", seed) for seed in range(10, 16)],
)
def test_random_tables_agree_with_a_loop(tmp_path: Path, name: str, seed: int) -> None:
    table = synapse_table(seed)
    connectome = bring(tmp_path, table, name=name)
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


SMALL = "pt_root_id,broad_type,cell_type\n1,excitatory,a\n2,inhibitory,b\n3,excitatory,a\n"


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
    assert set(as_dict(bring(tmp_path, text, SMALL))) == {(1, 2), (2, 3)}
    table = pd.DataFrame({"pre": [1.0, np.nan, 2.0], "post": [2.0, 1.0, 3.0]})
    connectome = bring(tmp_path, table, SMALL, name="s.parquet")
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
    connectome = bring(tmp_path, text, SMALL, keep=["autapse", "duplicate-id"])
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
    plain = bring(tmp_path, text, SMALL, columns={"synapse_id": ""})
    assert as_dict(plain) == {(1, 2): (2, 10.0)}


@pytest.mark.parametrize(
    ("header", "level"),
    [
        ("id,pre_pt_root_id,post_pt_root_id,size,ctr_pt_position_x", "synapses"),
        ("pre_root_id,post_root_id,neuropil,syn_count,nt_type", "edges"),
        ("bodyId_pre,bodyId_post,weight", "edges"),
        (":START_ID,pre_root_id_x,Pre Root ID,post-root-id,Syn Count", "edges"),
        ("Source,Target,Weight,Type", "edges"),
        ("Neuron 1,Neuron 2,Type,Nbr", "edges"),
        ("pre,post", "synapses"),
    ],
)
def test_names_of_columns_are_recognised(tmp_path: Path, header: str, level: str) -> None:
    values = {
        "chemical": ("Type",),
        "1": ("pre_pt_root_id", "pre_root_id", "bodyId_pre", "Pre Root ID", "Source", "Neuron 1"),
        "2": ("post_pt_root_id", "post_root_id", "bodyId_post", "post-root-id", "Target"),
        "4": ("size", "syn_count", "weight", "Syn Count", "Weight", "Nbr"),
    }
    by_name = {name: value for value, group in values.items() for name in group}
    by_name |= {"pre": "1", "post": "2", "Neuron 2": "2"}
    row = ",".join(by_name.get(name, "77") for name in header.split(","))
    connectome = bring(tmp_path, f"{header}\n{row}\n", SMALL)
    assert connectome.provenance["level"] == level
    ((pair, (count, size)),) = as_dict(connectome).items()
    assert pair == (1, 2)
    assert count == (4 if level == "edges" else 1)
    assert size == (1 if header == "pre,post" else 4)


WORMS = "Neuron,Type,Sign\nAVAL,inter,e\nAVAR,inter,e\nDD1,motor,i\n"


def test_worms_go_by_names_and_kinds(tmp_path: Path) -> None:
    text = (
        "Neuron 1,Neuron 2,Type,Nbr\nAVAL,DD1,S,2\nAVAL,DD1,Sp,3\nDD1,AVAL,R,2\n"
        "AVAL,AVAR,EJ,5\nDD1,MDL08,NMJ,4\n"
    )
    given = {"cell_id": "Neuron", "broad_type": "Sign"}
    connectome = bring(tmp_path, text, WORMS, columns=given)
    assert connectome.name.tolist() == ["AVAL", "AVAR", "DD1"]
    assert as_dict(connectome) == {(1, 3): (5, 5.0)}
    dropped = connectome.provenance["dropped"]
    assert (dropped["received"], dropped["gap-junction"], dropped["unknown-cell"]) == (1, 1, 1)
    kept = bring(tmp_path, text, WORMS, columns=given, keep=["gap-junction"])
    assert as_dict(kept) == {(1, 3): (5, 5.0), (1, 2): (5, 5.0)}
    again = Connectome.load(tmp_path / "o.npz")
    assert again.name.tolist() == connectome.name.tolist()
    assert again.fingerprint == kept.fingerprint != connectome.fingerprint
    with pytest.raises(RequestError, match=r"unknown-kind: 1 row has .*kind X"):
        bring(
            tmp_path,
            "Source,Target,Weight,Type\nAVAL,DD1,1,X\n",
            WORMS,
            columns=given | {"kind": "Type"},
        )
    # A column called type that is about something else is left alone.
    other = bring(tmp_path, "Source,Target,Weight,Type\nAVAL,DD1,1,X\n", WORMS, columns=given)
    assert "kind" not in other.provenance["synapses"]["columns"]


@pytest.mark.parametrize(
    ("count", "name"), [("-1", "bad-count"), ("1.5", "bad-count"), ("", "bad-count")]
)
def test_counts_that_are_none(tmp_path: Path, count: str, name: str) -> None:
    text = f"pre,post,weight\n1,2,{count}\n2,3,4.0\n"
    with pytest.raises(RequestError, match=f"{name}: 1 row has a count that is missing, neg"):
        bring(tmp_path, text, SMALL)
    assert as_dict(bring(tmp_path, text, SMALL, drop=[name])) == {(2, 3): (4, 4.0)}


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("", "c.csv: is empty"),
        ("id,cell_type,broad_type\n", "c.csv: has no rows"),
        ("a,b\n1,2\n", "no column is recognised as cell_id or cell_type; columns are a, b. Name"),
        ("id,cell_type\n1,x\n", "no column is recognised as broad_type, so nothing says which"),
        ("id,cell_type,ei\n1,x,e\n1.5,x,e\n", "cell-not-integer: 1 row has an id that is no w"),
        ("id,cell_type,ei\n1,x,e\nAVAL,x,e\n", "cell-not-integer: 1 row has"),
        ("id,cell_type,ei\n8.64e17,x,e\n", "cell-float-id: 1 row has an id that was written"),
        ("id,cell_type,ei\n99999999999999999999,x,e\n", "cell-overflow-id: 1 row has"),
        ("id,cell_type,ei\n1,x,ACH\n2,x,GLUT\n", "cell-unsigned: 2 rows have neither excitatory "),
        ("id,cell_type,ei\n1,x,e\n1,y,e\n", "cell-conflicting: 2 rows have an id that other"),
        ("id,cell_type,ei\n1,x,glia\n", "no cell is left"),
    ],
)
def test_tables_of_cells_that_are_refused(tmp_path: Path, cells: str, problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, "pre,post\n1,2\n", cells)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "c.csv"))
    assert {path.name for path in tmp_path.iterdir()} == {"s.csv", "c.csv"}


def test_cells_that_are_dropped_or_kept(tmp_path: Path) -> None:
    cells = (
        "root_id,type,nt_type\n1,x,ACH\n2,,GABA\n2,,GABA\n3,x,GLUT\n4,x,ACH\n4,z,ACH\n"
        "0,x,ACH\n5,x,glia\n"
    )
    signs: dict[str, Any] = {"excitatory": ("ach",), "inhibitory": ("GABA", "glut")}
    connectome = bring(
        tmp_path, "pre,post\n1,2\n3,4\n3,1\n", cells, drop=["cell-conflicting"], **signs
    )
    assert connectome.cell_id.tolist() == [1, 2, 3]
    assert connectome.cell_type.tolist() == ["x", "unknown", "x"]
    assert connectome.broad_type.tolist() == ["excitatory", "inhibitory", "inhibitory"]
    assert np.isnan(connectome.position).all()
    assert set(as_dict(connectome)) == {(1, 2), (3, 1)}
    found = connectome.provenance
    names = ("cell-repeated", "cell-conflicting", "cell-missing-id", "cell-not-neuron")
    assert [found["dropped"][name] for name in names] == [1, 2, 1, 1]
    assert found["kept"]["cell-untyped"] == 1
    drop = ["cell-conflicting", "cell-untyped"]
    typed = bring(tmp_path, "pre,post\n1,2\n3,1\n", cells, drop=drop, **signs)
    assert typed.cell_id.tolist() == [1, 3]
    assert as_dict(typed) == {(3, 1): (1, 1.0)}


def test_signs_by_cell_type(tmp_path: Path) -> None:
    cells = "id,cell_type\n1,PC\n2,BC\n3,MC\n"
    connectome = bring(tmp_path, "pre,post\n1,2\n", cells, inhibitory=("BC", "mc"))
    assert connectome.broad_type.tolist() == ["excitatory", "inhibitory", "inhibitory"]
    with pytest.raises(RequestError, match="cell-unsigned: 1 row has"):
        bring(tmp_path, "pre,post\n1,2\n", cells, inhibitory=("BC",), excitatory=("PC",))
    with pytest.raises(RequestError, match="--excitatory and --inhibitory: bc cannot be both"):
        bring(tmp_path, "pre,post\n1,2\n", cells, inhibitory=("BC",), excitatory=("bc",))


@pytest.mark.parametrize("form", ["list", "text"])
def test_positions_in_one_column(tmp_path: Path, form: str) -> None:
    places: list[Any] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]
    cells = pd.DataFrame(
        {
            "id": [1, 2],
            "cell_type": ["a", "a"],
            "ei": ["e", "i"],
            "pt_position": places if form == "list" else [str(place) for place in places],
        }
    )
    cells.to_parquet(tmp_path / "cells.parquet")
    (tmp_path / "s.csv").write_text("pre,post\n1,2\n")
    request = Request(tmp_path / "s.csv", tmp_path / "cells.parquet", voxel=(4, 4, 40))
    connectome = import_connectome(request, tmp_path / "o.npz")
    assert connectome.position.tolist() == [[4, 8, 120], [16, 20, 260]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "s.csv: is empty"),
        ("pre,post\n", "s.csv: has no rows"),
        ("a,b\n1,2\n", "no column is recognised as pre or post; columns are a, b. Name it"),
        ("source,b\n1,2\n", "no column is recognised as post; columns are source, b"),
        ("0,1\n2,0\n", "first line is of numbers; put a line of the columns' names there, or gi"),
        ("pre,post,Pre\n1,2,3\n", "its first line names 'pre' twice; put a line"),
        ("pre,post,\n1,2,3\n", "its first line has a column without a name; put a line"),
    ],
)
def test_tables_of_synapses_that_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, text, SMALL)
    assert problem in str(caught.value)


def test_files_that_are_damaged_or_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(SMALL)
    whole = gzip.compress(b"pre,post\n" + b"1,2\n" * 9000)
    for name, body, problem in (
        ("cut.csv.gz", whole[:40], "cannot be read as a table"),
        ("x.parquet", b"PAR1 no", "cannot be read as a table"),
        ("x.feather", b"no feather", "is damaged, or no Feather file of version 2"),
        ("x.xlsx", b"PK", "is of no known kind; known are .csv"),
        ("latin.csv", b"pre,post\n\xe9,2\n", "cannot be read as a table"),
        ("wide.csv", b"pre,post\n" + b"1,2\n" * 50 + b"1,2,3,4\n", "cannot be read as a table"),
    ):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(RequestError) as caught:
            import_connectome(Request(tmp_path / name, tmp_path / "c.csv"), tmp_path / "o.npz")
        assert str(caught.value).startswith(f"{tmp_path / name}: {problem}"), caught.value
        (tmp_path / name).unlink()
        assert {path.name for path in tmp_path.iterdir()} == {"c.csv"}
    for path, problem in ((tmp_path / "no.csv", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(RequestError, match=problem):
            import_connectome(Request(path, tmp_path / "c.csv"), tmp_path / "o.npz")
    table = pd.DataFrame({"pre": [True], "post": [False]})
    with pytest.raises(RequestError, match="column 'pre' holds values of type BOOLEAN; ids are"):
        bring(tmp_path, table, SMALL, name="s.parquet")
    table = pd.DataFrame({"pre": [1], "post": [2], "size": [True]})
    with pytest.raises(RequestError, match="column 'size' holds values of type BOOLEAN; numbers"):
        bring(tmp_path, table, SMALL, name="s.parquet")


def test_names_of_files_and_columns_may_hold_quotes(tmp_path: Path) -> None:
    text = 'the "pre",o\'post\n1,2\n'
    columns = {"pre": "the pre", "post": "o'post"}
    connectome = bring(
        tmp_path, text.replace('"', ""), SMALL, name="it's; DROP.csv", columns=columns
    )
    assert set(as_dict(connectome)) == {(1, 2)}


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

    bring(tmp_path, "id,pre,post,size\n1,1,2,5\n2,1,9,5\n", SMALL, label="three cells")
    found = Connectome.load(tmp_path / "o.npz").provenance
    assert found["label"] == "three cells"
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
