"""What a message of Arrow's format unpacks to, from what it says of itself: nothing is unpacked.

A batch of 50 kB can hold 2 GB of zeros, and pyarrow unpacks a batch before it says its size. The
few numbers that are needed are read here from the message's FlatBuffer (Message.fbs and File.fbs of
Apache Arrow's specification); a length that lies is found by the unpacker, which allocates no more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

LARGEST_BATCH = 2**30
"""Bytes that a batch may unpack to: writers make batches of some ten thousand rows."""

LARGEST_FILE = 2**37
"""Bytes that the batches of a file may unpack to, one after the other: 1.5 times all synapses of
MICrONS with every column."""

MAGIC = b"ARROW1"
DICTIONARY, BATCH = 2, 3  # the kinds of messages that have a body


class TooLargeError(ValueError):
    """A batch, or a file, unpacks to more than is unpacked here; a clause."""


@attrs.frozen
class _Place:
    """A table in a FlatBuffer: where its fields are."""

    data: Any
    at: int

    def field(self, number: int) -> int:
        """Return where a field is; 0 where it is left out."""
        vtable = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        if 4 + 2 * number >= struct.unpack_from("<H", self.data, vtable)[0]:
            return 0
        offset = int(struct.unpack_from("<H", self.data, vtable + 4 + 2 * number)[0])
        return self.at + offset if offset else 0

    def table(self, number: int) -> _Place | None:
        """Return the table in a field."""
        place = self.field(number)
        return (place and _root(self.data, place)) or None

    def structs(self, number: int, form: str) -> Iterator[tuple[Any, ...]]:
        """Yield the structs of the vector in a field."""
        if place := self.field(number):
            start = place + struct.unpack_from("<I", self.data, place)[0]
            (count,) = struct.unpack_from("<I", self.data, start)
            size = struct.calcsize(form)
            for k in range(count):
                yield struct.unpack_from(form, self.data, start + 4 + k * size)


def _root(data: Any, at: int = 0) -> _Place:
    return _Place(data, at + struct.unpack_from("<I", data, at)[0])


def unpacked(message: Any, body: Any) -> int:
    """Return the bytes that a message's body says to unpack to.

    Args:
        message: its FlatBuffer.
        body: its body, in which each packed buffer begins with its length.

    Raises:
        struct.error: it points out of itself.
    """
    root = _root(message)
    (kind,) = struct.unpack_from("<B", message, root.field(1)) if root.field(1) else (0,)
    batch = root.table(2)
    if batch is not None and kind == DICTIONARY:
        batch = batch.table(1)
    if batch is None or kind not in (DICTIONARY, BATCH):
        return 0
    packed = batch.field(3) != 0
    total = 0
    for offset, length in batch.structs(2, "<qq"):
        said = struct.unpack_from("<q", body, offset)[0] if packed and length >= 8 else -1
        total += length if said < 0 else said
    return total


def check_file_unpacks(path: Path) -> None:
    """Check, before any batch of an Arrow file is unpacked, what all of them unpack to.

    Raises:
        TooLargeError: to more than :data:`LARGEST_BATCH` or :data:`LARGEST_FILE` bytes.
        ValueError: it is no Arrow file, or its index points out of it.
    """
    import mmap

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[: len(MAGIC)] != MAGIC or data[-len(MAGIC) :] != MAGIC:
            raise ValueError("no Arrow file of version 2")
        try:
            end = len(data) - len(MAGIC) - 4
            (length,) = struct.unpack_from("<i", data, end)
            footer = _root(data[end - length : end])
            # copied: views of a map that is to be closed would hold it
            blocks = [*footer.structs(2, "<qi4xq"), *footer.structs(3, "<qi4xq")]
            total = 0
            for number, (offset, size, body) in enumerate(blocks):
                if min(offset, size, body) < 0 or offset + size + body > len(data):
                    raise ValueError(f"batch {number} lies outside of the file")
                begin = offset + (8 if data[offset : offset + 4] == b"\xff" * 4 else 4)
                message = data[begin : offset + size]
                with memoryview(data) as whole, whole[offset + size : offset + size + body] as view:
                    found = unpacked(message, view)
                if found > LARGEST_BATCH:
                    raise TooLargeError(
                        f"a batch of it unpacks to {found:,} bytes, and at most {LARGEST_BATCH:,} "
                        "are unpacked at a time; write it anew in batches of fewer rows"
                    )
                total += found
        except struct.error as error:
            raise ValueError(f"its index is damaged: {error}") from error
    if total > LARGEST_FILE:
        raise TooLargeError(f"it unpacks to {total:,} bytes; at most {LARGEST_FILE:,} are read")
