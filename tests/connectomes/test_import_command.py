"""``bionic connectome import`` and ``info`` as a user gives them, up to a model that trains."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from bionic_core import Connectome, cli


class Said(NamedTuple):
    code: int
    out: str
    err: str


Bionic = Callable[..., Said]

TYPES = {"4P": 12, "23P": 10, "BC": 5}


@pytest.fixture
def bionic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Bionic:
    """Run a command in this process, in a folder that holds a small column as CAVE names it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    types = np.repeat(list(TYPES), list(TYPES.values()))
    ids = 864691135000000001 + 2 * np.arange(len(types))
    pd.DataFrame(
        {
            "pt_root_id": ids,
            "broad_type": np.where(types == "BC", "inhibitory", "excitatory"),
            "cell_type": types,
        }
    ).to_csv("cells.csv", index=False)
    pd.DataFrame(
        {
            "id": np.arange(900),
            "pre_pt_root_id": rng.choice(ids, 900),
            "post_pt_root_id": rng.choice(ids, 900),
            "size": rng.integers(1, 5000, 900),
        }
    ).to_parquet("synapses.parquet")

    def command(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["bionic", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return command


IMPORT = ("connectome", "import", "synapses.parquet", "--cells", "cells.csv", "--out", "mine.npz")

SPEC = """
[model]
layers = { A = ["4P"], B = ["23P"] }
projections = ["A->B"]
image = [1, 12, 12]
[connectome]
source = "mine.npz"
[data]
source = "schematic"
train = 70
test = 35
[mechanisms.masks]
[mechanisms.inhibition]
"""


def test_what_is_imported_builds_and_trains_a_model(bionic: Bionic) -> None:
    said = bionic(*IMPORT, "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    table = pd.read_parquet("synapses.parquet")
    between = table[table["pre_pt_root_id"] != table["post_pt_root_id"]]
    assert document["file"] == "mine.npz"
    assert document["cells"] == 27
    assert document["synapses"] == len(between)
    assert document["provenance"]["dropped"]["autapse"] == len(table) - len(between)
    assert document["provenance"]["dropped"]["negative-size"] == 0
    assert document["provenance"]["synapses"]["rows"] == 900
    assert said.err.splitlines()[-1] == "summing synapses: 1 of 1"
    Path("spec.toml").write_text(SPEC)
    built = json.loads(bionic("build", "spec.toml", "--json").out)
    cells = pd.read_csv("cells.csv").set_index("pt_root_id")["cell_type"]
    types = between[["pre_pt_root_id", "post_pt_root_id"]].apply(lambda column: column.map(cells))
    wanted = (types["pre_pt_root_id"] == "4P") & (types["post_pt_root_id"] == "23P")
    assert built["masks"][0]["synapses"] == int(wanted.sum())
    assert [layer["size"] for layer in built["layers"]] == [12, 10]
    assert (built["masks"][0]["silent_pre"], built["masks"][0]["silent_post"]) == (0, 0)
    assert "notes" not in built
    trained = bionic("train", "spec.toml", "--epochs", "1", "--device", "cpu", "--json")
    assert trained.code == 0, trained.err
    assert 0 <= json.loads(trained.out)["test"]["accuracy"] <= 1


def test_info_shows_types_layers_and_where_it_comes_from(bionic: Bionic) -> None:
    assert bionic(*IMPORT).code == 0
    said = bionic("connectome", "info", "mine.npz", "--types")
    for word in ("synapses", "4P", "2/3", "Density between layers", "reciprocity", "autapse: "):
        assert word in said.out, word
    assert "cells.csv" in said.out
    assert "negative-size" not in said.out  # nothing was, so nothing is said
    assert max(len(line) for line in said.out.splitlines()[:30]) <= 80
    document = json.loads(bionic("connectome", "info", "mine.npz", "--types", "--json").out)
    assert len(document["type_densities"]) == 9
    Path("spec.toml").write_text(SPEC)
    grouped = bionic("connectome", "info", "mine.npz", "--layers", "spec.toml", "--json")
    layers = json.loads(grouped.out)["layers"]
    assert {name: figures["cells"] for name, figures in layers.items()} == {
        "A": 12,
        "B": 10,
        "–": 5,
    }
    plain = bionic("connectome", "info", "mine.npz", "--layers", "baseline")
    assert plain.code == 2
    assert "--layers baseline: its layers are plain numbers" in plain.err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--column", "pre"), "--column pre: must be ROLE=NAME"),
        (("--column", "prae=x"), "--column prae=x: there is no role 'prae'. Did you mean 'pre'?"),
        (("--column", "pre=a", "--column", "pre=b"), "pre is given twice"),
        (("--column", "pre=pre_root"), "there is no such column. Did you mean 'pre_pt_root_id'?"),
        (("--column", "size=", "--column", "pre="), "synapses.parquet: "),
        (("--drop", "autaps"), "--drop autaps: there is no such reason. Did you mean 'autapse'?"),
        (("--refuse", "autapse"), "rows have a synapse of a cell with itself, for example (pre 86"),
        (("--voxel", "4,4"), "--voxel 4,4: must be three positive numbers"),
        (("--voxel", "4,4,-1"), "--voxel 4,4,-1: must be three positive numbers"),
        (("--values", "weight"), "--values weight: must be count or size"),
        (("--cells", "gone.csv"), "gone.csv: no such file"),
        (("--out", "."), ".: is a folder; name a file"),
        (("--out", "cells.csv"), "cells.csv: exists already. Name another file"),
        (("--out", "/proc/none/x.npz"), "/proc/none/x.npz: cannot be written"),
    ],
)
def test_requests_that_are_wrong(bionic: Bionic, options: tuple[str, ...], problem: str) -> None:
    before = {path.name for path in Path.cwd().iterdir()}
    usual = {"--cells": "cells.csv", "--out": "mine.npz"}  # an option of one value is given once
    given = [word for pair in usual.items() if pair[0] not in options for word in pair]
    said = bionic(*IMPORT[:3], *given, *options)
    assert said.code == 2, said
    assert problem in said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert {path.name for path in Path.cwd().iterdir()} == before


def test_build_says_which_neurons_the_wiring_leaves_alone(bionic: Bionic) -> None:
    table = pd.read_parquet("synapses.parquet")
    cells = pd.read_csv("cells.csv")
    first, last = cells["pt_root_id"][0], cells["pt_root_id"][21]
    alone = (table["pre_pt_root_id"] == first) | (table["post_pt_root_id"] == last)
    table[~alone].to_parquet("synapses.parquet")
    assert bionic(*IMPORT).code == 0
    Path("spec.toml").write_text(SPEC)
    said = bionic("build", "spec.toml")
    text = " ".join(said.out.split())
    assert "wiring A->B: 1 of 10 neurons of B have no input, and 1 of 12 neurons of A" in text


def test_ctrl_c_leaves_nothing(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    import bionic_core.connectomes.importing.synapses as module

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = {path.name for path in Path.cwd().iterdir()}
    monkeypatch.setattr(module, "_chosen", interrupted)
    said = bionic(*IMPORT)
    assert said.code == 1
    assert "stopped; nothing was written" in said.err
    assert {path.name for path in Path.cwd().iterdir()} == before


def test_no_room_is_said(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    import bionic_core.connectomes.importing.buckets as module

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.Buckets, "add", full)
    said = bionic(*IMPORT)
    assert said.code == 1
    assert "No space left on device" in said.err
    assert not Path("mine.npz").exists()


def test_overwrite(bionic: Bionic) -> None:
    assert bionic(*IMPORT).code == 0
    assert bionic(*IMPORT).code == 2
    said: Any = bionic(*IMPORT, "--overwrite", "--label", "again", "--keep", "autapse")
    assert said.code == 0
    found = Connectome.load(Path("mine.npz"))
    assert found.label == "again"
    assert found.count.sum() == 900
