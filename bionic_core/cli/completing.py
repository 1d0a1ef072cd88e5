"""What may come next on the command line, for the shell's TAB: no plugin is imported for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from bionic_core.markers import COMMAND
from bionic_core.registry import Registry
from bionic_core.registry.outline import outline

TABLES = {
    "model": "bionic_core.spec.tables:Model",
    "data": "bionic_core.spec.tables:DataChoice",
    "training": "bionic_core.spec.tables:Training",
    "connectome": "bionic_core.spec.tables:ConnectomeChoice",
}
"""Where the core's keys of each table are."""


def spec_names(incomplete: str) -> Iterator[str]:
    """Yield shipped specs and TOML files."""
    from bionic_core.spec.find import shipped_specs

    yield from _begun(shipped_specs(), incomplete)
    folder = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    if folder.is_dir():
        inside = (path for path in sorted(folder.iterdir()) if path.name[:1] != ".")
        found = (f"{path}/" if path.is_dir() else str(path) for path in inside)
        yield from _begun((one for one in found if one.endswith((".toml", "/"))), incomplete)


def plugins_of(*roles: str, also: str = "") -> Callable[[str], Iterator[str]]:
    """Return what yields the names of plugins of some roles, one or several by commas."""

    def names(incomplete: str) -> Iterator[str]:
        before, comma, last = incomplete.rpartition(",")
        found = {one.name for role in roles for one in Registry.installed().announced(role)}
        known = [*sorted(found), *filter(None, [also])]
        yield from (f"{before}{comma}{name}" for name in _begun(known, last))

    return names


def any_plugin(incomplete: str) -> Iterator[str]:
    """Yield the names of all plugins that are no commands."""
    yield from _begun(Registry.installed().names, incomplete)


def to_check(incomplete: str) -> Iterator[str]:
    """Yield the names of all plugins, and of commands, as they are announced."""
    registry = Registry.installed()
    commands = [one.name for one in registry.announced(COMMAND)]
    yield from _begun(dict.fromkeys((*registry.names, *commands)), incomplete)


def keys(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield ``KEY=`` for the keys of the spec's tables and of mechanisms, a table at a time."""
    if "=" in incomplete:
        return
    table, dot, _ = incomplete.removeprefix("mechanisms.").partition(".")
    if not dot:
        mechanisms = sorted(one.name for one in Registry.installed().announced("mechanism"))
        yield from _begun((f"{name}." for name in (*TABLES, *mechanisms)), incomplete)
        return
    whole = incomplete[: len(incomplete) - len(incomplete.partition(f"{table}.")[2])]
    targets = [TABLES[table]] if table in TABLES else []
    role = {"data": "data source", "connectome": "connectome source"}.get(table, "mechanism")
    wanted = _source(ctx, table) if table in ("data", "connectome") else table
    targets += [one.target for one in Registry.installed().announced(role) if one.name == wanted]
    found = dict.fromkeys(key for target in targets for key in outline(target).keys)
    yield from _begun((f"{whole}{key}=" for key in found), incomplete)


def runs(incomplete: str) -> Iterator[str]:
    """Yield the runs of ./runs and of a folder that is named, and ``latest``."""
    given = Path(incomplete)
    folder = given if incomplete.endswith("/") else given.parent
    inside = folder if folder != Path() else Path("runs")
    lead = "" if folder == Path() else f"{folder}/"
    names = [p.name for p in sorted(inside.iterdir()) if p.is_dir()] if inside.is_dir() else []
    yield from _begun((f"{lead}{name}" for name in (*names, "latest")), incomplete)


def _source(ctx: typer.Context, table: str) -> str:
    """Return the source that the spec has in a table, or that --data names."""
    from bionic_core.errors import RequestError
    from bionic_core.spec.find import find, read

    given: Any = ctx.params
    if table == "data" and given.get("data"):
        return str(given["data"]).partition(":")[0]
    try:
        document = read(find(given.get("spec") or "demo"))
    except RequestError:
        return ""
    found = document.get(table)
    return str(found.get("source", "")) if isinstance(found, dict) else ""


def _begun(names: Iterable[str], incomplete: str) -> Iterator[str]:
    yield from (name for name in names if name.startswith(incomplete))
