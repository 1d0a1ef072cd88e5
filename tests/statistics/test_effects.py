"""Effects, against their definitions in plain arithmetic, SciPy and a published example."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from bionic_core import RequestError
from bionic_core.statistics.designs import Factor, Level, full_factorial
from bionic_core.statistics.effect import Effect, Row
from bionic_core.statistics.effects import Effects, estimate_effects
from bionic_core.statistics.linear import MEAN, SEEDS

Cells = Sequence[Mapping[str, Level]]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def factors(names: str) -> list[Factor]:
    return [Factor(name) for name in names]


def cells(names: str) -> Cells:
    return full_factorial(factors(names), [0]).cells


def rows_of(chosen: Cells, seeds: int, responses: Sequence[float] | np.ndarray) -> list[Row]:
    """Return the runs of each seed in turn."""
    runs = [(cell, seed) for seed in range(seeds) for cell in chosen]
    return [(*run, float(value)) for run, value in zip(runs, responses, strict=True)]


def random_rows(names: str, seeds: int, rng: np.random.Generator) -> list[Row]:
    return rows_of(cells(names), seeds, rng.normal(size=seeds * 2 ** len(names)))


def by_term(effects: Effects) -> dict[str, Effect]:
    return {effect.term: effect for effect in effects.effects}


def defined(rows: Sequence[Row], names: Sequence[str], **fixed: Level) -> float:
    """Return an effect by its definition: differences of means, halved for each interaction."""
    first, *rest = names
    if rest:
        on, off = (defined(rows, rest, **fixed, **{first: level}) for level in (True, False))
        return (on - off) / 2
    on, off = (mean(rows, **fixed, **{first: level}) for level in (True, False))
    return on - off


def mean(rows: Sequence[Row], **fixed: Level) -> float:
    chosen = [r for cell, _, r in rows if all(cell[name] == v for name, v in fixed.items())]
    return sum(chosen) / len(chosen)


@pytest.mark.parametrize("names", ["a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_effects_are_what_they_are_defined_to_be(
    names: str, seeds: int, rng: np.random.Generator
) -> None:
    rows = random_rows(names, seeds, rng)
    found = by_term(estimate_effects(factors(names), rows, scale=100))
    terms = [t for order in range(len(names)) for t in itertools.combinations(names, order + 1)]
    assert list(found) == [":".join(term) for term in terms]
    for term in terms:
        effect = found[":".join(term)]
        assert effect.estimate == pytest.approx(100 * defined(rows, term), abs=1e-9)
        assert effect.aliases == ()


def test_a_shift_of_a_whole_seed_changes_nothing(rng: np.random.Generator) -> None:
    rows = random_rows("ab", 4, rng)
    shifted = [(cell, seed, value + 10 * int(seed)) for cell, seed, value in rows]
    plain, moved = (estimate_effects(factors("ab"), each) for each in (rows, shifted))
    assert plain.residual_sd == pytest.approx(moved.residual_sd, rel=1e-9)
    for one, other in zip(plain.effects, moved.effects, strict=True):
        assert attributes(one) == pytest.approx(attributes(other), rel=1e-9, abs=1e-9)


def attributes(effect: Effect) -> list[float | None]:
    return [effect.estimate, effect.low, effect.high, effect.p, effect.p_adjusted]


def test_one_factor_in_blocks_is_the_paired_t_test(rng: np.random.Generator) -> None:
    rows = random_rows("a", 6, rng)
    on, off = ([value for cell, _, value in rows if cell["a"] is level] for level in (True, False))
    expected = stats.ttest_rel(on, off)
    (effect,) = estimate_effects(factors("a"), rows, confidence=0.9).effects
    interval = expected.confidence_interval(0.9)
    assert effect.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert effect.p_adjusted == effect.p


def test_intervals_and_p_values_by_hand(rng: np.random.Generator) -> None:
    """A full factorial in blocks: residuals from cell and seed means, effect ± t · 2s/√N."""
    seeds, names = 3, "abc"
    rows = random_rows(names, seeds, rng)
    table = np.array([value for *_, value in rows]).reshape(seeds, 8)
    residual = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    degrees = (seeds - 1) * (8 - 1)
    sd = np.sqrt((residual**2).sum() / degrees)
    error = 2 * sd / np.sqrt(table.size)
    effects = estimate_effects(factors(names), rows, error="pooled")
    assert effects.degrees == degrees
    assert effects.residual_sd == pytest.approx(sd, rel=1e-9)
    assert effects.notes[0].startswith("intervals and p by pooled: one error for all")
    for effect in effects.effects:
        estimate = defined(rows, effect.term.split(":"))
        half = stats.t.ppf(0.975, degrees) * error
        assert (effect.low, effect.high) == pytest.approx((estimate - half, estimate + half))
        assert effect.p == pytest.approx(2 * stats.t.sf(abs(estimate) / error, degrees))


def test_holm_is_the_step_down_of_bonferroni(rng: np.random.Generator) -> None:
    effects = estimate_effects(factors("abc"), random_rows("abc", 3, rng)).effects
    ordered = sorted(effects, key=lambda effect: effect.p or 0)
    running = 0.0
    for rank, effect in enumerate(ordered):
        assert effect.p is not None
        running = max(running, min(1.0, effect.p * (len(ordered) - rank)))
        assert effect.p_adjusted == pytest.approx(running)


def test_the_plasma_etch_experiment() -> None:
    """Montgomery, Design and Analysis of Experiments, 8th ed., example 6.1 (2³, 2 replicates).

    The replicates are no blocks there, so both have one seed.
    """
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
    rows: list[Row] = [
        ({name: name in cell for name in "abc"}, 0, float(value))
        for cell, values in rates.items()
        for value in values
    ]
    effects = estimate_effects(factors("abc"), rows, error="pooled")
    assert {e.term: e.estimate for e in effects.effects} == pytest.approx(
        {
            "a": -101.625,
            "b": 7.375,
            "c": 306.125,
            "a:b": -24.875,
            "a:c": -153.625,
            "b:c": -2.125,
            "a:b:c": 5.625,
        }
    )
    assert effects.degrees == 8
    assert effects.residual_sd is not None
    assert effects.residual_sd**2 == pytest.approx(2252.56, abs=0.005)
    assert by_term(effects)["a"].p == pytest.approx(0.0027, abs=5e-5)


def test_intervals_cover_at_their_rate(rng: np.random.Generator) -> None:
    """60 studies of a 2² in 4 seeds: each term's share within 4 binomial standard errors."""
    truth = {"a": 1.0, "b": 0.0, "a:b": -0.5}
    signs = np.array([[1 if cell["a"] else -1, 1 if cell["b"] else -1] for cell in cells("ab")])
    expected = signs @ [0.5, 0.0] - 0.25 * signs.prod(axis=1)
    studies, hits = 60, dict.fromkeys(truth, 0)
    for _ in range(studies):
        by_seed = expected + rng.normal(size=(4, 1)) + rng.normal(size=(4, 4))
        for effect in estimate_effects(
            factors("ab"), rows_of(cells("ab"), 4, by_seed.ravel())
        ).effects:
            assert effect.low is not None
            assert effect.high is not None
            hits[effect.term] += effect.low <= truth[effect.term] <= effect.high
    bound = 4 * np.sqrt(0.95 * 0.05 / studies)
    assert all(abs(count / studies - 0.95) < bound for count in hits.values())


