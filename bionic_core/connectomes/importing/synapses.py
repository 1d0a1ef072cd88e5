"""The table of synapses or of connections, read once, a batch at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from bionic_core.connectomes.importing.cells import Cells
from bionic_core.connectomes.importing.columns import SYNAPSE_ROLES, assign
from bionic_core.connectomes.importing.rules import SYNAPSE_REASONS, Rules
from bionic_core.connectomes.importing.summing import LARGEST, NUMBERED, ROW, Connections, Summing
from bionic_core.connectomes.importing.tables import (
    Database,
    Id,
    Table,
    choose,
    explained,
    id_column,
    literal,
    number_column,
    quoted,
)
from bionic_core.connectomes.roles import Watch
from bionic_core.errors import RequestError

CODE = {reason.name: number for number, reason in enumerate(SYNAPSE_REASONS, 1)}
"""The numbers of the reasons, as the query gives them; 0 is a row without fault."""

KINDS = {
    "chemical": ("chemical", "chem", "c", "s", "sp", "send", "synapse", ""),
    "received": ("r", "rp", "receive"),
    "gap-junction": ("electrical", "electric", "gap junction", "gap_junction", "gapjunction", "ej"),
    "muscle": ("nmj",),
}
"""Words for kinds of connections. S, Sp, R, Rp, EJ and NMJ are those of White et al. 1986 and
Varshney et al. 2011, who list each synapse from both its sides."""


@attrs.frozen(eq=False)
class Read:
    """What a table of synapses gives.

    Attributes:
        connections: what becomes of it.
        level: ``synapses`` where a row is a synapse, ``edges`` where it is a connection.
        columns: the column of each role.
        rows: rows read.
        counts: rows by reason, zeros included.
    """

    connections: Connections
    level: str
    columns: Mapping[str, str]
    rows: int
    counts: Mapping[str, int]


def read_synapses(
    database: Database,
    table: Table,
    cells: Cells,
    given: Mapping[str, str],
    rules: Rules,
    watch: Watch,
) -> Read:
    """Return the connections between the cells of the database's table ``cells``.

    Raises:
        RequestError: columns are missing, there are no rows, or the rules refuse some.
    """
    where = str(table.path)
    columns = assign(list(table.types), SYNAPSE_ROLES, given, needed=("pre", "post"), where=where)
    edges = "count" in columns
    if edges:
        columns.pop("synapse_id", None)  # an edge list's own row numbers, at the best
    recognised = "kind" in columns and "kind" not in given
    if recognised and not (edges and _known_kinds(database, table, columns["kind"])):
        del columns["kind"]  # other things are called type as well
    query = _query(table, cells, columns, rules)
    summing = Summing(database.folder, len(cells.id), numbered="synapse_id" in columns)
    counts = np.zeros(len(CODE) + 1, np.int64)
    kept = [CODE[name] for name in CODE if rules.verdicts[name] == "keep"]
    rows, said = 0, 0
    for batch in database.batches(query, table.path):
        reason = batch["reason"]
        counts += np.bincount(reason, minlength=len(counts))
        good = reason == 0
        for number in kept:
            good |= reason == number
        summing.add(_chosen(batch, good))
        rows += len(reason)
        if table.rows is not None:
            watch.step("reading rows", rows, table.rows)
        elif rows // 10_000_000 > said:
            said = rows // 10_000_000
            watch.say(f"reading rows: {rows:,}")
    if rows == 0:
        raise RequestError("has no rows", where=where)
    found = {name: int(counts[number]) for name, number in CODE.items()}
    examples = {
        name: _example(database, table, query, columns, name) for name in rules.refused(found)
    }
    rules.check(found, examples, where)
    watch.step("summing synapses", 0, 1)
    connections = summing.connections(rules)
    watch.step("summing synapses", 1, 1)
    repeated: Counter[str] = summing.counts
    found |= {name: int(repeated[name]) for name in repeated}
    rules.check(found, summing.examples, where)
    return Read(connections, "edges" if edges else "synapses", columns, rows, found)


def _chosen(batch: Mapping[str, Any], good: Any) -> Any:
    """Return the rows that are taken, as the sums take them."""
    numbered = "id" in batch
    rows = np.empty(int(good.sum()), NUMBERED if numbered else ROW)
    for name in rows.dtype.names or ():
        rows[name] = batch[name][good]
    return rows


def _query(table: Table, cells: Cells, columns: Mapping[str, str], rules: Rules) -> str:
    """Return the query of a reason, a pair, a size, and a count or an id for each row."""
    where = str(table.path)

    def identified(role: str, *, named: bool = False) -> Id:
        return id_column(columns[role], table.types[columns[role]], named=named, where=where)

    def number(role: str) -> str:
        return number_column(columns[role], table.types[columns[role]], where=where)

    ends = [identified(role, named=cells.named) for role in ("pre", "post")]
    ids = [*ends, *([identified("synapse_id")] if "synapse_id" in columns else [])]
    # What the file itself shows, and then what the cells and the numbers show.
    first = {
        "missing-id": _any(item.missing for item in ends),
        "float-id": _any(item.float for item in ids),
        "overflow-id": _any(item.overflow for item in ids),
        "not-integer": _any(item.fraction for item in ids),
    }
    then = {"unknown-cell": "a.place IS NULL OR b.place IS NULL", "autapse": "a.place = b.place"}
    fields = [f"{end.value} AS {name}" for end, name in zip(ends, ("pre", "post"), strict=True)]
    size, last = "1", "1::BIGINT AS count"
    if "synapse_id" in columns:
        first["missing-synapse-id"] = f"({ids[2].value}) IS NULL"
        fields.append(f"{ids[2].value} AS number")
        last = "coalesce(number, 0) AS id"
    if "kind" in columns:
        word = _kind(columns["kind"])
        first["unknown-kind"] = f"{word} NOT IN {_tuple(sum(KINDS.values(), ()))}"
        for name in ("received", "gap-junction"):
            first[name] = f"{word} IN {_tuple(KINDS[name])}"
    if "count" in columns:
        fields.append(f"{number('count')} AS n")
        then["bad-count"] = f"n IS NULL OR n < 0 OR n <> floor(n) OR n > {LARGEST}"
        then["zero-count"] = "n = 0"
        size, last = (
            "n",
            f"(CASE WHEN n BETWEEN 1 AND {LARGEST} THEN n ELSE 0 END)::BIGINT AS count",
        )
    if "size" in columns:
        fields.append(f"{number('size')} AS size")
        then["missing-size"] = "size IS NULL"
        then["negative-size"] = "size < 0"
        size = "size"
    fault, kept = _sorted_out(first, rules)
    fields += [f"{fault} AS fault", f"{kept} AS pardon"]
    other, pardon = _sorted_out(then, rules)
    return (
        f"SELECT (CASE WHEN fault > 0 THEN fault WHEN ({other}) > 0 THEN ({other}) "
        f"WHEN pardon > 0 THEN pardon ELSE {pardon} END)::UTINYINT AS reason, "
        f"coalesce(a.place::BIGINT * {len(cells.id)} + b.place, 0) AS pair, "
        f"coalesce({size}, 0)::DOUBLE AS size, {last} "
        f"FROM (SELECT {', '.join(fields)} FROM {table.relation}) AS entry "
        "LEFT JOIN cells AS a ON a.id = pre LEFT JOIN cells AS b ON b.id = post"
    )


def _sorted_out(conditions: Mapping[str, str], rules: Rules) -> tuple[str, str]:
    """Return SQL of the first reason for which a row is not taken, and of the first kept.

    The two are apart so that what is kept hides nothing that is not.
    """
    cases: tuple[list[tuple[str, int]], list[tuple[str, int]]] = ([], [])
    for name, condition in conditions.items():
        cases[rules.verdicts[name] == "keep"].append((condition, CODE[name]))
    return choose(cases[0]), choose(cases[1])


def _example(
    database: Database, table: Table, query: str, columns: Mapping[str, str], reason: str
) -> str:
    """Return the values of a row with a fault, as the file has them."""
    shown = "concat_ws(', ', {})".format(
        ", ".join(
            f"{literal(role + ' ')} || coalesce({quoted(column)}::VARCHAR, 'empty')"
            for role, column in columns.items()
        )
    )
    query = query.replace("SELECT ", "SELECT shown, ", 1).replace(
        "FROM (SELECT ", f"FROM (SELECT {shown} AS shown, ", 1
    )
    with explained(table.path):
        found = database.ask(
            f"SELECT shown FROM ({query}) WHERE reason = {CODE[reason]} ORDER BY shown LIMIT 1"
        )
    return f"({found[0][0]})" if found else ""


def _known_kinds(database: Database, table: Table, column: str) -> bool:
    """Whether all of a column's words are kinds of connections."""
    words = _tuple(sum(KINDS.values(), ()))
    with explained(table.path):
        found = database.ask(
            f"SELECT count(*) FROM {table.relation} WHERE {_kind(column)} NOT IN {words}"
        )
    return bool(found == [(0,)])


def _kind(column: str) -> str:
    return f"lower(trim(coalesce({quoted(column)}::VARCHAR, '')))"


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)


def _tuple(words: Iterable[str]) -> str:
    return f"({', '.join(literal(word) for word in words)})"
