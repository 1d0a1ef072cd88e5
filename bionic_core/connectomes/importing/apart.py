"""What a table counts in vain, or not together: invalid rows, several animals, no direction.

All of it is written in columns without a role; what has them is right only if they are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np

from bionic_core.connectomes.importing.kinds import among
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.importing.tables import Database, Table, explained, quoted
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from bionic_core.connectomes.importing.plan import Plan, Sample
    from bionic_core.connectomes.importing.summing import Connections

_VALID = re.compile(r"(is_?)?valid", re.IGNORECASE)
"""CAVE's annotations that were taken back, or replaced by others, stay in the table: valid is f."""

_NO, _YES = ("f", "false", "no", "n", "0"), ("t", "true", "yes", "y", "1")

_SUBJECTS = re.compile(
    r"(data_?set|animal|animal_?id|worm|fly|mouse|larva|specimen|individual|subject|subject_?id"
    r"|sample|stage|sex|reconstruction|connectome|brain|(mat(erialization)?_?)?version)(_?name)?",
    re.IGNORECASE,
)
"""Columns that tell apart whose connections these are."""

SHOWN = 6
"""Values of a column that are shown at most."""

PAIRS = 3
"""The fewest pairs of cells of which it is said that all are mutual, in equal number."""


def valid_column(sample: Sample) -> str:
    """Return the column that says which rows hold, or an empty text.

    Args:
        sample: the first rows as text.
    """
    for name, values in sample.items():
        words = {value.lower() for value in values if value}
        if _VALID.fullmatch(name.strip()) and words and words <= {*_NO, *_YES}:
            return name
    return ""


def is_invalid(column: str) -> str:
    """Return SQL of whether a row says of itself that it does not hold."""
    return f"coalesce(lower(trim({quoted(column)}::VARCHAR)) IN {among(_NO)}, false)"


@attrs.frozen(eq=False)
class Held:
    """A table without the rows that do not hold.

    Attributes:
        table: with the others.
        column: that says so, empty where there is none.
        invalid: rows of which it is false.
        dropped: of these, rows that are not in the table.
    """

    table: Table
    column: str = ""
    invalid: int = 0
    dropped: int = 0


def held(database: Database, table: Table, sample: Sample, rules: Rules) -> Held:
    """Return a table without its invalid rows, as the rules are.

    Raises:
        RequestError: the rules refuse them, or no others are there.
    """
    column = valid_column(sample)
    if not column:
        return Held(table)
    false = is_invalid(column)
    with explained(table.path):
        ((rows, number),) = database.ask(
            f"SELECT count(*), count(*) FILTER ({false}) FROM {table.relation}"
        )
    rules.check({"invalid": number}, {"invalid": f"{column} = false"}, str(table.path))
    if not number or rules.verdicts["invalid"] == "keep":
        return Held(table, column, number)
    if number == rows:
        raise RequestError(
            f"no row is valid: '{column}' is false in all {rows:,}. If they are to be read all "
            "the same, give --keep invalid",
            where=str(table.path),
        )
    rest = attrs.evolve(
        table,
        relation=f"(SELECT * FROM {table.relation} WHERE NOT {false})",
        rows=None if table.rows is None else rows - number,
        plain=False,
    )
    return Held(rest, column, number, number)


def of_several(database: Database, table: Table, plan: Plan) -> list[str]:
    """Return what to say of columns that tell apart whose connections the rows are."""
    said = []
    for name in table.types:
        if name in plan.columns.values() or not _SUBJECTS.fullmatch(name.strip()):
            continue
        with explained(table.path):
            found = database.ask(
                f"SELECT DISTINCT trim({quoted(name)}::VARCHAR) AS v FROM {table.relation} WHERE "
                f"v <> '' ORDER BY v LIMIT {SHOWN + 1}"
            )
        words = [str(row[0]) for row in found]
        if len(words) > 1:
            more = " …" if len(words) > SHOWN else ""
            said.append(
                f"'{name}' has several values ({', '.join(words[:SHOWN])}{more}), and nothing "
                "reads it: connections of all of them are summed. To read one alone, leave the "
                "rows of the others out of the file"
            )
    return said


def check_directed(plan: Plan, sample: Sample, given: Mapping[str, str], where: str) -> None:
    """Refuse rows that are said to have no direction, as Gephi writes them.

    Raises:
        RequestError: a column says so.
    """
    if given.get("kind") == "":
        return
    for name in plan.flagged:
        if any((value or "").lower() == "undirected" for value in sample[name]):
            raise RequestError(
                f"column '{name}' says 'Undirected', so nothing says which cell is pre. Write "
                "each connection once in its direction; if both hold, write it twice. If the rows "
                "go from pre to post all the same, give --column kind=",
                where=where,
            )


def all_mutual(connections: Connections) -> list[str]:
    """Return what to say where each connection stands in both directions, in equal number."""
    pre, post, count = connections.pre, connections.post, connections.count
    if len(pre) < 2 * PAIRS:
        return []
    size = int(max(pre.max(), post.max())) + 1
    out, into = (np.bincount(side, minlength=size) for side in (pre, post))
    if not np.array_equal(out, into):  # quick to tell, and nearly always so
        return []
    keys = [a.astype(np.int64) * size + b for a, b in ((pre, post), (post, pre))]
    orders = [np.argsort(key, kind="stable") for key in keys]
    for values in (keys, (count, count)):
        if not np.array_equal(values[0][orders[0]], values[1][orders[1]]):
            return []
    return [
        "every connection stands in both directions with the same number, as gap junctions and "
        "undirected graphs do: of chemical synapses that is not to be expected"
    ]
