"""The table of synapses or of connections, read a batch at a time. Start at `read_synapses`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from bionic_core.connectomes.importing import losses, quick
from bionic_core.connectomes.importing.kinds import Kinds, among, flags, word_of
from bionic_core.connectomes.importing.plan import Plan, Source, kinds_found, undecided, unread
from bionic_core.connectomes.importing.rules import SYNAPSE_CODES as CODE
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.importing.summing import LARGEST, NUMBERED, ROW, Connections, Summing
from bionic_core.connectomes.importing.tables import Table, explained, literal, quoted
from bionic_core.connectomes.importing.values import Id, Ids, choose, id_column, number_column
from bionic_core.connectomes.roles import Watch
from bionic_core.errors import RequestError


@attrs.frozen(eq=False)
class Read:
    """What a table of synapses gives.

    Attributes:
        connections: what becomes of it.
        level: ``synapses`` where a row is a synapse, ``edges`` where it is a connection.
        columns: the column of each role.
        unread: the columns that nothing reads, and why.
        rows: rows read.
        counts: rows by reason, zeros included.
        notes: what the user should know.
    """

    connections: Connections
    level: str
    columns: Mapping[str, str]
    unread: Mapping[str, str]
    rows: int
    counts: Mapping[str, int]
    notes: tuple[str, ...]


@attrs.frozen
class Asked:
    """What the user says about the table of synapses.

    Attributes:
        columns: by role; empty for none.
        rules: what is done with rows that are not as they should be.
        kinds: words for kinds of connections.
        rows_are_synapses: although no count is read where one might be.
    """

    columns: Mapping[str, str]
    rules: Rules
    kinds: Kinds = attrs.field(factory=Kinds)
    rows_are_synapses: bool = False


class _OtherPlanError(Exception):
    """A row shows that the table has to be read by another plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


def read_synapses(source: Source, plan: Plan, asked: Asked, watch: Watch) -> Read:
    """Return the connections between the cells of the database's table ``cells``.

    Raises:
        RequestError: there are no rows, or no connection, the rules refuse some, or what a row
            is has to be said.
    """
    careful = False
    while True:
        careful |= not quick.serves(source, plan)
        try:
            return _read(source, plan, asked, watch, careful=careful)
        except quick.UnusualError:
            careful = True
        except _OtherPlanError as otherwise:
            plan = otherwise.plan


def _read(source: Source, plan: Plan, asked: Asked, watch: Watch, *, careful: bool) -> Read:
    table, where, rules = source.table, str(source.table.path), asked.rules
    if careful:
        batches = source.database.batches(_query(source, plan, asked), table.path)
    else:
        batches = quick.batches(source, plan, rules, asked.kinds)
    summing = Summing(
        source.database.fresh("sums"), source.cells, numbered="synapse_id" in plan.columns
    )
    counts = np.zeros(len(CODE) + 1, np.int64)
    kept = [CODE[name] for name in CODE if rules.verdicts[name] == "keep"]
    rows, said = 0, 0
    for batch in batches:
        reason = batch["reason"]
        _look(batch, plan, source, asked)
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
    _check(source, plan, asked, found, rows)
    watch.step("summing synapses", 0, 1)
    connections = summing.connections(rules)
    watch.step("summing synapses", 1, 1)
    found |= {name: int(number) for name, number in summing.counts.items()}
    rules.check(found, summing.examples, where, losses.of_numbers(plan))
    if found["duplicate-id"]:
        rules.check_losses(found, rows, losses.hints(source, plan, found), where)
    if not len(connections.pre):
        losses.refuse_nothing(source, plan, found, rows)
    notes = [*table.notes, *plan.notes, *_decide(source, plan, asked, connections)]
    level = "edges" if plan.edges else "synapses"
    others = unread(plan, table, source.sample)
    return Read(connections, level, plan.columns, others, rows, found, tuple(notes))


def _look(batch: Mapping[str, Any], plan: Plan, source: Source, asked: Asked) -> None:
    """Go over to another plan where the rows show that theirs is another.

    Raises:
        _OtherPlanError: with it.
    """
    if plan.flagged:
        found = int(np.bitwise_or.reduce(batch["flags"], initial=0))
        column = kinds_found(plan, found, source.table, asked.kinds)
        if column:
            raise _OtherPlanError(plan.with_kind(column))
    if plan.weight and not plan.signed and np.any(batch["negative"]):
        note = f"negative weights ({plan.columns[plan.weight]}) are those of inhibitory cells"
        raise _OtherPlanError(attrs.evolve(plan, signed=True, notes=(*plan.notes, note)))


