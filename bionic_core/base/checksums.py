"""SHA-256 over what a run leaves behind: in a file of sums, and within a safetensors file.

The sums are in the format of ``sha256sum``, so that ``sha256sum -c SHA256SUMS`` checks a folder
with nothing of this package installed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bionic_core.errors import DamagedError

SEAL = "sha256"
"""The key of the checksum in a safetensors file's metadata."""

_LINE = re.compile(r"([0-9a-f]{64})  ([\w.]+)")


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes as hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def to_sums(contents: Mapping[str, bytes]) -> str:
    """Return a file of sums of contents by file name."""
    return "".join(f"{sha256(data)}  {name}\n" for name, data in contents.items())


def from_sums(text: str, names: Iterable[str], *, where: Path) -> dict[str, str]:
    """Return the sums by file name.

    Raises:
        DamagedError: it is no file of sums of exactly these names, in this order.
    """
    lines = text.split("\n")
    found = [match for line in lines[:-1] if (match := _LINE.fullmatch(line))]
    sums = {match[2]: match[1] for match in found}
    if lines[-1] or len(found) != len(lines) - 1 or list(sums) != list(names):
        raise DamagedError(
            f"damaged: it must be a SHA-256 and a name a line, of {', '.join(names)}",
            where=str(where),
        )
    return sums


def seal(data: bytes) -> tuple[bytes | memoryview, ...]:
    """Return the parts of a safetensors file with a checksum of all of it in its metadata."""
    header, body = _parts(data)
    header.setdefault("__metadata__", {})[SEAL] = _digest(header, body)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned to 8 bytes
    return len(text).to_bytes(8, "little"), text, body


def unseal(data: bytes, *, where: Path) -> tuple[dict[str, str], bool]:
    """Return a safetensors file's metadata, and whether it has a checksum at all.

    Raises:
        DamagedError: it is no safetensors file, or not what was sealed.
    """
    try:
        header, body = _parts(data)
        metadata = {str(key): str(text) for key, text in header["__metadata__"].items()}
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedError(f"damaged: no safetensors file ({error!r})", where=str(where)) from error
    sealed = metadata.pop(SEAL, None)
    if sealed is not None:
        header["__metadata__"].pop(SEAL)
        if sealed != _digest(header, body):
            raise DamagedError("damaged: its checksum is another", where=str(where))
    return metadata, sealed is not None


def _parts(data: bytes) -> tuple[dict[str, Any], memoryview]:
    size = int.from_bytes(data[:8], "little")
    if not 2 <= size <= len(data) - 8:
        raise ValueError("it is too short for its header")
    header = json.loads(data[8 : 8 + size])
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, memoryview(data)[8 + size :]


def _digest(header: Mapping[str, Any], body: memoryview) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
    digest.update(body)
    return digest.hexdigest()
