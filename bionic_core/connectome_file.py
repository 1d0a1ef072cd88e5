"""A connectome's file: an ``.npz`` of its arrays that needs no pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.base.files import read_arrays, write_atomically
from bionic_core.errors import RequestError, listing

LARGE = 2**24
"""Bytes of arrays above which a file is written uncompressed: minutes are worth more than room."""


def write(path: Path, arrays: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    """Write the arrays and where they come from; complete or not at all."""
    text = json.dumps(dict(provenance), sort_keys=True).encode()
    large = sum(array.nbytes for array in arrays.values()) > LARGE
    with write_atomically(path) as file:
        save = np.savez if large else np.savez_compressed
        parts: dict[str, Any] = {**arrays, "provenance": np.frombuffer(text, np.uint8)}
        save(file, **parts)


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
    try:
        provenance = json.loads(found["provenance"].tobytes())
    except ValueError as error:
        raise RequestError(f"damaged ({error})", where=str(path)) from error
    for array in found.values():
        array.setflags(write=False)  # nobody else has them: no copies are needed
    there = [key for key in (*needed, *optional) if key in found]
    return {key: found[key] for key in there}, provenance