def _check(source: Source, plan: Plan, asked: Asked, found: Mapping[str, int], rows: int) -> None:
    """Refuse what the rules refuse, and files of which too much is lost."""
    rules, where = asked.rules, str(source.table.path)
    examples = {name: _example(source, plan, asked, name) for name in rules.refused(found)}
    advice = losses.advice(source, plan, found)
    rules.check(found, examples, where, advice)
    wanting = {name: found[name] for name in ("missing-id", "unknown-cell")}
    if any(wanting.values()):
        rules.check_losses(wanting, rows, losses.hints(source, plan, found), where)


def _decide(source: Source, plan: Plan, asked: Asked, connections: Connections) -> list[str]:
    """Return what to say where rows may be connections; or refuse to guess.

    Raises:
        RequestError: a column that nothing reads may be a count.
    """
    if plan.edges or asked.rows_are_synapses or asked.columns.get("count") == "":
        return []
    single = int(connections.count.max()) == 1
    about_one = {"synapse_id", "size"} & {*plan.columns}
    columns = undecided(plan, source.table, source.sample, asked.columns)
    if columns and (single or not about_one):
        sums = losses.whole_sums(source, columns)
        ways = [f"--column count='{name}' ({total:,} synapses)" for name, total in sums.items()]
        if ways:
            once = "no pair of cells occurs twice, and " if single else ""
            raise RequestError(
                f"{once}nothing reads {' or '.join(repr(name) for name in sums)}, which has whole "
                f"numbers: is it a count of synapses? Give {' or '.join(ways)}, or "
                f"--rows-are-synapses ({int(connections.count.sum()):,} synapses)",
                where=str(source.table.path),
            )
    size = plan.columns.get("size", "")
    if single and size and not losses.fractions(source, size):
        return [
            f"no pair of cells occurs twice, and '{size}' has whole numbers: each row was taken "
            f"as one synapse of that size. If '{size}' counts synapses, give --column size= "
            f"--column count='{size}'"
        ]
    return []


def _chosen(batch: Mapping[str, Any], good: Any) -> Any:
    """Return the rows that are taken, as the sums take them."""
    numbered = "id" in batch
    everything = bool(good.all())
    rows = np.empty(len(good) if everything else int(good.sum()), NUMBERED if numbered else ROW)
    for name in rows.dtype.names or ():
        rows[name] = batch[name] if everything else batch[name][good]
    return rows


def _query(source: Source, plan: Plan, asked: Asked, shown: str = "") -> str:
    """Return the query of a reason, a pair, a size, and a count or an id for each row.

    With ``shown``, SQL of a text about the row, of that too.
    """
    table, columns, rules = source.table, plan.columns, asked.rules
    ends = [id_column(table, columns[role], source.ids) for role in ("pre", "post")]
    ids = [*ends]
    if "synapse_id" in columns:
        ids.append(id_column(table, columns["synapse_id"], Ids(zero=True)))
    # What the file itself shows, and then what the cells and the numbers show.
    first = {
        "missing-id": _any(item.missing for item in ends),
        "float-id": _any(item.float for item in ids),
        "overflow-id": _any(item.overflow for item in ids),
        "not-integer": _any(item.fraction for item in ids),
    }
    fields = [f"{end.value} AS {name}" for end, name in zip(ends, ("pre", "post"), strict=True)]
    last = "1::BIGINT AS count"
    if "synapse_id" in columns:
        first["missing-synapse-id"] = f"{ids[2].missing}"
        first["float-id"] = _any(item.float for item in ids)
        fields.append(f"{ids[2].value} AS number")
        last = "coalesce(number, 0) AS id"
    quick = " AND ".join(f"({item.plain})" for item in ids)
    fault, kept = _sorted_out(first, rules)
    fault = f"CASE WHEN {quick} THEN 0 ELSE {fault} END"
    more, then, size, count = _numbers(table, plan)
    if "kind" in columns:
        told, spared = _sorted_out(_kinds(columns["kind"], asked.kinds), rules)
        fault = f"CASE WHEN ({fault}) > 0 THEN ({fault}) ELSE {told} END"
        kept = f"CASE WHEN ({kept}) > 0 THEN ({kept}) ELSE {spared} END"
        more.append(f"{word_of(columns['kind'])} IN {among(asked.kinds.words('muscle'))} AS nmj")
        then = {"neuromuscular": "nmj AND a.place IS NOT NULL AND b.place IS NULL", **then}
    other, pardon = _sorted_out(then, rules)
    fields += [*more, f"{fault} AS fault", f"{kept} AS pardon"]
    fields += [f"{shown} AS shown"] if shown else []
    fields.append(f"{flags(plan.flagged, asked.kinds, source.sample)} AS flags")
    return (
        "SELECT (CASE WHEN fault > 0 THEN fault WHEN other > 0 THEN other WHEN pardon > 0 THEN "
        "pardon ELSE spared END)::UTINYINT AS reason, * EXCLUDE (fault, other, pardon, spared) "
        f"FROM (SELECT {'shown, ' if shown else ''}fault, {other} AS other, pardon, "
        f"{pardon} AS spared, "
        f"coalesce(a.place::BIGINT * {source.cells} + b.place, 0) AS pair, "
        f"coalesce({size}, 0)::DOUBLE AS size, {count or last}, flags, "
        f"{_negative(plan)} AS negative "
        f"FROM ({_staged(fields, ids, table.relation)}) AS entry "
        "LEFT JOIN cells AS a ON a.id = pre LEFT JOIN cells AS b ON b.id = post)"
    )


