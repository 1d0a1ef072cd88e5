"""The table of cells: ids, types, sign, and where they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectome import EXCITATORY, INHIBITORY
from bionic_core.connectomes.importing.columns import CELL_ROLES, assign
from bionic_core.connectomes.importing.rules import CELL_REASONS, Rules
from bionic_core.connectomes.importing.tables import (
    Database,
    Table,
    choose,
    id_column,
    literal,
    number_column,
    quoted,
)
from bionic_core.errors import RequestError

SIGNS = {
    EXCITATORY: {"excitatory", "exc", "e", "excitatoryneuron", "glutamatergic", "excitatorycell"},
    INHIBITORY: {"inhibitory", "inh", "i", "inhibitoryneuron", "gabaergic", "inhibitorycell"},
}
"""Words for the sign of a cell. Transmitters are not among them: glutamate excites in mice and
inhibits in flies, so the user says what is what."""

NOT_NEURONS = {
    *("nonneuron", "nonneuronal", "nonneuronalcell", "glia", "glial", "astrocyte", "microglia"),
    *("oligo", "oligodendrocyte", "opc", "pericyte", "endothelial", "muscle"),
}

UNKNOWN = "unknown"
"""The type of a cell without one."""

CODES = {item.name: code for code, item in enumerate(CELL_REASONS, 1)}
"""A number for each reason why a row is not taken."""


@attrs.frozen(eq=False)
class Cells:
    """The cells that are taken, in the order of their table.

    Attributes:
        id: int64 (N,), or 1 … N where cells go by names.
        name: str (N,), empty where cells go by ids.
        cell_type, broad_type, layer: str (N,); the layer is empty where none is given.
        position: float64 (N, 3), nm; NaN where none is given.
        places: int64 (rows of the table,), each row's index among the cells, −1 where dropped.
        columns: the column of each role.
        counts: rows by reason.
    """

    id: npt.NDArray[np.int64]
    name: npt.NDArray[np.str_]
    cell_type: npt.NDArray[np.str_]
    broad_type: npt.NDArray[np.str_]
    layer: npt.NDArray[np.str_]
    position: npt.NDArray[np.float64]
    places: npt.NDArray[np.int64]
    columns: Mapping[str, str]
    counts: Mapping[str, int]

    @property
    def named(self) -> bool:
        """Whether the cells go by names."""
        return bool(np.any(self.name != ""))

    def register(self, database: Database) -> None:
        """Make the table ``cells`` of the database: id (BIGINT or text), place."""
        key = self.name.astype(object) if self.named else self.id
        place = np.arange(len(self.id), dtype=np.int32)
        database.register("cells", {"id": key, "place": place})


@attrs.frozen
class Signs:
    """What the user calls excitatory and inhibitory; without case.

    Attributes:
        excitatory, inhibitory: values of the column of signs, or cell types.
    """

    excitatory: tuple[str, ...] = ()
    inhibitory: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        both = {_word(name) for name in self.excitatory} & {_word(n) for n in self.inhibitory}
        if both:
            raise RequestError(
                f"--excitatory and --inhibitory: {', '.join(sorted(both))} cannot be both"
            )

    def of(self, signs: Collection[str], types: Collection[str], *, column: bool) -> list[str]:
        """Return each cell's sign, ``glia`` where it is no neuron, empty where it is not known."""
        said = {_word(name): EXCITATORY for name in self.excitatory}
        said |= {_word(name): INHIBITORY for name in self.inhibitory}
        known = {word: sign for sign, words in SIGNS.items() for word in words}
        known |= dict.fromkeys(NOT_NEURONS, "glia")
        # Where there is no column of signs, one list of types says that all others are not in it.
        rest = ""
        if not column and bool(self.excitatory) != bool(self.inhibitory):
            rest = INHIBITORY if self.excitatory else EXCITATORY
        found = []
        for sign, cell_type in zip(signs, types, strict=True):
            one, other = _word(sign), _word(cell_type)
            found.append(said.get(one) or said.get(other) or known.get(one) or rest)
        return found


