"""Everything that is installed, line by line: what became of each plugin when it was imported."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import attrs

from bionic_core.errors import RequestError
from bionic_core.plugin import Plugin
from bionic_core.registry.announced import SKIP_VARIABLE, Entry, Listed


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


def all_tried(
    entries: Mapping[str, Sequence[Entry]], role: type[Plugin] | None = None
) -> list[Listed]:
    """Import every plugin that may be of a role, and say what became of each, by name."""
    found = []
    for name in sorted(entries):
        if role is None or any(entry.may_be(role) for entry in entries[name]):
            found += tried(entries[name])
    if role is None:
        return found
    return [listed for listed in found if listed.cls is None or issubclass(listed.cls, role)]


def tried(name_sakes: Sequence[Entry]) -> list[Listed]:
    """Import the plugins of one name and say what became of each; two of a role mean nothing."""
    found = []
    for entry in name_sakes:
        error, cls = "", None
        try:
            cls = entry.load()
        except RequestError as problem:
            error = str(problem)
        rivals = [
            one for one in name_sakes if one.roles & entry.roles or not (one.roles and entry.roles)
        ]
        if len(rivals) > 1:
            error = ambiguous(rivals)
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


def line_of(listed: Listed) -> Line:
    """Return what a listing tells of a plugin."""
    doc = (inspect.getdoc(listed.cls) or "").partition("\n")[0] if listed.cls else ""
    return Line(
        name=listed.entry.name,
        role=listed.role,
        kind=getattr(listed.cls, "kind", None),
        requires=tuple(getattr(listed.cls, "requires", ())),
        source=getattr(listed.cls, "source", ""),
        summary=doc,
        distribution=listed.entry.distribution,
        version=listed.entry.version,
        target=listed.entry.target,
        error=listed.error or None,
    )
