"""Everything that is installed, line by line: what became of each plugin when it was imported."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from bionic_core.announced import SKIP_VARIABLE, Entry, Listed
from bionic_core.errors import RequestError


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


def document_of(listed: Listed) -> dict[str, Any]:
    """Return a listing's line as JSON-ready data."""
    doc = (inspect.getdoc(listed.cls) or "").partition("\n")[0] if listed.cls else ""
    return {
        "name": listed.entry.name,
        "role": listed.role,
        "kind": getattr(listed.cls, "kind", None),
        "requires": list(getattr(listed.cls, "requires", ())),
        "source": getattr(listed.cls, "source", ""),
        "summary": doc,
        "distribution": listed.entry.distribution,
        "version": listed.entry.version,
        "target": listed.entry.target,
        "error": listed.error or None,
    }
