"""Files as programs and people write them: each comes out right, or a message says how.

The advice of a message is taken out of it and followed, as its reader would.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from bionic_core import Connectome, RequestError
from bionic_core.cli.connectomes import ImportOptions
from bionic_core.connectomes.importing import import_connectome

NUMBERS = "id,cell_type,ei\n1,a,e\n2,a,e\n3,b,i\n"
WORM = "name,type,sign\nAAL,inter,e\nAAR,inter,e\nBB1,motor,i\n"

OPTION = re.compile(r"--[a-z-]+(?: (?!--)(?:[a-z_]+=(?:'[^']*'|[\w.-]*)|[\w.-]+))?")


def bring(folder: Path, synapses: str, cells: str, *words: str, name: str = "s.csv") -> Connectome:
    """Import two texts with options as on the command line."""
    (folder / name).write_text(synapses)
    (folder / "c.csv").write_text(cells)
    given: dict[str, Any] = {}
    words = tuple(word for text in words for word in shlex.split(text))
    place = 0
    while place < len(words):
        option = words[place].removeprefix("--").replace("-", "_")
        value = words[place + 1] if place + 1 < len(words) else "--"
        if value.startswith("--"):
            key = option.removeprefix("no_")
            given[key] = not option.startswith("no_")
            place += 1
            continue
        if option in ("column", "kind"):
            given.setdefault(option, []).append(value)
        else:
            given[option] = value
        place += 2
    options = ImportOptions(
        synapses=folder / name, cells=folder / "c.csv", out=folder / "o.npz", **given
    )
    return import_connectome(options.request(), folder / "o.npz", overwrite=True)


def totals(connectome: Connectome) -> tuple[int, int]:
    return len(connectome.pre), int(connectome.count.sum())


MATRIX = ",1,2,3\n1,0,1,2\n2,3,0,4\n3,0,0,0\n"

READ = {
    "pandas' index": (",pre_root_id,post_root_id,syn_count\n0,1,2,3\n1,2,3,4\n", "", (2, 7)),
    "a named index": ("Unnamed: 0,pre,post,n_syn\n0,1,2,3\n1,2,3,4\n", "", (2, 7)),
    "blanks in names": ("Pre Root ID,Post Root ID,Syn Count\n1,2,3\n2,3,4\n", "", (2, 7)),
    "tabs": ("pre\tpost\tweight\n1\t2\t3\n2\t3\t4\n", "", (2, 7)),
    "quoted semicolons": ('pre;post;"a;b";weight\n1;2;"x;y";3\n2;3;z;4\n', "", (2, 7)),
    "aligned blanks": ("pre  post  weight\n  1     2     3\n  2     3    4\n", "", (2, 7)),
    "R's row names": ('pre post weight\n"1" 1 2 3\n"2" 2 3 4\n', "", (2, 7)),
    "R's row names, commas": ('"pre","post","weight"\n"1",1,2,3\n"2",2,3,4\n', "", (2, 7)),
    "comments": ("# by a program, 2024\n# twice\npre,post,weight\n1,2,3\n2,3,4\n", "", (2, 7)),
    "comments between": ("pre,post,weight\n1,2,3\n# half\n2,3,4\n", "", (2, 7)),
    "names in a comment": ("# pre post weight\n1 2 3\n2 3 4\n", "", (2, 7)),
    "networkx": ("1 2 {'weight': 3}\n2 3 {'weight': 4}\n", "", (2, 7)),
    "two ends of lines": ("pre,post,weight\r\n1,2,3\n2,3,4\r\n", "", (2, 7)),
    "thousands": ('pre,post,weight\n1,2,"1,200"\n2,3,4\n', "", (2, 1204)),
    "floats of ids": ("pre,post,weight\n1.0,2.0,3\n2.0,3.0,4\n", "", (2, 7)),
    "quoted ids": ('pre,post,weight\n"1","2",3\n"2","3",4\n', "", (2, 7)),
    "Shiu": (
        "Presynaptic_ID,Postsynaptic_ID,Presynaptic_Index,Connectivity,Excitatory x Connectivity\n"
        "1,2,0,12,12\n1,3,0,5,5\n3,2,2,7,-7\n",
        "",
        (3, 24),
    ),
    "Shiu, signed": (
        "Presynaptic_ID,Postsynaptic_ID,Excitatory x Connectivity\n1,2,12\n1,3,5\n3,2,-7\n",
        "--column count='Excitatory x Connectivity'",
        (3, 24),
    ),
    "CATMAID": ("pre skid,post skid,n_synapses\n1,2,3\n2,3,4\n", "", (2, 7)),
    "neuPrint": ("bodyId_pre,bodyId_post,roi,weight\n1,2,A,3\n1,2,B,2\n2,3,A,4\n", "", (2, 9)),
    "Allen": ("pre_id,post_id,nsyn\n1,2,3\n2,3,4\n", "", (2, 7)),
    "matrix": (MATRIX, "--matrix", (4, 10)),
    "matrix, ids of floats": (MATRIX.replace(",1,2,3", ",1.0,2.0,3.0"), "--matrix", (4, 10)),
    "matrix, X before ids": (MATRIX.replace(",1,2,3", "gone,X1,X2,X3"), "--matrix", (4, 10)),
    "matrix, no corner": ("1 2 3\n1 0 1 2\n2 3 0 4\n3 0 0 0\n", "--matrix", (4, 10)),
    "matrix, header alone": ("1,2,3\n0,1,2\n3,0,4\n0,0,0\n", "--matrix", (4, 10)),
    "matrix, aligned": (" 0.0e0   1.0e0  2\n  3  0  4\n  0   0  0\n", "--matrix", (4, 10)),
    "matrix, comment": ("# command: x y z, w\n0 1 2\n0 0 4\n0 0 0\n", "--matrix", (3, 7)),
    "matrix, decimal commas": ("0,0;1,0;2\n3;0;4\n0;0;0\n", "--matrix", (4, 10)),
    "matrix, signed": (",1,2,3\n1,0,4,2\n2,3,0,1\n3,-5,-6,0\n", "--matrix", (6, 21)),
}


@pytest.mark.parametrize("case", READ)
def test_files_of_many_programs_are_read(tmp_path: Path, case: str) -> None:
    text, options, wanted = READ[case]
    connectome = bring(tmp_path, text, NUMBERS, options, name="s.txt")
    assert totals(connectome) == wanted
    assert connectome.cell_id.tolist() == [1, 2, 3]


ADVISED: dict[str, tuple[str, str, str, str, tuple[int, int]]] = {
    # text, cells, options given, options taken from the message, connections and synapses
    "headerless, named": (
        "AAL\tBB1\t4\nAAR\tBB1\t3\nAAL\tAAR\t2\n",
        WORM,
        "--column pre=AAL --column post=BB1 --column count=4",
        "--no-header --column",
        (3, 9),
    ),
    "headerless": ("1,2,3\n2,3,4\n", NUMBERS, "", "--no-header --column", (2, 7)),
    "headerless words": ("AAL,BB1\nAAR,BB1\n", WORM, "", "--no-header --column", (2, 2)),
    "cells without names": (
        "pre,post\nAAL,BB1\n",
        "AAL,inter,e\nAAR,inter,e\nBB1,inter,i\n",
        "--column broad_type=3",
        "--no-cells-header --column",
        (1, 1),
    ),
    "fractions": ("pre,post,weight\n1,2,3.5\n2,3,2\n3,1,5.5\n", NUMBERS, "", "--column", (3, 3)),
    "decimal commas": (
        "pre;post;weight\n1;2;3,5\n2;3;2\n3;1;5,5\n",
        NUMBERS,
        "",
        "--column",
        (3, 3),
    ),
    "an unknown count": ("pre,post,strength\n1,2,3\n2,3,4\n", NUMBERS, "", "--column", (2, 7)),
    "no count": ("pre,post,strength\n1,2,3\n2,3,4\n", NUMBERS, "", "--rows-are-synapses", (2, 2)),
    "no sign": (
        "pre,post,syn_count\n1,2,5\n1,3,6\n",
        "root_id,type,nt_type\n1,T1,ACH\n2,T2,GABA\n3,T3,\n",
        "--excitatory ACH --inhibitory GABA",
        "--sign-unknown",
        (2, 11),
    ),
    "two points": (
        "pre,post,size\n1,2,4\n2,1,5\n",
        "id,cell_type,ei,x\n1,a,e,10\n1,a,e,11\n2,b,i,5\n",
        "",
        "--drop",
        (2, 2),
    ),
    "blanks": ("pre,post\n1,2\n,2\n3,2\n", NUMBERS, "", "--fill-down", (2, 3)),
    "a kind of its own": (
        "pre,post,type\n1,2,chemical\n1,3,exotic\n2,3,electrical\n",
        NUMBERS,
        "--kind exotic=chemical",
        "",
        (2, 2),
    ),
    "no kinds": ("pre,post,type\n1,2,chemical\n1,3,x\n", NUMBERS, "", "--column", (2, 2)),
    "numbered labels": (MATRIX.replace("1,2,3\n", "0,1,2\n", 1), NUMBERS, "--matrix", "", (4, 10)),
    "numbered from 0": (
        ",0,1,2\n0,0,1,2\n1,3,0,4\n2,0,0,0\n",
        NUMBERS,
        "--matrix",
        "--by-order",
        (4, 10),
    ),
    "R's labels": (
        '"","CM.1","CM.2","CM.3"\n"1",0,1,2\n"2",3,0,4\n"3",0,0,0\n',
        NUMBERS,
        "--matrix",
        "--by-order",
        (4, 10),
    ),
    "post by pre": (
        ",1,2,3\n1,0,3,-5\n2,4,0,-6\n3,2,1,0\n",
        NUMBERS,
        "--matrix",
        "--post-by-pre",
        (6, 21),
    ),
    "swapped": ("from,to,weight\n2,1,3\n1,3,-4\n", NUMBERS, "", "--column", (2, 7)),
    "matrix of fractions": (
        ",1,2,3\n1,0,.5,2\n2,3,0,1\n3,5,6,0\n",
        NUMBERS,
        "--matrix",
        "--values",
        (6, 6),
    ),
    "twins": ("pre,post,Pre,weight\n1,2,8,3\n2,3,9,4\n", NUMBERS, "", "--column", (2, 7)),
    "strangers": ("pre,post\n1,2\n2,9\n", NUMBERS, "", "--drop", (1, 1)),
}


@pytest.mark.parametrize("case", [name for name in ADVISED if name != "numbered labels"])
def test_advice_that_is_followed_gives_the_right_network(tmp_path: Path, case: str) -> None:
    text, cells, given, taken, wanted = ADVISED[case]
    if not taken:
        assert totals(bring(tmp_path, text, cells, given)) == wanted
        return
    with pytest.raises(RequestError) as caught:
        bring(tmp_path, text, cells, given)
    assert not (tmp_path / "o.npz").exists()
    found = [word.rstrip(".") for word in OPTION.findall(str(caught.value))]
    words = [word for word in found if word.split()[0] in taken.split()]
    if case in ("twins",):
        words = words[:1]
    kept = "" if "--column" in taken else given
    kept += " --column broad_type=3" if case == "cells without names" else ""
    assert totals(bring(tmp_path, text, cells, kept, *words)) == wanted, (words, str(caught.value))


def test_sizes_after_the_advice_about_fractions(tmp_path: Path) -> None:
    text = "pre,post,weight\n1,2,3.5\n2,3,2\n3,1,5.5\n"
    connectome = bring(tmp_path, text, NUMBERS, "--column count= --column size=weight")
    assert connectome.size.tolist() == [3.5, 2, 5.5]


def test_what_an_insisted_header_is(tmp_path: Path) -> None:
    text = "0,1,2\n1,2,3\n"
    connectome = bring(
        tmp_path, text, NUMBERS, "--header --column pre=0 --column post=1 --column count=2"
    )
    assert totals(connectome) == (1, 3)
    with pytest.raises(RequestError, match="--separator pre: must be one character, or tab"):
        bring(tmp_path, text, NUMBERS, "--separator pre")
    assert totals(bring(tmp_path, "pre|post\n1|2\n", NUMBERS, "--separator pipe")) == (1, 1)


def test_a_sheet_with_groups_of_cells(tmp_path: Path) -> None:
    sheet = (
        ",,,SENSORY,,MOTOR\n,,,,4,\n,,,AAL,AAR,BB1\nSENSORY,,AAL,,2,5\n,7,AAR,1,,3\nMOTOR,,BB1,,,\n"
    )
    connectome = bring(tmp_path, sheet, WORM, "--matrix")
    assert totals(connectome) == (4, 11)
    assert "labels are those of line 3 and column 3" in connectome.provenance["notes"][0]
