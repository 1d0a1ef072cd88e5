"""Designs: every combination, in standard order; what cannot exist is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from bionic_core import RequestError
from bionic_core.statistics.designs import Factor, Level, from_table, full_factorial


def factors(names: str) -> list[Factor]:
    return [Factor(name) for name in names]


def needs(levels: Mapping[str, Level]) -> str | None:
    return "b requires a" if levels["b"] and not levels["a"] else None


def test_cells_are_in_standard_order_and_runs_count_seeds() -> None:
    design = full_factorial(factors("ab"), [0, 5])
    assert [tuple(cell.values()) for cell in design.cells] == [
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    ]
    assert design.runs == 8
    assert [list(cell) for cell in design.cells] == [["a", "b"]] * 4


@pytest.mark.parametrize("count", range(1, 7))
def test_a_full_factorial_has_every_combination_once(count: int) -> None:
    design = full_factorial(factors("abcdef"[:count]), [0])
    assert len({tuple(cell.values()) for cell in design.cells}) == 2**count == design.runs


def test_factors_may_be_keys_with_several_values() -> None:
    design = full_factorial(
        [Factor("dose", (0, 0.5, 1)), Factor("a"), Factor("k.x", ("p", "q"))], [0]
    )
    assert design.runs == 12
    assert design.cells[4] == {"dose": 0.5, "a": True, "k.x": "p"}


def test_true_is_not_one() -> None:
    assert full_factorial([Factor("a", (True, 1))], [0]).runs == 2


def test_a_design_is_told_as_json() -> None:
    design = full_factorial([Factor("a", brings=("c", "d")), Factor("b")], [3, 4], needs)
    told = design.to_json()
    assert told["factors"][0] == {"name": "a", "term": "a (with c, d)", "levels": [False, True]}
    assert (told["runs"], told["resolution"], told["seeds"]) == (6, None, [3, 4])
    assert told["impossible"] == [{"levels": {"a": False, "b": True}, "reason": "b requires a"}]


def test_impossible_cells_are_left_out_and_named() -> None:
    design = full_factorial(factors("abc"), [0], needs)
    assert len(design.cells) == 6
    assert not any(cell["b"] and not cell["a"] for cell in design.cells)
    assert [cell.levels for cell in design.impossible] == [
        {"a": False, "b": True, "c": False},
        {"a": False, "b": True, "c": True},
    ]
    assert {cell.reason for cell in design.impossible} == {"b requires a"}


def test_a_term_says_what_goes_along() -> None:
    assert Factor("a").term == "a"
    assert Factor("a", brings=("b", "c")).term == "a (with b, c)"


@pytest.mark.parametrize(
    ("given", "seeds", "words"),
    [
        ([], [0], "name at least one factor"),
        (factors("aa"), [0], "factor 'a' is there twice"),
        ([Factor("a:b")], [0], "factor 'a:b' has a ':' in its name, which stands for an inter"),
        ([Factor("a", (True,))], [0], "factor 'a' needs two levels or more; given: True"),
        ([Factor("a", ())], [0], "factor 'a' needs two levels or more; given: none"),
        ([Factor("a", (1, 2, 2.0))], [0], r"factor 'a' has the level 2\.0 twice"),
        (factors("a"), [], "give at least one seed"),
        (factors("a"), [1, 2, 1, 1], "seed 1 is there twice"),
        ([Factor(f"f{n}") for n in range(13)], [0], "8,192 combinations are more than 4,096"),
        (factors("a"), range(10**9), "1,000,000,000 seeds are more than the 65,536 runs"),
        (factors("abc"), range(10_000), "80,000 runs, more than 65,536; take fewer seeds"),
        (factors("a"), range(10_000), r"20,000 runs with 10,001 coefficients .* would take 2"),
        ([Factor("a", tuple(range(4000)))], [0], "4,000 runs with 4,000 coefficients"),
    ],
)
def test_designs_that_are_none(given: list[Factor], seeds: Sequence[int], words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        full_factorial(given, seeds)
    assert len(caught.value.problems) == 1


def test_tables_have_the_limits_of_other_designs() -> None:
    cells = [{"a": n} for n in range(4097)]
    with pytest.raises(RequestError, match="4,097 combinations are more than 4,096; take fewer"):
        from_table([Factor("a", (0, 1))], cells, [0])
    with pytest.raises(RequestError, match="row 3 is row 1 again"):
        from_table([Factor("a", (0, 1))], [{"a": 0}, {"a": 1}, {"a": 0}], [0])


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(RequestError) as caught:
        full_factorial([Factor("a"), Factor("a", (1,))], [])
    assert len(caught.value.problems) == 3


def test_no_combination_can_exist() -> None:
    with pytest.raises(RequestError, match="no combination can exist: because"):
        full_factorial(factors("a"), [0], lambda levels: "because")
