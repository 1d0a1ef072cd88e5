"""Discovery: which plugins are installed, apart from which of them a spec uses.

Entry points are loaded one at a time, and only those that are asked for: a broken package
costs nothing to those who do not name it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextvars import ContextVar
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

import attrs

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.markers import COMMAND, ENTRY_POINT_GROUP, PROGRAM
from bionic_core.plugin import Plugin
from bionic_core.registry.announced import SKIP_VARIABLE, Entry, Listed, a

P = TypeVar("P", bound=Plugin)

HERE: ContextVar[tuple[type[Plugin], ...]] = ContextVar("HERE", default=())  # a call's own


class Registry:
    """The plugins that can be named in a spec."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, list[Entry]] = {}  # several of one name are for get to refuse
        for entry in entries:
            self._entries.setdefault(entry.name, []).append(entry)

    @classmethod
    def installed(cls) -> Registry:
        """Return what the installed distributions announce, less what the user leaves out."""
        skipped = {
            word.strip().removeprefix("-")
            for word in os.environ.get(SKIP_VARIABLE, "").split(",")
            if word.strip().startswith("-")
        }
        found: dict[tuple[str, str, str], Entry] = {}
        known: dict[int, tuple[str, str]] = {}  # name and version each parse a README when asked
        for point in _points():
            key = id(point.dist)
            if key not in known:
                said = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
                known[key] = said
            distribution, version = known[key]
            if skipped & {point.name, distribution}:
                continue
            place = (point.name, distribution, point.value)  # in two groups, yet one plugin
            entry = found.get(place) or Entry(*place[:2], version, point.value, point)
            role = point.group.removeprefix(ENTRY_POINT_GROUP).lstrip(".").replace("-", " ")
            found[place] = attrs.evolve(entry, roles=entry.roles | {role} - {""})
        return cls(found.values()).including(*HERE.get())

    def including(self, *plugins: type[Plugin]) -> Registry:
        """Return a registry that also knows these classes."""
        added = [Entry(p.name, PROGRAM, "", f"{p.__module__}:{p.__name__}", cls=p) for p in plugins]
        return Registry([*(entry for group in self._entries.values() for entry in group), *added])

    @property
    def names(self) -> tuple[str, ...]:
        """All announced names, loaded or not, but of commands, which no spec can name."""
        known = {n for n, e in self._entries.items() if any(one.roles != {COMMAND} for one in e)}
        return tuple(sorted(known))

    def announced(self, role: str) -> list[Entry]:
        """Return what the role's own group announces, by name; nothing is imported."""
        every = (entry for name in sorted(self._entries) for entry in self._entries[name])
        return [entry for entry in every if role in entry.roles]

    def get(self, name: str, role: type[P]) -> type[P]:
        """Return the plugin of that name and role.

        Raises:
            RequestError: there is none, it is broken, it is something else, or two
                distributions announce it.
        """
        called = self._entries.get(name, [])
        entries = [entry for entry in called if entry.may_be(role)] or called
        if not entries:
            allowed = [plugin.name for plugin in self.working(role)]
            raise RequestError(
                f"there is no {role.role or 'plugin'} '{name}'.{nearest(name, allowed)} "
                f"Installed are: {listing(allowed)}"
            )
        if len(entries) > 1:
            from bionic_core.registry.catalogue import ambiguous

            raise RequestError(ambiguous(entries))
        plugin = entries[0].load()
        if not issubclass(plugin, role):
            raise RequestError(f"'{name}' is {a(plugin.role)}, not {a(role.role)}")
        return plugin

    def distribution(self, name: str, role: type[Plugin] = Plugin) -> str | None:
        """Return who announces a plugin, ``package version``; None where nobody does."""
        entries = [entry for entry in self._entries.get(name, ()) if entry.may_be(role)]
        return f"{entries[0].distribution} {entries[0].version}".strip() if entries else None

    def listing(self, role: type[Plugin] | None = None) -> list[Listed]:
        """Load every plugin and say what became of it, by name.

        Of a role, only those that are announced as of it are loaded, and those of which nothing
        is said; what fails may be of any role, and is listed.
        """
        from bionic_core.registry.catalogue import all_tried

        return all_tried(self._entries, role)

    def working(self, role: type[P]) -> list[type[P]]:
        """Return the classes of a role that can be used, by name."""
        known = self.listing(role)
        return [cast(type[P], one.cls) for one in known if one.cls and not one.error]


def _points() -> list[EntryPoint]:
    """Return the entry points of the common group and of the roles' own."""
    points = entry_points()
    groups = [g for g in points.groups if g.partition(".")[0] == ENTRY_POINT_GROUP]
    return [point for group in sorted(groups) for point in points.select(group=group)]
