"""Data whose words can be written, whatever a file or a name had in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


def printable(value: Any) -> Any:
    """Return data whose words can be written: controls and halves of letters become �."""
    if isinstance(value, str):
        whole = value.encode("utf-8", "replace").decode("utf-8")
        return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in whole)
    if isinstance(value, Mapping):
        return {printable(key): printable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [printable(part) for part in value]
    if attrs.has(type(value)):
        fields = [field for field in attrs.fields(type(value)) if field.init]
        return type(value)(**{f.alias: printable(getattr(value, f.name)) for f in fields})
    return value