def _staged(fields: Sequence[str], ids: Sequence[Id], relation: str) -> str:
    """Return the query of fields in which each id is cast once: casts are what takes time."""
    casts, plains, text = [], [], ", ".join(fields)
    for place, item in enumerate(ids):
        if item.cast:
            casts.append(f"{item.cast} AS cast{place}")
            plains.append(f"{item.plain.replace(item.cast, f'cast{place}')} AS plain{place}")
            text = text.replace(item.plain, f"plain{place}").replace(item.cast, f"cast{place}")
    if casts:
        relation = f"(SELECT *, {', '.join(casts)} FROM {relation})"
        relation = f"(SELECT *, {', '.join(plains)} FROM {relation})"
    return f"SELECT {text} FROM {relation}"


def _negative(plan: Plan) -> str:
    raw = {"count": "n", "size": "size"}.get(plan.weight, "")
    return f"coalesce({raw} < 0, false)" if raw and not plan.signed else "false"


def _kinds(column: str, kinds: Kinds) -> dict[str, str]:
    """Return SQL of what is wrong with a row's kind, by reason."""
    word = word_of(column)
    found = {"unknown-kind": f"{word} NOT IN {among(kinds.known())}"}
    for name in ("received", "gap-junction"):
        found[name] = f"{word} IN {among(kinds.words(name))}"
    return found


def _numbers(table: Table, plan: Plan) -> tuple[list[str], dict[str, str], str, str]:
    """Return SQL of a row's numbers, of what is wrong, of its size, and of its count if any."""
    columns = plan.columns
    fields = []
    then = {
        "unknown-cell": "a.place IS NULL OR b.place IS NULL",
        "dropped-cell": "a.place < 0 OR b.place < 0",
        "autapse": "a.place = b.place",
    }
    size, count = "1", ""
    if "count" in columns:
        fields.append(f"{number_column(table, columns['count'], told=True)} AS n")
        then["bad-count"] = f"n IS NULL OR n <> floor(n) OR abs(n) > {LARGEST}"
        then["zero-count"] = "n = 0"
        size = "abs(n)"
        count = (
            f"(CASE WHEN abs(n) BETWEEN 1 AND {LARGEST} THEN abs(n) ELSE 0 END)::BIGINT AS count"
        )
    if "size" in columns:
        fields.append(f"{number_column(table, columns['size'])} AS size")
        then["missing-size"] = "size IS NULL"
        if plan.weight != "size":
            then["negative-size"] = "size < 0"
        size = "abs(size)"
    if plan.signed:
        raw = "n" if plan.weight == "count" else "size"
        clash = f"({raw} < 0 AND a.sign > 0) OR ({raw} > 0 AND a.sign < 0)"
        then = {**then, "sign-conflict": clash}
        then = {name: then[name] for name in CODE if name in then}
    return fields, then, size, count


def _sorted_out(conditions: Mapping[str, str], rules: Rules) -> tuple[str, str]:
    """Return SQL of the first reason for which a row is not taken, and of the first kept.

    The two are apart so that what is kept hides nothing that is not.
    """
    cases: tuple[list[tuple[str, int]], list[tuple[str, int]]] = ([], [])
    for name, condition in conditions.items():
        cases[rules.verdicts[name] == "keep"].append((condition, CODE[name]))
    return choose(cases[0]), choose(cases[1])


def _example(source: Source, plan: Plan, asked: Asked, reason: str) -> str:
    """Return the values of a row with a fault, as the file has them."""
    shown = "concat_ws(', ', {})".format(
        ", ".join(
            f"{literal(role + ' ')} || coalesce({quoted(column)}::VARCHAR, 'empty')"
            for role, column in plan.columns.items()
        )
    )
    query = _query(source, plan, asked, shown)
    with explained(source.table.path):
        found = source.database.ask(
            f"SELECT shown FROM ({query}) WHERE reason = {CODE[reason]} ORDER BY shown LIMIT 1"
        )
    return f"({found[0][0]})" if found else ""


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)
