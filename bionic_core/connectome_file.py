"""A connectome's file: an ``.npz`` of its arrays that needs no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.arrays import read_arrays
from bionic_core.base.files import write_atomically
from bionic_core.base.strict_json import json_text
from bionic_core.errors import RequestError, listing

LARGE = 2**24
"""Bytes of arrays above which a file is written uncompressed: minutes are worth more than room."""

DEEPEST = 20
"""Levels of a provenance."""


def write(path: Path, arrays: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    """Write the arrays and where they come from; complete or not at all."""
    text = json_text(dict(provenance), sort_keys=True).encode()
    large = sum(array.nbytes for array in arrays.values()) > LARGE
    with write_atomically(path) as file:
        save = np.savez if large else np.savez_compressed
        parts: dict[str, Any] = {**arrays, "provenance": np.frombuffer(text, np.uint8)}
        save(file, **parts)


def fingerprint(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return SHA-256 over arrays, their names and shapes, as hexadecimal."""
    digest = hashlib.sha256()
    for key, array in arrays.items():
        digest.update(f"{key}{array.shape}".encode())
        if array.dtype.kind == "U":
            digest.update("\0".join(array.tolist()).encode())  # whatever the texts' width
        else:
            # The same bytes on every machine, whatever its own order.
            digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def read(
    path: Path, *, needed: Iterable[str], optional: Iterable[str]
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays, those of ``optional`` as far as they are there, and the provenance.

    Raises:
        RequestError: the file is missing, damaged or not a connectome.
    """
    found = read_arrays(path)
    needed = list(needed)
    missing = {*needed, "provenance"} - set(found)
    if missing:
        raise RequestError(f"not a connectome: it lacks {listing(missing)}", where=str(path))
    provenance = _provenance(found["provenance"], str(path))
    for array in found.values():
        array.setflags(write=False)  # nobody else has them: no copies are needed
    there = [key for key in (*needed, *optional) if key in found]
    return {key: found[key] for key in there}, provenance


def _provenance(array: npt.NDArray[Any], where: str) -> dict[str, Any]:
    """Return the JSON object that the bytes of an array are."""
    if array.dtype != np.uint8 or array.ndim != 1:
        raise RequestError(
            f"damaged: provenance is {array.dtype} {array.shape}; bytes of JSON are needed",
            where=where,
        )
    try:
        document = json.loads(array.tobytes())
        deep = _deeper(document, DEEPEST)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"damaged: provenance is no JSON ({error})", where=where) from error
    if not isinstance(document, dict) or deep or not isinstance(document.get("label", ""), str):
        raise RequestError(
            "damaged: provenance must be a JSON object, a text its label, and nothing in it more "
            f"than {DEEPEST} levels deep",
            where=where,
        )
    return document


def _deeper(value: object, levels: int) -> bool:
    """Whether data is nested deeper than so many levels."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _deeper(part, levels - 1) for part in parts)