def test_one_seed_leaves_nothing_to_judge_by_and_says_so(rng: np.random.Generator) -> None:
    effects = estimate_effects(factors("ab"), random_rows("ab", 1, rng))
    assert (effects.degrees, effects.residual_sd) == (0, None)
    for effect in effects.effects:
        assert effect.estimate is not None
        assert attributes(effect)[1:] == [None] * 4
    assert effects.notes == (
        "nothing is left to estimate error from: 4 runs, 4 coefficients; add seeds",
    )


@pytest.mark.parametrize("responses", [[0.1, 0.3, 0.7, 0.9], [0.0] * 4, [0.3] * 4])
def test_runs_without_any_error_claim_no_certainty(responses: list[float]) -> None:
    effects = estimate_effects(factors("ab"), rows_of(cells("ab"), 3, responses * 3), scale=100)
    assert effects.notes == (
        "the model fits every run exactly, so there is no error to judge by: no intervals",
    )
    assert effects.residual_sd == 0
    for effect, term in zip(effects.effects, ("a", "b", "ab"), strict=True):
        by_definition = defined(rows_of(cells("ab"), 3, responses * 3), tuple(term))
        assert effect.estimate == pytest.approx(100 * by_definition, abs=1e-9)
        assert attributes(effect)[1:] == [None] * 4


