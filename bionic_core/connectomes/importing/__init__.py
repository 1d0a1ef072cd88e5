"""Connectomes from tables and matrices in files, out of core.

Knows no source and no network. Start at `import_connectome`, then `tables` and `synapses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from bionic_core.base.steps import doing
from bionic_core.base.unfinished import folder_beside, refused
from bionic_core.connectome import Connectome
from bionic_core.connectomes.fetch import check_free, sha256
from bionic_core.connectomes.importing.columns import SYNAPSE_ROLES
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.importing.signs import Signs
from bionic_core.connectomes.importing.text import Reading
from bionic_core.connectomes.roles import Unwatched, Watch
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from bionic_core.connectomes.importing.cells import Cells
    from bionic_core.connectomes.importing.rows import Rows
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
        reading, cells_reading: how the two files stand, where they are text.
        sign_unknown: the broad type of cells whose sign nothing says; empty to refuse them.
        kinds: words for kinds of connections, beside those that are known.
        rows_are_synapses: although a column that nothing reads might be a count.
        fill_down: a blank id of a table of synapses stands for the one above it.
        by_order: a matrix goes by the order of the table of cells, whatever its labels say.
        table, cells_table: what is read of files that hold several: a sheet, file or variable.
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
    reading: Reading = attrs.field(factory=Reading)
    cells_reading: Reading = attrs.field(factory=Reading)
    sign_unknown: str = ""
    kinds: Mapping[str, str] = attrs.field(factory=dict)
    rows_are_synapses: bool = False
    fill_down: bool = False
    by_order: bool = False
    table: str = ""
    cells_table: str = ""

    @property
    def signs(self) -> Signs:
        """What is said of signs."""
        return Signs(self.excitatory, self.inhibitory, self.sign_unknown)

    def of_role(self, *, synapses: bool) -> dict[str, str]:
        """Return the columns of the roles of one of the two tables."""
        return {r: name for r, name in self.columns.items() if (r in SYNAPSE_ROLES) == synapses}


def import_connectome(
    request: Request, out: Path, *, overwrite: bool = False, watch: Watch | None = None
) -> Connectome:
    """Write a connectome from files into an ``.npz`` and return it; how it went is its provenance.

    Raises:
        RequestError: a file is not what it should be, its rows are refused by the rules, or
            ``out`` exists already or cannot be written.
        WriteError: there is no room.
    """
    check_free(out, overwrite=overwrite)
    try:
        with folder_beside(out) as place:
            connectome = _unpacked(request, place, watch or Unwatched())
        with doing(f"writing {out}"):
            connectome.save(out)
    except OSError as error:
        raise refused(error, out, "--out", "another file") from error
    return connectome


@attrs.frozen(eq=False)
class _Result:
    """What a file of synapses gives.

    Attributes:
        cells, connections: of the connectome.
        about: what the provenance says of the file.
        counts: rows or entries by reason.
        notes: what the user should know.
    """

    cells: Cells
    connections: Connections
    about: Mapping[str, Any]
    counts: Mapping[str, int]
    notes: Sequence[str]


def _unpacked(request: Request, folder: Path, watch: Watch) -> Connectome:
    """Import what a request names, out of the containers that it is in."""
    from bionic_core.connectomes.importing.containers import Plain, as_given
    from bionic_core.connectomes.importing.text import check_itself

    for path in (request.synapses, request.cells):
        check_itself(path)
    with doing(f"unpacking {request.synapses}"):
        synapses = Plain.of(request.synapses, "synapses", folder, request.table)
    with doing(f"unpacking {request.cells}"):
        cells = Plain.of(request.cells, "cells", folder, request.cells_table)
    inner = attrs.evolve(request, synapses=synapses.path, cells=cells.path)
    for file in (synapses, cells):
        if file.note:
            watch.say(f"read of {file.note}")
    with as_given(synapses, cells):
        return _read(inner, request, folder, watch)


def _read(request: Request, given: Request, folder: Path, watch: Watch) -> Connectome:
    """Import plain files; ``given`` names those that the user knows."""
    from bionic_core.connectomes.importing.apart import all_mutual
    from bionic_core.connectomes.importing.rows import read_rows, unread_cells
    from bionic_core.connectomes.importing.tables import Database, explained

    digests: dict[str, Future[str]] = {}
    with ThreadPoolExecutor(1) as pool:
        database = Database.open(folder)
        try:
            with doing(f"reading {given.cells}"):
                table = database.table(request.cells, request.cells_reading)
                with explained(request.cells):
                    rows = read_rows(database, table, request.of_role(synapses=False))
            for role, path in (("synapses", given.synapses), ("cells", given.cells)):
                if path.is_file():
                    digests[role] = pool.submit(sha256, path)
            with doing(f"importing {given.synapses}"):
                result = _synapses(request, database, rows, folder, watch)
        finally:
            database.connection.close()
        with doing("computing the SHA-256 of the files"):
            files = {
                r: {"name": getattr(given, r).name, "sha256": d.result()}
                for r, d in digests.items()
            }
    mutual = all_mutual(result.connections)
    notes = list(dict.fromkeys([*table.notes, *result.notes, *mutual]))
    for note in notes:
        watch.say(note)
    columns, others = dict(rows.columns), unread_cells(table, rows.columns)
    about = {
        "label": request.label or given.synapses.name.split(".")[0],
        "files": files,
        **result.about,
        "cells": {"rows": len(rows.reason), "columns": columns, "unread": others},
        "signs": {
            "excitatory": list(request.excitatory),
            "inhibitory": list(request.inhibitory),
            "unknown_as": request.sign_unknown,
        },
        "nm_per_unit": list(request.voxel),
        "notes": notes,
        **request.rules.outcome({**result.counts, **result.cells.counts}),
    }
    return _connectome(result.cells, result.connections, about)


def _connectome(cells: Cells, connections: Connections, about: Mapping[str, Any]) -> Connectome:
    return Connectome.of(
        cell_id=cells.id,
        broad_type=cells.broad_type,
        cell_type=cells.cell_type,
        position=cells.position,
        layer=cells.layer,
        name=cells.name,
        transmitter=cells.transmitter,
        sign=cells.sign,
        pre=connections.pre,
        post=connections.post,
        count=connections.count,
        size=connections.size,
        provenance=about,
    )


def _synapses(
    request: Request, database: Database, rows: Rows, folder: Path, watch: Watch
) -> _Result:
    from bionic_core.connectomes.importing.matrices import is_matrix
    from bionic_core.connectomes.importing.tables import explained

    if request.matrix or is_matrix(request.synapses):
        return _matrix(request, rows, folder)
    with explained(request.synapses):
        return _table(request, database, rows, watch)


def _table(request: Request, database: Database, rows: Rows, watch: Watch) -> _Result:
    from bionic_core.connectomes.importing import apart, weights
    from bionic_core.connectomes.importing.cells import settle
    from bionic_core.connectomes.importing.filling import filled, is_filled_down
    from bionic_core.connectomes.importing.kinds import Kinds
    from bionic_core.connectomes.importing.plan import Source, plan_of
    from bionic_core.connectomes.importing.synapses import Asked, read_synapses

    given = request.of_role(synapses=True)
    number = len(rows.reason)
    table = database.table(request.synapses, request.reading)
    held = apart.held(database, table, database.sample(table), request.rules)
    table, sample = held.table, database.sample(held.table)
    plan = plan_of(table, sample, given, {*map(str, rows.keys.tolist())})
    apart.check_directed(plan, sample, given, str(table.path))
    ends = [plan.columns[role] for role in ("pre", "post")]
    if request.fill_down or is_filled_down(sample, ends):
        table = filled(database, table, ends)
        sample = database.sample(table)
        plan = plan.with_note("a blank pre or post is the id above it")
    rows.register(database, np.arange(number), np.zeros(number))
    source = Source(database, table, sample, rows.ids, number)
    signs = None
    if plan.weight and any(v and v[0] in "-\u2212" for v in sample[plan.columns[plan.weight]]):
        signs = weights.of_table(source, plan, number)
    cells = settle(rows, request.signs, request.rules, request.voxel, signs, str(request.cells))
    rows.register(database, cells.places, cells.signs_of(number))
    asked = Asked(given, request.rules, Kinds(request.kinds), request.rows_are_synapses)
    source = Source(database, table, sample, rows.ids, len(cells.id))
    read = read_synapses(source, plan, asked, watch)
    about = {
        "level": read.level,
        "synapses": {
            "rows": read.rows + held.dropped,
            "columns": {**read.columns, **({"valid": held.column} if held.column else {})},
            "unread": {name: why for name, why in read.unread.items() if name != held.column},
        },
    }
    notes = [*rows.notes, *cells.notes, *read.notes, *apart.of_several(database, table, plan)]
    counts = {**read.counts, "invalid": held.invalid}
    return _Result(cells, read.connections, about, counts, notes)


def _matrix(request: Request, rows: Rows, folder: Path) -> _Result:
    from bionic_core.connectomes.importing import weights
    from bionic_core.connectomes.importing.cells import settle
    from bionic_core.connectomes.importing.labels import places
    from bionic_core.connectomes.importing.matrices import read_matrix, sum_matrix

    where = str(request.synapses)
    given = [role for role in SYNAPSE_ROLES if role in request.columns]
    if given:
        raise RequestError(
            f"is a matrix, which has no columns of roles; leave out --column {given[0]}=…",
            where=where,
        )
    matrix = read_matrix(request.synapses, request.reading)
    place = places(matrix, rows, by_order=request.by_order, where=where)
    turned = request.post_by_pre
    pre = place.columns[matrix.column] if turned else place.rows[matrix.row]
    signs = weights.of_matrix(pre, matrix.value, len(rows.reason))
    cells = settle(rows, request.signs, request.rules, request.voxel, signs, str(request.cells))
    connections, counts = sum_matrix(
        matrix,
        place,
        cells,
        request.rules,
        folder,
        values=request.values,
        post_by_pre=turned,
        where=where,
    )
    about = {
        "level": "matrix",
        "matrix": {
            "shape": list(matrix.shape),
            "values": request.values,
            "rows": "post" if turned else "pre",
        },
    }
    notes = [*rows.notes, *cells.notes, *place.notes]
    if signs is not None:
        notes.append("negative weights are those of inhibitory cells; their sizes are taken")
    return _Result(cells, connections, about, counts, notes)


def names(words: Sequence[str] | str) -> tuple[str, ...]:
    """Return comma-separated names as a tuple."""
    text = words if isinstance(words, str) else ",".join(words)
    return tuple(name.strip() for name in text.split(",") if name.strip())
