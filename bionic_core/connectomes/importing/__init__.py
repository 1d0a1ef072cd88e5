"""Connectomes from tables and matrices in files, out of core.

Knows no source and no network. Start at `import_connectome`, then `tables` and `synapses`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from bionic_core.connectome import Connectome
from bionic_core.connectomes.fetch import sha256
from bionic_core.connectomes.importing.columns import SYNAPSE_ROLES
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.roles import Unwatched, Watch
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.connectomes.importing.cells import Cells
    from bionic_core.connectomes.importing.summing import Connections
    from bionic_core.connectomes.importing.tables import Database


@attrs.frozen
class Request:
    """What to import, and how to read it.

    Attributes:
        synapses: a table with a row for each synapse or each connection, or a matrix.
        cells: a table with a row for each cell.
        columns: the column of each role, where it is not to be recognised; empty for none.
        excitatory, inhibitory: values of the column of signs, or cell types.
        rules: what is done with rows that are not as they should be.
        voxel: nm of a unit of the cells' positions.
        matrix: take a CSV file as a matrix.
        values: what a matrix holds.
        post_by_pre: the rows of a matrix are post, its columns pre.
        label: a name for the connectome; empty for the file's.
    """

    synapses: Path
    cells: Path
    columns: Mapping[str, str] = attrs.field(factory=dict)
    excitatory: tuple[str, ...] = ()
    inhibitory: tuple[str, ...] = ()
    rules: Rules = attrs.field(factory=Rules.of)
    voxel: tuple[float, float, float] = (1.0, 1.0, 1.0)
    matrix: bool = False
    values: Literal["count", "size"] = "count"
    post_by_pre: bool = False
    label: str = ""


def import_connectome(
    request: Request, out: Path, *, overwrite: bool = False, watch: Watch | None = None
) -> Connectome:
    """Write a connectome from files into an ``.npz`` and return it; how it went is its provenance.

    Raises:
        RequestError: a file is not what it should be, its rows are refused by the rules, or
            ``out`` exists already or cannot be written.
        BionicError: there is no room.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise RequestError(
            "is a folder; name a file"
            if out.is_dir()
            else "exists already. Name another file, remove it, or give --overwrite",
            where=str(out),
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.")
    except OSError as error:
        raise RequestError(
            f"cannot be written ({error.strerror or error}); choose another --out", where=str(out)
        ) from error
    try:
        with folder as place:
            connectome = _read(request, Path(place), watch or Unwatched())
        connectome.save(out)
    except OSError as error:
        raise BionicError(
            f"{out}: cannot be written ({error.strerror or error}); make room on its disk"
        ) from error
    return connectome


def _read(request: Request, folder: Path, watch: Watch) -> Connectome:
    from bionic_core.connectomes.importing.matrices import is_matrix
    from bionic_core.connectomes.importing.tables import Database

    digests: dict[str, Future[str]] = {}
    with ThreadPoolExecutor(1) as pool:
        database = Database.open(folder)
        try:
            cells, examples = _cells(request, database)
            for role, path in (("synapses", request.synapses), ("cells", request.cells)):
                if path.is_file():
                    digests[role] = pool.submit(sha256, path)
            request.rules.check(cells.counts, examples, str(request.cells))
            if len(cells.id) == 0:
                raise RequestError("no cell is left", where=str(request.cells))
            if request.matrix or is_matrix(request.synapses):
                connections, about, counts = _matrix(request, cells, folder)
            else:
                connections, about, counts = _table(request, database, cells, watch)
        finally:
            database.connection.close()
        files = {
            role: {"name": getattr(request, role).name, "sha256": digest.result()}
            for role, digest in digests.items()
        }
    outcome = request.rules.outcome({**counts, **cells.counts})
    return Connectome.of(
        cell_id=cells.id,
        broad_type=cells.broad_type,
        cell_type=cells.cell_type,
        position=cells.position,
        layer=cells.layer,
        name=cells.name,
        pre=connections.pre,
        post=connections.post,
        count=connections.count,
        size=connections.size,
        provenance={
            "label": request.label or request.synapses.name.split(".")[0],
            "files": files,
            **about,
            "cells": {"rows": len(cells.places), "columns": dict(cells.columns)},
            "signs": {
                "excitatory": list(request.excitatory),
                "inhibitory": list(request.inhibitory),
            },
            "nm_per_unit": list(request.voxel),
            **outcome,
        },
    )


def _cells(request: Request, database: Database) -> tuple[Cells, Mapping[str, str]]:
    """Return the cells, as a table of the database too."""
    from bionic_core.connectomes.importing.cells import Signs, keep_typed, read_cells
    from bionic_core.connectomes.importing.tables import explained

    given = {role: name for role, name in request.columns.items() if role not in SYNAPSE_ROLES}
    signs = Signs(request.excitatory, request.inhibitory)
    table = database.table(request.cells)
    with explained(request.cells):
        cells, examples = read_cells(database, table, given, signs, request.voxel)
    cells = keep_typed(cells, request.rules)
    cells.register(database)
    return cells, examples


def _table(
    request: Request, database: Database, cells: Cells, watch: Watch
) -> tuple[Connections, dict[str, Any], Mapping[str, int]]:
    from bionic_core.connectomes.importing.synapses import read_synapses
    from bionic_core.connectomes.importing.tables import explained

    given = {role: name for role, name in request.columns.items() if role in SYNAPSE_ROLES}
    table = database.table(request.synapses)
    with explained(request.synapses):
        read = read_synapses(database, table, cells, given, request.rules, watch)
    about = {"level": read.level, "synapses": {"rows": read.rows, "columns": dict(read.columns)}}
    return read.connections, about, read.counts


def _matrix(
    request: Request, cells: Cells, folder: Path
) -> tuple[Connections, dict[str, Any], Mapping[str, int]]:
    from bionic_core.connectomes.importing.matrices import read_matrix, sum_matrix

    given = [role for role in SYNAPSE_ROLES if role in request.columns]
    if given:
        raise RequestError(
            f"is a matrix, which has no columns of roles; leave out --column {given[0]}=…",
            where=str(request.synapses),
        )
    matrix = read_matrix(request.synapses)
    connections, counts = sum_matrix(
        matrix,
        cells,
        request.rules,
        folder,
        values=request.values,
        post_by_pre=request.post_by_pre,
        where=str(request.synapses),
    )
    about = {
        "level": "matrix",
        "matrix": {
            "shape": list(matrix.shape),
            "values": request.values,
            "rows": "post" if request.post_by_pre else "pre",
        },
    }
    return connections, about, counts


def names(words: Sequence[str] | str) -> tuple[str, ...]:
    """Return comma-separated names as a tuple."""
    text = words if isinstance(words, str) else ",".join(words)
    return tuple(name.strip() for name in text.split(",") if name.strip())