def test_a_small_error_is_still_an_error(rng: np.random.Generator) -> None:
    noise = 0.5 + 1e-8 * rng.normal(size=12)
    assert estimate_effects(factors("ab"), rows_of(cells("ab"), 3, noise)).residual_sd == (
        pytest.approx(1e-8, rel=0.6)
    )


def test_what_impossible_cells_hide_is_named(rng: np.random.Generator) -> None:
    """b requires a, c is free: a is told with b off, b with a on."""
    possible = [cell for cell in cells("abc") if cell["a"] or not cell["b"]]
    rows = rows_of(possible, 3, rng.normal(size=18))
    effects = estimate_effects(factors("abc"), rows)
    found = by_term(effects)
    assert [term for term, effect in found.items() if effect.estimate is None] == ["a:b", "a:b:c"]
    assert found["a:b"].aliases == ("a", "b")
    assert found["a:b:c"].aliases == ("c", "a:c", "b:c")
    assert found["a"].aliases == ("a:b",)
    off = [row for row in rows if not row[0]["b"]]
    on = [row for row in rows if row[0]["a"]]
    assert found["a"].estimate == pytest.approx(defined(off, "a"))
    assert found["b"].estimate == pytest.approx(defined(on, "b"))
    assert found["a:c"].estimate == pytest.approx(defined(off, "ac"))
    assert found["b:c"].estimate == pytest.approx(defined(on, "bc"))
    assert found["a"].p is not None
    assert found["a:b"].p_adjusted is None
    assert effects.notes[-3:] == (
        "a:b cannot be told from a, b in these runs",
        "a:b:c cannot be told from c, a:c, b:c in these runs",
        "the runs cover 6 of 8 combinations of levels",
    )


def test_a_fraction_names_both_sides_of_its_aliases(rng: np.random.Generator) -> None:
    """2³⁻¹ with c = ab: what is called a is a + bc."""
    half = [cell for cell in cells("abc") if cell["c"] is (cell["a"] is cell["b"])]
    responses = rng.normal(size=8)
    found = by_term(estimate_effects(factors("abc"), rows_of(half, 2, responses)))
    assert found["a"].aliases == ("b:c",)
    assert found["b:c"] == Effect("b:c", None, aliases=("a",))
    assert found["a:b:c"].aliases == (MEAN,)
    assert found["a"].estimate == pytest.approx(defined(rows_of(half, 2, responses), "a"))


def test_many_aliases_are_one_note() -> None:
    names = "abcde"
    fraction = [cell for cell in cells(names) if cell["d"] is cell["a"] and cell["e"] is cell["b"]]
    notes = estimate_effects(factors(names), rows_of(fraction, 1, np.arange(8.0))).notes
    assert "24 of 31 terms cannot be told from others in these runs" in notes[1]


def test_a_factor_that_changes_with_the_seed_is_not_told_from_it(rng: np.random.Generator) -> None:
    rows = [row for row in random_rows("ab", 2, rng) if row[0]["a"] is (row[1] == 1)]
    found = by_term(estimate_effects(factors("ab"), rows))
    assert found["a"] == Effect("a", None, aliases=(SEEDS,))
    assert found["b"].estimate is not None
    constant = [row for row in random_rows("ab", 2, rng) if row[0]["a"]]
    assert by_term(estimate_effects(factors("ab"), constant))["a"].aliases == (MEAN,)


def test_a_missing_run_is_said_and_estimates_stay_right(rng: np.random.Generator) -> None:
    """Without error they stay exact; with it they solve the model's normal equations."""
    truth = np.array([0.0, 1.0, 2.0, 5.0] * 4) + np.repeat(rng.normal(size=4), 4)
    complete = rows_of(cells("ab"), 4, truth)
    noise = rng.normal(size=15)
    rows = [(cell, s, v + e) for (cell, s, v), e in zip(complete[1:], noise, strict=True)]
    for seen, error in ((complete[1:], 0.0), (rows, 1.0)):
        effects = estimate_effects(factors("ab"), seen)
        assert effects.notes[-1].startswith("unbalanced: 0 to 1 runs for a combination and seed")
        signs = np.array([[1 if cell[n] else -1 for n in "ab"] for cell, *_ in seen])
        seeds = np.eye(4)[[int(seed) for _, seed, _ in seen]]
        model = np.column_stack([seeds, signs, signs.prod(axis=1)])
        solved = np.linalg.solve(model.T @ model, model.T @ [value for *_, value in seen])
        expected = 2 * solved[4:] if error else [2.0, 3.0, 1.0]
        assert [e.estimate for e in effects.effects] == pytest.approx(expected)


