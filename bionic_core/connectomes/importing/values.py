"""SQL of ids and numbers as files hold them: no id passes through a float, no number is guessed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from bionic_core.connectomes.importing.tables import Table, quoted
from bionic_core.errors import RequestError

_BLANK = r"('', 'nan', 'na', 'n/a', '#n/a', 'null', 'none', '<na>', '<null>', '\n')"
"""The last is what databases write (PostgreSQL's COPY)."""

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_WIDE = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_FLOATS = {"DOUBLE": 2**53, "FLOAT": 2**24}
"""Floating types, and the greatest number up to which they hold every whole one."""

_DIGITS = "'[+-]?[0-9]+'"
_GROUPED = "'[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+'"
_POWER = "'[+-]?[0-9.]+[eE][+-]?[0-9]+'"
_WHOLE = "'[+-]?[0-9]+[.]0+'"


@attrs.frozen
class Ids:
    """How the cells are called.

    Attributes:
        named: by names: text that is compared as it stands.
        zero: 0 is the id of a cell, and not that of none.
    """

    named: bool = False
    zero: bool = False


@attrs.frozen
class Id:
    """SQL of an id, in expressions.

    Attributes:
        value: the id, BIGINT (or text, where cells go by names); null where there is none.
        plain: it is whole, and nothing is wrong with it; quick to tell by ``cast``.
        cast: the id, where it is plain; a part of the others, empty where there is none.
        missing, float, overflow, fraction: whether it is empty or 0; was written by way of a float
            that cannot hold it; is beyond 64 bits; is no whole number.
    """

    value: str
    plain: str
    missing: str
    float: str
    overflow: str
    fraction: str
    cast: str = ""


def is_textual(kind: str) -> bool:
    """Whether DuckDB's type holds text."""
    return kind == "VARCHAR" or kind.startswith("ENUM")


def is_numeric(kind: str) -> bool:
    """Whether DuckDB's type holds numbers."""
    return kind in _INTEGERS | _WIDE or kind in _FLOATS or kind.startswith("DECIMAL")


def blank(column: str) -> str:
    """Return SQL of whether a field is empty, or a word for that; 0 is not."""
    return f"coalesce(lower(trim({quoted(column)}::VARCHAR)) IN {_BLANK}, true)"


def id_column(table: Table, column: str, ids: Ids) -> Id:
    """Return the SQL of an id; 18 digits never pass through a float.

    Raises:
        RequestError: the column is of a type that holds no ids.
    """
    kind, name = table.types[column], quoted(column)
    if is_textual(kind):
        return _named(name, ids) if ids.named else _written(name, ids)
    if not is_numeric(kind):
        raise RequestError(
            f"column '{column}' holds values of type {kind}; ids are integers or text",
            where=str(table.path),
        )
    found = _number(name, kind, ids)
    if ids.named:
        whole = "HUGEINT" if kind in _WIDE or kind in _FLOATS else kind
        text = f"(TRY_CAST({name} AS {whole}))::VARCHAR" if kind in _FLOATS else f"{name}::VARCHAR"
        return attrs.evolve(found, value=text, overflow="false")
    return found


def _number(name: str, kind: str, ids: Ids) -> Id:
    none = "" if ids.zero else f" OR {name} = 0"
    if kind in _INTEGERS:
        missing = f"coalesce({name} IS NULL{none}, true)"
        return Id(f"{name}::BIGINT", f"NOT {missing}", missing, "false", "false", "false")
    value = f"TRY_CAST({name} AS BIGINT)"
    if kind in _FLOATS:
        missing = f"coalesce(isnan({name}){none}, true)"
        lost, fraction = f"abs({name}) > {_FLOATS[kind]}", f"{name} <> floor({name})"
        return Id(value, "false", missing, lost, "false", fraction)
    missing = f"coalesce({name} IS NULL{none}, true)"
    fraction = f"coalesce({name} <> floor({name}), false)" if kind not in _WIDE else "false"
    return Id(value, "false", missing, "false", f"({value} IS NULL)", fraction)


def _named(name: str, ids: Ids) -> Id:
    text = f"trim({name}::VARCHAR)"
    # What a table of numbers alone writes as 46.0 is 46 beside V1.
    value = (
        f"CASE WHEN regexp_full_match({text}, {_WHOLE}) THEN regexp_extract({text}, '^[^.]+') "
        f"ELSE {text} END"
    )
    none = f"lower({text}) IN {_BLANK}" + ("" if ids.zero else f" OR {text} = '0'")
    power = f"regexp_full_match({text}, {_POWER})"
    return Id(value, "false", f"coalesce({none}, true)", power, "false", "false")


def _written(name: str, ids: Ids) -> Id:
    text = f"trim({name}::VARCHAR)"
    cast = f"TRY_CAST({name} AS BIGINT)"
    plain = f"coalesce({cast}::VARCHAR = {name}{'' if ids.zero else f' AND {cast} <> 0'}, false)"
    digits = f"regexp_full_match({text}, {_DIGITS})"
    grouped = f"regexp_full_match({text}, {_GROUPED})"
    whole = f"({digits} OR {grouped})"
    bare = f"replace({text}, ',', '')"
    number = f"TRY_CAST({bare} AS DOUBLE)"
    value = (
        f"CASE WHEN {plain} THEN {cast} WHEN {whole} THEN TRY_CAST({bare} AS BIGINT) "
        f"WHEN abs({number}) <= {2**53} AND {number} = floor({number}) "
        f"THEN TRY_CAST({number} AS BIGINT) END"
    )
    none = f"coalesce(lower({text}) IN {_BLANK}, true)"
    return Id(
        value,
        plain,
        none if ids.zero else f"({none} OR coalesce({number} = 0, false))",
        f"(NOT {whole} AND abs({number}) > {2**53})",
        f"({whole} AND TRY_CAST({bare} AS BIGINT) IS NULL)",
        f"(NOT {whole} AND ({number} IS NULL OR {number} <> floor({number}) "
        f"OR contains({text}, ',')))",
        cast,
    )


def kind_of_ids(table: Table, column: str) -> str:
    """Return the query of how a column of cells' ids reads: numbers of rows of each sort.

    Its columns: rows with an id, those that are a number, beyond 64 bits, begin with a 0 that
    counts, are 0, are 1.
    """
    if not is_textual(table.types[column]):
        name = quoted(column)
        wide = f"count(*) FILTER (TRY_CAST({name} AS BIGINT) IS NULL AND {name} IS NOT NULL)"
        if table.types[column] not in _WIDE:
            wide = "0"
        return (
            f"SELECT count({name}), count({name}), {wide}, 0, count(*) FILTER ({name} = 0), "
            f"count(*) FILTER ({name} = 1) FROM {table.relation}"
        )
    text = f"trim({quoted(column)}::VARCHAR)"
    bare = f"replace({text}, ',', '')"
    whole = f"(regexp_full_match({text}, {_DIGITS}) OR regexp_full_match({text}, {_GROUPED}))"
    return (
        f"SELECT count(*), count(*) FILTER ({whole} OR NOT contains({text}, ',') "
        f"AND TRY_CAST({text} AS DOUBLE) IS NOT NULL), "
        f"count(*) FILTER ({whole} AND TRY_CAST({bare} AS BIGINT) IS NULL), "
        f"count(*) FILTER (regexp_full_match({text}, '0[0-9]+')), "
        f"count(*) FILTER (TRY_CAST({text} AS DOUBLE) = 0), "
        f"count(*) FILTER (TRY_CAST({text} AS DOUBLE) = 1) "
        f"FROM {table.relation} WHERE NOT {blank(column)}"
    )


def number_column(table: Table, column: str, *, told: bool = False) -> str:
    """Return the SQL of a number as DOUBLE; null where it is missing or none.

    With ``told``, true and false are 1 and 0: counts of a graph that says which pairs there are.

    Raises:
        RequestError: the column is of a type that holds no numbers.
    """
    kind, name = table.types[column], quoted(column)
    if is_numeric(kind) or (told and kind == "BOOLEAN"):
        value = f"{name}::DOUBLE"
    elif is_textual(kind):
        text = f"trim({name}::VARCHAR)"
        if table.decimal_comma:
            other = f"TRY_CAST(replace({text}, ',', '.') AS DOUBLE)"
        else:
            grouped = f"regexp_full_match({text}, {_GROUPED})"
            other = f"CASE WHEN {grouped} THEN TRY_CAST(replace({text}, ',', '') AS DOUBLE) END"
        minus = f"TRY_CAST(replace({text}, '\u2212', '-') AS DOUBLE)"  # as people typeset it
        value = f"coalesce(TRY_CAST({name} AS DOUBLE), {other}, {minus})"
        if told:
            word = f"CASE lower({text}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END"
            value = f"coalesce({value}, {word})"
    else:
        raise RequestError(
            f"column '{column}' holds values of type {kind}; numbers are needed",
            where=str(table.path),
        )
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def choose(cases: Sequence[tuple[str, int]]) -> str:
    """Return SQL of the number of the first condition that holds; 0 where none does."""
    whens = " ".join(f"WHEN {condition} THEN {number}" for condition, number in cases)
    return f"CASE {whens} ELSE 0 END" if cases else "0"
