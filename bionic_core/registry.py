"""Discovery: which plugins are installed, apart from which of them a spec uses.

Entry points are loaded one at a time, and only those that are asked for: a broken package
costs nothing to those who do not name it.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

import attrs

from bionic_core import hookspecs
from bionic_core.errors import RequestError, listing, nearest, printable
from bionic_core.markers import DISTRIBUTION, ENTRY_POINT_GROUP, PROJECT, PROTOCOL
from bionic_core.plugin import Plugin

SKIP_VARIABLE = "BIONIC_PLUGINS"
"""Environment variable that leaves plugins out: ``BIONIC_PLUGINS=-name,-other``.

The name of a distribution leaves out all of its plugins.
"""

TELLS_AFTER = 10.0
"""Seconds after which an import that goes on is told of: it may wait for a server, or for ever."""

P = TypeVar("P", bound=Plugin)


@attrs.frozen(eq=False)
class Entry:
    """One announced plugin, not yet loaded."""

    name: str
    distribution: str
    version: str
    target: str
    point: EntryPoint | None = None
    cls: type[Plugin] | None = None

    def load(self) -> type[Plugin]:
        """Import the class.

        Raises:
            RequestError: the import fails, or what it gives is no plugin.
        """
        if self.cls is not None:
            return self.cls
        assert self.point is not None
        try:
            with _told_of(self):
                loaded = self.point.load()
        except (Exception, SystemExit) as error:
            raise self._failed(_why(error)) from error
        if not (inspect.isclass(loaded) and issubclass(loaded, Plugin) and loaded.role):
            raise self._failed(
                f"{self.target} is no subclass of bionic_core's Mechanism, DataSource or another "
                "role's class"
            )
        if not attrs.has(loaded):
            raise self._failed(f"{self.target} is no attrs class; decorate it with @attrs.frozen")
        if getattr(loaded, "name", None) != self.name:
            found = getattr(loaded, "name", None)
            raise self._failed(f"the class says name = {found!r}; it must be {self.name!r}")
        plugin = cast(type[Plugin], loaded)
        if problem := protocol_problem(plugin, self.distribution) or hook_problem(plugin):
            raise self._failed(problem)
        return plugin

    def _failed(self, reason: str) -> RequestError:
        return RequestError(
            f"plugin '{self.name}' of {self.distribution} {self.version} cannot be loaded "
            f"({reason}). Mend or uninstall {self.distribution}, or leave the plugin out with "
            f"{SKIP_VARIABLE}=-{self.name}"
        )


@attrs.frozen
class Line:
    """What a listing tells of a plugin; ``summary`` is its docstring's first line."""

    name: str
    role: str
    kind: str | None
    requires: tuple[str, ...]
    source: str
    summary: str
    distribution: str
    version: str
    target: str
    error: str | None


@attrs.frozen
class Listing:
    """What is installed, failed plugins included."""

    plugins: tuple[Line, ...]


@attrs.frozen(eq=False)
class Listed:
    """A plugin in a listing; ``error`` says why it failed, if it did."""

    entry: Entry
    role: str
    cls: type[Plugin] | None
    error: str

    @property
    def line(self) -> Line:
        """What is told of it."""
        doc = (inspect.getdoc(self.cls) or "").partition("\n")[0] if self.cls else ""
        return Line(
            name=self.entry.name,
            role=self.role,
            kind=getattr(self.cls, "kind", None),
            requires=tuple(getattr(self.cls, "requires", ())),
            source=getattr(self.cls, "source", ""),
            summary=doc,
            distribution=self.entry.distribution,
            version=self.entry.version,
            target=self.entry.target,
            error=self.error or None,
        )


