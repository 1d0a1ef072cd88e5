"""One announced plugin: imported by who asks for it, and judged before anything is made of it."""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib.metadata import EntryPoint
from typing import cast

import attrs

from bionic_core import hookspecs
from bionic_core.errors import BionicError, RequestError, listing, nearest
from bionic_core.markers import ENTRY_POINT_GROUP, PROJECT, PROTOCOL
from bionic_core.plugin import Plugin

SKIP_VARIABLE = "BIONIC_PLUGINS"
"""Environment variable that leaves plugins out: ``BIONIC_PLUGINS=-name,-other``.

The name of a distribution leaves out all of its plugins.
"""

TELLS_AFTER = 10.0
"""Seconds after which an import that goes on is told of: it may wait for a server, or for ever."""


@attrs.frozen(eq=False)
class Entry:
    """One announced plugin, not yet loaded.

    Attributes:
        target: ``module:class``.
        roles: what its own roles' groups say that it is; none where it is announced in the
            common group alone, so that only its import can tell.
    """

    name: str
    distribution: str
    version: str
    target: str
    point: EntryPoint | None = None
    cls: type[Plugin] | None = None
    roles: frozenset[str] = frozenset()

    def may_be(self, role: type[Plugin]) -> bool:
        """Whether it can be of a role, as far as is known without its import.

        A surrogate is a connectome source, too, and may be announced as either.
        """
        above = {getattr(base, "role", "") for base in role.__mro__}
        return not (self.roles and role.role) or bool(self.roles & above)

    def load(self) -> type[Plugin]:
        """Import the class.

        Raises:
            RequestError: the import fails, or what it gives is no plugin.
        """
        if self.cls is not None:
            return self.cls
        assert self.point is not None
        try:
            with _told_of(self), _kept_to_itself():
                loaded = self.point.load()
        except KeyboardInterrupt:
            raise BionicError(f"stopped while plugin '{self.name}' was imported") from None
        except BaseException as error:  # a stranger's module may end the process, or say so
            from bionic_core.registry.refusals import why

            raise self._failed(why(error)) from error
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
        problem = role_problem(plugin, self.roles)
        if not problem and plugin.protocol not in (None, PROTOCOL):
            from bionic_core.registry.refusals import protocol_problem

            problem = protocol_problem(plugin, self.distribution)
        if problem := problem or hook_problem(plugin):
            raise self._failed(problem)
        return plugin

    def _failed(self, reason: str) -> RequestError:
        return RequestError(
            f"plugin '{self.name}' of {self.distribution} {self.version} cannot be loaded "
            f"({reason}). Mend or uninstall {self.distribution}, or leave the plugin out with "
            f"{SKIP_VARIABLE}=-{self.name}"
        )


@attrs.frozen(eq=False)
class Listed:
    """A plugin in a listing; ``error`` says why it failed, if it did."""

    entry: Entry
    role: str
    cls: type[Plugin] | None
    error: str


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
        from bionic_core.base.words import printable

        print(printable(words), file=sys.stderr, flush=True)

    clock = threading.Timer(TELLS_AFTER, tell)
    clock.daemon = True  # it must not keep a process that is done
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


@contextmanager
def _kept_to_itself() -> Iterator[None]:
    """Keep what a module prints out of the command's output, and the process in its folder."""
    place = os.open(".", os.O_RDONLY)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        with suppress(OSError):
            os.fchdir(place)
        os.close(place)


def role_problem(plugin: type[Plugin], said: Iterable[str]) -> str | None:
    """Say that a plugin is announced in the group of a role that is not its own."""
    own = {getattr(base, "role", "") for base in plugin.__mro__}
    wrong = sorted(set(said) - own)
    if not wrong:
        return None
    return (
        f"it is announced in the group '{group_of(wrong[0])}', but it is {a(plugin.role)}: "
        f"its group is '{group_of(plugin.role)}'"
    )


def hook_problem(plugin: type[Plugin]) -> str | None:
    """Say what keeps the hooks of a plugin's class from being asked; None if nothing does."""
    for attribute in dir(plugin):
        marked = getattr(getattr(plugin, attribute, None), f"{PROJECT}_impl", None)
        if not isinstance(marked, dict):  # what pluggy leaves on a marked method
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


def group_of(role: str) -> str:
    """Return a role's own group of entry points, ``bionic.data-source``."""
    return f"{ENTRY_POINT_GROUP}.{role.replace(' ', '-')}"


def a(word: str) -> str:
    """Return a word with its article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
