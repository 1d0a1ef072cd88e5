"""The shapes of JSON documents that are read back: checked, so that a wrong one is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = Any
"""A type; a tuple of alternatives; ``[shape]``, a list of any length; ``{key: shape}``, an object
with at least these keys (``"key?"`` may be absent, ``"*"`` stands for every other key)."""

NUMBER = (int, float)

_WORDS = {str: "text", int: "a whole number", float: "a number", dict: "an object", None: "null"}


def mismatch(value: object, shape: Shape, path: str = "") -> str | None:
    """Return where a document departs from a shape and what is wanted there, None if nowhere."""
    if isinstance(shape, Mapping):
        return _object(value, shape, path)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path or 'it'} must be a list"
        places = (mismatch(item, shape[0], f"{path}[{n}]") for n, item in enumerate(value))
        return next((found for found in places if found), None)
    kinds = shape if isinstance(shape, tuple) else (shape,)
    found = [mismatch(value, kind, path) for kind in kinds if isinstance(kind, (Mapping, list))]
    plain = [kind for kind in kinds if not isinstance(kind, (Mapping, list))]
    if type(value) in plain or (value is None and None in plain) or None in found:
        return None
    return next(
        (words for words in found if words and isinstance(value, (dict, list))),
        f"{path or 'it'} must be {' or '.join(_WORDS[kind] for kind in plain)}",
    )


def _object(value: object, shape: Mapping[str, Shape], path: str) -> str | None:
    if not isinstance(value, dict):
        return f"{path or 'it'} must be an object"
    prefix = f"{path}." if path else ""
    known = {key.removesuffix("?"): key for key in shape}
    for name, key in known.items():
        if name == "*":
            continue
        if name not in value:
            if key == name:
                return f"{prefix}{name} is missing"
            continue
        if found := mismatch(value[name], shape[key], f"{prefix}{name}"):
            return found
    others = ((name, value[name]) for name in value if "*" in shape and name not in known)
    checks = (mismatch(item, shape["*"], f"{prefix}{name}") for name, item in others)
    return next((found for found in checks if found), None)
