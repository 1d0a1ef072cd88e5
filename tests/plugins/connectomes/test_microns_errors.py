"""What goes wrong with CAVE is explained with its remedy; the token is never shown."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bionic_core import BionicError
from bionic_core.connectomes.fetch import parts_folder
from tests.support.cave import Heard, fetch, home
from tests.support.cave_server import (
    FIRST,
    SYNAPSES,
    TOKEN,
    VIEW,
    CaveServer,
    Handler,
    arrow_bytes,
    cut,
    login_page,
    serving,
    short,
    status,
    to_login,
)

__all__ = ["home"]  # a fixture that every test uses

REMEDY = (
    "Copy the token of your account from",
    "/sticky_auth/settings/tokens",
    "/auth/api/v1/create_token",
    "~/.cloudvolume/secrets/cave-secret.json",
    "--token-file",
    "microns-dump needs no token",
)


@pytest.fixture
def server() -> Iterator[CaveServer]:
    with serving(CaveServer()) as state:
        yield state


@pytest.fixture
def failed(
    server: CaveServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[BionicError, Heard]]:
    """Fetch in vain; nothing half-written is left, and the token is nowhere."""

    def run(**options: Any) -> tuple[BionicError, Heard]:
        watch, out = Heard(), tmp_path / "out" / "column.npz"
        with pytest.raises(BionicError) as caught:
            fetch(server, out, watch, **{"attempts": 3} | options)
        error = caught.value
        assert not out.exists()
        shown = "".join(traceback.format_exception(error)) + str(capfd.readouterr()) + repr(error)
        shown += " ".join(watch.lines)
        assert TOKEN not in shown
        assert "\n" not in str(error)
        assert not [
            p for p in tmp_path.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()
        ]
        return error, watch

    return run


Failed = Callable[..., tuple[BionicError, Heard]]


def says(error: BionicError, code: int, *words: str) -> None:
    assert error.exit_code == code, error
    for word in words:
        assert word in str(error), str(error)


def secret(home: Path) -> Path:
    return home / ".cloudvolume" / "secrets" / "cave-secret.json"


def test_no_token(failed: Failed, server: CaveServer, home: Path, tmp_path: Path) -> None:
    secret(home).unlink()
    error, _ = failed()
    says(error, 2, "minnie65_public: there is no token in", "cave-secret.json", *REMEDY)
    assert server.requests == []
    assert not parts_folder(tmp_path / "out" / "column.npz").exists()


def test_token_files_that_are_none(failed: Failed, home: Path, tmp_path: Path) -> None:
    says(failed(token_file="gone.json")[0], 2, "--token-file gone.json: no such file", *REMEDY)
    for text in ("not json", '["token"]'):
        secret(home).write_text(text)
        says(failed()[0], 2, "is no JSON of the form", '{"token": "…"}')
    for text in ('{"key": "x"}', '{"token": ""}', '{"token": 5}'):
        secret(home).write_text(text)
        says(failed()[0], 2, "there is no token in", *REMEDY)


def test_a_refused_token(failed: Failed, home: Path) -> None:
    secret(home).write_text(json.dumps({"token": "f" * 32}))
    error, _ = failed()
    says(error, 2, "the token is refused (the server answered 401: Unauthorized", *REMEDY)
    assert "f" * 32 not in str(error)


@pytest.mark.parametrize("word", ["/info/version", "/datastack/full/"])
def test_sent_to_a_page_to_log_in(failed: Failed, server: CaveServer, word: str) -> None:
    server.faults = [(word, to_login)]
    says(failed()[0], 2, "the token is refused (the server asks to log in)", *REMEDY)


def test_terms_that_are_not_accepted(failed: Failed, server: CaveServer) -> None:
    url = "https://global.daf-apis.com/sticky_auth/api/v1/tos/2/accept"
    terms = {"error": "missing_tos", "data": {"tos_name": "minnie", "tos_form_url": url}}
    for word in ("/datastack/full/", f"{VIEW}/query", "count=True"):
        server.faults = [(word, status(403, terms))]
        says(failed()[0], 2, "terms of use are not accepted yet", "Accept them once", url)


def test_no_permission(failed: Failed, server: CaveServer) -> None:
    server.faults = [(f"{VIEW}/query", status(403, {"error": "missing permission: view"}))]
    says(failed()[0], 2, "may not read this datastack", "403: missing permission", "--datastack")


def test_a_version_that_never_was_and_one_that_is_gone(failed: Failed, server: CaveServer) -> None:
    says(
        failed(version=1301)[0],
        2,
        "--version 1301: minnie65_public has no such materialization. Served are 117, 943, 1300.",
        "kept for good",
    )
    says(
        failed(version=795)[0],
        2,
        "--version 795: this materialization of minnie65_public has expired",
        "Served are 117, 943, 1300.",
    )
    server.faults = [(f"{VIEW}/query", status(410, {"message": "not available"}))]
    says(failed()[0], 2, "--version 1300: this materialization", "has expired")


def test_no_such_datastack_or_view(failed: Failed) -> None:
    says(
        failed(datastack="minnie65_pubic")[0],
        2,
        "--datastack minnie65_pubic:",
        "has no such datastack",
        "minnie65_public",
        "--server",
    )
    says(failed(view="aibs_cells")[0], 2, "has no 1300/views/aibs_cells/query", "Check --view")


def test_no_table_of_cells(failed: Failed, server: CaveServer) -> None:
    server.cells = server.cells.drop(columns=["cell_type", "pt_position_z"])
    says(
        failed()[0],
        2,
        f"--view {VIEW}: no table of cells: it lacks cell_type, pt_position_z; its columns are",
        "pt_root_id",
    )


def test_selections_that_leave_nothing(failed: Failed) -> None:
    says(
        failed(cell_types=("BCC", "MC"))[0],
        2,
        "minnie65_public 1300, aibs_cell_info: --cell-types BCC: there is none among the cells.",
        "Did you mean 'BC'?",
        "Found are 23P, 4P, 5P-ET",
    )
    says(failed(region=("V2",))[0], 2, "--region V2", "Found are RL, V1")
    says(
        failed(cell_type_source="nothing")[0],
        2,
        "no cell has the cell_type_source 'nothing'",
        "--cell-type-source",
    )
    says(
        failed(cell_types=("astrocyte",))[0],
        2,
        "no neuron is left by this selection",
        "1 not neurons",
    )


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(503), "the server answered 503: out of order"),
        (status(429), "the server answered 429: out of order"),
        (cut, "the connection was cut in the middle of an answer"),
        (short, "the answer ends too early"),
    ],
)
def test_what_does_not_pass(
    failed: Failed, server: CaveServer, fault: Callable[[Handler], None], words: str
) -> None:
    server.faults = [(f"{SYNAPSES}/query?return", fault)] * 4
    server.faults[0] = ("count=True", lambda _: False)  # the view's
    error, watch = failed()
    says(error, 1, words, "3 times in a row", "goes on from there", "--wait", "--attempts")
    assert len(watch.lines) == 2


@pytest.mark.parametrize("fault", [cut, short])
def test_a_cut_answer_is_asked_for_again(
    server: CaveServer, tmp_path: Path, fault: Callable[[Handler], None]
) -> None:
    server.faults = [(f"{VIEW}/query", fault), (f"{SYNAPSES}/query", fault)]
    assert fetch(server, tmp_path / "column.npz").count.sum() == 12


def test_no_server(failed: Failed) -> None:
    says(failed(server="http://127.0.0.1:9")[0], 1, "no connection to http://127.0.0.1:9")
    says(failed(server="nowhere")[0], 2, "--server nowhere: no address of a server")


def test_a_page_where_data_were_expected(failed: Failed, server: CaveServer) -> None:
    server.faults = [(f"{VIEW}/query", login_page)]
    says(failed()[0], 1, "sent the content type text/html where data were expected", *REMEDY)
    server.faults = [("/datastack/full/", login_page)]
    says(failed()[0], 1, "something that is no JSON", *REMEDY)


def test_a_server_that_quotes_the_token(failed: Failed, server: CaveServer) -> None:
    quote = {"message": f"Bearer {TOKEN} is not welcome"}
    for code in (400, 401, 403, 404, 500):
        server.faults = [("count=True", status(code, quote))] * 3
        error, _ = failed()
        assert "(hidden) is not welcome" in str(error)


def test_a_refused_query(failed: Failed, server: CaveServer) -> None:
    server.faults = [(f"{SYNAPSES}/query", status(413, {"message": "too large"}))]
    says(failed()[0], 1, "refused the query (the server answered 413: too large)", "--chunk")


def test_answers_that_are_cut_too_short(failed: Failed, server: CaveServer) -> None:
    server.limit = 2
    says(failed()[0], 1, f"the view {VIEW} came with 2 of its 10 rows", "--cell-type-source")
    server.cells = server.cells.head(2)
    server.limit = 1
    server.cells = server.cells.head(1)
    row = server.synapses.head(1).assign(
        pre_pt_root_id=FIRST + 5, post_pt_root_id=FIRST + 5, id=[1]
    )
    server.synapses = pd.concat([row, row.assign(id=[2])], ignore_index=True)
    says(failed()[0], 1, f"sends 1 of the 2 synapses of cell {FIRST + 5}", "Select fewer cells")


def test_a_server_that_contradicts_itself(failed: Failed, server: CaveServer) -> None:
    def one(handler: Handler) -> None:
        handler.arrow(pd.DataFrame({"count": [1]}))

    server.faults = [(f"{SYNAPSES}/query?return_pyarrow", one)]
    says(failed()[0], 1, "the server counts 1 synapses and sends 13 for the same query")
    server.faults = [("count=True", lambda handler: handler.arrow(server.cells))]
    says(failed()[0], 1, "a question for a count with a table of 11 rows", "cannot be verified")
    strange = server.synapses.assign(pre_pt_root_id=FIRST + 77).head(13)
    server.faults = [
        ("count=True", lambda _: False),
        ("count=True", lambda _: False),
        (f"{SYNAPSES}/query", lambda handler: handler.arrow(strange)),
    ]
    says(failed()[0], 1, "synapses of cells that were not asked for")


def test_root_ids_that_went_through_floats(failed: Failed, server: CaveServer) -> None:
    server.nullable = False
    server.cells["pt_root_id"] = server.cells["pt_root_id"].astype(float).replace(0, np.nan)
    says(failed()[0], 1, "pt_root_id came as float64", "cannot hold the 18 digits of a root id")


def test_synapses_without_a_root_id(failed: Failed, server: CaveServer) -> None:
    server.synapses["id"] = server.synapses["id"].astype("Int64").replace(100000001, pd.NA)
    says(failed()[0], 1, "id came as Int64, or with values missing")


def test_a_message_that_caveclient_cannot_read(failed: Failed, server: CaveServer) -> None:
    for body in (b'"a mere string"', b"\xff\xfe\x00"):
        fault = lambda handler, body=body: handler.send(500, body, "text/plain")  # noqa: E731
        server.faults = [("count=True", fault)] * 3
        says(failed()[0], 1, "in a way that caveclient cannot read, 3 times in a row")


def test_a_query_that_takes_too_long(failed: Failed, server: CaveServer) -> None:
    server.faults = [("count=True", status(504, {"message": "480s limit"}))] * 3
    says(failed()[0], 1, "answered 504: 480s limit; a smaller --chunk asks for less at once")


@pytest.mark.parametrize("resolution", ["", "4, 4, 40"])
def test_positions_in_an_unknown_unit(failed: Failed, server: CaveServer, resolution: str) -> None:
    server.resolution = resolution
    says(failed()[0], 1, "did not give positions in nm", resolution or "not given")


def test_a_table_of_synapses_without_sizes(failed: Failed, server: CaveServer) -> None:
    server.synapses = server.synapses.drop(columns=["size"])
    says(failed()[0], 1, f"the table {SYNAPSES} lacks size; its columns are", "ctr_pt_position_x")


def test_a_server_that_is_too_old(failed: Failed, server: CaveServer) -> None:
    def old(handler: Handler) -> None:
        handler.json(200, "4.0.0")

    server.faults = [("/materialize/version", old)]
    says(failed()[0], 1, "requires a server version >= 5.13.0")


def test_compressed_answers_are_what_the_real_server_sends() -> None:
    import pyarrow as pa

    frame = pa.ipc.open_stream(arrow_bytes(CaveServer().synapses)).read_pandas()
    assert frame.pre_pt_root_id.dtype == np.int64
