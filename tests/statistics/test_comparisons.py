"""Comparisons with a control: published tables, SciPy, plain arithmetic, simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bionic_core.statistics.comparisons import Summary, agreeing, compare, means
from bionic_core.statistics.dunnett import critical_value, detectable, maximum_cdf


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


def test_two_variants_are_the_paired_t_test(rng: np.random.Generator) -> None:
    control, other = study(rng, [1.0, 1.0], 6)
    expected = stats.ttest_rel(control, other)
    (found,) = compare([control, other]).differences
    assert found.method == "pooled"
    assert found.degrees == 5
    assert found.p == pytest.approx(expected.pvalue)
    assert found.p_adjusted == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.simultaneous_low, found.simultaneous_high) == pytest.approx(
        (interval.low, interval.high)
    )


def test_pooled_differences_by_hand(rng: np.random.Generator) -> None:
    table = study(rng, [1.0] * 5, 4)
    found = compare(table)
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


def test_a_wild_variant_is_not_pooled_but_welchs(rng: np.random.Generator) -> None:
    table = study(rng, [0.3] * 9 + [6.0], 5)
    found = compare(table)
    assert found.pool == tuple(range(9))
    assert found.spreads_p is not None
    assert found.spreads_p < 0.05
    wild = found.differences[-1]
    own = np.var(table[9] - table[:9].mean(0), ddof=1)
    shared = 8 / 9 * float(found.sd or 0) ** 2
    error = np.sqrt((own + shared) / 5)
    degrees = (own + shared) ** 2 / (own**2 / 4 + shared**2 / 32)
    assert wild.method == "Welch"
    assert wild.degrees == pytest.approx(degrees)
    assert wild.high == pytest.approx(wild.estimate + stats.t.ppf(0.975, degrees) * error)
    together = critical_value(9, degrees, 0.0) * error
    assert wild.simultaneous_high == pytest.approx(wild.estimate + together)


def test_a_wild_control_makes_all_differences_welchs(rng: np.random.Generator) -> None:
    found = compare(study(rng, [9.0] + [0.3] * 6, 6))
    assert 0 not in found.pool
    assert {difference.method for difference in found.differences} == {"Welch"}


def test_missing_runs_are_least_squares_in_the_pool_and_pairs_outside(
    rng: np.random.Generator,
) -> None:
    table = study(rng, [0.3] * 6 + [9.0], 5)
    table[0, 1] = table[2, 3] = np.nan
    found = compare(table)
    assert found.pool == tuple(range(6))
    variants, seeds = np.nonzero(np.isfinite(table[:6]))
    design = np.column_stack(
        [variants[:, None] == np.arange(6), seeds[:, None] == np.arange(1, 5)]
    ).astype(float)
    response = table[:6][np.isfinite(table[:6])]
    solution, *_ = np.linalg.lstsq(design, response)
    assert found.differences[1].estimate == pytest.approx(solution[0] - solution[2])
    assert found.degrees == len(response) - 10
    pairs = table[0, [0, 2, 3, 4]] - table[6, [0, 2, 3, 4]]
    expected = stats.ttest_1samp(pairs, 0)
    assert found.differences[5].method == "paired"
    assert found.differences[5].p == pytest.approx(expected.pvalue)


def test_a_variant_without_runs_has_no_difference(rng: np.random.Generator) -> None:
    table = study(rng, [1.0] * 4, 2)
    table[2] = np.nan
    found = compare(table)
    assert found.differences[1].estimate is None
    assert found.pool == (0, 1, 3)
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


def test_two_seeds_are_pooled(rng: np.random.Generator) -> None:
    found = compare(study(rng, [1.0] * 4, 2))
    assert found.pool == (0, 1, 2, 3)
    assert found.spreads_p is None
    assert found.degrees == 3


@pytest.mark.parametrize(
    ("seeds", "studies"),
    [(3, 300), (5, 300), *(pytest.param(n, 2000, marks=pytest.mark.slow) for n in (3, 5))],
)
def test_coverage_and_family_error_over_simulated_studies(
    seeds: int, studies: int, rng: np.random.Generator
) -> None:
    """13 variants without differences: 95 % intervals cover, no more than 5 % cry wolf.

    The bounds are three and a half standard errors wide. Differences with a control correlate: a
    study's share of intervals that cover has a standard deviation of about 0.12, not 0.06.
    """
    covered, wolf, together = 0, 0, 0
    for _ in range(studies):
        found = compare(study(rng, [0.3] * 13, seeds)).differences
        covered += sum(float(d.low or 0) < 0 < float(d.high or 0) for d in found)
        wolf += any(float(d.p_adjusted or 0) < 0.05 for d in found)
        together += all(
            float(d.simultaneous_low or 0) < 0 < float(d.simultaneous_high or 0) for d in found
        )
    assert covered / (12 * studies) == pytest.approx(0.95, abs=3.5 * 0.12 / studies**0.5)
    assert wolf / studies <= 0.05 + 3.5 * (0.05 * 0.95 / studies) ** 0.5
    assert wolf + together == studies


def test_others_keep_their_coverage_beside_wild_variants(rng: np.random.Generator) -> None:
    covered, studies = np.zeros(8), 400
    for _ in range(studies):
        found = compare(study(rng, [0.3] * 8 + [3.0], 5)).differences
        covered += [float(d.low or 0) < 0 < float(d.high or 0) for d in found]
    assert 0.93 <= covered[:7].mean() / studies <= 0.98
    assert covered[7] / studies > 0.9


def test_equal_spreads_are_seldom_told_apart(rng: np.random.Generator) -> None:
    kept = [len(agreeing(study(rng, [1.0] * 10, 3))[0]) == 10 for _ in range(300)]
    assert np.mean(kept) > 0.8


def test_the_smallest_effect_is_found_in_four_of_five_studies(rng: np.random.Generator) -> None:
    variants, seeds, sd, studies = 13, 3, 0.32, 4000
    degrees = (variants - 1) * (seeds - 1)
    critical = critical_value(variants - 1, float(degrees))
    smallest = detectable(sd, seeds, degrees, critical)
    assert smallest is not None
    spread = sd * np.sqrt(rng.chisquare(degrees, studies) / degrees)
    estimates = rng.normal(smallest, sd * np.sqrt(2 / seeds), studies)
    found = np.abs(estimates) > critical * spread * np.sqrt(2 / seeds)
    assert found.mean() == pytest.approx(0.8, abs=0.02)
    alone = detectable(sd, seeds, degrees, critical_value(1, float(degrees)))
    assert alone is not None
    assert 0.5 < alone < smallest < 1.1
    power = stats.nct(degrees, alone / (sd * np.sqrt(2 / seeds)))
    bound = stats.t.ppf(0.975, degrees)
    assert power.sf(bound) + power.cdf(-bound) == pytest.approx(0.8, abs=1e-6)
    assert detectable(sd, 2, 1, critical_value(2, 1.0)) is not None


def test_nothing_can_be_seen_without_degrees_of_freedom() -> None:
    assert detectable(1.0, 1, 0, 2.0) is None


def test_means_have_the_sample_sd() -> None:
    assert means([1.0, None, 3.0]) == Summary(2.0, 2**0.5, 2)
    assert means([4.0]) == Summary(4.0, None, 1)
    assert means([None]) == Summary(None, None, 0)
