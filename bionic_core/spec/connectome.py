"""The ``[connectome]`` table of a spec: a registered source, or a file."""

from __future__ import annotations

from pathlib import Path

import attrs

from bionic_core.base.files import kind_of
from bionic_core.base.strict import structure
from bionic_core.connectome import Connectome
from bionic_core.errors import RequestError
from bionic_core.plugin import ConnectomeSource
from bionic_core.registry import Registry
from bionic_core.spec.named import plugin_of
from bionic_core.spec.tables import ConnectomeChoice


@attrs.frozen(eq=False)
class ConnectomeFile(ConnectomeSource):
    """A connectome in a file that :meth:`Connectome.save` wrote."""

    name = "file"
    path: str

    def read(self) -> Connectome:
        """Return the connectome in the file."""
        return Connectome.load(Path(self.path))


def checked_connectome(
    table: object, registry: Registry
) -> tuple[ConnectomeSource | None, list[str]]:
    """Return the source of a ``[connectome]`` table, and all that is wrong with it.

    No table, or none that is right, gives None.
    """
    if table is None:
        return None, []
    if not isinstance(table, dict):
        return None, ["connectome: must be a table"]
    core, rest = {k: v for k, v in table.items() if k == "source"}, dict(table)
    rest.pop("source", None)
    choice, problems = structure(core, ConnectomeChoice, "connectome")
    if choice is None:
        return None, problems
    name = choice.source
    if name not in registry.names and (name.endswith(".npz") or kind_of(Path(name))):
        problems += [f"connectome.{key}: a file has no such key" for key in rest]
        return ConnectomeFile(name), problems
    return plugin_of(name, ConnectomeSource, rest, registry, "connectome", "connectome.source")


def checked(found: object, where: str) -> Connectome:
    """Return what a stranger's source has read, if it is a connectome.

    Raises:
        RequestError: it is something else.
    """
    if not isinstance(found, Connectome):
        raise RequestError(
            f"connectome.source: it gives {type(found).__name__}; expected a Connectome",
            where=where,
        )
    return found
