"""What the caller says of a table's columns, and so what each is taken as.

A column that nobody names is a factor where its values repeat as a design's do. It is a covariate
by itself where it holds numbers that do not (more than half as many different ones as rows, or
unevenly spaced ones of which some occur once), unless

- they number the rows,
- the factors are named one by one (``factors``): then what is not named is left out,
- it stands right of the column ``seed``, where a study's own table has other figures of its runs,
- the design leaves nothing to judge it by, each combination of factors having been run once, or
  has centre points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.statistics.drawn_tables import is_draws
from bionic_core.statistics.levels import Levels
from bionic_core.statistics.taken import (
    BLOCK,
    COVARIATE,
    DRAWN,
    FACTOR,
    FURTHER,
    IGNORED,
    RANDOM,
    RESPONSE,
    Column,
    check_numbers,
    role_of,
)

BLOCKS = ("seed", "block")
"""Columns of these names are blocks, unless another is named."""

ROLES = {
    RESPONSE: "the response",
    BLOCK: "the block",
    FACTOR: "a factor",
    COVARIATE: "a covariate",
    RANDOM: "a random effect",
    IGNORED: "left out",
}

Names = str | Sequence[str]


def _listed(names: Names) -> tuple[str, ...]:
    return tuple(dict.fromkeys([names] if isinstance(names, str) else names))


class Read(Protocol):
    """A table by its columns, as :class:`bionic_core.statistics.tables.Sheet` is."""

    @property
    def columns(self) -> Mapping[str, Sequence[object]]:
        """Values by name."""

    @property
    def levels(self) -> Mapping[str, Levels]:
        """The same as levels."""

    @property
    def places(self) -> Sequence[str]:
        """Of each row, as ``line 3``."""


@attrs.frozen(kw_only=True)
class Wanted:
    """What columns are to be.

    Attributes:
        response: what is analysed.
        factors: all factors; if none is named, those that look so.
        factor: factors too, whatever they look like.
        covariate, random, ignore: covariates, random effects, and what is left out.
        block: a column of blocks; if None, the first of :data:`BLOCKS` that is named nothing else;
            empty for none.
    """

    response: str
    factors: tuple[str, ...] = attrs.field(default=(), converter=_listed)
    factor: tuple[str, ...] = attrs.field(default=(), converter=_listed)
    covariate: tuple[str, ...] = attrs.field(default=(), converter=_listed)
    random: tuple[str, ...] = attrs.field(default=(), converter=_listed)
    ignore: tuple[str, ...] = attrs.field(default=(), converter=_listed)
    block: str | None = None

    @property
    def named(self) -> Iterator[tuple[str, str]]:
        """Every role that is asked for, and the column."""
        yield RESPONSE, self.response
        if self.block:
            yield BLOCK, self.block
        for role, names in (
            (FACTOR, dict.fromkeys([*self.factors, *self.factor])),
            (COVARIATE, self.covariate),
            (RANDOM, self.random),
            (IGNORED, self.ignore),
        ):
            for name in names:
                yield role, name

    def over(self, columns: Sequence[str]) -> Wanted:
        """Return the same with the block that a table of these columns has.

        Raises:
            RequestError: a column is not there, or is asked to be two things.
        """
        problems, roles = [], dict[str, str]()
        for role, name in self.named:
            if name not in columns:
                problems.append(f"there is no column '{name}'.{_meant(name, columns)}")
            elif roles.setdefault(name, role) != role:
                problems.append(
                    f"column '{name}' is {ROLES[roles[name]]}; it cannot be {ROLES[role]}: name it "
                    "for one of them"
                )
        if problems:
            raise RequestError(list(dict.fromkeys(problems)))
        if self.block is not None:
            return self
        block = next((name for name in BLOCKS if name in columns and name not in roles), "")
        return attrs.evolve(self, block=block)

    def taken(self, sheet: Read) -> tuple[Column, ...]:
        """Return what each column of a table is taken as, factors that are named in their order."""
        names, roles = list(sheet.columns), {name: role for role, name in self.named}
        own = names.index("seed") if "seed" in names[1:] else len(names)
        found = []
        for place, name in enumerate(names):
            levels = sheet.levels[name]
            role = roles.get(name, "")
            if role in (RESPONSE, COVARIATE):
                column = Column(name, role)
            elif role == IGNORED:
                column = Column(name, IGNORED, levels.kind, why="asked for")
            elif role or is_draws(name, names, self.factors):
                column = Column(name, role or DRAWN, levels.kind, levels.different)
            else:
                column = role_of(name, levels, sheet.places, sheet.columns[name])
                if column.taken_as != IGNORED and (self.factors or place > own):
                    measured = column.taken_as == COVARIATE
                    why = "not named" if self.factors else "right of the seed"
                    column = Column(name, FURTHER if measured else IGNORED, levels.kind, why=why)
                elif column.taken_as == IGNORED and not self.factors and place < own:
                    check_numbers(column, levels, sheet.places)
            found.append(column)
        order = [*self.factors, *self.factor]
        found.sort(key=lambda c: order.index(c.name) if c.name in order else -1)
        return tuple(found)


def _meant(name: str, columns: Sequence[str]) -> str:
    """Say which columns there are, and what may have been meant by a name that is none."""
    parts = [part.strip() for part in name.split(",")]
    if len(parts) > 1 and all(part in columns for part in parts):
        return f" Give the option once for each of {', '.join(parts)}"
    return f"{nearest(name, columns)} It has {listing(columns)}"
