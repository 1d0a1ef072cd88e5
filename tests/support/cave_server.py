"""A small server on loopback that speaks CAVE's wire format; the real caveclient talks to it.

It has a datastack, materializations, a view of cells and a table of synapses, filters rows as
CAVE does, cuts answers at a row limit, and fails in the ways that a test asks for.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa

TOKEN = "0123456789abcdef0123456789abcdef"
DATASTACK, VIEW, SYNAPSES = "minnie65_public", "aibs_cell_info", "synapses_pni_2"
COLUMN = "allen_v1_column_types_slanted_ref"
FIRST = 864691135000000000
"""Root ids have 18 digits; as floats, neighbours are the same."""


def cells() -> pd.DataFrame:
    """Six neurons of the column, and what must be dropped: glia, no segment, two somata in one."""
    rows = [
        # root id, broad type, cell type, source, area, x y z in µm
        (FIRST + 5, "excitatory", "23P", COLUMN, "V1", 600, 400, 850),
        (FIRST + 1, "excitatory", "5P-PT", COLUMN, "V1", 610, 700, 850),
        (FIRST + 2, "inhibitory", "BC", COLUMN, "V1", 620, 500, 850),
        (FIRST + 3, "excitatory", "4P", COLUMN, "V1", 630, 600, 860),
        (FIRST + 4, "inhibitory", "MC", COLUMN, "RL", 900, 500, 860),
        (FIRST + 6, "excitatory", "Unsure", COLUMN, "V1", 640, 800, 850),
        (FIRST + 7, "nonneuron", "astrocyte", COLUMN, "V1", 600, 410, 850),
        (0, "excitatory", "23P", COLUMN, "V1", 600, 420, 850),
        (FIRST + 8, "excitatory", "6P-CT", COLUMN, "V1", 600, 430, 850),
        (FIRST + 8, "excitatory", "6P-IT", COLUMN, "V1", 600, 440, 850),
        (FIRST + 9, "excitatory", "23P", "baylor_gnn", "AL", 1200, 400, 850),
    ]
    names = ("pt_root_id", "broad_type", "cell_type", "cell_type_source", "visual_area")
    frame = pd.DataFrame([row[:5] for row in rows], columns=names)
    frame.insert(0, "id", np.arange(len(rows)) + 300000)
    for place, axis in enumerate("xyz"):
        frame[f"pt_position_{axis}"] = [float(row[5 + place] * 1000) for row in rows]
    return frame


def synapses() -> pd.DataFrame:
    """Return synapses between the cells, one to itself, some from elsewhere."""
    pairs = [
        (1, 2, 100), (1, 2, 150), (1, 3, 20), (2, 1, 300), (2, 5, 40), (3, 5, 60),
        (5, 3, 70), (5, 1, 80), (4, 1, 90), (4, 1, 95), (4, 1, 99), (6, 2, 10),
        (2, 2, 500),  # an autapse
        (7, 1, 11), (1, 8, 12), (9, 1, 13),  # cells that are not taken
    ]  # fmt: skip
    return pd.DataFrame(
        {
            "id": np.arange(len(pairs)) + 100000001,
            "pre_pt_root_id": [FIRST + pre for pre, _, _ in pairs],
            "post_pt_root_id": [FIRST + post for _, post, _ in pairs],
            "size": [size for _, _, size in pairs],
            "ctr_pt_position_x": np.arange(len(pairs)) * 4,
        }
    )


@attrs.define
class CaveServer:
    """What the server holds, and how it fails.

    Attributes:
        limit: no answer has more rows.
        nullable: whether columns are of pandas' nullable kinds, as CAVE's are.
        faults: for each request whose path holds a word: functions, the first of which answers
            the next such request in place of the server; it returns False to let it through.
        requests: the paths of the requests, in order, and their bodies.
    """

    cells: pd.DataFrame = attrs.field(factory=cells)
    synapses: pd.DataFrame = attrs.field(factory=synapses)
    limit: int = 500_000
    versions: tuple[int, ...] = (117, 943, 1300)
    gone: tuple[int, ...] = (795,)
    warns: bool = True
    nullable: bool = True
    resolution: str = "1, 1, 1"
    address: str = ""
    faults: list[tuple[str, Callable[[Handler], bool | None]]] = attrs.field(factory=list)
    requests: list[tuple[str, Any]] = attrs.field(factory=list)

    def asked(self, word: str) -> int:
        """Return how many requests had the word in their path and query."""
        return sum(word in path for path, _ in self.requests)

    def chunks(self) -> list[int]:
        """Return the numbers of presynaptic cells in the queries for synapses."""
        return [
            len(body["filter_in_dict"][SYNAPSES]["pre_pt_root_id"])
            for path, body in self.requests
            if f"/{SYNAPSES}/query" in path and "count=True" not in path
        ]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement
    state: CaveServer

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing on stderr."""

    def do_GET(self) -> None:
        self._handle(None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._handle(json.loads(body))

    def _handle(self, body: Any) -> None:
        self.state.requests.append((self.path, body))
        for place, (word, fault) in enumerate(self.state.faults):
            if word in self.path:
                del self.state.faults[place]
                if fault(self) is not False:
                    return
                break
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.json(401, {"error": "Unauthorized - invalid token"})
            return
        self._answer(urlparse(self.path).path, parse_qs(urlparse(self.path).query), body)

    def _answer(self, path: str, query: dict[str, list[str]], body: Any) -> None:
        state, stack = self.state, f"/materialize/api/v3/datastack/{DATASTACK}"
        if path in ("/info/version", "/materialize/version"):
            self.json(200, "6.0.0")
        elif path == "/materialize/api/versions":
            self.json(200, [2, 3])
        elif path == f"/info/api/v2/datastack/full/{DATASTACK}":
            self.json(200, self._info())
        elif path == f"{stack}/versions":
            expired = query.get("expired") == ["True"]
            self.json(200, [*state.versions, *(state.gone if expired else ())])
        elif path in {f"{stack}/version/{version}" for version in state.versions}:
            stamp = "2025-01-13T10:10:01.286229"
            self.json(200, {"time_stamp": stamp, "expires_on": "2124-12-20T10:10:01.286229"})
        elif path == f"{stack}/version/1300/views/{VIEW}/query":
            self._rows(state.cells, VIEW, query, body)
        elif path == f"{stack}/version/1300/table/{SYNAPSES}/query":
            self._rows(state.synapses, SYNAPSES, query, body)
        else:
            self.json(404, {"message": f"no route {path}"})

    def _info(self) -> dict[str, Any]:
        return {
            "aligned_volume": {"name": "minnie65_phase3", "id": 1},
            "local_server": self.state.address,
            "segmentation_source": f"graphene://{self.state.address}/segmentation/table/m",
            "synapse_table": SYNAPSES,
            "viewer_site": self.state.address,
        }

    def _rows(self, frame: pd.DataFrame, name: str, query: Any, body: dict[str, Any]) -> None:
        for column, value in body.get("filter_equal_dict", {}).get(name, {}).items():
            frame = frame[frame[column] == value]
        for column, values in body.get("filter_in_dict", {}).get(name, {}).items():
            frame = frame[frame[column].isin(values)]
        if query.get("count") == ["True"]:
            self.arrow(pd.DataFrame({"count": [len(frame)]}))
            return
        headers = {"column_names": "{}"}
        if "desired_resolution" in body and self.state.resolution:
            headers["dataframe_resolution"] = self.state.resolution
        if len(frame) > self.state.limit and self.state.warns:
            headers["Warning"] = f'201 - "Limited query to {self.state.limit} rows'
        rows = frame.head(self.state.limit).reset_index(drop=True)
        self.arrow(rows.convert_dtypes() if self.state.nullable else rows, headers)

    def json(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(content).encode(), "application/json", headers)

    def arrow(self, frame: pd.DataFrame, headers: dict[str, str] | None = None) -> None:
        self.send(200, arrow_bytes(frame), "data.arrow", headers)

    def send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def arrow_bytes(frame: pd.DataFrame) -> bytes:
    """Return a table as an Arrow IPC stream, compressed as CAVE compresses it."""
    batch = pa.RecordBatch.from_pandas(frame)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="ZSTD")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


@contextmanager
def serving(state: CaveServer) -> Iterator[CaveServer]:
    """Serve on a free port of loopback while the block runs."""
    handler = type("Bound", (Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status(
    code: int, content: Any = None, headers: dict[str, str] | None = None
) -> Callable[[Handler], None]:
    """Answer with a status."""
    return lambda handler: handler.json(code, content or {"message": "out of order"}, headers)


def cut(handler: Handler) -> None:
    """Promise a long answer, send its beginning, and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Type", "data.arrow")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(arrow_bytes(cells())[:200])
    handler.close_connection = True


def short(handler: Handler) -> None:
    """Send half of an Arrow stream as if it were all."""
    whole = arrow_bytes(cells())
    handler.send(200, whole[: len(whole) // 2], "data.arrow")


def login_page(handler: Handler) -> None:
    """Send a page where data were expected."""
    handler.send(200, b"<html>Log in</html>", "text/html")


def to_login(handler: Handler) -> None:
    """Send the client to a page to log in."""
    handler.state.faults.insert(0, ("/login", login_page))
    handler.send(302, b"", "text/html", {"Location": f"{handler.state.address}/login"})
