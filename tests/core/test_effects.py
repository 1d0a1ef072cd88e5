"""Designs and effects, against plain arithmetic, SciPy and a published example."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from bionic_core import RequestError
from bionic_core.designs import Design, Factor, Level, full_factorial
from bionic_core.effects import Row, estimate_effects

RNG = np.random.default_rng(20)


def factors(names: str) -> list[Factor]:
    return [Factor(name) for name in names]


def replicated(names: str, seeds: int, response: np.ndarray | None = None) -> list[Row]:
    """Random responses for a full factorial in each seed."""
    design = full_factorial(factors(names), range(seeds))
    values = RNG.normal(size=design.runs) if response is None else response
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    return [(*run, float(value)) for run, value in zip(runs, values, strict=True)]


def mean(rows: list[Row], **levels: Level) -> float:
    chosen = [r for cell, _, r in rows if all(cell[n] == v for n, v in levels.items())]
    return float(np.mean(chosen))


def test_standard_order_and_counts() -> None:
    design = full_factorial(factors("ab"), [0, 5])
    assert [tuple(cell.values()) for cell in design.cells] == [
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    ]
    assert design.runs == 8
    assert design.to_json()["resolution"] is None
    three = full_factorial([Factor("a", (0.0, 0.5, 1.0)), Factor("b")], [0])
    assert three.runs == 6


@pytest.mark.parametrize(
    ("given", "seeds", "words"),
    [
        ([], [0], "name at least one factor"),
        (factors("aa"), [0], "factor 'a' is there twice"),
        ([Factor("a", (True,))], [0], "has 1 level; give two"),
        ([Factor("a", (1, 2, 2))], [0], "has the level .*2.* twice"),
        (factors("a"), [], "at least one seed"),
        (factors("a"), [1, 1], "seed 1 is there twice"),
        ([Factor(f"f{n}") for n in range(13)], [0], "8,192 combinations are more than 4,096"),
    ],
)
def test_designs_that_are_none(given: list[Factor], seeds: list[int], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        full_factorial(given, seeds)


def needs(levels: Mapping[str, Level]) -> str | None:
    return "b requires a" if levels["b"] and not levels["a"] else None


def test_impossible_cells_are_left_out_and_named() -> None:
    design = full_factorial(factors("abc"), [0], needs)
    assert len(design.cells) == 6
    assert {cell.reason for cell in design.impossible} == {"b requires a"}
    assert all(c.levels["b"] and not c.levels["a"] for c in design.impossible)
    with pytest.raises(RequestError, match="no combination can exist: because"):
        full_factorial(factors("a"), [0], lambda levels: "because")


def test_terms_say_what_goes_along() -> None:
    assert Factor("a", brings=("b", "c")).term == "a (with b, c)"


@pytest.mark.parametrize("names", ["a", "ab", "abc"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_effects_are_what_they_are_defined_to_be(names: str, seeds: int) -> None:
    rows = replicated(names, seeds)
    found = {e.term: e.estimate for e in estimate_effects(factors(names), rows, scale=100).effects}
    assert len(found) == 2 ** len(names) - 1
    for a in names:
        expected = 100 * (mean(rows, **{a: True}) - mean(rows, **{a: False}))
        assert found[a] == pytest.approx(expected, abs=1e-9)
    for a, b in itertools.combinations(names, 2):
        effect_of_a = [
            mean(rows, **{a: True, b: on}) - mean(rows, **{a: False, b: on}) for on in (True, False)
        ]
        assert found[f"{a}:{b}"] == pytest.approx(50 * (effect_of_a[0] - effect_of_a[1]), abs=1e-9)


def test_a_shift_of_a_whole_seed_changes_nothing_but_the_mean() -> None:
    rows = replicated("ab", 4)
    shifted = [(cell, seed, value + 10 * seed) for cell, seed, value in rows]
    for one, other in zip(
        estimate_effects(factors("ab"), rows).effects,
        estimate_effects(factors("ab"), shifted).effects,
        strict=True,
    ):
        assert (one.estimate, one.low, one.high) == pytest.approx(
            (other.estimate, other.low, other.high), abs=1e-9
        )


def test_intervals_and_p_values_are_the_t_tests() -> None:
    """One factor in blocks is the paired t test."""
    rows = replicated("a", 6)
    on = np.array([value for cell, _, value in rows if cell["a"]])
    off = np.array([value for cell, _, value in rows if not cell["a"]])
    expected = stats.ttest_rel(on, off)
    (effect,) = estimate_effects(factors("a"), rows).effects
    interval = expected.confidence_interval(0.95)
    assert effect.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert effect.p_adjusted == effect.p


def test_holm_is_the_step_down_of_bonferroni() -> None:
    effects = estimate_effects(factors("abc"), replicated("abc", 3)).effects
    ordered = sorted(effects, key=lambda effect: effect.p or 0)
    running = 0.0
    for rank, effect in enumerate(ordered):
        assert effect.p is not None
        running = max(running, min(1.0, effect.p * (len(ordered) - rank)))
        assert effect.p_adjusted == pytest.approx(running)


def test_the_plasma_etch_experiment() -> None:
    """Montgomery, Design and Analysis of Experiments, 8th ed., example 6.1 (2³, 2 replicates)."""
    rates = {
        "": (550, 604),
        "a": (669, 650),
        "b": (633, 601),
        "ab": (642, 635),
        "c": (1037, 1052),
        "ac": (749, 868),
        "bc": (1075, 1063),
        "abc": (729, 860),
    }
    rows = [
        ({name: name in cell for name in "abc"}, seed, float(values[seed]))
        for cell, values in rates.items()
        for seed in (0, 1)
    ]
    found = {e.term: e.estimate for e in estimate_effects(factors("abc"), rows).effects}
    published = {
        "a": -101.625,
        "b": 7.375,
        "c": 306.125,
        "a:b": -24.875,
        "a:c": -153.625,
        "b:c": -2.125,
        "a:b:c": 5.625,
    }
    assert found == pytest.approx(published)


def test_intervals_cover_at_their_rate() -> None:
    """600 studies of a 2² in 4 seeds: 95 % ± 4 binomial standard errors (3.6 points)."""
    truth, hits = {"a": 1.0, "b": 0.0, "a:b": -0.5}, 0
    design = full_factorial(factors("ab"), range(4))
    signs = np.array([[1.0 if cell[n] else -1.0 for n in "ab"] for cell in design.cells] * 4)
    expected = (
        truth["a"] / 2 * signs[:, 0]
        + truth["b"] / 2 * signs[:, 1]
        + truth["a:b"] / 2 * signs.prod(axis=1)
    )
    studies = 200
    for _ in range(studies):
        rows = replicated("ab", 4, expected + RNG.normal(size=16))
        for effect in estimate_effects(factors("ab"), rows).effects:
            assert effect.low is not None
            assert effect.high is not None
            hits += effect.low <= truth[effect.term] <= effect.high
    share, error = hits / (3 * studies), np.sqrt(0.95 * 0.05 / (3 * studies))
    assert abs(share - 0.95) < 4 * error


def test_one_seed_leaves_nothing_to_judge_by_and_says_so() -> None:
    effects = estimate_effects(factors("ab"), replicated("ab", 1))
    assert effects.degrees == 0
    for effect in effects.effects:
        assert effect.estimate is not None
        assert (effect.low, effect.high, effect.p, effect.p_adjusted) == (None,) * 4
    assert "nothing is left to estimate error from: 4 runs, 4 coefficients" in effects.notes[0]


def test_runs_without_any_error_claim_no_certainty() -> None:
    rows = replicated("ab", 3, np.tile([0.2, 0.4, 0.6, 0.9], 3))
    effects = estimate_effects(factors("ab"), rows)
    assert "fits every run exactly" in effects.notes[0]
    assert {effect.p for effect in effects.effects} == {None}


def test_what_impossible_cells_hide_is_named() -> None:
    design: Design = full_factorial(factors("ab"), range(3), needs)
    rows = [
        (cell, seed, 1.0 * bool(cell["a"]) + 0.01 * RNG.normal())
        for seed in design.seeds
        for cell in design.cells
    ]
    effects = {effect.term: effect for effect in estimate_effects(factors("ab"), rows).effects}
    assert effects["a"].estimate == pytest.approx(1.0, abs=0.05)
    assert effects["b"].estimate is not None
    assert effects["a:b"].estimate is None
    assert effects["a:b"].aliases
    assert any("a:b cannot be told from" in note for note in estimate_effects(factors("ab"), rows).notes)


def test_a_missing_run_is_said_and_estimates_stay_right() -> None:
    exact = np.tile([0.0, 1.0, 2.0, 3.0], 4) + 1e-3 * RNG.normal(size=16)
    effects = estimate_effects(factors("ab"), replicated("ab", 4, exact)[1:])
    found = {effect.term: effect.estimate for effect in effects.effects}
    assert found["a"] == pytest.approx(1.0, abs=0.01)
    assert found["b"] == pytest.approx(2.0, abs=0.01)
    assert any("cells have 3 to 4 runs" in note for note in effects.notes)


def test_several_levels_are_contrasted_with_the_first() -> None:
    dose = Factor("dose", (0.0, 0.5, 1.0))
    rows: list[Row] = [
        ({"dose": level}, seed, 2 * float(level) + 0.001 * RNG.normal())
        for seed in range(3)
        for level in (0.0, 0.5, 1.0)
    ]
    found = {effect.term: effect.estimate for effect in estimate_effects([dose], rows).effects}
    assert found == pytest.approx({"dose=0.5": 1.0, "dose=1.0": 2.0}, abs=0.01)


def test_nothing_to_estimate() -> None:
    with pytest.raises(RequestError, match="no run has finished"):
        estimate_effects(factors("a"), [])
    with pytest.raises(RequestError, match="not a number"):
        estimate_effects(factors("a"), [({"a": True}, 0, float("nan"))])