def read_cells(
    database: Database, table: Table, given: Mapping[str, str], signs: Signs, voxel: Any
) -> tuple[Cells, Mapping[str, str]]:
    """Return the cells of a table, and an example of a row for each reason that occurs.

    Args:
        database: the one that the table is of.
        table: a row for each cell.
        given: columns by role, as the user says.
        signs: what the user calls excitatory and inhibitory.
        voxel: nm of a unit of x, y, z.

    Raises:
        RequestError: columns are missing, or nothing says which cells are excitatory.
    """
    where = str(table.path)
    columns = assign(
        list(table.types), CELL_ROLES, given, needed=("cell_id", "cell_type"), where=where
    )
    if "broad_type" not in columns and not (signs.excitatory or signs.inhibitory):
        raise RequestError(
            "no column is recognised as broad_type, so nothing says which cells are excitatory "
            "and which inhibitory. Name it (--column broad_type=NAME), or give the cell types: "
            "--inhibitory BC,MC (then all others are excitatory)",
            where=where,
        )
    rows = _rows(database, table, columns)
    if not rows:
        raise RequestError("has no rows", where=where)
    signed = signs.of(rows["sign"], rows["type"], column="broad_type" in columns)
    sign = np.array(signed, np.str_)
    reason = _reasons(rows, sign)
    counts = {name: int((reason == k).sum()) for name, k in CODES.items()}
    return _taken(rows, sign, reason == 0, columns, counts, voxel), _examples(rows, reason)


def _reasons(
    rows: Mapping[str, npt.NDArray[Any]], sign: npt.NDArray[np.str_]
) -> npt.NDArray[np.int64]:
    """Return the code of why each row is not taken, 0 where it is."""
    reason = rows["reason"].astype(np.int64)
    reason[(reason == 0) & (sign == "glia")] = CODES["cell-not-neuron"]
    reason[(reason == 0) & (sign == "")] = CODES["cell-unsigned"]
    _mark_repeats(rows, sign, reason)
    return reason


def _examples(
    rows: Mapping[str, npt.NDArray[Any]], reason: npt.NDArray[np.int64]
) -> dict[str, str]:
    """Return what some of the rows of each reason hold, as text."""
    examples = {}
    for name, code in CODES.items():
        found = np.flatnonzero(reason == code)
        if len(found):
            shown = rows["sign"] if name == "cell-unsigned" else rows["text"]
            words = list(dict.fromkeys(shown[found].tolist()))[:4]
            examples[name] = ", ".join(f"'{word}'" for word in words)
    return examples


def _taken(
    rows: Mapping[str, npt.NDArray[Any]],
    sign: npt.NDArray[np.str_],
    good: npt.NDArray[np.bool_],
    columns: Mapping[str, str],
    counts: Mapping[str, int],
    voxel: Any,
) -> Cells:
    """Return the cells of the rows that are good."""
    taken = np.flatnonzero(good)
    types = rows["type"][taken]
    untyped = np.isin(np.char.lower(types), ("", "nan", "none", "null", "<na>"))
    places = np.full(len(good), -1, np.int64)
    places[taken] = np.arange(len(taken))
    cells = Cells(
        id=rows["id"][taken],
        name=rows["name"][taken],
        cell_type=np.where(untyped, UNKNOWN, types),
        broad_type=sign[taken],
        layer=rows["layer"][taken],
        position=np.stack([rows[axis][taken] for axis in "xyz"], axis=1) * np.asarray(voxel),
        places=places,
        columns=columns,
        counts={**counts, "cell-untyped": int(untyped.sum())},
    )
    return attrs.evolve(cells, id=np.arange(1, len(taken) + 1)) if cells.named else cells


def keep_typed(cells: Cells, rules: Rules) -> Cells:
    """Return the cells without those that have no type, where the rules drop them."""
    typed = cells.cell_type != UNKNOWN
    if rules.verdicts["cell-untyped"] != "drop" or typed.all():
        return cells
    place = np.where(typed, np.cumsum(typed) - 1, -1)
    changes: dict[str, Any] = {
        item: getattr(cells, item)[typed]
        for item in ("id", "name", "cell_type", "broad_type", "layer", "position")
    }
    if cells.named:
        changes["id"] = np.arange(1, int(typed.sum()) + 1)
    places = np.where(cells.places >= 0, place[cells.places], -1)
    return attrs.evolve(cells, places=places, **changes)


