"""Fractions: the resolution is recomputed here by brute force over products of columns."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from bionic_core import RequestError
from bionic_core.statistics.designs import Design, Factor, Level, from_table, full_factorial
from bionic_core.statistics.fractions import (
    defining_relation,
    described,
    foldover,
    fractional,
    resolution_of,
)
from bionic_core.statistics.linear import Model

LETTERS = "abcdefghijklmnop"


def factors(count: int) -> list[Factor]:
    return [Factor(name) for name in LETTERS[:count]]


def shortest_word(cells: Sequence[Mapping[str, Level]], names: str) -> int | None:
    """The fewest columns of ±1 whose product is the same in every cell."""
    signs = {n: np.array([1 if cell[n] else -1 for cell in cells]) for n in names}
    for length in range(1, len(names) + 1):
        for word in itertools.combinations(names, length):
            if len(set(np.prod([signs[n] for n in word], axis=0))) == 1:
                return length
    return None


@pytest.mark.parametrize(
    ("count", "asked", "cells", "reached"),
    [
        (3, 3, 4, 3),
        (4, 4, 8, 4),
        (4, 3, 8, 4),
        (5, 3, 8, 3),
        (5, 4, 16, 5),  # as many runs as IV needs, so V comes free
        (5, 5, 16, 5),
        (6, 4, 16, 4),
        (7, 3, 8, 3),
        (7, 4, 16, 4),
        (8, 4, 16, 4),
        (8, 5, 64, 5),
        (12, 4, 32, 4),
        (15, 3, 16, 3),
    ],
)
def test_a_fraction_has_the_resolution_that_it_states(
    count: int, asked: int, cells: int, reached: int
) -> None:
    """Sizes are those of Montgomery's table 8.14 (8th ed.)."""
    design = fractional(factors(count), [0, 1], asked)
    assert (len(design.cells), design.resolution) == (cells, reached)
    assert shortest_word(design.cells, LETTERS[:count]) == reached >= asked
    assert design.runs == 2 * cells
    assert len({tuple(cell.values()) for cell in design.cells}) == cells
    generators = count - int(np.log2(cells))
    assert len(design.words) == 2**generators - 1
    assert design.kind == f"2^({count}-{generators}) fraction"
    for name in LETTERS[:count]:
        assert sum(bool(cell[name]) for cell in design.cells) == cells / 2


def test_every_word_of_the_relation_is_constant_with_its_sign() -> None:
    design = fractional(factors(6), [0], 4)
    assert len(design.words) == 3
    for word in design.words:
        names = word.removeprefix("-").split(":")
        products = {np.prod([1 if cell[n] else -1 for n in names]) for cell in design.cells}
        assert products == {-1 if word.startswith("-") else 1}


def test_the_relation_of_a_negative_fraction_says_so() -> None:
    signs = np.array([[-1, -1, -1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]], np.int8)
    assert defining_relation(signs) == [((0, 1, 2), -1)]
    assert defining_relation(np.array(list(itertools.product([-1, 1], repeat=3)), np.int8)) == []


def test_where_no_fraction_has_the_resolution_all_combinations_are_run() -> None:
    design = fractional(factors(4), [0], 5)
    assert design == full_factorial(factors(4), [0])
    assert design.resolution is None


def test_factors_of_several_levels_are_crossed_with_a_fraction() -> None:
    given = [Factor("dose", (0, 1, 2)), *factors(3)]
    design = fractional(given, [0], 3)
    assert len(design.cells) == 3 * 4
    assert (design.resolution, design.kind) == (3, "2^(3-1) fraction × 3")
    for level in (0, 1, 2):
        part = [cell for cell in design.cells if cell["dose"] == level]
        assert shortest_word(part, "abc") == 3
    assert list(design.cells[0]) == ["dose", "a", "b", "c"]
    assert [cell["dose"] for cell in design.cells[:4]] == [0, 1, 2, 0]


def lost(design: Design) -> set[str]:
    cells = list(design.cells)
    return {term.name for term in Model.of(design.factors, cells, [0] * len(cells)).lost}


def test_folding_over_all_factors_frees_main_effects_from_pairs() -> None:
    design = fractional(factors(7), [0], 3)
    folded = foldover(design)
    assert (len(folded.cells), folded.resolution) == (16, 4)
    assert folded.folded == tuple(LETTERS[:7])
    assert shortest_word(folded.cells, LETTERS[:7]) == 4
    assert list(folded.cells[:8]) == list(design.cells)


def test_folding_over_one_factor_frees_it_and_all_its_pairs() -> None:
    design = fractional(factors(5), [0], 3)
    assert {f"a:{other}" for other in "bcde"} & lost(design)
    folded = foldover(design, ["a"])
    assert not any("a" in word for word in folded.words)
    assert not {"a", *(f"a:{other}" for other in "bcde")} & lost(folded)


def test_a_fold_that_repeats_the_same_cells_is_refused() -> None:
    """Resolution IV with words of even length: reversing all gives the fraction again."""
    design = fractional(factors(4), [0], 4)
    with pytest.raises(RequestError, match="gives the same cells again") as caught:
        foldover(design)
    assert "Its defining words are a:b:c:d" in str(caught.value)
    with pytest.raises(RequestError, match="'x' is no factor of two levels; they are a, b, c, d"):
        foldover(design, ["x"])


def test_folding_a_half_fraction_gives_the_full_factorial() -> None:
    folded = foldover(fractional(factors(4), [0], 4), ["b"])
    assert (len(folded.cells), folded.resolution, folded.words) == (16, None, ())


def test_a_table_is_told_its_resolution_where_it_is_regular() -> None:
    half = [cell for cell in full_factorial(factors(3), [0]).cells if cell["c"] is cell["a"]]
    design = described(from_table(factors(3), half, [0]))
    assert (design.kind, design.resolution, design.words) == ("table", 2, ("a:c",))
    odd = described(from_table(factors(3), full_factorial(factors(3), [0]).cells[:5], [0]))
    assert (odd.resolution, odd.words) == (None, ())


def test_a_row_given_twice_is_refused() -> None:
    cell = {"a": True}
    with pytest.raises(RequestError, match=r"row 3 is row 1 again; more seeds"):
        from_table(factors(1), [cell, {"a": False}, cell], [0])


def test_a_fraction_that_holds_both_of_a_requirement_is_refused() -> None:
    def possible(levels: Mapping[str, Level]) -> str | None:
        return "b requires a" if levels["b"] and not levels["a"] else None

    with pytest.raises(RequestError, match="b requires a, so a fraction that holds both"):
        fractional(factors(5), [0], 5, possible)


@pytest.mark.parametrize(("text", "number"), [("III", 3), ("iv", 4), ("5", 5)])
def test_resolutions_are_roman_or_not(text: str, number: int) -> None:
    assert resolution_of(text) == number


@pytest.mark.parametrize("text", ["VI", "2", "", "high"])
def test_other_resolutions_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="must be III, IV or V, or 3, 4 or 5"):
        resolution_of(text)


def test_fractions_of_too_few_or_too_many_factors() -> None:
    with pytest.raises(RequestError, match="a fraction needs two factors of two levels"):
        fractional([Factor("dose", (0, 1, 2)), Factor("a")], [0], 3)
    with pytest.raises(RequestError, match="17 factors are more than the 16"):
        fractional([Factor(f"f{n}") for n in range(17)], [0], 3)
