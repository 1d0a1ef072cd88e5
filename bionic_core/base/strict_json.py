"""JSON files as every reader takes them: numbers that JSON lacks are words, as protobuf has them.

``NaN``, ``Infinity`` and ``-Infinity`` stand in quotes where a number is not finite;
:func:`bionic_core.base.records.from_document` makes them numbers again where a number belongs.
Files of older versions, which have them without quotes, are read as before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

WORDS = ("NaN", "Infinity", "-Infinity")
"""What stands for numbers that JSON lacks."""


def json_text(document: Any, **options: Any) -> str:
    """Return JSON of a document, in which every number is finite.

    Args:
        document: JSON-ready, but for numbers that are not finite.
        options: of ``json.dumps``.
    """
    try:
        return json.dumps(document, allow_nan=False, **options)
    except ValueError:  # a number, or a document that holds itself, which fails again
        return json.dumps(replaced(document, in_words), allow_nan=False, **options)


def replaced(document: Any, each: Callable[[Any], Any]) -> Any:
    """Return a document with another value in the place of each that holds no others."""
    if isinstance(document, Mapping):
        return {key: replaced(value, each) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [replaced(value, each) for value in document]
    return each(document)


def in_words(value: Any) -> Any:
    """Return a number that is not finite as a word, and anything else as it is."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def in_numbers(value: Any) -> Any:
    """Return a word for a number as that number, and anything else as it is."""
    return float(value) if isinstance(value, str) and value in WORDS else value
