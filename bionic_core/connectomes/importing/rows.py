"""The rows of a table of cells, as they stand. Start at `read_rows`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectomes.importing import positions
from bionic_core.connectomes.importing.apart import is_invalid, valid_column
from bionic_core.connectomes.importing.columns import CELL_ROLES, about, assign
from bionic_core.connectomes.importing.plan import check_header
from bionic_core.connectomes.importing.rules import CELL_REASONS
from bionic_core.connectomes.importing.tables import Database, Table, literal, quoted
from bionic_core.connectomes.importing.values import (
    Ids,
    blank,
    choose,
    id_column,
    is_numeric,
    is_textual,
    kind_of_ids,
    number_column,
)
from bionic_core.errors import RequestError

CODES = {item.name: code for code, item in enumerate(CELL_REASONS, 1)}
"""A number for each reason why a row is not taken."""

_NAMELESS = ("cell-missing-id", "cell-float-id", "cell-overflow-id", "cell-not-integer")


@attrs.frozen(eq=False)
class Rows:
    """The rows of a table of cells, as they stand.

    Attributes:
        ids: how cells are called.
        reason: int64 (R,), the code of what is wrong with a row's id; 0 for nothing.
        id: int64 (R,), 0 where cells go by names.
        name: str (R,), that a cell goes by, or has beside its id; empty where it has none.
        text: str (R,), the id as the file has it.
        cell_type, broad, transmitter, layer: str (R,), as the file has them.
        position: float64 (R, 3), in the file's unit; NaN where there is none.
        lost: bool (R,), the file has a position, but it is none.
        columns: the column of each role.
        notes: what the user should know.
    """

    ids: Ids
    reason: npt.NDArray[np.int64]
    id: npt.NDArray[np.int64]
    name: npt.NDArray[np.str_]
    text: npt.NDArray[np.str_]
    cell_type: npt.NDArray[np.str_]
    broad: npt.NDArray[np.str_]
    transmitter: npt.NDArray[np.str_]
    layer: npt.NDArray[np.str_]
    position: npt.NDArray[np.float64]
    lost: npt.NDArray[np.bool_]
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def keys(self) -> npt.NDArray[Any]:
        """What each row's cell is called."""
        return self.name if self.ids.named else self.id

    def register(
        self, database: Database, places: npt.NDArray[Any], sign: npt.NDArray[Any]
    ) -> None:
        """Make the table ``cells`` of the database: id (BIGINT or text), place, sign.

        Args:
            database: the one to make it in.
            places: of each row, −1 where its cell is not taken.
            sign: 1 or −1 of each row, 0 where there is none.
        """
        there = np.flatnonzero(~np.isin(self.reason, [CODES[n] for n in _NAMELESS]))
        # Of rows of one id the first that is taken, else the first.
        there = there[np.argsort(places[there] < 0, kind="stable")]
        _, first = np.unique(self.keys[there], return_index=True)
        there = there[np.sort(first)]
        key = self.name[there].astype(object) if self.ids.named else self.id[there]
        columns = {
            "id": key,
            "place": places[there].astype(np.int32),
            "sign": sign[there].astype(np.int8),
        }
        database.register("cells", columns)


def read_rows(database: Database, table: Table, given: Mapping[str, str]) -> Rows:
    """Return the rows of a table of cells.

    Args:
        database: the one that the table is of.
        table: a row for each cell.
        given: columns by role, as the user says.

    Raises:
        RequestError: columns are missing, or there are no rows.
    """
    where = str(table.path)
    names = list(table.types)
    needed = ("cell_id", "cell_type")
    sample = database.sample(table)
    check_header(table, sample, given, CELL_ROLES, needed)
    columns = assign(names, CELL_ROLES, given, needed=needed, where=where)
    column = columns["cell_id"]
    if columns.get("cell_name") == column:
        del columns["cell_name"]
    ((there, numbers, wide, padded, zeros, ones),) = database.ask(kind_of_ids(table, column))
    named = bool(there) and (numbers < there or wide > 0 or padded > 0)
    if named and "cell_name" not in given:
        columns.pop("cell_name", None)
    ids = Ids(named=named, zero=zeros == 1 and (named or ones >= 1))
    notes = []
    if named and numbers:
        why = "not all are numbers" if numbers < there else "as numbers they would not be the same"
        notes.append(f"cells go by names, since {why}")
    if ids.zero and not named:
        notes.append("0 is a cell's id, since the cells are numbered from 0")
    valid = valid_column(sample)
    columns |= {"valid": valid} if valid else {}
    values = _values(database, table, columns, ids, valid)
    if not values:
        raise RequestError("has no rows", where=where)
    position = np.stack([values.pop(axis) for axis in "xyz"], axis=1)
    lost = values.pop("lost").astype(bool)
    if "place" in values:
        found = [positions.parse(text) if text else None for text in values["place"].tolist()]
        lost = np.array(
            [a is None and b != "" for a, b in zip(found, values["place"], strict=True)]
        )
        none = (np.nan, np.nan, np.nan)
        position = np.array([point or none for point in found], np.float64).reshape(-1, 3)
        del values["place"]
    return Rows(ids, position=position, lost=lost, columns=columns, notes=tuple(notes), **values)


