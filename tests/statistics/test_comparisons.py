"""Comparisons with a control: published tables, SciPy, plain arithmetic, simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bionic_core import RequestError
from bionic_core.statistics.comparisons import Summary, compare, means
from bionic_core.statistics.dunnett import critical_value, maximum_cdf
from bionic_core.statistics.spreads import wider_than_others


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def study(rng: np.random.Generator, sds: list[float], seeds: int) -> np.ndarray:
    """Null studies: seeds shift all variants alike, variants spread by their own SDs."""
    noise = rng.normal(size=(len(sds), seeds)) * np.array(sds)[:, None]
    table: np.ndarray = 60 + noise + rng.normal(size=seeds)
    return table


@pytest.mark.parametrize(
    ("count", "degrees", "published"),
    [  # Dunnett, Biometrics 20, 482 (1964), table II: two-sided, joint confidence 95 %
        *[(1, 5, 2.57), (2, 5, 3.03), (3, 5, 3.29), (9, 5, 3.97)],
        *[(2, 10, 2.57), (3, 10, 2.76), (9, 10, 3.24)],
        *[(2, 20, 2.38), (3, 20, 2.54), (9, 20, 2.95)],
        *[(3, 60, 2.41), (9, 60, 2.77)],
    ],
)
def test_critical_values_are_dunnetts(count: int, degrees: int, published: float) -> None:
    assert critical_value(count, degrees) == pytest.approx(published, abs=0.0075)


def test_without_correlation_it_is_the_maximum_modulus(rng: np.random.Generator) -> None:
    """Šidák's normal quantile where s is known, simulation where it is not."""
    sidak = stats.norm.ppf((1 + 0.95 ** (1 / 7)) / 2)
    assert critical_value(7, 1e6, 0.0) == pytest.approx(sidak, abs=1e-4)
    scale = np.sqrt(rng.chisquare(4, 200_000) / 4)
    largest = np.abs(rng.normal(size=(5, 200_000))).max(axis=0) / scale
    assert maximum_cdf(3.0, 5, 4, 0.0) == pytest.approx((largest < 3).mean(), abs=0.005)


def test_a_maximum_of_one_is_t() -> None:
    for bound in (0.3, 2.0, 5.0):
        one = 1 - 2 * stats.t.sf(bound, 6)
        assert maximum_cdf(bound, 1, 6, 0.5) == pytest.approx(one, abs=1e-9)


def test_p_values_are_scipys_in_the_unpaired_case(rng: np.random.Generator) -> None:
    control, *others = (rng.normal(size=6) + shift for shift in (0, 0.5, 1.5, 0))
    expected = stats.dunnett(*others, control=control, rng=np.random.default_rng(1))
    for statistic, p in zip(expected.statistic, expected.pvalue, strict=True):
        assert 1 - maximum_cdf(abs(statistic), 3, 20, 0.5) == pytest.approx(p, abs=2e-3)


@pytest.mark.parametrize("error", ["seeds", "pooled"])
def test_two_variants_are_the_paired_t_test(error: str, rng: np.random.Generator) -> None:
    control, other = study(rng, [1.0, 1.0], 6)
    expected = stats.ttest_rel(control, other)
    (found,) = compare([control, other], error=error).differences
    assert found.method == ("pooled" if error == "pooled" else "paired")
    assert found.degrees == 5
    assert found.p == pytest.approx(expected.pvalue)
    assert found.p_adjusted == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.simultaneous_low, found.simultaneous_high) == pytest.approx(
        (interval.low, interval.high)
    )


@pytest.mark.parametrize("error", ["seeds", "cells"])
def test_each_variant_is_scipys_test_of_its_own_runs(error: str, rng: np.random.Generator) -> None:
    """Paired, or Welch's; corrected by statsmodels' Holm, together by Bonferroni."""
    from statsmodels.stats.multitest import multipletests

    table = study(rng, [0.3] * 9 + [6.0], 5)
    table[1] += 2
    table[3, 2] = np.nan
    found = compare(table, error=error)
    assert (found.error, found.pool) == (error, ())
    expected = []
    for row in table[1:]:
        both = np.isfinite(row)
        if error == "seeds":
            expected.append(stats.ttest_rel(table[0][both], row[both]))
        else:
            expected.append(stats.ttest_ind(table[0], row[both], equal_var=False))
    p = [each.pvalue for each in expected]
    assert [d.p for d in found.differences] == pytest.approx(p)
    adjusted = multipletests(p, 0.05, "holm")[1]
    assert [d.p_adjusted for d in found.differences] == pytest.approx(adjusted)
    for difference, each in zip(found.differences, expected, strict=True):
        assert difference.degrees == pytest.approx(each.df)
        for level, low, high in (
            (0.95, difference.low, difference.high),
            (1 - 0.05 / 9, difference.simultaneous_low, difference.simultaneous_high),
        ):
            assert (low, high) == pytest.approx(tuple(each.confidence_interval(level)))


def test_pooled_differences_by_hand(rng: np.random.Generator) -> None:
    table = study(rng, [1.0] * 5, 4)
    found = compare(table, error="pooled")
    residual = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    sd = np.sqrt((residual**2).sum() / 12)
    assert found.sd == pytest.approx(sd)
    assert found.degrees == 12
    for variant, difference in enumerate(found.differences, 1):
        estimate = table[0].mean() - table[variant].mean()
        half = stats.t.ppf(0.975, 12) * sd * np.sqrt(2 / 4)
        together = critical_value(4, 12.0) * sd * np.sqrt(2 / 4)
        assert difference.estimate == pytest.approx(estimate)
        assert difference.low == pytest.approx(estimate - half)
        assert difference.simultaneous_high == pytest.approx(estimate + together)


