"""Draws of a factor's levels as a table tells them: a column named by the factor and ``.draw``.

A row of a level that is one thing has nothing there; of one that is drawn, the number of the draw.
Whether draws and seeds are crossed or nested is read off the seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Draws, Level, word
from bionic_core.statistics.effect import Row

SUFFIX = ".draw"


@attrs.frozen
class Known:
    """What is known of a table's columns that it does not say itself.

    Attributes:
        ladders: by column, its levels in order, each keeping more of what is real than the last.
        drawing: by column, its levels that are one draw of many, also where each is drawn once.
    """

    ladders: Mapping[str, Sequence[Level]] = attrs.field(factory=dict)
    drawing: Mapping[str, Sequence[Level]] = attrs.field(factory=dict)


NOTHING_KNOWN = Known()


def is_draws(name: str, columns: Sequence[str], factors: Sequence[str]) -> bool:
    """Say whether a column numbers the draws of another one, which is a factor."""
    factor = name.removesuffix(SUFFIX)
    return factor != name and factor in (factors or columns)


def draws_of(
    rows: Sequence[Row],
    columns: Sequence[str],
    drawing: Mapping[str, Sequence[Level]],
    said: list[str],
) -> Draws | None:
    """Return the draws of a table's rows; None where there are none.

    Args:
        rows: levels, the numbers of draws among them, seed and response of each run.
        columns: that number draws.
        drawing: by factor, its levels that are one draw of many.
        said: sentences about the table, to which those about draws are added.

    Raises:
        RequestError: there are several such columns, a level has rows with a number and without,
            or seeds are neither crossed with draws nor nested in them.
    """
    if not columns:
        return None
    if len(columns) > 1:
        raise RequestError(
            f"{' and '.join(columns)} both number draws; one factor can have such levels. Name the "
            "factors of an analysis with --factors, without one of them"
        )
    (column,) = columns
    factor = column.removesuffix(SUFFIX)
    drawn: dict[str, dict[Level, list[Level]]] = {}
    fixed: dict[str, set[Level]] = {}
    for cell, seed, _ in rows:
        level = word(cell[factor])
        if column in cell:
            drawn.setdefault(level, {}).setdefault(cell[column], []).append(seed)
        else:
            fixed.setdefault(level, set()).add(seed)
    if mixed := sorted(drawn.keys() & fixed.keys()):
        raise RequestError(
            f"column '{column}': {', '.join(mixed)} has rows with the number of a draw, and rows "
            "without; give every row of a level a number, or none"
        )
    if not drawn:
        said.append(f"column '{column}' has no number, so that no level is taken as drawn")
        return None
    counts = {level: len(draws) for level, draws in drawn.items()}
    single = tuple(level for level in fixed if level in map(word, drawing.get(factor, ())))
    found, about = _by_seeds(Draws(factor, "", counts, single=single), drawn, fixed)
    said += about
    return found


def _by_seeds(
    draws: Draws, drawn: Mapping[str, Mapping[Level, list[Level]]], fixed: Mapping[str, set[Level]]
) -> tuple[Draws | None, list[str]]:
    """Return whether draws are crossed with seeds, nested, or one for each seed."""
    own = [set(seeds) for of in drawn.values() for seeds in of.values()]
    everyone: set[Level] = set().union(*own)
    shared = set().union(*fixed.values())
    if sum(map(len, own)) > len(everyone):  # a seed occurs in several draws
        return draws, []
    if not everyone & shared:
        nested = Draws(draws.factor, draws.key, draws.counts, True, draws.single)
        if all(len(seeds) == 1 for seeds in own):
            return nested, [f"{_mixed(draws)}; intervals hold over both"]
        return nested, []
    if all(len(seeds) == 1 for seeds in own):
        return None, [f"{_mixed(draws)}; effects are judged by seed, which holds over both"]
    raise RequestError(
        f"column '{draws.column}': each draw has seeds that no other draw has, and levels without "
        "draws share them, so that draws are neither crossed with seeds nor nested. Give the seeds "
        "of each draw numbers of their own, or run every draw with all seeds"
    )


def _mixed(draws: Draws) -> str:
    return (
        f"each draw of {', '.join(draws.counts)} has one seed of its own, so that what draws and "
        "what seeds differ by cannot be told apart"
    )
