"""A plugin that a table of the spec names."""

from __future__ import annotations

from typing import TypeVar

from bionic_core.base.strict import structure
from bionic_core.errors import RequestError
from bionic_core.plugin import Plugin
from bionic_core.registry import Registry

P = TypeVar("P", bound=Plugin)


def plugin_of(
    name: str, role: type[P], table: object, registry: Registry, path: str, name_path: str
) -> tuple[P | None, list[str]]:
    """Return a plugin's instance from its table, or all that is wrong."""
    try:
        cls = registry.get(name, role)
    except RequestError as error:
        return None, [f"{name_path}: {problem}" for problem in error.problems]
    return structure(table, cls, path)
