"""What is read of a table: kinds, signs, ids, positions; and that nothing is lost unsaid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.importing.positions import parse
from bionic_core.connectomes.importing.signs import meaning
from tests.connectomes.test_import_advice import MATRIX, NUMBERS, WORM, bring, totals


@pytest.mark.parametrize(
    ("header", "gap", "chemical"),
    [
        ("pre,post,type", "electrical", "chemical"),
        ("pre,post,Type", "GapJunction", "Send"),
        ("pre,post,synapse class", "gap junction", "chemical synapse"),
        ("pre,post,what", "EJ", "Sp"),
        ("pre,post,kind", "e", "c"),
        ("pre,post,edge_type", "gap", "chem"),
    ],
)
def test_kinds_are_read_whatever_their_column_is_called(
    tmp_path: Path, header: str, gap: str, chemical: str
) -> None:
    rows = f"AAL,AAR,{gap}\nAAL,BB1,{chemical}\nAAL,BB1,{chemical}\nAAR,BB1,{chemical}\n"
    connectome = bring(tmp_path, f"{header}\n{rows}", WORM)
    assert totals(connectome) == (2, 3)
    assert connectome.provenance["dropped"]["gap-junction"] == 1
    with pytest.raises(RequestError, match=r"unknown-kind: 1 row has .*kind monad"):
        bring(tmp_path, f"{header}\n{rows}AAR,AAL,monad\n", WORM, f"--column kind='{header[9:]}'")


def test_a_word_for_a_kind_far_down_changes_how_all_is_read(tmp_path: Path) -> None:
    rows = "AAL,BB1,x\n" * 2500 + "AAL,AAR,electrical\nAAR,BB1,chemical\n"
    with pytest.raises(RequestError, match="unknown-kind: 2,500 rows have"):
        bring(tmp_path, f"pre,post,type\n{rows}", WORM)


def test_every_unread_column_is_named_with_why(tmp_path: Path) -> None:
    text = ",pre,post,weight,x,neuropil,note\n0,1,2,3,9,A,b\n1,2,3,4,9,A,c\n"
    connectome = bring(tmp_path, text, "id,cell_type,ei,colour\n1,a,e,x\n2,a,e,x\n3,b,i,y\n")
    found = connectome.provenance["synapses"]["unread"]
    assert found == {
        "column 1": "a nameless first column: an index",
        "x": "a place",
        "neuropil": "a part of the tissue or data",
        "note": "no role goes by that name (b, c)",
    }
    assert connectome.provenance["cells"]["unread"] == {"colour": "no role goes by that name"}


def test_blanks_that_stand_for_what_is_above(tmp_path: Path) -> None:
    text = "pre,post,x\n1,2,7\n,,7\n,3,7\n,,7\n2,3,7\n,,7\n"
    connectome = bring(tmp_path, text, NUMBERS)
    assert totals(connectome) == (3, 6)
    assert "a blank pre or post is the id above it" in connectome.provenance["notes"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "pre,post\n7,8\n8,9\n",
            "pre '7' and post '8' are not in the table of cells, which has '1'",
        ),
        ("pre,post\n1,1\n2,2\n", "no connection is left of its 2 rows (autapse 2)"),
        ("pre,post,weight\n1,2,0\n", "no connection is left of its 1 rows (zero-count 1)"),
        ("pre,post\n7.20575940379e17,2\n", "float-id: 1 row has"),
        ("pre,post,type\n1,2,EJ\n", "no connection is left of its 1 rows (gap-junction 1)"),
    ],
)
def test_files_that_would_lose_nearly_all(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, text, NUMBERS)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "edges", "names"),
    [
        ("1,a,e\n3a,a,e\n46,a,e\nV1,b,i\n", "1,V1\nV1,3a\n46,1\n", ["1", "3a", "46", "V1"]),
        ("007,a,e\n010,a,e\n", "007,010\n010,007\n7,010\n", ["007", "010"]),
        (f"{2**64},a,e\n{2**64 + 1},b,i\n", f"{2**64},{2**64 + 1}\n", [str(2**64), str(2**64 + 1)]),
    ],
)
def test_ids_that_are_names(tmp_path: Path, cells: str, edges: str, names: list[str]) -> None:
    drop = "--drop unknown-cell" if "007" in cells else ""
    connectome = bring(tmp_path, f"pre,post\n{edges}", f"id,cell_type,ei\n{cells}", drop)
    assert connectome.name.tolist() == names
    assert len(connectome.pre) == min(3, edges.count("\n")) - bool(drop)


def test_cells_that_are_numbered_from_0(tmp_path: Path) -> None:
    cells = "id,cell_type,ei\n0,a,e\n1,a,e\n2,b,i\n"
    assert totals(bring(tmp_path, "pre,post\n0,1\n1,2\n2,0\n", cells)) == (3, 3)
    labelled = MATRIX.replace("1,2,3\n", "0,1,2\n", 1).replace("\n3", "\n0", 1)
    assert labelled.count("0") > 3
    assert totals(bring(tmp_path, "0,1,2\n3,0,4\n0,0,0\n", cells, "--matrix")) == (4, 10)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("[np.int64(100), np.int64(200), np.int64(30)]", (100, 200, 30)),
        ("array([1., 2., 3.], dtype=float32)", (1, 2, 3)),
        ("[1 2 3]", (1, 2, 3)),
        ("POINT Z (1 2 3)", (1, 2, 3)),
        ("{x:1,y:2,z:3}", (1, 2, 3)),
        ('{"z": 3, "x": 1, "y": -2.5e3}', (1, -2500, 3)),
        ("{'coordinates': [1, 2, 3], 'crs': {'srid': 9157, 'name': 'cartesian-3d'}}", (1, 2, 3)),
        ("1, 2", None),
        ("[1, 2, 3, 4]", None),
        ("int64 at 5, 6, 7", None),
        ("12-3,4", None),
    ],
)
def test_positions(text: str, point: tuple[float, float, float] | None) -> None:
    assert parse(text) == point


def test_positions_that_are_none_are_counted(tmp_path: Path) -> None:
    cells = 'id,cell_type,ei,position\n1,a,e,"[1, 2, 3]"\n2,a,e,\n3,b,i,somewhere\n'
    with pytest.raises(RequestError, match="cell-bad-position: 1 row has a position that is none"):
        bring(tmp_path, "pre,post\n1,2\n", cells)
    connectome = bring(
        tmp_path, "pre,post\n1,2\n", cells, "--keep cell-bad-position --voxel 4,4,40"
    )
    assert connectome.position[0].tolist() == [4, 8, 120]
    assert np.isnan(connectome.position[1:]).all()
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "cell_type": ["a", "b"],
            "ei": ["e", "i"],
            "position": [{"x": 1.0, "y": 2.0, "z": 3.0}] * 2,
        }
    )
    frame.to_parquet(tmp_path / "c.parquet")
    from bionic_core.connectomes.importing import Request, import_connectome

    request = Request(tmp_path / "s.csv", tmp_path / "c.parquet")
    assert import_connectome(request, tmp_path / "p.npz").position[1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("word", "sign"),
    [
        ("aibs_coarse_excitatory", "excitatory"),
        ("aibs_coarse_inhibitory", "inhibitory"),
        ("aibs_coarse_nonneuronal", "glia"),
        ("Inhibitory neurons", "inhibitory"),
        ("-1", "inhibitory"),
        ("1", "excitatory"),
        ("non-excitatory", ""),
        ("ACH", ""),
    ],
)
def test_words_for_signs(word: str, sign: str) -> None:
    assert meaning(word) == sign


def test_transmitters_are_kept_and_unknown_signs_counted(tmp_path: Path) -> None:
    from bionic_core.connectomes.summary import summarise

    cells = "root_id,type,nt_type\n1,a,ACH\n2,b,GABA\n3,c,GLUT\n4,d,\n"
    edges = "pre,post,syn_count\n1,2,5\n2,3,6\n3,4,1\n4,1,2\n"
    bring(tmp_path, edges, cells, "--inhibitory GABA,Glut --sign-unknown excitatory")
    connectome = Connectome.load(tmp_path / "o.npz")
    assert connectome.transmitter.tolist() == ["ACH", "GABA", "GLUT", ""]
    assert connectome.sign.tolist() == ["", "", "", "unknown"]
    assert connectome.broad_type.tolist() == [
        "excitatory",
        "inhibitory",
        "inhibitory",
        "excitatory",
    ]
    summary = summarise(connectome)
    assert (summary.unknown_signs, summary.transmitters["ACH"]) == (1, 1)
    with pytest.raises(RequestError, match=r"--inhibitory glutamate: no cell has that.*'GLUT'"):
        bring(tmp_path, edges, cells, "--inhibitory GABA,glutamate --sign-unknown excitatory")


def test_signs_of_weights(tmp_path: Path) -> None:
    signed = ",1,2,3\n1,0,4,2\n2,3,0,1\n3,-5,-6,0\n"
    unsigned = "id,cell_type\n1,a\n2,a\n3,b\n"
    connectome = bring(tmp_path, signed, unsigned, "--matrix")
    assert connectome.broad_type.tolist() == ["excitatory", "excitatory", "inhibitory"]
    edges = "pre,post,weight\n1,2,4\n1,3,2\n2,1,3\n2,3,1\n3,1,-5\n3,2,-6\n"
    again = bring(tmp_path, edges, unsigned)
    assert again.fingerprint == connectome.fingerprint
    assert "signs of 3 cells are those of their weights" in again.provenance["notes"]
    clash = edges.replace("2,3,1", "2,3,-1")
    with pytest.raises(RequestError, match="sign-conflict: 1 row has a weight whose sign is not"):
        bring(tmp_path, clash, NUMBERS)
    kept = bring(tmp_path, clash, NUMBERS, "--keep sign-conflict")
    assert totals(kept) == (6, 21)


def test_files_without_the_new_texts_have_their_fingerprint(tmp_path: Path) -> None:
    plain = bring(tmp_path, "pre,post\n1,2\n2,3\n", NUMBERS)
    with np.load(tmp_path / "o.npz") as file:
        assert not {"transmitter", "sign"} & {*file.files}
    assert plain.fingerprint == ("1378a04fe521e6958006dd73cb94435fe676dd6ec8129a7e9d585828e1571609")