def _values(
    database: Database, table: Table, columns: Mapping[str, str], ids: Ids, valid: str
) -> dict[str, npt.NDArray[Any]]:
    """Return the table's rows as text, numbers, ids and the reason why an id is none."""
    column = columns["cell_id"]
    cell = id_column(table, column, ids)
    faults = [(cell.missing, 1), (cell.float, 2), (cell.overflow, 3), (cell.fraction, 4)]
    faults += [(is_invalid(valid), CODES["cell-invalid"])] if valid else []
    texts = {role: columns.get(role) for role in ("cell_type", "transmitter", "layer")}
    texts["broad"] = columns.get("broad_type")
    called = _text(columns.get("cell_name"))
    sql = ", ".join(
        [
            f"{choose(faults)}::BIGINT AS reason",
            f"coalesce({'0' if ids.named else cell.value}, 0)::BIGINT AS id",
            f"{f'coalesce({cell.value}, chr(63))' if ids.named else called} AS name",
            f"coalesce({quoted(column)}::VARCHAR, '') AS text",
            *(f"{_text(name)} AS {role}" for role, name in texts.items()),
            *(f"{value} AS {alias}" for alias, value in _axes(table, columns).items()),
        ]
    )
    # Rows stay in the file's order: matrices go by it.
    with database.in_order():
        rows = database.columns(f"SELECT {sql} FROM {table.relation}", table.path)
    words = ("name", "text", "place", *texts)
    return {
        key: np.array(value.tolist(), np.str_) if key in words else value
        for key, value in rows.items()
    }


def _text(column: str | None) -> str:
    return literal("") if column is None else f"trim(coalesce({quoted(column)}::VARCHAR, ''))"


def _axes(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Return SQL of x, y and z, of whether there are such that are none, and of a text of all."""
    none = dict.fromkeys("xyz", "'nan'::DOUBLE") | {"lost": "false"}
    if "x" not in columns and "position" in columns:
        column = columns["position"]
        kind, name = table.types[column], quoted(column)
        if is_numeric(kind):
            raise RequestError(
                f"column '{column}' holds values of type {kind}; a position is a list or a "
                "text of three numbers. Give --column position= to read none",
                where=str(table.path),
            )
        if is_textual(kind):
            return none | {"place": f"CASE WHEN {blank(column)} THEN '' ELSE trim({name}) END"}
        if kind.endswith("]"):
            axes = {a: f"TRY_CAST({name}[{k}] AS DOUBLE)" for k, a in enumerate("xyz", 1)}
            lost = f"({name} IS NOT NULL AND len({name}) <> 3)"
            return _filled(axes) | {"lost": lost}
        return none | {"place": f"coalesce({name}::VARCHAR, '')"}
    axes = {axis: number_column(table, columns[axis]) for axis in "xyz" if axis in columns}
    lost = " OR ".join(
        f"({value}) IS NULL AND NOT {blank(columns[axis])}" for axis, value in axes.items()
    )
    return none | _filled(axes) | {"lost": f"coalesce({lost or 'false'}, false)"}


def _filled(axes: Mapping[str, str]) -> dict[str, str]:
    return {axis: f"coalesce({value}, 'nan'::DOUBLE)" for axis, value in axes.items()}


def unread_cells(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a table of cells that nothing reads, and why."""
    return {
        name: table.nameless.get(name) or about(name) or "no role goes by that name"
        for name in table.types
        if name not in columns.values()
    }
