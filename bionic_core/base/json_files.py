"""The one door for a JSON file that a command names or finds beside runs, from whomever it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bionic_core.base.files import read_own
from bionic_core.errors import DamagedError

LARGEST = 2**28
"""Bytes of such a file."""


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DamagedError: it is missing, no file, too large, no JSON, nested too deep, or has a key
            twice in an object, of which one would be dropped.
    """
    data = read_own(path, LARGEST)
    try:
        return json.loads(data.decode(), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise DamagedError(
            f"damaged: it cannot be read as JSON ({error})", where=str(path)
        ) from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} is there twice")
    return found
