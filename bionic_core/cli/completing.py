"""What may come next on the command line, for the shell's TAB: no plugin is imported for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
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

SOURCES = {"data": "data source", "connectome": "connectome source"}
"""Tables whose further keys are those of a source, and its role."""


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
    """Yield ``KEY=`` for the keys of the spec's tables and of mechanisms, a table at a time.

    A key that is the only one left, or is written out, comes with its values: those that are
    allowed where they are a few words, else its default. The shell puts no space behind ``KEY=``
    where more than that may come.
    """
    lead = "mechanisms." if incomplete.startswith("mechanisms.") else ""
    key, equals, value = incomplete.removeprefix(lead).partition("=")
    table, dot, _ = key.partition(".")
    if not dot:
        mechanisms = sorted(one.name for one in Registry.installed().announced("mechanism"))
        tables = [*_begun([*({} if lead else TABLES), *mechanisms], key)]
        yield from (f"{lead}{name}." for name in tables)
        table = tables[0] if len(tables) == 1 else ""
    known = {f"{table}.{name}": words for name, words in _values(ctx, table).items()}
    left = [name for name in known if (name == key if equals else name.startswith(key))]
    found = [] if equals else [f"{name}=" for name in left]
    if len(left) == 1:
        before = value[: value.rfind(",") + 1]  # of a factor's values
        found += [f"{left[0]}={before}{word}" for word in known[left[0]]]
    yield from _begun((f"{lead}{word}" for word in found), incomplete)


def _values(ctx: typer.Context, table: str) -> dict[str, tuple[str, ...]]:
    """Return a table's keys, and what is offered for each."""
    announced = Registry.installed().announced
    targets = [TABLES[table]] if table in TABLES else []
    role = SOURCES.get(table, "mechanism")
    wanted = _source(ctx, table) if table in SOURCES else table
    targets += [one.target for one in announced(role) if one.name == wanted]
    found: dict[str, tuple[str, ...]] = {}
    for target in targets:
        known = outline(target)
        found |= {key: known.values.get(key, ()) for key in known.keys if key not in found}
    if table in SOURCES:
        found["source"] = tuple(sorted({one.name for one in announced(role)}))
    return found


@contextmanager
def told_to_bash(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Have what is printed meanwhile be what bash wants: of a word with ``=``, what is behind it.

    It takes words apart there, in what it tells of the line, too; they are put together again.
    """
    words = environment.get("COMP_WORDS", "").split()
    count = environment.get("COMP_CWORD", "")
    at = int(count) if count.isdecimal() else 0
    given = [*words[:at], words[at] if at < len(words) else ""]
    joined: list[str] = []
    for word in given:
        if joined and (word == "=" or (joined[-1][1:].endswith("=") and word)):
            joined[-1] += word
        else:
            joined.append(word)
    environment["COMP_WORDS"] = "\n".join(joined)
    environment["COMP_CWORD"] = str(len(joined) - 1)
    option, _, value = joined[-1].partition("=")
    answered = value if option.startswith("-") else joined[-1]  # of --set=KEY=, it is KEY=…
    behind = answered.rfind("=") + 1 if len(joined) < len(given) else 0
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        for line in printed.getvalue().splitlines():
            print(line[behind:])


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
