"""What an odd server sends is refused in words, is not kept, and never stands in a good one's way."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bionic_core import BionicError, RequestError
from bionic_core.connectomes.fetch import Parts, parts_folder
from bionic_plugins.connectomes.microns import limits
from tests.support.cave import fetch, home
from tests.support.cave_server import SYNAPSES, VIEW, CaveServer, Handler, arrow_bytes, serving

__all__ = ["home"]  # a fixture that every test uses

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def server() -> Iterator[CaveServer]:
    with serving(CaveServer(nullable=False)) as state:
        yield state


def once(server: CaveServer, word: str, answer: Callable[[Handler], Any]) -> None:
    """Answer one request for rows, not for a count, in place of the server."""

    def fault(handler: Handler) -> bool | None:
        if "count=True" in handler.path:
            server.faults.insert(0, (word, fault))
            server.faults.insert(0, (word, lambda _: False))
            return False
        return answer(handler)  # type: ignore[no-any-return]

    server.faults = [(word, fault)]


def sent(frame: pd.DataFrame) -> Callable[[Handler], None]:
    headers = {"dataframe_resolution": "1, 1, 1", "column_names": "{}"}
    return lambda handler: handler.arrow(frame, headers)


def column(name: str, change: Callable[[pd.Series[Any]], Any]) -> Change:
    return lambda frame: frame.assign(**{name: change(frame[name])})


ODD: dict[str, tuple[str, Change, str]] = {
    "equal ids": (SYNAPSES, column("id", lambda s: 100), "12 of 13 synapses have another one's id"),
    "negative size": (SYNAPSES, column("size", lambda s: -s), "size of a synapse is negative"),
    "negative id": (SYNAPSES, column("id", lambda s: -s), "id of a synapse is not positive"),
    "sizes as text": (SYNAPSES, column("size", lambda s: s.astype(str)), "size came as"),
    "ids in uint64": (
        VIEW,
        column("pt_root_id", lambda s: s.astype("uint64") + np.uint64(2**63)),
        "beyond 2^63",
    ),
    "ids all 0": (VIEW, column("pt_root_id", lambda s: 0), "none of 10 cells has a root id"),
    "negative root": (VIEW, column("pt_root_id", lambda s: -s), "root id of a cell is negative"),
    "types as numbers": (VIEW, column("broad_type", lambda s: 1), "broad_type in row 1 is 1"),
    "an escape": (VIEW, column("cell_type", lambda s: "\x1b[2J"), "where a name was expected"),
    "nested": (
        VIEW,
        column("pt_position_x", lambda s: [[1.0, 2.0]] * len(s)),
        "pt_position_x came as object",
    ),
    "infinite": (VIEW, column("pt_position_x", lambda s: np.inf), "position of a cell is infinite"),
    "another source": (VIEW, column("cell_type_source", lambda s: "x"), "another cell_type_source"),
    "a cell twice": (
        VIEW,
        lambda frame: pd.concat([frame.iloc[:9], frame.iloc[:1]]),
        "a cell comes twice",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_answer_is_refused_and_the_same_command_then_succeeds(
    server: CaveServer, tmp_path: Path, case: str
) -> None:
    word, change, words = ODD[case]
    server.cells = server.cells[server.cells.cell_type_source != "baylor_gnn"]
    rows = server.synapses.head(13) if word == SYNAPSES else server.cells
    once(server, f"{word}/query", sent(change(rows)))
    out = tmp_path / "column.npz"
    with pytest.raises(BionicError) as caught:
        fetch(server, out)
    assert (caught.value.exit_code, words in str(caught.value)) == (1, True), str(caught.value)
    server.faults.clear()
    assert fetch(server, out).count.sum() == 12


@pytest.mark.parametrize("count", [np.nan, "lots", 2.5, -1, [1, 2], None])
def test_a_count_that_is_none(server: CaveServer, tmp_path: Path, count: Any) -> None:
    server.faults = [("count=True", sent(pd.DataFrame({"count": [count]})))]
    with pytest.raises(BionicError, match="question for a count with") as caught:
        fetch(server, tmp_path / "column.npz")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"version": 943}, "asked for the version 1300 and describes 943"),
        ({"datastack": "other"}, "asked for the datastack minnie65_public"),
        ({"time_stamp": "yesterday"}, "caveclient failed on what"),
    ],
)
def test_another_materialization(
    server: CaveServer, tmp_path: Path, said: dict[str, Any], words: str
) -> None:
    stamps = {"time_stamp": "2025-01-13T10:10:01.286229", "expires_on": "2124-12-20T10:10:01.286"}
    server.faults = [("/version/1300", lambda handler: handler.json(200, stamps | said))]
    with pytest.raises(BionicError, match=words) as caught:
        fetch(server, tmp_path / "column.npz")
    assert caught.value.exit_code == 1


def test_an_answer_that_unpacks_to_too_much(
    server: CaveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LARGEST", 2**20)
    for body, packing, words in (
        (gzip.compress(bytes(2**22)), "gzip", "unpacks to more than 1,048,576 bytes"),
        (gzip.compress(gzip.compress(b"")), "gzip, gzip", "is packed more than once"),
    ):
        answer = lambda h, b=body, p=packing: h.send(  # noqa: E731
            200, b, "data.arrow", {"Content-Encoding": p}
        )
        server.faults = [(f"{VIEW}/query", answer)]
        with pytest.raises(BionicError, match=words):
            fetch(server, tmp_path / "column.npz")


def silent(handler: Handler) -> None:
    time.sleep(0.6)
    handler.close_connection = True


def dripping(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "data.arrow")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    try:
        for byte in arrow_bytes(handler.state.cells)[:12]:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        pass
    handler.close_connection = True


@pytest.mark.parametrize(
    ("word", "fault"),
    [("/info/api", silent), ("/materialize/api/versions", silent), (f"{VIEW}/query", dripping)],
)
def test_a_silent_server_and_one_that_drips(
    server: CaveServer, tmp_path: Path, word: str, fault: Callable[[Handler], None]
) -> None:
    server.faults = [(word, fault)]
    begin = time.monotonic()
    with pytest.raises(BionicError, match="in time|which versions") as caught:
        fetch(server, tmp_path / "column.npz", attempts=1, timeout=0.3)
    assert caught.value.exit_code == 1
    assert time.monotonic() - begin < 3


def test_a_piece_is_what_was_written(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "x.parts", {"a": 1})
    parts.write("one", {"id": np.arange(3)})
    piece = parts.path("one.npz")
    assert parts.read("one")["id"].tolist() == [0, 1, 2]  # type: ignore[index]
    with np.load(piece) as file:
        arrays = dict(file)
    np.savez(piece, **(arrays | {"id": np.arange(4)}))
    assert parts.read("one") is None
    assert not piece.exists()
    elsewhere = tmp_path / "elsewhere.npz"
    np.savez(elsewhere, **arrays)
    piece.symlink_to(elsewhere)
    assert parts.read("one") is None
    assert elsewhere.exists()


def test_pieces_behind_a_link_are_not_used(server: CaveServer, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    parts_folder(tmp_path / "x.npz").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RequestError, match="is in the way"):
        fetch(server, tmp_path / "x.npz")
