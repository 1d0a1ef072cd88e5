"""Limits of a request: its whole time, connecting included, and the bytes of its answer."""

from __future__ import annotations

import queue
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import attrs

from bionic_core.base.arrow import unpacked

T = TypeVar("T")

FLOOR = 20_000
"""Bytes per second: a request that has used up its time may go on as long as it is this fast."""

LARGEST = 2**29
"""Bytes of an answer of CAVE, unpacked: 500,000 rows, the server's limit, have a tenth of it."""

BLOCK = 1 << 16
"""Bytes read at a time."""


class TooLateError(TimeoutError):
    """A request has used up its time."""


class TooLargeError(Exception):
    """An answer is larger than any that is expected, or not to be opened; a clause."""


@attrs.define
class Clock:
    """The time of one request with its redirects: ``limit`` seconds and 1 s per FLOOR bytes.

    Attributes:
        limit: seconds.
        received: bytes that came so far, as sent.
    """

    limit: float
    received: int = 0
    begin: float = attrs.field(factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left; negative where none are."""
        return self.begin + self.limit + self.received / FLOOR - time.monotonic()


def in_time(start: Callable[[], Iterator[T]], clock: Clock) -> Iterator[T]:
    """Yield what ``start`` yields, for as long as the clock allows.

    It runs in a thread of its own, for a name server, a handshake or a line of headers that comes
    letter by letter heeds no time limit of a socket; what is given up touches nothing any more.

    Raises:
        TooLateError: the time is used up.
        Exception: what ``start`` raises.
    """
    items: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=4)
    given_up = threading.Event()

    def put(kind: str, item: Any) -> bool:
        while not given_up.is_set():
            try:
                items.put((kind, item), timeout=0.5)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in start():
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            try:
                kind, item = items.get(timeout=max(clock.left, 0))
            except queue.Empty:
                if clock.left > 0:
                    continue
                raise TooLateError from None
            if kind == "error":
                raise item
            if kind == "end":
                return
            yield item
    finally:
        given_up.set()


@contextmanager
def limited_requests(limit: float) -> Iterator[None]:
    """Limit the requests of the package ``requests`` in the block: together they have one clock.

    caveclient makes sessions of its own, and asks some questions without one; requests knows no
    limit of the whole time, nor of an answer's size.
    """
    from requests.adapters import HTTPAdapter

    clock = Clock(limit)
    plain = HTTPAdapter.send

    def send(adapter: Any, request: Any, stream: bool = False, **options: Any) -> Any:
        options["timeout"] = max(clock.left, 0.001)
        before = clock.received

        def start() -> Iterator[Any]:
            answer = plain(adapter, request, stream=True, **options)
            with answer:
                yield answer
                if "," in answer.headers.get("Content-Encoding", ""):
                    raise TooLargeError("is packed more than once")
                for block in answer.iter_content(BLOCK):
                    clock.received = before + answer.raw.tell()
                    yield block

        coming = in_time(start, clock)
        answer = next(coming)
        content = bytearray()
        for block in coming:
            content += block
            if len(content) > LARGEST:
                coming.close()  # type: ignore[attr-defined]
                raise TooLargeError(f"unpacks to more than {LARGEST:,} bytes")
        _check_table(answer.headers.get("Content-Type", ""), bytes(content))
        answer._content, answer._content_consumed = bytes(content), True
        return answer

    HTTPAdapter.send = send  # type: ignore[assignment]
    try:
        yield
    finally:
        HTTPAdapter.send = plain  # type: ignore[method-assign]


def _check_table(kind: str, content: bytes) -> None:
    """Check a table before caveclient reads it: one that points out of itself is followed.

    Raises:
        TooLargeError: it unpacks to too much, or is of the form that old pyarrow unpickles.
        pyarrow.ArrowInvalid: it is damaged.
    """
    import pyarrow as pa

    if kind == "x-application/pyarrow":
        raise TooLargeError("came in a form that may hold programs")
    if kind != "data.arrow":
        return
    size = 0
    for message in pa.ipc.MessageReader.open_stream(content):
        try:
            size += unpacked(message.metadata, message.body) if message.body else 0
        except struct.error as error:
            raise pa.ArrowInvalid(f"a message points out of itself: {error}") from error
        if size > LARGEST:
            raise TooLargeError(f"unpacks to more than {LARGEST:,} bytes")
    with pa.ipc.open_stream(content) as reader:
        for batch in reader:
            batch.validate(full=True)
