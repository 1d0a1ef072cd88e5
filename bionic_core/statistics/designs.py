"""Designs: which combinations of factor levels are run, with which seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from bionic_core.base.records import OMITTED, to_document
from bionic_core.errors import RequestError

Level = bool | int | float | str
"""A factor's level: a mechanism off or on (False, True), or a value of a spec's key."""

MAX_CELLS = 4096
"""More combinations than this are refused: somebody has mistyped."""

MAX_RUNS = 2**16
"""More runs than this, seeds counted, are refused for the same reason."""

MAX_PRODUCTS = 2**34
"""Multiplications of a least-squares fit, at most: they take about a minute."""

ROMAN = {3: "III", 4: "IV", 5: "V"}
"""Resolutions as they are written."""


@attrs.frozen
class Factor:
    """A factor of an experiment.

    Attributes:
        name: as in outputs, a mechanism or a key.
        levels: at least two, all different, the first being the reference.
        brings: mechanisms that go out with this one, because they require it; in a factorial
            those that are no factors themselves, in a leave-one-out all of them.
        draws: of each level, how many; 0 where it is one thing.
    """

    name: str
    levels: tuple[Level, ...] = (False, True)
    brings: tuple[str, ...] = ()
    draws: tuple[int, ...] = ()

    @property
    def term(self) -> str:
        """The factor's name in tables: ``a (with b, c)`` where it brings others along."""
        return f"{self.name} (with {', '.join(self.brings)})" if self.brings else self.name

    @property
    def doses(self) -> bool:
        """Whether the levels are three numbers or more, so that a response may follow them."""
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.levels)
        return numbers and len(self.levels) > 2


@attrs.frozen
class Impossible:
    """A combination that cannot be built, and why."""

    levels: Mapping[str, Level]
    reason: str


@attrs.frozen
class Draws:
    """The draws of a factor's levels (:mod:`bionic_core.statistics.draws`).

    Attributes:
        factor, key: whose levels they are, and which says which draw it is, empty in tables.
        counts: how many there are, by the level in words.
        nested: whether each has seeds of its own.
        single: levels in words of which each seed draws one, so that both are mixed.
    """

    factor: str
    key: str
    counts: Mapping[str, int]
    nested: bool = False
    single: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """What a draw's number is called in cells and tables."""
        return f"{self.factor}.draw"

    def of(self, level: Level) -> int:
        """Return how many draws a level has; 0 where it is one thing."""
        return self.counts.get(word(level), 0)


@attrs.frozen
class FactorLayout:
    """A factor as results tell of it: its name, its name in tables, its levels."""

    name: str
    term: str
    levels: tuple[Level, ...]


@attrs.frozen(kw_only=True)
class Layout:
    """A design as results tell of it; attributes as :class:`Design`'s.

    Attributes:
        runs: seeds counted.
        kinds: of a leave-one-out study, each mechanism's kind.
    """

    factors: tuple[FactorLayout, ...]
    runs: int
    resolution: int | None = None
    seeds: tuple[int, ...]
    kind: str = ""
    words: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    cells: tuple[Mapping[str, Level], ...] = ()
    impossible: tuple[Impossible, ...] = ()
    kinds: Mapping[str, str] = attrs.field(factory=dict, metadata={OMITTED: True})
    draws: Draws | None = attrs.field(default=None, metadata={OMITTED: True})


