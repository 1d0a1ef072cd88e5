"""Values of keys that are one draw of many: which they are, and which key says which draw.

A plugin says so by its fields' metadata. ``DRAWS`` stands on the field whose values, whole numbers
from 0, number the draws: either ``True``, where whatever the plugin gives is one draw, or a table
of its other keys and those of their values that draw (``{DRAWS: {"wiring": ("rewired",)}}``).
``LADDER`` stands on a field whose values can be put in order, each keeping more of what is real
than the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from bionic_core.markers import DRAWS, LADDER
from bionic_core.plugin import Plugin
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import SECTIONS

Level = bool | int | float | str


def draw_key(spec: Spec, key: str, level: Level) -> str | None:
    """Return the key whose value says which draw of a level it is; None where nothing is drawn.

    Args:
        spec: in which the key has that level.
        key: dotted, of a mechanism without ``mechanisms.``, or a source's ``connectome.source``.
        level: its value.
    """
    for owner, plugin, name in _owners(spec, key):
        for field in _fields(type(plugin)):
            drawn = field.metadata.get(DRAWS)
            whole = drawn is True and name == "source"
            if whole or (isinstance(drawn, Mapping) and level in drawn.get(name, ())):
                return f"{owner}.{field.alias}"
    return None


def drawing_levels(spec: Spec, key: str) -> tuple[Level, ...]:
    """Return the values of a key that are one draw of many; none where the plugin says none."""
    return tuple(v for _, plugin, name in _owners(spec, key) for v in drawing(type(plugin), name))


def ladder_of(spec: Spec, key: str) -> tuple[Level, ...]:
    """Return a key's values in order, each keeping more than the one before; none without order."""
    return tuple(v for _, plugin, name in _owners(spec, key) for v in ladder(type(plugin), name))


def drawing(cls: type[Plugin], name: str) -> tuple[Level, ...]:
    """Return the values of a plugin's key that are one draw of many."""
    tables = (field.metadata.get(DRAWS) for field in _fields(cls))
    return tuple(v for table in tables if isinstance(table, Mapping) for v in table.get(name, ()))


def ladder(cls: type[Plugin], name: str) -> tuple[Level, ...]:
    """Return the values of a plugin's key in order, each keeping more than the one before."""
    return tuple(v for f in _fields(cls) if f.alias == name for v in f.metadata.get(LADDER, ()))


def _owners(spec: Spec, key: str) -> Iterator[tuple[str, Plugin, str]]:
    """Give the plugin that a key belongs to, what its keys begin with, and the key's own name."""
    owner, _, name = key.removeprefix("mechanisms.").rpartition(".")
    plugins: Mapping[str, Plugin | None] = {
        "connectome": spec.connectome,
        "data": spec.data,
        **{name: mechanism for name, mechanism in spec.mechanisms.items() if name not in SECTIONS},
    }
    if (plugin := plugins.get(owner)) is not None:
        yield owner, plugin, name


def _fields(cls: type[Plugin]) -> Iterator[attrs.Attribute[Any]]:
    yield from attrs.fields(cls)  # type: ignore[arg-type]  # all plugins are attrs classes
