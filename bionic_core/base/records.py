"""Results as attrs classes, and the JSON documents that they are written to and read from.

A document has a record's fields as its keys, in their order. A field with the metadata
:data:`OMITTED` is no key while it has its default, and one with ``KEY`` has another key's name
(``with``, for one, which is no name in Python). One with ``SPREAD`` stands as its own keys; what
is written so is not read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from bionic_core.errors import DamagedError

T = TypeVar("T")

OMITTED = "omitted"
"""Metadata of a field that is left out of the document at its default."""

SPREAD = "spread"
"""Metadata of a field, a record or a mapping, whose keys stand in the document in its place."""


def to_document(record: Any) -> Any:
    """Return a record, or what holds records, as JSON-ready data."""
    # What makes objects takes a sixth of a second to import, and the help needs none.
    from bionic_core.base.strict import KEY

    if attrs.has(type(record)):
        document: dict[str, Any] = {}
        for field in attrs.fields(type(record)):
            value = to_document(getattr(record, field.name))
            if field.metadata.get(SPREAD):
                document |= value
            elif not omitted(record, field):
                document[field.metadata.get(KEY, field.alias)] = value
        return document
    if isinstance(record, Mapping):
        return {key: to_document(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_document(value) for value in record]
    if hasattr(record, "tolist"):  # an array; numpy itself takes too long to import for this
        return record.tolist()
    return str(record) if isinstance(record, Path) else record


def omitted(record: Any, field: attrs.Attribute[Any]) -> bool:
    """Return whether a field of a record is left out of its document."""
    if not field.metadata.get(OMITTED):
        return False
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
    from bionic_core.base.strict import structure

    record, problems = structure(document, cls, path, others=True)
    if record is None:
        raise DamagedError(
            [f"damaged: {problem.lstrip(': ')}" for problem in problems], where=where
        )
    return record