@attrs.frozen
class Design:
    """The combinations that are run, each with every seed.

    Attributes:
        factors: in the order in which they are shown.
        cells: levels by factor, in standard order (the first factor changes fastest).
        impossible: combinations left out, never relabelled.
        seeds: blocks; every cell is run once in each.
        resolution: of a fraction, the length of its shortest defining word; else None.
        kind: what it is, in words.
        words: the defining relation of a fraction: products of factors that are the same in all
            cells, ``a:b:c``, with a minus in front where they are negative.
        folded: factors that a foldover has reversed.
    """

    factors: tuple[Factor, ...]
    cells: tuple[Mapping[str, Level], ...]
    impossible: tuple[Impossible, ...]
    seeds: tuple[int, ...]
    resolution: int | None = None
    kind: str = "full factorial"
    words: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    draws: Draws | None = None

    @property
    def runs(self) -> int:
        """The number of runs, seeds counted."""
        return len(self.cells) * len(self.seeds)

    @property
    def layout(self) -> Layout:
        """The design as results tell of it."""
        return Layout(
            factors=tuple(FactorLayout(f.name, f.term, f.levels) for f in self.factors),
            runs=self.runs,
            resolution=self.resolution,
            seeds=self.seeds,
            kind=self.kind,
            words=self.words,
            folded=self.folded,
            cells=self.cells,
            impossible=self.impossible,
            draws=self.draws,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the design as JSON-ready data."""
        document: dict[str, Any] = to_document(self.layout)
        return document


def full_factorial(
    factors: Sequence[Factor],
    seeds: Sequence[int],
    possible: Callable[[Mapping[str, Level]], str | None] = lambda levels: None,
) -> Design:
    """Return every combination of levels.

    Args:
        factors: in the order in which they are shown.
        seeds: all different.
        possible: says why a combination cannot exist, or None where it can.

    Raises:
        RequestError: what ``faults`` finds, no or repeated seeds, too many combinations, or
            none that can exist.
    """
    problems = faults(factors)
    problems += seed_faults(seeds)
    count = math.prod(len(factor.levels) for factor in factors)
    problems += size_faults(
        factors, count, seeds, "; take fewer factors, or a fraction (--resolution)"
    )
    if problems:
        raise RequestError(problems, where="design")
    cells, impossible = sift(crossed(factors), possible)
    return Design(tuple(factors), cells, impossible, tuple(seeds))


def from_table(
    factors: Sequence[Factor],
    cells: Sequence[Mapping[str, Level]],
    seeds: Sequence[int],
    possible: Callable[[Mapping[str, Level]], str | None] = lambda levels: None,
) -> Design:
    """Return a design of given cells, in their order.

    Raises:
        RequestError: what ``faults`` finds, no or repeated seeds, too many cells, a cell there
            twice, or none that can exist.
    """
    problems = faults(factors)
    problems += seed_faults(seeds) + size_faults(factors, len(cells), seeds)
    rows = [tuple((type(cell[f.name]), cell[f.name]) for f in factors) for cell in cells]
    first: dict[object, int] = {}
    problems += [
        f"row {number} is row {first[row]} again; more seeds (--seeds) repeat every row"
        for number, row in enumerate(rows, 1)
        if first.setdefault(row, number) < number
    ]
    if problems:
        raise RequestError(problems, where="design")
    named = [{factor.name: cell[factor.name] for factor in factors} for cell in cells]
    kept, impossible = sift(named, possible)
    return Design(tuple(factors), kept, impossible, tuple(seeds), kind="table")


def crossed(factors: Sequence[Factor]) -> list[Mapping[str, Level]]:
    """Return every combination of levels, the first factor changing fastest."""
    names = [factor.name for factor in factors]
    every = itertools.product(*(factor.levels for factor in reversed(factors)))
    return [dict(zip(names, reversed(levels), strict=True)) for levels in every]


def sift(
    cells: Sequence[Mapping[str, Level]], possible: Callable[[Mapping[str, Level]], str | None]
) -> tuple[tuple[Mapping[str, Level], ...], tuple[Impossible, ...]]:
    """Return the cells that can exist, and the others with their reasons.

    Raises:
        RequestError: none can.
    """
    judged = [(cell, possible(cell)) for cell in cells]
    impossible = tuple(Impossible(cell, reason) for cell, reason in judged if reason is not None)
    if len(impossible) == len(cells):
        reasons = sorted({cell.reason for cell in impossible})
        raise RequestError(f"no combination can exist: {'; '.join(reasons)}", where="design")
    return tuple(cell for cell, reason in judged if reason is None), impossible


def leave_one_out(factors: Sequence[Factor], seeds: Sequence[int]) -> Design:
    """Return everything on, then each factor off, with those factors that it brings along.

    Args:
        factors: on and off, in the order in which they are shown.
        seeds: all different.

    Raises:
        RequestError: what ``faults`` finds, a factor that is not on and off, no or repeated seeds.
    """
    problems = faults(factors)
    problems += [
        f"factor '{factor.name}' must be off and on to be left out"
        for factor in factors
        if factor.levels != (False, True)
    ]
    problems += seed_faults(seeds) + size_faults(factors, len(factors) + 1, seeds)
    if problems:
        raise RequestError(problems, where="design")
    cells: list[Mapping[str, Level]] = [{factor.name: True for factor in factors}]
    for out in factors:
        gone = {out.name, *out.brings}
        cells.append({factor.name: factor.name not in gone for factor in factors})
    return Design(tuple(factors), tuple(cells), (), tuple(seeds), kind="leave-one-out")


def faults(factors: Sequence[Factor]) -> list[str]:
    """Return what is wrong with factors, a sentence each.

    None at all, one there twice, a ``:`` in a name, fewer than two levels, a level there twice.
    """
    problems = [] if factors else ["name at least one factor"]
    names = [factor.name for factor in factors]
    problems += [f"factor '{name}' is there twice" for name in _repeated(names)]
    problems += [
        f"factor '{name}' has a ':' in its name, which stands for an interaction; rename it"
        for name in names
        if ":" in name
    ]
    for factor in factors:
        if len(factor.levels) < 2:
            given = ", ".join(map(repr, factor.levels)) or "none"
            problems.append(f"factor '{factor.name}' needs two levels or more; given: {given}")
        problems += [
            f"factor '{factor.name}' has the level {level!r} twice"
            for level in _repeated(factor.levels)
        ]
    return problems


def seed_faults(seeds: Sequence[int]) -> list[str]:
    """Return what is wrong with seeds, a sentence each: none, too many, one there twice."""
    if len(seeds) > MAX_RUNS:
        return [f"{len(seeds):,} seeds are more than the {MAX_RUNS:,} runs that a design may have"]
    problems = [] if seeds else ["give at least one seed"]
    return problems + [f"seed {seed} is there twice" for seed in _repeated(seeds)]


def size_faults(
    factors: Sequence[Factor],
    cells: int,
    seeds: Sequence[int],
    remedy: str = "; take fewer of them",
) -> list[str]:
    """Return in which way a design is larger than can be planned and analysed, a sentence each.

    Asked before anything is done for each cell, level or run.
    """
    if cells > MAX_CELLS:
        return [f"{cells:,} combinations are more than {MAX_CELLS:,}{remedy}"]
    runs = cells * len(seeds)
    if len(seeds) > MAX_RUNS:  # seed_faults tells
        return []
    if runs > MAX_RUNS:
        return [
            f"{cells:,} combinations with {len(seeds):,} seeds are {runs:,} runs, more than "
            f"{MAX_RUNS:,}; take fewer seeds (--seeds) or combinations"
        ]
    effects = sum(len(factor.levels) - 1 for factor in factors)
    return fit_faults(runs, len(seeds), effects, "seeds, factors or levels")


def check_size(factors: Sequence[Factor], seeds: Sequence[int], cells: int | None = None) -> None:
    """Refuse a design that is too large, before anything is done for each level, cell or seed.

    Args:
        factors: with their levels.
        seeds: of every cell.
        cells: how many, or at least; all combinations if None.

    Raises:
        RequestError: what ``seed_faults`` and ``size_faults`` find.
    """
    count = math.prod(len(factor.levels) for factor in factors) if cells is None else cells
    if problems := seed_faults(seeds) or size_faults(factors, count, seeds):
        raise RequestError(problems, where="design")


def fit_faults(runs: int, blocks: int, terms: int, fewer: str) -> list[str]:
    """Return why a least-squares fit of so many runs, blocks and terms is too large, if it is."""
    coefficients = blocks + terms
    products = runs * coefficients * min(runs, coefficients)
    if products <= MAX_PRODUCTS:
        return []
    return [
        f"an analysis of {runs:,} runs with {coefficients:,} coefficients ({blocks:,} of seeds or "
        f"blocks, {terms:,} of effects) would take {products:.1e} multiplications, more than "
        f"{MAX_PRODUCTS:.1e}; take fewer {fewer}"
    ]


def word(level: Level) -> str:
    """Return a level as people read it: on, off, or the value."""
    return {True: "on", False: "off"}[level] if isinstance(level, bool) else str(level)


def in_words(levels: Mapping[str, Level]) -> str:
    """Return a combination of levels as people read it: ``a on, b.x 0.06``."""
    return ", ".join(f"{name} {word(level)}" for name, level in levels.items())


def same_level(one: Level, other: Level) -> bool:
    """Say whether two levels are one: 1 is 1.0, but True is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def identity(level: Level) -> tuple[bool, Level]:
    """Return what is equal, and hashes alike, for levels that are one (:func:`same_level`)."""
    return isinstance(level, bool), level


def _repeated(values: Sequence[Level]) -> list[Level]:
    seen: set[object] = set()
    again: dict[Level, None] = {}
    for value in values:
        if identity(value) in seen:
            again.setdefault(value)
        seen.add(identity(value))
    return list(again)
