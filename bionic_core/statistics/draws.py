"""Factors with a level of which there are many draws, and designs in which each draw is run.

A level such as a rewired connectome is not one thing: it is an ensemble. ``rewired*20`` is twenty
of its draws. A cell then has, beside its factors' levels, the number of its draw, under the
factor's name and ``.draw``; cells of levels that are one thing have none.

**Crossed** (the default), every wiring is trained with the same seeds, so that a seed can be
compared across draws. **Nested**, every draw has seeds of its own; levels that are one thing share
the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import (
    MAX_CELLS,
    MAX_RUNS,
    Design,
    Draws,
    Factor,
    Level,
    word,
)

CROSSED, NESTED = "crossed", "nested"
WAYS = (CROSSED, NESTED)

MAX_DRAWS = 1000
"""More draws of a level than this are refused: somebody has mistyped."""

FEWEST = 2
"""Draws of a level, at least: one is no ensemble."""


def split_draws(text: str, factor: str) -> tuple[str, int]:
    """Return a level's text without its ``*N``, and N; 0 where there is none.

    Raises:
        RequestError: what stands behind the ``*`` is no number of draws.
    """
    level, star, number = text.rpartition("*")
    if not star:
        return text, 0
    level, number = level.strip(), number.strip()
    where = f"--factor {factor}: '{text}'"
    if not level or not re.fullmatch(r"[+-]?[0-9]+", number):
        raise RequestError(
            f"{where} is no level with a number of draws; write rewired*20 for twenty draws of "
            "'rewired'"
        )
    count = int(number)
    if count < FEWEST:
        raise RequestError(
            f"{where} asks for {count} draws, of which an ensemble has {FEWEST} or more. One draw "
            f"for each seed is '{level}' alone"
        )
    if count > MAX_DRAWS:
        raise RequestError(
            f"{where} asks for {count:,} draws, more than {MAX_DRAWS:,}; p from the rank of one "
            f"among 199 draws can already be 0.005"
        )
    return level, count


def smallest_p(draws: int) -> float:
    """Return the smallest p that one among so many draws can have, by its rank: 1/(N + 1)."""
    return 1 / (draws + 1)


def with_draws(design: Design, told: Draws) -> Design:
    """Return the design with each of these draws as a cell of its own.

    Raises:
        RequestError: there are too many cells or runs, or one seed where that cannot do.
    """
    if told.nested and len(design.seeds) < 2:
        raise RequestError(
            "--draws nested: with one seed for each draw, what differs between draws cannot be "
            "told from what differs between seeds: give two seeds or more (--seeds 2), or "
            "--draws crossed, where all draws share one seed and nothing is said over seeds"
        )
    cells: list[Mapping[str, Level]] = []
    for cell in design.cells:
        count = told.of(cell[told.factor])
        cells += [{**cell, told.column: n} for n in range(count)] if count else [cell]
    runs = len(cells) * len(design.seeds)
    if len(cells) > MAX_CELLS or runs > MAX_RUNS:
        raise RequestError(
            f"{told.factor}: with its draws there are {len(cells):,} combinations and {runs:,} "
            f"runs, where {MAX_CELLS:,} and {MAX_RUNS:,} are the most; take fewer draws, seeds or "
            "factors"
        )
    return attrs.evolve(design, cells=tuple(cells), draws=told)


def drawn_factors(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """Return the factors that have a level with draws; one at most.

    Raises:
        RequestError: there are several.
    """
    found = tuple(factor for factor in factors if any(factor.draws))
    if len(found) > 1:
        names = " and ".join(factor.name for factor in found)
        raise RequestError(
            f"{names} both have levels with draws; one factor can. Give the other's levels "
            "without *N, or run a study of each"
        )
    return found


def counts_of(factor: Factor) -> Iterator[tuple[str, int]]:
    """Give the levels that have draws, in words, and how many."""
    for level, count in zip(factor.levels, factor.draws, strict=True):
        if count:
            yield word(level), count


def seed_of(design: Design, place: int, seed: int) -> int:
    """Return with which seed a cell is run instead of ``seed``: the same, unless draws nest."""
    draws, cell = design.draws, design.cells[place]
    number = cell.get(draws.column) if draws and draws.nested else None
    if draws is None or number is None:
        return seed
    levels = list(draws.counts)
    before = levels[: levels.index(word(cell[draws.factor]))]
    group = 1 + sum(draws.counts[level] for level in before) + int(number)
    return seed + group * (max(design.seeds) + 1)


def said_before(design: Design) -> list[str]:
    """Say before anything is trained what the design's draws can tell, a sentence each."""
    draws = design.draws
    if draws is None:
        return []
    seeds, fixed = len(design.seeds), fixed_levels(design)
    each = ", ".join(f"{count} of {level}" for level, count in draws.counts.items())
    how = (
        f"each with {seeds} seeds of its own (nested)"
        if draws.nested
        else f"each with the same {'seed' if seeds == 1 else f'{seeds} seeds'} (crossed)"
    )
    found = [f"draws of {draws.factor}: {each}, {how}"]
    for level, count in draws.counts.items() if fixed else ():
        least = smallest_p(count)
        found.append(
            f"{_either(fixed)} among {count} draws of {level}: by rank, p (two-sided, (r + 1)/"
            f"({count} + 1)) can be {least:.2g} at the smallest"
            + ("; 19 draws are the fewest for 0.05" if least > 0.05 else "")
        )
    if draws.single:
        found.append(
            f"{', '.join(draws.single)}: each seed draws one, so that what its draws differ by "
            "cannot be told from what seeds do; it is part of its error over seeds"
        )
    if seeds == 1:
        found.append(
            "one seed: differences from an ensemble get no interval, because nothing tells how "
            "far they would differ with another seed; their rank and its p are of this seed alone"
        )
    return found


def fixed_levels(design: Design) -> list[Level]:
    """Return the levels of the factor with draws that are one thing."""
    draws = design.draws
    if draws is None:
        return []
    factor = next(f for f in design.factors if f.name == draws.factor)
    drawn = {*draws.counts, *draws.single}
    return [level for level in factor.levels if word(level) not in drawn]


def _either(levels: Sequence[Level]) -> str:
    return " or ".join(map(word, levels))


def shown(cell: Mapping[str, Level], draws: Draws | None) -> tuple[Level, ...]:
    """Return a combination's levels as they are shown: all draws of one are one."""
    if draws is None:
        return tuple(cell.values())
    count = draws.of(cell[draws.factor])
    own = f"{word(cell[draws.factor])} ({count} draws)" if count else cell[draws.factor]
    others = {name: level for name, level in cell.items() if name != draws.column}
    return tuple((others | {draws.factor: own}).values())
