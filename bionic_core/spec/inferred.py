"""Keys of ``[model]`` that are ``"auto"``: what the data has. The resolved spec has the numbers."""

from __future__ import annotations

from typing import Any

from bionic_core.errors import RequestError
from bionic_core.registry import Registry
from bionic_core.spec.spec import checked_data

AUTO = "auto"

SMALLEST = (1, 8, 8)
"""Pixels to read images in of which only the classes are wanted."""


def settle(model: dict[str, Any], data: object, registry: Registry, where: str) -> None:
    """Set ``classes`` and ``image`` by the data, where they are ``"auto"``.

    Raises:
        RequestError: the data cannot be read, or its images have no size of their own.
    """
    _, source, problems = checked_data(data, registry)
    if source is None:
        raise RequestError(problems, where=where)
    if model.get("image") == AUTO:
        size = source.size()
        if size is None:
            raise RequestError(
                f"model.image = \"auto\": data source '{source.name}' says no size of its images; "
                "write one, for example image = [1, 48, 48]",
                where=where,
            )
        model["image"] = list(size)
    if model.get("classes") == AUTO:
        model["classes"] = len(source.read(SMALLEST).class_names)
