"""Tables as Codex, CAVE, neuPrint, CATMAID, Virtual Fly Brain, WormWiring and Gephi write them.

Each comes out right, or is refused by a message whose advice, followed, gives the right network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bionic_core import RequestError
from tests.connectomes.test_import_advice import NUMBERS, WORM, bring, totals

A, B, C = (f"72057594060000000{k}" for k in (1, 2, 3))
CODEX = f"root_id,group,cell_type,nt_type,nt_type_score\n{A},LO,T4a,ACH,0.8\n{B},LO,Tm3,GABA,0.7\n"
CODEX += f"{C},ME,Mi1,ACH,0.9\n"
NEUPRINT = (
    "bodyId,type,instance,status,pre,post,somaLocation,consensusNt\n"
    '1,KCg,KCg_R,Traced,10,20,"[100, 200, 300]",acetylcholine\n'
    "2,MBON01,MBON01_R,Traced,1,2,,glutamate\n"
    '3,,,Traced,1,2,"[1, 2, 3]",unclear\n'
)
VFB = "id,name,cell_type,ei\nVFB_jr1,a,KC,e\nVFB_jr2,b,KC,e\nVFB_jr3,c,M,i\n"
CAVE = "id,created,superceded_id,valid,pre_pt_root_id,post_pt_root_id,size,ctr_pt_position\n"
ENTERED = '10,2020-11-04,,{},1,2,1200,"[1, 2, 3]"\n12,2020-11-04,,t,2,3,100,"[1, 2, 3]"\n'

READ: dict[str, tuple[str, str, str, tuple[int, int], dict[str, int]]] = {
    "Codex, by neuropil": (
        f"pre_root_id,post_root_id,neuropil,syn_count,nt_type\n{A},{B},AVLP_R,7,GABA\n"
        f"{A},{B},AVLP_L,3,GABA\n{B},{C},ME_R,2,ACH\n",
        CODEX,
        "--excitatory ACH --inhibitory GABA",
        (2, 12),
        {},
    ),
    "neuPrint, by region": (
        "bodyId_pre,bodyId_post,roi,weight\n1,2,MB(R),7\n1,2,NotPrimary,3\n2,3,CRE(R),2\n",
        NEUPRINT,
        "--excitatory acetylcholine --inhibitory glutamate --sign-unknown excitatory",
        (2, 12),
        {},
    ),
    "neuPrint, for Neo4j": (
        ":START_ID(Body-ID),weight:int,weightHP:int,:END_ID(Body-ID),roiInfo:string\n"
        '1,7,5,2,"{""a"": {""pre"": 1, ""post"": 2}}"\n2,3,1,3,{}\n',
        ":ID(Body-ID),bodyId:long,type:string,ei:string\n1,1,KC,e\n2,2,KC,e\n3,3,M,i\n",
        "",
        (2, 10),
        {},
    ),
    "neuPrint, synapses": (
        "bodyId_pre,bodyId_post,roi_pre,x_pre,y_pre,z_pre,confidence_pre\n"
        "1,2,a,1,2,3,0.9\n1,2,a,1,2,4,0.9\n2,3,a,1,2,3,0.8\n",
        NUMBERS,
        "",
        (2, 3),
        {},
    ),
    "CAVE": (CAVE + ENTERED.format("t"), NUMBERS, "", (2, 2), {"invalid": 0}),
    "CAVE, a synapse taken back": (
        CAVE + ENTERED.format("f") + '15,2020-11-04,,t,1,3,7,"[1, 2, 3]"\n',
        NUMBERS,
        "",
        (2, 2),
        {"invalid": 1},
    ),
    "CAVE, all the same": (
        CAVE + ENTERED.format("False"),
        NUMBERS,
        "--keep invalid",
        (2, 2),
        {},
    ),
    "CAVE, a cell taken back": (
        "pre_pt_root_id,post_pt_root_id\n101,102\n101,102\n102,103\n101,104\n",
        "id,valid,pt_root_id,classification_system,cell_type\n1,t,101,excitatory,23P\n"
        "2,t,102,excitatory,4P\n3,t,103,inhibitory,BC\n4,f,104,inhibitory,BC\n",
        "",
        (2, 3),
        {"cell-invalid": 1, "dropped-cell": 1},
    ),
    "CATMAID, a connector of several": (
        "connector_id,pre,post\n9,1,2\n9,1,3\n10,2,3\n",
        NUMBERS,
        "",
        (3, 3),
        {},
    ),
    "Virtual Fly Brain": (
        "upstream_neuron_id,upstream_neuron_name,weight,downstream_neuron_id,upstream_class\n"
        "VFB_jr1,a,7,VFB_jr2,KC\nVFB_jr2,b,3,VFB_jr3,KC\n",
        VFB,
        "",
        (2, 10),
        {},
    ),
    "Gephi": (
        "Source,Target,Type,Id,Label,timeset,Weight\n1,2,Directed,0,,,3.0\n2,3,Directed,1,,,4.0\n",
        NUMBERS,
        "",
        (2, 7),
        {},
    ),
    "Cook, padded names": (
        "Source,Target,Weight,Type\nAAL   ,AAR   ,3,chemical\nAAR   ,BB1   ,2,electrical\n",
        WORM,
        "",
        (1, 3),
        {"gap-junction": 1},
    ),
    "a graph of 0 and 1": (
        "pre,post,connected\n1,2,1\n2,3,0\n1,3,1\n",
        NUMBERS,
        "",
        (2, 2),
        {"zero-count": 1},
    ),
    "a graph of True and False": (
        "pre,post,connected\n1,2,True\n2,3,False\n1,3,True\n",
        NUMBERS,
        "",
        (2, 2),
        {"zero-count": 1},
    ),
    "PostgreSQL's COPY": (
        "pre\tpost\tweight\n1\t2\t3\n2\t3\t4\n\\N\t3\t1\n",
        NUMBERS,
        "--drop missing-id",
        (2, 7),
        {"missing-id": 1},
    ),
}


@pytest.mark.parametrize("case", READ)
def test_exports_come_out_right(tmp_path: Path, case: str) -> None:
    text, cells, options, right, lost = READ[case]
    found = bring(tmp_path, text, cells, options)
    assert totals(found) == right
    dropped = found.provenance["dropped"]
    assert {name: number for name, number in dropped.items() if number or name in lost} == lost


GEPHI = "Source,Target,Type,Weight\n1,2,Undirected,3\n2,3,Undirected,4\n"
CONNECTORS = 'connector_id,presynaptic_to,postsynaptic_to\n9,1,"[2, 3]"\n10,2,"[3]"\n'

REFUSED: dict[str, tuple[str, str, str, str]] = {
    "undirected": (GEPHI, NUMBERS, "", "says 'Undirected', so nothing says which cell is pre"),
    "lists of partners": (
        CONNECTORS,
        NUMBERS,
        "--column pre=presynaptic_to --column post=postsynaptic_to",
        "write a row for each of them",
    ),
    "lists of named partners": (
        "pre,post\nAAL,AAR;BB1\nAAR,BB1\n",
        WORM,
        "",
        "write a row for each of them",
    ),
    "a shared id": (
        "synapse_id,pre,post\n9,1,2\n9,1,3\n10,2,3\n",
        NUMBERS,
        "",
        "give --column synapse_id=",
    ),
    "nothing valid": (
        "pre,post,valid\n1,2,f\n2,3,f\n",
        NUMBERS,
        "",
        "no row is valid: 'valid' is false in all 2.*--keep invalid",
    ),
    "invalid, refused": (
        CAVE + ENTERED.format("f"),
        NUMBERS,
        "--refuse invalid",
        "invalid: 1 row has 'valid' false",
    ),
    "a pointer of Git LFS": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 12345\n",
        NUMBERS,
        "",
        "is a pointer of Git LFS, and not the file",
    ),
    "a page to log in": (
        "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n",
        NUMBERS,
        "",
        "is a web page, perhaps one to log in",
    ),
    "counts in words": (
        "pre,post,weight\n1,2,strong\n2,3,weak\n",
        NUMBERS,
        "",
        "--column count= --rows-are-synapses",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_exports_that_are_refused(tmp_path: Path, case: str) -> None:
    text, cells, options, problem = REFUSED[case]
    with pytest.raises(RequestError, match=problem):
        bring(tmp_path, text, cells, options)


FOLLOWED: dict[str, tuple[str, str, str, tuple[int, int]]] = {
    "undirected": (GEPHI, NUMBERS, "--column kind=", (2, 7)),
    "a shared id": (
        "synapse_id,pre,post\n9,1,2\n9,1,3\n10,2,3\n",
        NUMBERS,
        "--column synapse_id=",
        (3, 3),
    ),
    "lists of partners, a row for each": (
        "connector_id,presynaptic_to,postsynaptic_to\n9,1,2\n9,1,3\n10,2,3\n",
        NUMBERS,
        "--column pre=presynaptic_to --column post=postsynaptic_to",
        (3, 3),
    ),
    "nothing valid": ("pre,post,valid\n1,2,f\n2,3,f\n", NUMBERS, "--keep invalid", (2, 2)),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_what_these_messages_advise(tmp_path: Path, case: str) -> None:
    text, cells, options, right = FOLLOWED[case]
    assert totals(bring(tmp_path, text, cells, options)) == right


@pytest.mark.parametrize("column", ["dataset", "materialization_version"])
def test_what_is_summed_over_animals_is_said(tmp_path: Path, column: str) -> None:
    text = f"pre,post,type,synapses,{column}\nAAL,AAR,chemical,3,L1\nAAL,AAR,chemical,4,adult\n"
    found = bring(tmp_path, text, WORM)
    assert totals(found) == (1, 7)
    (note,) = (n for n in found.provenance["notes"] if column in n)
    assert "several values (L1, adult)" in note
    alone = bring(tmp_path, text.replace("L1", "adult"), WORM)
    assert not [n for n in alone.provenance["notes"] if column in n]


def test_what_is_mutual_throughout_is_said(tmp_path: Path) -> None:
    def notes(matrix: Any) -> list[str]:
        rows = [["", "AAL", "AAR", "BB1"], *([n, *r] for n, r in zip("LRB", matrix, strict=True))]
        text = "\n".join(",".join(map(str, row)) for row in rows)
        for short, name in (("L", "AAL"), ("R", "AAR"), ("B", "BB1")):
            text = text.replace(f"\n{short},", f"\n{name},")
        return [
            n for n in bring(tmp_path, text, WORM, "--matrix").provenance["notes"] if "both" in n
        ]

    matrix = np.array([[0, 1, 2], [1, 0, 4], [2, 4, 0]])
    assert len(notes(matrix)) == 1
    matrix[0, 1] = 5
    assert notes(matrix) == []
