"""Which columns of a table of synapses are read as what, and why others are not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import attrs

from bionic_core.connectomes.importing import kinds as words_of_kinds
from bionic_core.connectomes.importing.columns import (
    SYNAPSE_ROLES,
    about,
    assign,
    called,
    recognised,
)
from bionic_core.connectomes.importing.kinds import Kinds
from bionic_core.connectomes.importing.tables import Database, Table
from bionic_core.connectomes.importing.text import is_number
from bionic_core.connectomes.importing.values import Ids, is_textual
from bionic_core.errors import RequestError

Sample = Mapping[str, Sequence[str | None]]

FLAGGED = 15
"""Columns whose words are looked at on the way, at most: four bits each."""


@attrs.frozen
class Plan:
    """How a table of synapses is read.

    Attributes:
        columns: the column of each role.
        signed: the sign of a weight is that of its pre cell.
        flagged: unread columns of words, in which kinds may turn up.
        notes: what the user should know.
    """

    columns: Mapping[str, str]
    signed: bool = False
    flagged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def edges(self) -> bool:
        """Whether a row is a connection, and not one synapse."""
        return "count" in self.columns

    @property
    def weight(self) -> str:
        """The role whose numbers may have a sign: counts, or sizes of what has no id."""
        if self.edges:
            return "count"
        return "size" if "size" in self.columns and "synapse_id" not in self.columns else ""

    def with_note(self, note: str) -> Plan:
        """Return the plan with something to say."""
        return attrs.evolve(self, notes=(*self.notes, note))

    def with_kind(self, column: str) -> Plan:
        """Return the plan that reads a column as kinds."""
        return attrs.evolve(
            self,
            columns={**self.columns, "kind": column},
            flagged=tuple(name for name in self.flagged if name != column),
        )


@attrs.frozen(eq=False)
class Source:
    """A table of synapses beside the cells of the database.

    Attributes:
        database: the one that both are in.
        table: of synapses.
        sample: its first rows as text.
        ids: how cells are called.
        cells: how many are taken.
    """

    database: Database
    table: Table
    sample: Sample
    ids: Ids
    cells: int


def plan_of(table: Table, sample: Sample, given: Mapping[str, str], cells: Collection[str]) -> Plan:
    """Return how a table is read, by its names of columns and what the user says.

    Args:
        table: the table.
        sample: its first rows as text.
        given: columns by role, as the user says.
        cells: what cells are called, as text.

    Raises:
        RequestError: columns are missing, or the first line is none of names.
    """
    where = str(table.path)
    names = list(table.types)
    notes: list[str] = []
    if table.form is not None and not table.headed:
        given, notes = _headless(names, sample, given)
    else:
        check_header(table, sample, given, SYNAPSE_ROLES, ("pre", "post"), cells)
    columns = assign(names, SYNAPSE_ROLES, given, needed=("pre", "post"), where=where)
    if "count" in columns:
        columns.pop("synapse_id", None)  # an edge list's own row numbers, at the best
    if "kind" in columns and "kind" not in given:
        del columns["kind"]  # other things are called type as well: its words decide
    if given.get("kind") == "":
        return Plan(columns, notes=tuple(notes))
    flagged = [
        name
        for name in names
        if "kind" not in columns
        and name not in columns.values()
        and is_textual(table.types[name])
        and len({*sample[name]}) <= words_of_kinds.FEW
        and not all(is_number(value or "0") for value in sample[name])
    ]
    flagged.sort(key=lambda name: not words_of_kinds.is_called_so(name))
    return Plan(columns, flagged=tuple(flagged[:FLAGGED]), notes=tuple(notes))


def _headless(
    names: Sequence[str], sample: Sample, given: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the columns of a table without names: pre, post, and a number after them."""
    columns = dict(given)
    for role, place in (("pre", 0), ("post", 1)):
        if role not in columns and len(names) > place:
            columns[role] = names[place]
    third = names[2] if len(names) == 3 else ""
    if third and "count" not in columns and third not in {*given.values()}:
        values = [value for value in sample[third] if value]
        if values and all(is_number(value) for value in values):
            columns["count"] = third
    roles = ", ".join(f"{role} {name}" for role, name in columns.items() if name)
    return columns, [f"there is no header; by their order, columns are {roles}"]