def _rows(
    database: Database, table: Table, columns: Mapping[str, str]
) -> dict[str, npt.NDArray[Any]]:
    """Return the table's rows as text, numbers, ids and the reason why an id is none."""
    where = str(table.path)
    column = columns["cell_id"]
    named = _go_by_names(database, table, column)
    cell = id_column(column, table.types[column], named=named, where=where)
    reason = choose([(cell.missing, 1), (cell.float, 2), (cell.overflow, 3), (cell.fraction, 4)])
    axes = _axes(table, columns)
    sql = ", ".join(
        [
            f"{reason} AS reason",
            f"coalesce({'0' if named else cell.value}, 0)::BIGINT AS id",
            f"{f'coalesce({cell.value}, chr(63))' if named else literal('')} AS name",
            f"coalesce({quoted(column)}::VARCHAR, '') AS text",
            *(
                f"{_text(columns.get(role))} AS {alias}"
                for role, alias in (
                    ("cell_type", "type"),
                    ("broad_type", "sign"),
                    ("layer", "layer"),
                )
            ),
            *(f"coalesce({value}, 'nan'::DOUBLE) AS {axis}" for axis, value in axes.items()),
        ]
    )
    order = "ORDER BY place"
    numbered = f"(SELECT *, row_number() OVER () AS place FROM {table.relation})"
    # Rows stay in the file's order: matrices go by it.
    database.ask("SET preserve_insertion_order = true")
    try:
        rows = database.columns(f"SELECT {sql} FROM {numbered} {order}", table.path)
    finally:
        database.ask("SET preserve_insertion_order = false")
    texts = ("name", "text", "type", "sign", "layer")
    return {
        key: np.array(value.tolist(), np.str_) if key in texts else value
        for key, value in rows.items()
    }


def _go_by_names(database: Database, table: Table, column: str) -> bool:
    """Whether the ids are names: text, and none of them a number."""
    kind = table.types[column]
    if kind != "VARCHAR" and not kind.startswith("ENUM"):
        return False
    value = f"trim({quoted(column)}::VARCHAR)"
    query = (
        f"SELECT count(*), count(TRY_CAST({value} AS DOUBLE)) FROM {table.relation} "
        f"WHERE {value} <> '' AND lower({value}) NOT IN ('nan', 'na', 'null', 'none')"
    )
    ((there, numbers),) = database.ask(query)
    return bool(there) and numbers == 0


def _text(column: str | None) -> str:
    return literal("") if column is None else f"trim(coalesce({quoted(column)}::VARCHAR, ''))"


def _axes(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Return SQL of x, y and z, from three columns or from one of lists or of text."""
    where = str(table.path)
    if "x" not in columns and "position" in columns:
        column = columns["position"]
        kind, name = table.types[column], quoted(column)
        if kind.endswith("]"):
            items = f"{name}"
        elif kind == "VARCHAR":
            items = f"regexp_extract_all({name}, '[-+0-9.eE]+')"
        else:
            raise RequestError(
                f"column '{column}' holds values of type {kind}; a position is a list or a "
                "text of three numbers",
                where=where,
            )
        return {axis: f"TRY_CAST({items}[{k}] AS DOUBLE)" for k, axis in enumerate("xyz", 1)}
    return {
        axis: number_column(columns[axis], table.types[columns[axis]], where=where)
        if axis in columns
        else "NULL::DOUBLE"
        for axis in "xyz"
    }


def _mark_repeats(
    rows: Mapping[str, npt.NDArray[Any]],
    sign: npt.NDArray[np.str_],
    reason: npt.NDArray[np.int64],
) -> None:
    """Mark rows of one id: repeats of a row, and all rows of an id that differ."""
    good = np.flatnonzero(reason == 0)
    key = rows["name"] if np.any(rows["name"] != "") else rows["id"]
    _, inverse, number = np.unique(key[good], return_inverse=True, return_counts=True)
    by_id: dict[int, list[int]] = defaultdict(list)
    for row, group in zip(good[number[inverse] > 1], inverse[number[inverse] > 1], strict=True):
        by_id[int(group)].append(int(row))
    for same in by_id.values():
        values = {
            (rows["type"][r], sign[r], rows["layer"][r], *(str(rows[a][r]) for a in "xyz"))
            for r in same
        }
        if len(values) == 1:
            reason[same[1:]] = CODES["cell-repeated"]
        else:
            reason[same] = CODES["cell-conflicting"]


def _word(text: str) -> str:
    return re.sub(r"[\s_\-]", "", text).lower()
