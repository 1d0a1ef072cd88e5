"""The worm's cells: their names as written one way, their types and transmitters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

Sheet = Sequence[Sequence[object]]

CELLS = {
    "SENSORY NEURONS": "sensory",
    "INTERNEURONS": "inter",
    "MOTOR NEURONS": "motor",
    "PHARYNX": "pharyngeal",
    "SEX SPECIFIC": "sex-specific",
}
"""The groups of rows in the matrices of chemical synapses, which are neurons, as types."""

TRANSMITTERS = (
    "cect/data/elife-95402-supp2-v1.xlsx",
    "cect/data/elife-95402-supp3-v1.xlsx",
)
"""Tables of the hermaphrodite's neurons, and of the male's own."""

WORDS = {
    "ach": "acetylcholine",
    "glu": "glutamate",
    "gaba": "GABA",
    "da": "dopamine",
    "5-ht": "serotonin",
    "octopamine": "octopamine",
    "betaine": "betaine",
}
"""What the tables call transmitters; whatever else they say is no known one."""

HEAD = 3
"""Columns, and rows, before a matrix's first value: groups, an empty one, names."""


def canonical(name: object) -> str:
    """Return a cell's name as most write it: ``AS1`` where a table pads it to ``AS01``."""
    return re.sub(r"^([A-Z]{2})0(\d)$", r"\1\2", str(name).strip())


def groups(names: Sequence[object], heads: Sequence[object]) -> dict[str, str]:
    """Return the group of each name; a group's head stands beside its first name."""
    found: dict[str, str] = {}
    group = ""
    for name, head in zip(names, heads, strict=False):
        group = str(head).strip() if head else group
        if name:
            found[canonical(name)] = group
    return found


def names_of(sheet: Sheet) -> set[str]:
    """Return all cells of a matrix, of its rows and of its columns."""
    names = [*sheet[HEAD - 1][HEAD:], *(row[HEAD - 1] for row in sheet[HEAD:])]
    return {canonical(name) for name in names if name}


def matrix_of(sheet: Sheet) -> Counter[tuple[str, str]]:
    """Return the connections of a matrix whose rows are pre, without sums beside and below it."""
    posts = [canonical(name) if name else "" for name in sheet[HEAD - 1]]
    found: Counter[tuple[str, str]] = Counter()
    for row in sheet[HEAD:]:
        if not row[HEAD - 1]:
            continue
        for post, value in zip(posts[HEAD:], row[HEAD:], strict=False):
            if post and value:
                found[canonical(row[HEAD - 1]), post] += int(str(value))
    return found


@attrs.frozen
class WormCells:
    """What is known of the cells, by name.

    Attributes:
        types: of neurons, in the order of the tables.
        transmitters: of neurons that have a known one.
    """

    types: Mapping[str, str]
    transmitters: Mapping[str, str]

    @classmethod
    def of(cls, chemical: Sequence[Sheet], transmitters: Sequence[Sheet]) -> WormCells:
        """Return the cells of matrices of chemical synapses and of tables of transmitters."""
        types: dict[str, str] = {}
        for sheet in chemical:
            rows = sheet[HEAD:]
            found = groups([row[HEAD - 1] for row in rows], [row[0] for row in rows])
            types |= {name: CELLS[group] for name, group in found.items() if name not in types}
        words: dict[str, str] = {}
        for sheet in transmitters:
            words |= _transmitters(sheet)
        return cls(types, words)

    def type_of(self, name: str) -> str:
        """Return a cell's type; of one that is no neuron, ``muscle`` or ``end organ``."""
        muscle = "muscle" if re.search("BWM|BodyWallMuscle", name) else "end organ"
        return self.types.get(name, muscle)

    def place(self, name: str) -> tuple[int, str]:
        """Return a key that sorts neurons as the tables do, and others behind them."""
        order = {known: place for place, known in enumerate(self.types)}
        return order.get(name, len(order)), name


def _transmitters(sheet: Sheet) -> dict[str, str]:
    top = next(n for n, row in enumerate(sheet) if "Neurotransmitter(s)" in row)
    column = [*sheet[top]].index("Neurotransmitter(s)")
    name = [*sheet[top]].index("Neuron")
    found: dict[str, str] = {}
    for row in sheet[top + 1 :]:
        word = re.sub(r"\*|- NEW|\(.*?\)", "", str(row[column] or "")).strip().lower()
        if row[name] and word in WORDS:
            found |= dict.fromkeys(_named(str(row[name]).strip()), WORDS[word])
    return found


def _named(name: str) -> list[str]:
    """Return the cells of a name: ``DB1/3`` and ``EF1/2`` are two."""
    letters = name.rstrip("0123456789/")
    numbers = name[len(letters) :].split("/")
    return [canonical(letters + number) for number in numbers] if len(numbers) > 1 else [name]
