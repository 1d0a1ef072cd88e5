"""A small server of files on loopback: ranges, entity tags, and the failures a test asks for."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs


@attrs.define
class FileServer:
    """What the server holds, and how it fails.

    Attributes:
        files: their bytes by name.
        tags: whether it names versions of files, so that a download can go on safely.
        ranges: whether it sends parts of files.
        faults: functions, the first of which answers the next request for a name that holds a
            word in place of the server.
        requests: name and Range of each request, in order.
    """

    files: dict[str, bytes] = attrs.field(factory=dict)
    tags: bool = True
    ranges: bool = True
    weak: bool = False
    address: str = ""
    faults: list[tuple[str, Callable[[FileHandler, bytes], None]]] = attrs.field(factory=list)
    requests: list[tuple[str, str | None]] = attrs.field(factory=list)


class FileHandler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement
    state: FileServer

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing on stderr."""

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.state.requests.append((name, self.headers.get("Range")))
        body = self.state.files.get(name)
        for place, (word, fault) in enumerate(self.state.faults):
            if word in name and body is not None:
                del self.state.faults[place]
                fault(self, body)
                return
        if body is None:
            self.send(404, b"")
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, self.tag(body))
        if asked and self.state.ranges and same:
            start = int(asked[1])
            if start >= len(body):
                self.send(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
            span = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.send(206, body[start:], {"Content-Range": span} | self.tagged(body))
            return
        self.send(200, body, self.tagged(body))

    def tag(self, body: bytes) -> str:
        return f'{"W/" if self.state.weak else ""}"{hash(body)}"'

    def tagged(self, body: bytes) -> dict[str, str]:
        page = {"Content-Type": "text/html"} if self.path.endswith("/") else {}  # an index's
        return page | ({"ETag": self.tag(body)} if self.state.tags else {})

    def send(
        self, code: int, body: bytes, headers: dict[str, str] | None = None, length: int = -1
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length < 0 else length))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


def half(handler: FileHandler, body: bytes) -> None:
    """Promise a file, send half of it, and hang up."""
    handler.send(200, body[: len(body) // 2], handler.tagged(body), length=len(body))
    handler.close_connection = True


def status(
    code: int, headers: dict[str, str] | None = None
) -> Callable[[FileHandler, bytes], None]:
    """Answer with a status."""
    return lambda handler, _: handler.send(code, b"", headers)


@contextmanager
def serving(state: FileServer) -> Iterator[FileServer]:
    """Serve on a free port of loopback while the block runs."""
    handler = type("Bound", (FileHandler,), {"state": state})
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
