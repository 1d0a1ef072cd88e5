"""Tables of cells and synapses: names of columns, kinds of cells, signs, places, damage."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.importing import Request, import_connectome
from bionic_core.connectomes.importing.text import Reading
from tests.support.synapse_tables import (
    SMALL,
    as_dict,
    bring,
)


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


DROPPED = ("cell-conflicting", "cell-missing-id")

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
    assert (dropped["received"], dropped["gap-junction"], dropped["neuromuscular"]) == (1, 1, 1)
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
    ("count", "name"), [("-1", "sign-conflict"), ("1.5", "bad-count"), ("", "bad-count")]
)
def test_counts_that_are_none(tmp_path: Path, count: str, name: str) -> None:
    text = f"pre,post,weight\n1,2,{count}\n3,2,4.0\n"
    with pytest.raises(RequestError, match=f"{name}: 1 row has a"):
        bring(tmp_path, text, SMALL)
    assert as_dict(bring(tmp_path, text, SMALL, drop=[name])) == {(3, 2): (4, 4.0)}


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("", "c.csv: is empty"),
        ("id,cell_type,broad_type\n", "c.csv: has no rows"),
        ("a,b\n1,2\n", "no column is recognised as cell_id or cell_type; columns are a, b. Name"),
        ("id,cell_type\n1,x\n", "no column is recognised as broad_type or transmitter, so not"),
        ("id,cell_type,ei\n1,x,e\n1.5,x,e\n", "cell-not-integer: 1 row has an id that is no w"),
        ("id,cell_type,ei\n8.64e17,x,e\n", "cell-float-id: 1 row has an id that was written"),
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
        ",x,ACH\n5,x,glia\n"
    )
    signs: dict[str, Any] = {"excitatory": ("ach",), "inhibitory": ("GABA", "glut")}
    connectome = bring(tmp_path, "pre,post\n1,2\n3,4\n3,1\n", cells, drop=[*DROPPED], **signs)
    assert connectome.cell_id.tolist() == [1, 2, 3]
    assert connectome.cell_type.tolist() == ["x", "unknown", "x"]
    assert connectome.broad_type.tolist() == ["excitatory", "inhibitory", "inhibitory"]
    assert np.isnan(connectome.position).all()
    assert set(as_dict(connectome)) == {(1, 2), (3, 1)}
    found = connectome.provenance
    names = ("cell-repeated", "cell-conflicting", "cell-missing-id", "cell-not-neuron")
    assert [found["dropped"][name] for name in names] == [1, 2, 1, 1]
    assert found["kept"]["cell-untyped"] == 1
    drop = [*DROPPED, "cell-untyped"]
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
        ("0,1\n2,0\n", "its first line (0, 1) is of numbers, so it looks like a row, and the col"),
        ("pre,post,Pre\n1,2,3\n", "two columns are called 'pre'. Say which is pre: --column pre="),
        ("pre,post,\n1,2,3\n", "nothing reads 'column 3', which has whole numbers: is it a count"),
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
        ("x.parquet", b"PAR1 no", "is damaged, or no Parquet file that is read"),
        ("x.feather", b"no feather", "is damaged, or no Feather file of version 2"),
        ("x.xlsx", b"PK", "is damaged, or not what its name says"),
        ("x.docx", b"PK", "is of no known kind; known are .csv"),
        (
            "latin.csv",
            b"pre,post\n\xe9,2\n",
            "is not in UTF-8; name its encoding: --enc",
        ),
        ("binary.csv", b"pre,post\n\0\1\n", "cannot be read as a table (it is no text)"),
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


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_the_encoding_of_one_file_is_not_that_of_the_other(tmp_path: Path, encoding: str) -> None:
    """The message about the one names --encoding, which is said of both."""
    (tmp_path / "c.csv").write_text("id,cell_type,ei\n\u00c41,a,e\nB2,b,i\n", encoding="utf-8")
    (tmp_path / "s.csv").write_text("pre,post,count\n\u00c41,B2,3\n", encoding=encoding)
    request = Request(
        tmp_path / "s.csv",
        tmp_path / "c.csv",
        reading=Reading(encoding=encoding),
        cells_reading=Reading(encoding=encoding),
    )
    connectome = import_connectome(request, tmp_path / "o.npz")
    assert connectome.count.tolist() == [3]
    assert connectome.name.tolist() == ["\u00c41", "B2"]
    (note,) = (n for n in connectome.provenance["notes"] if "UTF-8" in n)
    assert note == f"c.csv is in UTF-8; --encoding {encoding} is for the other file"


def test_a_minus_as_it_is_typeset_is_one(tmp_path: Path) -> None:
    text = "pre,post,weight\n2,3,5\n1,2,\u22124\n"
    cells = "id,cell_type,ei\n1,a,i\n2,a,e\n3,a,e\n"
    assert bring(tmp_path, text, cells).count.tolist() == [4, 5]
