"""A value as it stands in TOML."""

from __future__ import annotations

import tomllib
from typing import Any


def toml_value(text: str) -> Any:
    """Return a TOML value from the command line; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
