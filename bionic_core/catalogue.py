"""Everything that is installed, line by line: what became of each plugin when it was imported."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import attrs

from bionic_core.announced import SKIP_VARIABLE, Entry
from bionic_core.errors import RequestError
from bionic_core.plugin import Plugin


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


def tried(name_sakes: Sequence[Entry]) -> list[Listed]:
    """Import the plugins of one name and say what became of each; more than one mean nothing."""
    found = []
    for entry in name_sakes:
        error, cls = "", None
        try:
            cls = entry.load()
        except RequestError as problem:
            error = str(problem)
        if len(name_sakes) > 1:
            error = ambiguous(name_sakes)
        found.append(Listed(entry, cls.role if cls else "unknown", cls, error))
    return found


def ambiguous(entries: Sequence[Entry]) -> str:
    """Say that a name means nothing, since several distributions announce it."""
    where = " and ".join(
        f"{entry.target} ({entry.distribution} {entry.version})".replace(" )", ")")
        for entry in entries
    )
    return (
        f"the name '{entries[0].name}' is announced {len(entries)} times, by {where}. Uninstall "
        f"one of them, or leave all plugins of one out with {SKIP_VARIABLE}=-DISTRIBUTION"
    )