def check_header(
    table: Table,
    sample: Sample,
    given: Mapping[str, str],
    roles: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    cells: Collection[str] = (),
) -> None:
    """Refuse a first line that is a row like the others.

    Args:
        table: the table.
        sample: its first rows as text.
        given: columns by role, as the user says.
        roles: names by which roles are recognised.
        needed: the roles that a table must have; in the order in which columns usually stand.
        cells: what cells are called.

    Raises:
        RequestError: it looks like one; with the options that read it as such.
    """
    if table.form is None or not table.headed or table.insisted:
        return
    names = list(table.types)
    known = recognised(names, roles, {})
    if {*needed} <= {*known}:
        return
    first = [re.sub(r" \(column \d+\)$", "", name) for name in names]
    numbers = [name for name in first if is_number(name)]
    why = ""
    if numbers:
        why = "is of numbers" if len(numbers) == len(names) else "has numbers in it"
    elif not known:
        pairs = zip(first, names, strict=True)
        inside = [a for a, b in pairs if a and (a in cells or a in sample[b])]
        why = f"has '{inside[0]}', as rows have" if inside else ""
    if not why:
        return
    meant = {role: called(name, names) for role, name in given.items() if role in roles}
    said = {role: names.index(name) + 1 for role, name in meant.items() if name is not None}
    free = [k for k in range(1, len(names) + 1) if k not in said.values()]
    said |= dict(zip((role for role in needed if role not in said), free, strict=False))
    options = " ".join(f"--column {role}={place}" for role, place in said.items())
    which = "cells-header" if "cell_id" in needed else "header"
    shown = ", ".join(name[:20] for name in first[:6])
    matrix = "; if it is a matrix, give --matrix" if which == "header" else ""
    raise RequestError(
        f"its first line ({shown}) {why}, so it looks like a row, and the columns have no names. "
        f"Read it as a row: --no-{which} {options} (columns are then called 1, 2, 3 …). If these "
        f"are names all the same, give --{which}{matrix}",
        where=str(table.path),
    )


def unread(plan: Plan, table: Table, sample: Sample) -> dict[str, str]:
    """Return the columns that nothing reads, and why."""
    taken = {*plan.columns.values()}
    found = {}
    for name in table.types:
        if name in taken:
            continue
        words = list(dict.fromkeys(value for value in sample[name] if value))[:3]
        shown = ", ".join(word[:20] for word in words)
        what = table.nameless.get(name) or about(name)
        if not what and words_of_kinds.is_called_so(name) and name in plan.flagged:
            what = f"none of its words is a kind of connection ({shown})"
        if not what and _role(name) in plan.columns:
            what = f"{plan.columns[_role(name)]} is read as {_role(name)}"
        found[name] = what or f"no role goes by that name ({shown})"
    return found


def undecided(plan: Plan, table: Table, sample: Sample, given: Mapping[str, str]) -> list[str]:
    """Return unread columns that may be counts, as far as names and the first rows tell."""
    if plan.edges or "count" in given:
        return []
    found = []
    for name in table.types:
        values = [value for value in sample[name] if value]
        if name in plan.columns.values() or about(name) or not values:
            continue
        if name in table.nameless and _runs(values):
            continue
        if all(re.fullmatch(r"[-+]?[\d,]+(\.0+)?", value) for value in values):
            found.append(name)
    return found


def _runs(values: Sequence[str]) -> bool:
    """Whether values are 0, 1, 2 … or 1, 2, 3 …."""
    starts = (range(k, k + len(values)) for k in (0, 1))
    return any([*values] == [*map(str, numbers)] for numbers in starts)


def _role(name: str) -> str:
    """Return the role that a column's name alone would give it, or an empty text."""
    return next(iter(recognised([name], SYNAPSE_ROLES, {})), "")


def kinds_found(plan: Plan, found: int, table: Table, kinds: Kinds) -> str:
    """Return the column that turned out to be of kinds, or an empty text.

    Raises:
        RequestError: several are.
    """
    columns = words_of_kinds.of_kinds(plan.flagged, found)
    called_so = [name for name in columns if words_of_kinds.is_called_so(name)]
    columns = called_so or columns
    if len(columns) > 1:
        options = " or ".join(f"--column kind='{name}'" for name in columns)
        raise RequestError(
            f"columns {', '.join(columns)} all have words for kinds of connections; say which is "
            f"meant: {options}, or --column kind= for none",
            where=str(table.path),
        )
    return columns[0] if columns else ""
