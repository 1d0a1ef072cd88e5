"""What to say where rows are lost or cannot be told apart: why it may be, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bionic_core.connectomes.importing.columns import about
from bionic_core.connectomes.importing.plan import Plan, Source
from bionic_core.connectomes.importing.tables import explained
from bionic_core.connectomes.importing.values import id_column, number_column
from bionic_core.errors import RequestError

TOGETHER = 500
"""Columns that one reading of a file looks at."""


def advice(source: Source, plan: Plan, found: Mapping[str, int]) -> dict[str, str]:
    """Return what to do about rows that are refused, by reason, beside dropping them."""
    said = {}
    count = plan.columns.get("count", "")
    if found["bad-count"] and count and fractions(source, count):
        said["bad-count"] = (
            f"'{count}' has fractions, so it is no count of synapses but a size: give --column "
            f"count= --column size='{count}', and each connection counts as one synapse"
        )
    elif found["bad-count"] and count and _words(source, count):
        said["bad-count"] = (
            f"'{count}' has no numbers: name the column of counts (--column count=NAME), or give "
            "--column count= --rows-are-synapses if each row is one synapse"
        )
    if found["not-integer"] and several(source, plan):
        said["not-integer"] = SEVERAL
    if found["unknown-kind"]:
        said["unknown-kind"] = (
            "Say what such words mean (--kind WORD=chemical, gap-junction, received or muscle), "
            "or that this is no column of kinds: --column kind="
        )
    if found["sign-conflict"]:
        said["sign-conflict"] = (
            "If pre and post are the other way round, give --column "
            f"pre='{plan.columns['post']}' --column post='{plan.columns['pre']}'"
        )
    if found["overflow-id"]:
        said["overflow-id"] = "No cell has such an id, since ids of cells fit into 64 bits"
    return said


SEVERAL = (
    "Some fields hold several cells: a row is a connection of one cell to one other, so write a "
    "row for each of them (pandas: DataFrame.explode)"
)


def several(source: Source, plan: Plan) -> bool:
    """Whether a field of pre or post holds several cells, as lists of partners do."""
    fields = (source.sample[plan.columns[role]] for role in ("pre", "post"))
    return any(
        re.fullmatch(r"[\[({].*,.*[\])}]|[^;|]+([;|][^;|]+)+", value or "")
        for values in fields
        for value in values
    )


def of_numbers(plan: Plan) -> dict[str, str]:
    """Return what to do where an id of synapses has several values."""
    column = plan.columns.get("synapse_id", "")
    return {
        "conflicting-id": (
            f"If '{column}' is no id of synapses but of what several share, give --column "
            "synapse_id="
        )
    }


def _words(source: Source, column: str) -> bool:
    """Whether a column is of words, as far as the first rows show."""
    return not any(re.search(r"\d", value or "") for value in source.sample[column])


def hints(source: Source, plan: Plan, found: Mapping[str, int]) -> dict[str, str]:
    """Return why many rows may be lost, by reason."""
    return {
        "missing-id": _blanks(source, plan) if found.get("missing-id") else "",
        "unknown-cell": _strangers(source, plan) if found.get("unknown-cell") else "",
        "duplicate-id": (
            f"If '{plan.columns.get('synapse_id', '')}' is no id of synapses, give --column "
            "synapse_id="
        ),
    }


def refuse_nothing(source: Source, plan: Plan, found: Mapping[str, int], rows: int) -> None:
    """Refuse a table that gives no connection.

    Raises:
        RequestError: with what became of its rows.
    """
    reasons = ", ".join(f"{name} {number:,}" for name, number in found.items() if number)
    hint = _strangers(source, plan) if found["unknown-cell"] else ""
    raise RequestError(
        f"no connection is left of its {rows:,} rows ({reasons or 'all were left out'})"
        f"{'. ' if hint else ''}{hint}",
        where=str(source.table.path),
    )


def whole_sums(source: Source, columns: Sequence[str]) -> dict[str, int]:
    """Return those columns that hold whole numbers alone, not all 0 or 1, with their sums."""
    found = {}
    for names in batched(columns, TOGETHER):
        told = ", ".join(
            f"bool_and(coalesce(n{k} = floor(n{k}), false)), max(abs(n{k})), sum(abs(n{k}))"
            for k in range(len(names))
        )
        values = ", ".join(
            f"{number_column(source.table, name)} AS n{k}" for k, name in enumerate(names)
        )
        with explained(source.table.path):
            (row,) = source.database.ask(
                f"SELECT {told} FROM (SELECT {values} FROM {source.table.relation})"
            )
        for name, (whole, most, total) in zip(names, batched(row, 3), strict=True):
            if whole and most is not None and most > 1:
                found[name] = int(total)
    return found


def batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield items in groups of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def fractions(source: Source, column: str) -> bool:
    """Whether a column has numbers that are not whole."""
    value = number_column(source.table, column)
    query = f"SELECT count(*) FILTER (n <> floor(n)) FROM (SELECT {value} AS n FROM "
    with explained(source.table.path):
        ((number,),) = source.database.ask(f"{query}{source.table.relation})")
    return bool(number)


def _blanks(source: Source, plan: Plan) -> str:
    """Return what blank ids may mean."""
    first = [source.sample[plan.columns[role]] for role in ("pre", "post")]
    if all(values and values[0] for values in first):
        return "If a blank stands for the id above it, give --fill-down"
    return ""


def _strangers(source: Source, plan: Plan) -> str:
    """Return an id that is no cell's, beside one that is a cell's, and where else it may stand."""
    shown = []
    lists = f"{SEVERAL}. " if several(source, plan) else ""
    for role in ("pre", "post"):
        cell = id_column(source.table, plan.columns[role], source.ids)
        with explained(source.table.path):
            found = source.database.ask(
                f"SELECT DISTINCT v FROM (SELECT {cell.value} AS v, {cell.missing} AS none FROM "
                f"{source.table.relation}) LEFT JOIN cells ON id = v WHERE place IS NULL AND NOT "
                "none AND v IS NOT NULL ORDER BY v LIMIT 1"
            )
        shown += [f"{role} '{found[0][0]}'" for _ in found]
    cells = source.database.ask("SELECT id FROM cells ORDER BY place LIMIT 1")
    other = f", which has '{cells[0][0]}'" if cells else ""
    ids = [name for name in source.table.types if about(name) == "an id or index"]
    ids = [name for name in ids if name not in plan.columns.values()]
    more = f". Its other columns of ids are {', '.join(ids[:6])} (--column pre=NAME)" if ids else ""
    return f"{lists}{' and '.join(shown)} are not in the table of cells{other}{more}"
