"""Data and connectomes that are named outside a spec: by a source's name, or by a path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from bionic_core.base.files import check_file
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import ConnectomeSource, DataSource
from bionic_core.registry import Registry
from bionic_core.spec.connectome import checked_connectome
from bionic_core.spec.spec import checked_data
from bionic_core.spec.tables import DataChoice


def choose_data(document: dict[str, Any], data: str, registry: Registry) -> None:
    """Take the data from a registered source, or from a path; how it is split stays.

    Raises:
        RequestError: it is neither.
    """
    table = document.setdefault("data", {})
    ours = {key.name for key in attrs.fields(DataChoice)} - {"source"}
    # Another source's keys mean nothing to this one; how to split is the user's choice still.
    kept = {key: value for key, value in table.items() if key in ours}
    choice = data_table(data, registry)
    same = choice == {"source": table.get("source")}
    document["data"] = (table if same else kept) | choice


def data_table(data: str, registry: Registry) -> dict[str, Any]:
    """Return the ``[data]`` table of a registered source, or of the one that claims a path.

    ``SOURCE:PATH`` has that source read the path, whoever else claims it.

    Raises:
        RequestError: it is neither.
    """
    path = Path(data)
    name, colon, rest = data.partition(":")
    if colon and name in registry.names and not path.exists():
        registry.get(name, DataSource)
        if not Path(rest).exists():
            raise RequestError(f"no such file or folder for {name} to read", where=rest)
        if not Path(rest).is_dir():
            check_file(Path(rest))
        return {"source": name, "path": rest}
    if not path.exists():
        if data not in registry.names:
            near = nearest(data, registry.names)
            raise RequestError(
                f"no such file or folder, and no registered data source.{near}", where=data
            )
        registry.get(data, DataSource)
        return {"source": data}
    sources = registry.working(DataSource)
    if not path.is_dir():
        check_file(path)
    # The surest first; by name where two are as sure, so that all machines choose alike.
    claims = sorted((-cls.claims(path), cls.name) for cls in sources if cls.claims(path) > 0)
    if not claims:
        tried = registry.listing(DataSource)
        failed = {listed.entry.name for listed in tried if listed.error}
        broken = f". Plugins that failed, see 'bionic plugins': {listing(failed)}" if failed else ""
        known = listing(source.name for source in sources)
        raise RequestError(
            f"no installed data source reads it; sources are {known}{broken}", where=data
        )
    return {"source": claims[0][1], "path": data}


def open_data(data: str, registry: Registry | None = None) -> DataSource:
    """Return a registered data source by name, or the one that claims a path.

    Raises:
        RequestError: it is neither.
    """
    registry = registry or Registry.installed()
    _, source, problems = checked_data(data_table(data, registry), registry)
    if source is None:
        raise RequestError(problems, where=data)
    return source


def open_connectome(source: str, registry: Registry | None = None) -> ConnectomeSource:
    """Return a registered connectome source by name, or a file.

    Raises:
        RequestError: it is neither.
    """
    found, problems = checked_connectome({"source": source}, registry or Registry.installed())
    if found is None:
        raise RequestError([p.removeprefix("connectome.source: ") for p in problems], where=source)
    return found