class Registry:
    """The plugins that can be named in a spec."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, list[Entry]] = {}
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
        seen: dict[tuple[str, str, str], Entry] = {}
        known: dict[int, tuple[str, str]] = {}  # name and version each parse a README when asked
        for point in entry_points(group=ENTRY_POINT_GROUP):
            key = id(point.dist)
            if key not in known:
                found = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
                known[key] = found
            distribution, version = known[key]
            if not skipped & {point.name, distribution}:
                entry = Entry(point.name, distribution, version, point.value, point)
                seen[(point.name, distribution, point.value)] = entry
        return cls(seen.values())

    def including(self, *plugins: type[Plugin]) -> Registry:
        """Return a registry that also knows these classes."""
        added = [
            Entry(
                plugin.name,
                "this program",
                "",
                f"{plugin.__module__}:{plugin.__name__}",
                cls=plugin,
            )
            for plugin in plugins
        ]
        return Registry([*(entry for group in self._entries.values() for entry in group), *added])

    @property
    def names(self) -> tuple[str, ...]:
        """All announced names, loaded or not."""
        return tuple(sorted(self._entries))

    def get(self, name: str, role: type[P]) -> type[P]:
        """Return the plugin of that name and role.

        Raises:
            RequestError: there is none, it is broken, it is something else, or two
                distributions announce it.
        """
        entries = self._entries.get(name, [])
        if not entries:
            allowed = self._loadable(role)
            raise RequestError(
                f"there is no {role.role or 'plugin'} '{name}'.{nearest(name, allowed)} "
                f"Installed are: {listing(allowed)}"
            )
        if len(entries) > 1:
            raise RequestError(_ambiguous(entries))
        plugin = entries[0].load()
        if not issubclass(plugin, role):
            raise RequestError(f"'{name}' is {_a(plugin.role)}, not {_a(role.role)}")
        return plugin

    def distribution(self, name: str) -> str | None:
        """Return who announces a plugin, ``package version``; None where nobody does."""
        entries = self._entries.get(name)
        return f"{entries[0].distribution} {entries[0].version}".strip() if entries else None

    def listing(self) -> list[Listed]:
        """Load every plugin and say what became of it, by name."""
        found = []
        for name in self.names:
            entries = self._entries[name]
            for entry in entries:
                error, cls = "", None
                try:
                    cls = entry.load()
                except RequestError as problem:
                    error = str(problem)
                if len(entries) > 1:
                    error = _ambiguous(entries)
                found.append(Listed(entry, cls.role if cls else "unknown", cls, error))
        return found

    def _loadable(self, role: type[Plugin]) -> list[str]:
        return [
            listed.entry.name
            for listed in self.listing()
            if listed.cls is not None and not listed.error and issubclass(listed.cls, role)
        ]


@contextmanager
def _told_of(entry: Entry) -> Iterator[None]:
    """Say on stderr which plugin is being imported, once that has taken long.

    The import is not broken off: a module that is left half-way cannot be imported again.
    """

    def tell() -> None:
        words = (
            f"bionic: still importing plugin '{entry.name}' of {entry.distribution} "
            f"{entry.version} after {TELLS_AFTER:g} s; {SKIP_VARIABLE}=-{entry.name} leaves it out"
        )
        print(printable(words), file=sys.stderr, flush=True)

    clock = threading.Timer(TELLS_AFTER, tell)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


def _ambiguous(entries: list[Entry]) -> str:
    """Say that a name means nothing, since several distributions announce it."""
    where = " and ".join(
        f"{entry.target} ({entry.distribution} {entry.version})".replace(" )", ")")
        for entry in entries
    )
    return (
        f"the name '{entries[0].name}' is announced {len(entries)} times, by {where}. Uninstall "
        f"one of them, or leave all plugins of one out with {SKIP_VARIABLE}=-DISTRIBUTION"
    )


def _why(error: BaseException) -> str:
    """Say why an import failed."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"it needs the package '{error.name.partition('.')[0]}', which is not installed"
    return f"{type(error).__name__}: {error}"


def protocol_problem(plugin: type[Plugin], distribution: str) -> str | None:
    """Say that a plugin was written for another protocol; None if it fits, or does not say."""
    protocol = plugin.protocol
    if protocol is None or protocol == PROTOCOL:
        return None
    if not isinstance(protocol, int):
        return f"the class says protocol = {protocol!r}; it must be a whole number"
    newer = DISTRIBUTION if protocol > PROTOCOL else distribution
    return (
        f"written for protocol {protocol} of bionic's plugins, and this bionic has protocol "
        f"{PROTOCOL}; a newer {newer} may fit"
    )


def hook_problem(plugin: type[Plugin]) -> str | None:
    """Say what keeps the hooks of a plugin's class from being asked; None if nothing does."""
    for attribute in dir(plugin):
        marked = getattr(getattr(plugin, attribute, None), f"{PROJECT}_impl", None)
        if not isinstance(marked, dict):
            continue
        hook = marked.get("specname") or attribute
        if hook not in hookspecs.COMBINATION:
            known = hookspecs.COMBINATION
            return f"there is no hook '{hook}'.{nearest(hook, known)} Hooks are {listing(known)}"
        allowed = inspect.signature(getattr(hookspecs, hook)).parameters
        unknown = [
            name
            for name, parameter in inspect.signature(getattr(plugin, attribute)).parameters.items()
            if name not in ("self", *allowed) and parameter.default is parameter.empty
        ]
        if unknown:
            return f"its hook '{hook}' asks for {listing(unknown)}; the hook has {listing(allowed)}"
    return None


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