def test_several_levels_are_contrasted_with_the_first(rng: np.random.Generator) -> None:
    """In company too: a's effect is its mean over all levels, not that at the first."""
    given = [Factor("dose", (0.0, 0.5, 1.0)), Factor("a")]
    rows = rows_of(full_factorial(given, [0]).cells, 3, rng.normal(size=18))
    found = by_term(estimate_effects(given, rows))
    assert list(found) == ["dose=0.5", "dose=1.0", "a", "dose=0.5:a", "dose=1.0:a"]
    assert found["a"].estimate == pytest.approx(mean(rows, a=True) - mean(rows, a=False))
    for level in (0.5, 1.0):
        main = mean(rows, dose=level) - mean(rows, dose=0.0)
        assert found[f"dose={level}"].estimate == pytest.approx(main)
        on, off = (mean(rows, dose=level, a=a) - mean(rows, dose=0.0, a=a) for a in (True, False))
        assert found[f"dose={level}:a"].estimate == pytest.approx((on - off) / 2)


def test_terms_are_named_by_what_goes_along_and_told_as_json(rng: np.random.Generator) -> None:
    rows = random_rows("ab", 1, rng)
    told = estimate_effects([Factor("a", brings=("c",)), Factor("b")], rows).to_json()
    assert [effect["term"] for effect in told] == ["a (with c)", "b", "a (with c):b"]
    keys = ["term", "estimate", "low", "high", "p", "p_adjusted", "aliases"]
    keys += ["degrees", "seed_sd", "seed_p", "image_error", "verdict"]
    assert [list(effect) for effect in json.loads(json.dumps(told))] == [keys] * 3
    assert told[0]["aliases"] == []


ON, OFF = {"a": True}, {"a": False}


@pytest.mark.parametrize(
    ("given", "rows", "confidence", "words"),
    [
        ("", [(ON, 0, 1.0)], 0.95, "name at least one factor"),
        ("aa", [(ON, 0, 1.0)], 0.95, "factor 'a' is there twice"),
        ("a", [], 0.95, "no run has finished, so there is nothing to estimate"),
        (
            "a",
            [(ON, 0, 1.0), ({}, 0, 1.0)],
            0.95,
            "factor 'a' is None in run 2; its levels are False, True",
        ),
        ("a", [({"a": 1}, 0, 1.0)] * 5, 0.95, "'a' is 1 in runs 1, 2, 3 and 2 more; its levels"),
        ("a", [(ON, 0, 1.0), (OFF, 0, float("nan"))], 0.95, "not a finite number in run 2"),
        ("a", [(ON, 0, float("inf"))], 0.95, "not a finite number in run 1"),
        ("a", [(ON, 0, 1.0)], 95, "the confidence is 95; give a share between 0 and 1"),
    ],
)
def test_requests_that_are_none(given: str, rows: list[Row], confidence: float, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        estimate_effects(factors(given), rows, confidence=confidence)
    assert len(caught.value.problems) == 1


def test_an_analysis_imports_only_what_it_uses() -> None:
    """Up to what a terminal shows: no torch, no statsmodels; SciPy's tests where one is made."""
    program = """
import sys
from bionic_core.statistics.effects import estimate_effects
assert not {"scipy", "numpy.testing", "pandas", "torch"} & {*sys.modules}
from bionic_core.cli.common import show
from bionic_core.reports.findings import analysed
from bionic_core.statistics.tables import analyse
rows = [{"a": n % 2, "seed": n // 2, "y": n * n % 7} for n in range(6)]
found = analyse(rows, response="y").findings
show(None, False, lambda _: analysed(found))
assert found.effects[0].p is not None
heavy = {"torch", "statsmodels", "pandas", "matplotlib", "sklearn", "scipy.stats"}
assert not heavy & {*sys.modules}, heavy & {*sys.modules}
"""
    subprocess.run([sys.executable, "-c", program], check=True)
