"""Larger than a margin, within it, or undecided: the words, and how often they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bionic_core.errors import RequestError
from bionic_core.statistics.crossed import Certainty, Matrix
from bionic_core.statistics.lenth import lenth
from bionic_core.statistics.verdicts import check_margin, decidable, margin_of, verdicts


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(21)


def sure(errors: Matrix, degrees: float) -> Certainty:
    return Certainty.over_runs(errors, np.full(len(errors), degrees))


def test_verdicts_are_two_one_sided_tests_and_intervals() -> None:
    """Against SciPy: within by the larger of two one-sided p, larger by the 95 % interval."""
    sample = np.array([0.1, 0.3, -0.2, 0.15, 0.05, 0.2])
    estimate, error = sample.mean(), sample.std(ddof=1) / np.sqrt(6)
    (found,) = verdicts(np.array([estimate]), sure(np.array([error]), 5), 0.35)
    p = max(
        stats.ttest_1samp(sample, -0.35, alternative="greater").pvalue,
        stats.ttest_1samp(sample, 0.35, alternative="less").pvalue,
    )
    assert found is not None
    assert found.p_within == pytest.approx(p)
    assert found.alone == "within"
    low, high = stats.t.interval(0.9, 5, estimate, error)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("estimate", "error", "word"),
    [
        (1.2, 0.1, "larger than"),
        (-1.2, 0.1, "larger than"),
        (0.1, 0.1, "within"),
        (0.1, 1.0, "undecided"),
        (0.5, 0.01, "undecided"),
        (0.7, 0.1, "undecided"),
    ],
)
def test_three_words(estimate: float, error: float, word: str) -> None:
    (found,) = verdicts(np.array([estimate]), sure(np.array([error]), 20), 0.5)
    assert found is not None
    assert found.alone == word


def test_what_is_not_significant_is_not_within() -> None:
    """An estimate of nil with a wide interval decides nothing; no interval, no verdict."""
    wide, none = verdicts(np.zeros(2), sure(np.array([2.0, np.nan]), 2), 0.5)
    assert wide is not None
    assert wide.alone == wide.corrected == "undecided"
    assert none is None


@pytest.mark.parametrize("truth", [0.5, 0.499, 0.501, -0.5])
@pytest.mark.parametrize("degrees", [2, 12])
def test_wrong_verdicts_are_rare(truth: float, degrees: int, rng: np.random.Generator) -> None:
    """At the margin, where they are likeliest; and over seven terms together."""
    studies = 4000
    errors = 0.15 * np.sqrt(rng.chisquare(degrees, studies) / degrees)
    estimates = truth + 0.15 * rng.normal(size=studies)
    words: list[str] = [v.alone for v in verdicts(estimates, sure(errors, degrees), 0.5) if v]
    wrong = "within" if abs(truth) >= 0.5 else "larger than"
    assert words.count(wrong) / studies < 0.05 + 0.01


def test_the_verdicts_of_a_table_hold_together(rng: np.random.Generator) -> None:
    truth, wrong = np.array([0.5, -0.5, 0.5, 0.0, 0.0, 2.0, 0.49]), 0
    for _ in range(1000):
        errors = 0.1 * np.sqrt(rng.chisquare(10, 7) / 10)
        found = verdicts(truth + 0.1 * rng.normal(size=7), sure(errors, 10), 0.5)
        words = [v.corrected for v in found if v]
        wrong += any(
            (word == "within" and abs(t) >= 0.5) or (word == "larger than" and abs(t) <= 0.5)
            for word, t in zip(words, truth, strict=True)
        )
    assert wrong / 1000 < 0.05 + 0.015


@pytest.mark.parametrize("degrees", [2, 8, 60])
def test_a_plan_says_the_margin_that_is_decided(degrees: int, rng: np.random.Generator) -> None:
    margin = decidable(float(degrees), 1)
    errors = np.sqrt(rng.chisquare(degrees, 4000) / degrees)
    found = verdicts(rng.normal(size=4000), sure(errors, degrees), margin)
    told = sum(v.alone == "within" for v in found if v) / 4000
    assert told == pytest.approx(0.8, abs=0.02)
    assert np.isnan(decidable(0.0, 1))


def test_lenths_effects_have_verdicts_too() -> None:
    estimates = np.array([8.0, 0.1, -0.2, 0.15, 0.05, -0.1, 0.2])
    names = [str(number) for number in range(7)]
    found = {one.term: one.verdict for one in lenth(names, estimates, margin=3.0).effects}
    assert found["0"] is not None
    assert found["0"].alone == "larger than"
    assert found["1"] is not None
    assert found["1"].alone == "within"


def test_margins_are_positive_and_half_a_point_by_default() -> None:
    assert margin_of("percentage points") == 0.5
    assert margin_of("nats") is None
    assert margin_of("nats", 0.1) == 0.1
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(RequestError, match="--margin"):
            check_margin(wrong)
