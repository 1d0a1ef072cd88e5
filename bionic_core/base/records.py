"""Results as attrs classes, and the JSON documents that they are written to and read from.

A document has a record's fields as its keys, in their order. A field with the metadata
:data:`OMITTED` is no key while it has its default, and one with ``KEY`` has another key's name
(``with``, for one, which is no name in Python).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np

from bionic_core.base.strict import KEY, structure
from bionic_core.errors import DamagedError

T = TypeVar("T")

OMITTED = "omitted"
"""Metadata of a field that is left out of the document at its default."""


def to_document(record: Any) -> Any:
    """Return a record, or what holds records, as JSON-ready data."""
    if attrs.has(type(record)):
        return {
            field.metadata.get(KEY, field.alias): to_document(getattr(record, field.name))
            for field in attrs.fields(type(record))
            if not (field.metadata.get(OMITTED) and _at_default(record, field))
        }
    if isinstance(record, Mapping):
        return {key: to_document(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_document(value) for value in record]
    if isinstance(record, np.ndarray | np.generic):
        return record.tolist()
    return str(record) if isinstance(record, Path) else record


def _at_default(record: Any, field: attrs.Attribute[Any]) -> bool:
    default = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()  # type: ignore[union-attr]
    return bool(getattr(record, field.name) == default)


def from_document(cls: type[T], document: object, *, where: str, path: str = "") -> T:
    """Return the record that a document holds; keys that the class does not have are passed over.

    Args:
        cls: an attrs class.
        document: what was read.
        where: the file, for messages.
        path: of the document in the file.

    Raises:
        DamagedError: a key is missing, or a value is not of the kind that it must be; nothing is
            cast.
    """
    record, problems = structure(document, cls, path, others=True)
    if record is None:
        raise DamagedError(
            [f"damaged: {problem.lstrip(': ')}" for problem in problems], where=where
        )
    return record