def test_a_shift_of_a_whole_seed_changes_nothing(rng: np.random.Generator) -> None:
    table = study(rng, [1.0] * 5 + [9.0], 5)
    plain, moved = compare(table), compare(table + 100 * rng.normal(size=5))
    assert plain.pool == moved.pool
    for one, other in zip(plain.differences, moved.differences, strict=True):
        assert (one.low, one.p_adjusted) == pytest.approx((other.low, other.p_adjusted))


def test_a_wild_variant_is_named_and_leaves_the_others_alone(rng: np.random.Generator) -> None:
    table = study(rng, [0.3] * 9 + [6.0], 5)
    found, without = compare(table), compare(table[:9])
    assert found.spreads_p is not None
    assert found.spreads_p < 0.05
    assert found.widest == 9
    assert [d.low for d in found.differences[:8]] == [d.low for d in without.differences]


def test_missing_runs_are_least_squares_in_the_pool(rng: np.random.Generator) -> None:
    table = study(rng, [0.3] * 6, 5)
    table[0, 1] = table[2, 3] = np.nan
    found = compare(table, error="pooled")
    assert found.pool == tuple(range(6))
    variants, seeds = np.nonzero(np.isfinite(table))
    design = np.column_stack(
        [variants[:, None] == np.arange(6), seeds[:, None] == np.arange(1, 5)]
    ).astype(float)
    response = table[np.isfinite(table)]
    solution, *_ = np.linalg.lstsq(design, response)
    assert found.differences[1].estimate == pytest.approx(solution[0] - solution[2])
    assert found.degrees == len(response) - 10


def test_a_variant_without_runs_has_no_difference(rng: np.random.Generator) -> None:
    table = study(rng, [1.0] * 4, 2)
    table[2] = np.nan
    found = compare(table)
    assert found.differences[1].estimate is None
    assert compare(table, error="pooled").pool == (0, 1, 3)
    assert found.differences[0].simultaneous_high == pytest.approx(
        compare(table[[0, 1, 3]]).differences[0].simultaneous_high
    )
    table[0] = np.nan
    assert {difference.estimate for difference in compare(table).differences} == {None}


def test_one_seed_has_estimates_only() -> None:
    found = compare([[3.0], [1.0], [2.0]])
    assert [difference.estimate for difference in found.differences] == [2.0, 1.0]
    assert {difference.low for difference in found.differences} == {None}
    assert (found.sd, found.spreads_p) == (None, None)


def test_no_spread_at_all_has_no_intervals() -> None:
    found = compare(np.ones((4, 3)) * np.arange(4)[:, None])
    assert [d.estimate for d in found.differences] == pytest.approx([-1, -2, -3])
    assert {difference.p for difference in found.differences} == {None}


def test_two_seeds_have_one_degree_of_freedom(rng: np.random.Generator) -> None:
    found = compare(study(rng, [1.0] * 4, 2))
    assert found.spreads_p is None
    assert {difference.degrees for difference in found.differences} == {1}


def test_differences_that_agree_to_the_last_digit_are_no_certainty() -> None:
    """Accuracies of few images: both variants lose three images in every seed."""
    table = np.array([[20, 22, 25], [17, 19, 22], [17, 18, 23]]) / 32
    same, other = compare(100 * table).differences
    assert same.estimate == pytest.approx(100 * 3 / 32)
    assert (same.low, same.p, same.p_adjusted) == (None, None, None)
    assert other.p is not None


def test_an_error_that_there_is_not() -> None:
    with pytest.raises(RequestError, match="there is no error 'hc3'; it is one of"):
        compare(np.ones((2, 2)), error="hc3")


TABLE_4 = [0.27, 0.38, 0.19, 0.24, 0.42, 0.22, 0.15, 0.57, 0.27, 0.29, 1.85, 0.76, 1.34]
"""SDs over seeds of the paper's full model and twelve ablations."""


@pytest.mark.parametrize("kind", ["alike", "table 4", "control x3", "t3"])
def test_family_error_is_kept_whatever_variants_spread(kind: str, rng: np.random.Generator) -> None:
    """12 comparisons in 3 seeds, no true effect: at most 6 % of 20,000 studies find any.

    They are worked out by SciPy, whose tests those of a study are (see above). A pooled error, as
    Dunnett's test has, finds some in a fifth of them on Table 4's spreads.
    """
    sds = {"table 4": TABLE_4, "control x3": [0.96] + [0.32] * 12}.get(kind, [0.32] * 13)
    shape = (13, 3, 20_000)
    noise = rng.standard_t(3, shape) if kind == "t3" else rng.normal(size=shape)
    noise *= np.array(sds)[:, None, None]
    p = stats.ttest_rel(noise[:1], noise[1:], axis=1).pvalue
    assert (12 * p.min(0) < 0.05).mean() <= 0.06
    assert (p < 0.05).mean(1).max() <= 0.055
    if kind == "table 4":
        rest = noise - noise.mean(1, keepdims=True)
        rest -= rest.mean(0)
        size = np.sqrt((rest**2).sum((0, 1)) / 24 * 2 / 3)
        largest = np.abs((noise[0] - noise[1:]).mean(1)).max(0) / size
        assert (largest > critical_value(12, 24.0)).mean() > 0.15


def test_equal_spreads_are_seldom_told_apart(rng: np.random.Generator) -> None:
    p = [wider_than_others(study(rng, [1.0] * 10, 3)) for _ in range(300)]
    assert np.mean([each is not None and each.min() < 0.05 for each in p]) < 0.2


def test_means_have_the_sample_sd() -> None:
    assert means([1.0, None, 3.0]) == Summary(2.0, 2**0.5, 2)
    assert means([4.0]) == Summary(4.0, None, 1)
    assert means([None]) == Summary(None, None, 0)
