"""Fetching from CAVE: the real caveclient against a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bionic_core import BionicError, Connectome
from bionic_core.connectomes.fetch import fetch_connectome, parts_folder
from bionic_plugins.connectomes.column import Column
from bionic_plugins.connectomes.microns.microns import Microns
from tests.support.cave import Heard, fetch, home
from tests.support.cave_server import COLUMN, FIRST, SYNAPSES, TOKEN, CaveServer, serving, status

__all__ = ["home"]  # a fixture that every test uses


@pytest.fixture
def server() -> Iterator[CaveServer]:
    with serving(CaveServer()) as state:
        yield state


NAMES = {FIRST + 1: "ET", FIRST + 2: "BC", FIRST + 3: "4P", FIRST + 4: "MC", FIRST + 5: "23P"}

EDGES = {
    ("ET", "BC"): (2, 250.0),
    ("ET", "4P"): (1, 20.0),
    ("BC", "ET"): (1, 300.0),
    ("BC", "23P"): (1, 40.0),
    ("4P", "23P"): (1, 60.0),
    ("23P", "4P"): (1, 70.0),
    ("23P", "ET"): (1, 80.0),
    ("MC", "ET"): (3, 284.0),
    ("Unsure", "BC"): (1, 10.0),
}


def edges(connectome: Connectome) -> dict[tuple[str, str], tuple[int, float]]:
    names = [NAMES.get(int(root), "Unsure") for root in connectome.cell_id]
    return {
        (names[pre], names[post]): (int(count), float(size))
        for pre, post, count, size in zip(
            connectome.pre, connectome.post, connectome.count, connectome.size, strict=True
        )
    }


def test_cells_and_synapses_arrive_whole(server: CaveServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    connectome = fetch(server, out)
    # Neighbouring 18-digit ids stay apart: none went through a float.
    assert connectome.cell_id.tolist() == [FIRST + k for k in (1, 2, 3, 4, 5, 6)]
    assert connectome.cell_type.tolist() == ["5P-ET", "BC", "4P", "MC", "23P", "Unsure"]
    assert connectome.broad_type.tolist() == ["excitatory", "inhibitory"] * 2 + ["excitatory"] * 2
    assert connectome.position[0].tolist() == [610_000, 700_000, 850_000]
    assert edges(connectome) == EDGES
    assert Connectome.load(out).fingerprint == connectome.fingerprint
    assert not parts_folder(out).exists()


def test_provenance_says_where_it_comes_from(server: CaveServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    fetch(server, out)
    loaded = Connectome.load(out)
    provenance = loaded.provenance
    assert loaded.label == "MICrONS V1 column, materialization 1300"
    assert provenance["datastack"] == "minnie65_public"
    assert provenance["materialization"] == 1300
    assert provenance["timestamp"].startswith("2025-01-13T10:10:01.286229")
    assert provenance["query"]["cell_type_source"] == COLUMN
    assert provenance["query"]["view"] == "aibs_cell_info"
    assert provenance["query"]["synapses"] == SYNAPSES
    assert provenance["client"].startswith("caveclient 8")
    assert provenance["sha256"] == loaded.fingerprint
    assert provenance["dropped"] == {
        "not neurons": 1,
        "no segment (root id 0)": 1,
        "two somata in one segment": 2,
        "synapses twice": 0,
        "synapses of other cells": 0,
        "synapses of a cell with itself": 1,
    }
    assert TOKEN.encode() not in out.read_bytes()


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"cell_types": ("5P-ET", "BC")}, [1, 2]),
        ({"cell_types": ("5P-PT",)}, [1]),
        ({"region": ("RL",)}, [4]),
        ({"box": (605.0, 450.0, 800.0, 625.0, 750.0, 855.0)}, [1, 2]),
        ({"centre": (620.0, 500.0, 850.0), "radius": 100.9}, [2]),
        ({"centre": (620.0, 500.0, 850.0), "radius": 103.0}, [2, 3, 5]),
        ({"cell_type_source": ""}, [1, 2, 3, 4, 5, 6, 9]),
        ({"cell_type_source": "baylor_gnn"}, [9]),
    ],
)
def test_selections(
    server: CaveServer, tmp_path: Path, options: dict[str, Any], kept: list[int]
) -> None:
    connectome = fetch(server, tmp_path / "some.npz", **options)
    assert connectome.cell_id.tolist() == [FIRST + k for k in kept]
    assert connectome.label == "cells of minnie65_public, materialization 1300"
    inside = {FIRST + k for k in kept}
    pairs = server.synapses[
        server.synapses.pre_pt_root_id.isin(inside) & server.synapses.post_pt_root_id.isin(inside)
    ].drop_duplicates("id")
    between = pairs[pairs.pre_pt_root_id != pairs.post_pt_root_id]
    assert connectome.count.sum() == len(between)


def test_two_chunks_are_one_chunk(server: CaveServer, tmp_path: Path) -> None:
    watch = Heard()
    whole = fetch(server, tmp_path / "whole.npz", chunk=6)
    assert server.chunks() == [6]
    parts = fetch(server, tmp_path / "parts.npz", watch, chunk=4)
    assert server.chunks() == [6, 4, 2]
    assert parts.fingerprint == whole.fingerprint
    assert watch.steps == [
        *(("table of cells", done, 1) for done in (0, 1)),
        *(("synapses of cells", done, 6) for done in (0, 4, 6)),
    ]


@pytest.mark.parametrize("warns", [True, False])
def test_an_answer_cut_at_the_servers_limit_is_noticed_and_halved(
    server: CaveServer, tmp_path: Path, warns: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    server.cells = server.cells.head(6)
    server.limit, server.warns = 6, warns  # 13 synapses, 6 cells
    connectome = fetch(server, tmp_path / "column.npz")
    assert edges(connectome) == EDGES
    assert server.chunks() == [6, 3, 1, 2, 3]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_what_passes_is_asked_again(server: CaveServer, tmp_path: Path, code: int) -> None:
    watch = Heard()
    server.faults = [("count=True", status(code)), (f"{SYNAPSES}/query", status(code))]
    assert edges(fetch(server, tmp_path / "column.npz", watch)) == EDGES
    assert len(watch.lines) == 2
    assert (
        f"the server answered {code}: out of order; asking again in 0 s (attempt 2 of 6)"
        in (watch.lines[0])
    )


def test_the_servers_own_wait_is_kept(
    server: CaveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("bionic_plugins.connectomes.microns.retry.time.sleep", waits.append)
    later = status(429, headers={"Retry-After": "7"})
    server.faults = [
        ("count=True", later),
        ("count=True", status(503)),
        ("count=True", status(503)),
    ]
    fetcher = Microns(server=server.address, wait=0.5)
    assert edges(fetch_connectome(fetcher, tmp_path / "column.npz")) == EDGES
    assert waits == [7, 1, 2]


def test_a_guess_about_the_api_is_not_taken(server: CaveServer, tmp_path: Path) -> None:
    # caveclient swallows this failure and falls back on version 2, which has no views.
    watch = Heard()
    server.faults = [("/materialize/api/versions", status(503))]
    assert edges(fetch(server, tmp_path / "column.npz", watch)) == EDGES
    assert "did not say which versions of its API it speaks" in watch.lines[0]


def test_an_interrupted_fetch_goes_on(server: CaveServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    passes: list[Any] = [("count=True", lambda _: False)] * 3  # the view, two chunks
    server.faults = [*passes, *[("count=True", status(503))] * 2]
    with pytest.raises(BionicError, match="2 times in a row"):
        fetch(server, out, chunk=2, attempts=2)
    assert not out.exists()
    assert {path.name for path in parts_folder(out).iterdir()} == {
        "query.json",
        "cells.npz",
        "synapses-0000000-0000002.npz",
        "synapses-0000002-0000004.npz",
    }
    for path in parts_folder(out).iterdir():
        assert TOKEN.encode() not in path.read_bytes()
    server.requests.clear()
    assert edges(fetch(server, out, chunk=2)) == EDGES
    assert server.chunks() == [2]
    assert server.asked("/views/") == 0
    assert not parts_folder(out).exists()


def test_a_changed_query_starts_anew(server: CaveServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    passes: list[Any] = [("count=True", lambda _: False)] * 2
    server.faults = [*passes, ("count=True", status(503))]
    with pytest.raises(BionicError):
        fetch(server, out, chunk=2, attempts=1)
    server.requests.clear()
    connectome = fetch(server, out, chunk=2, cell_types=("BC", "5P-ET"))
    assert connectome.cell_id.tolist() == [FIRST + 1, FIRST + 2]
    assert server.asked("/views/") == 2


def test_a_damaged_piece_is_fetched_again(server: CaveServer, tmp_path: Path) -> None:
    out = tmp_path / "column.npz"
    passes: list[Any] = [("count=True", lambda _: False)] * 2
    server.faults = [*passes, ("count=True", status(503))]
    with pytest.raises(BionicError):
        fetch(server, out, chunk=2, attempts=1)
    piece = parts_folder(out) / "synapses-0000000-0000002.npz"
    piece.write_bytes(piece.read_bytes()[:50])
    assert edges(fetch(server, out, chunk=2)) == EDGES


def test_a_missing_root_id_is_no_segment(server: CaveServer, tmp_path: Path) -> None:
    server.cells["pt_root_id"] = server.cells["pt_root_id"].astype("Int64").replace(0, pd.NA)
    connectome = fetch(server, tmp_path / "column.npz")
    assert edges(connectome) == EDGES
    assert connectome.provenance["dropped"]["no segment (root id 0)"] == 1


@pytest.mark.parametrize("nullable", [True, False])
def test_both_kinds_of_columns(server: CaveServer, tmp_path: Path, nullable: bool) -> None:
    server.nullable = nullable
    assert edges(fetch(server, tmp_path / "column.npz")) == EDGES


def test_no_synapses_at_all(server: CaveServer, tmp_path: Path) -> None:
    connectome = fetch(server, tmp_path / "x.npz", cell_types=("MC", "23P"))
    assert connectome.cells == 2
    assert len(connectome.pre) == 0
    assert Connectome.load(tmp_path / "x.npz").fingerprint == connectome.fingerprint


def test_a_token_in_another_file(server: CaveServer, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"token": TOKEN}))
    (Path.home() / ".cloudvolume/secrets/cave-secret.json").write_text('{"token": "old"}')
    assert edges(fetch(server, tmp_path / "x.npz", token_file=str(secret))) == EDGES
    assert np.all([TOKEN not in p.read_text() for p in Path.home().rglob("*") if p.is_file()])


def test_a_whole_column_goes_through_unchanged(server: CaveServer, tmp_path: Path) -> None:
    column = Column().read()
    root_id = FIRST + column.cell_id * 4
    server.cells = pd.DataFrame(
        {
            "pt_root_id": root_id,
            "broad_type": column.broad_type,
            "cell_type": np.where(column.cell_type == "5P-ET", "5P-PT", column.cell_type),
            "cell_type_source": COLUMN,
            **{f"pt_position_{axis}": column.position[:, k] for k, axis in enumerate("xyz")},
        }
    ).sample(frac=1, random_state=0)
    rows = np.repeat(np.arange(len(column.pre)), column.count)
    first = np.concatenate([[True], rows[1:] != rows[:-1]])
    server.synapses = pd.DataFrame(
        {
            "id": np.arange(len(rows)) + 10**8,
            "pre_pt_root_id": root_id[column.pre[rows]],
            "post_pt_root_id": root_id[column.post[rows]],
            "size": np.where(first, column.size[rows], 0).astype(np.int64),
        }
    ).sample(frac=1, random_state=0)
    server.limit = 20_000
    fetched = fetch(server, tmp_path / "column.npz", chunk=200)
    assert fetched.cells == 1333
    assert len(server.chunks()) > 7  # some of the seven were cut at the limit, and halved
    for name in ("broad_type", "cell_type", "position", "pre", "post", "count", "size"):
        assert np.array_equal(getattr(fetched, name), getattr(column, name)), name
