"""Looks before the end: levels by simulation and by hand, verdicts of whole studies, the plan."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from scipy import special

from bionic_core.errors import RequestError
from bionic_core.statistics.crossed import Certainty
from bionic_core.statistics.designs import Factor, full_factorial
from bionic_core.statistics.effect import Row
from bionic_core.statistics.effects import estimate_effects
from bionic_core.statistics.linear import Matrix
from bionic_core.statistics.looks import Look, Looks
from bionic_core.statistics.until import (
    UNDECIDED,
    Decided,
    Deciding,
    Rule,
    decide,
    expected,
    followed,
    looks_of,
)
from bionic_core.statistics.verdicts import LEVEL, WORDS, together, verdicts

LOOKS = Looks((3, 4, 5, 6, 7))


def one_sided(values: Matrix) -> Matrix:
    """p of the t test that a mean of (S, n) is not above nil."""
    n = values.shape[1]
    t = values.mean(1) / (values.std(1, ddof=1) / np.sqrt(n))
    return np.asarray(special.stdtr(n - 1, -t))


@pytest.mark.parametrize("alpha", [0.05, 0.004])
def test_levels_spend_what_they_say_at_each_look(alpha: float) -> None:
    """Against simulated t tests, whose unknown spread they do not depend on."""
    values = 7.0 * np.random.default_rng(3).standard_normal((100_000, 7))
    crossed = np.zeros(len(values), bool)
    for number, seeds in enumerate(LOOKS.seeds):
        crossed |= one_sided(values[:, :seeds]) < LOOKS.nominal(alpha, number)
        spent = LOOKS.spent(alpha, number)
        assert spent == pytest.approx(alpha * (seeds / 7) ** 2)
        error = np.sqrt(spent / len(values))
        assert crossed.mean() == pytest.approx(spent, rel=0.01, abs=4 * error)


def test_normal_levels_would_find_far_too_much() -> None:
    """What the levels are for: z that is right for known spreads is not at three seeds."""
    values = np.random.default_rng(4).standard_normal((100_000, 3))
    z = -special.ndtri(LOOKS.spent(0.05, 0))
    t = values.mean(1) / (values.std(1, ddof=1) / np.sqrt(3))
    assert (t > z).mean() > 5 * LOOKS.spent(0.05, 0)


def test_p_over_all_looks_is_the_level_that_would_have_been_met() -> None:
    for alpha in (1e-6, 1e-3, 0.03, 0.3):
        nominal = LOOKS.nominal(alpha, np.arange(5))
        assert LOOKS.adjusted(nominal, np.arange(5)) == pytest.approx(np.full(5, alpha))
    p = np.geomspace(1e-12, 1, 200)
    for look in range(5):
        adjusted = LOOKS.adjusted(p, look)
        assert (np.diff(adjusted) >= 0).all()
        assert (adjusted >= p * (1 - 1e-9)).all()
    assert LOOKS.adjusted(1e-12, 0) == pytest.approx(1e-12 * (7 / 3) ** 2)
    assert np.isnan(LOOKS.adjusted(np.nan, 0))


def test_one_look_alone_changes_nothing() -> None:
    """A study that ends at the only look that it has is a fixed one."""
    only = Look(Looks((5,)), 0)
    errors, degrees = np.array([0.3, 1.0]), np.array([4.0, 4.0])
    fixed = Certainty.over_runs(errors, degrees)
    looked = attrs.evolve(fixed, look=only)
    estimates = np.array([0.5, 0.9])
    assert looked.p(estimates) == pytest.approx(fixed.p(estimates), rel=1e-6)
    assert looked.half(0.95) == pytest.approx(fixed.half(0.95), rel=1e-6)


def test_intervals_and_p_of_a_look_agree_and_are_wider() -> None:
    errors, degrees = np.array([0.3]), np.array([3.0])
    looked = Certainty.over_runs(errors, degrees, Look(LOOKS, 1))
    half = looked.half(0.95)
    assert half > Certainty.over_runs(errors, degrees).half(0.95)
    assert looked.p(half) == pytest.approx([0.05])


def test_an_analysis_of_a_look_holds_over_all() -> None:
    design, rng = full_factorial([Factor("a"), Factor("b")], range(4)), np.random.default_rng(5)
    rows: list[Row] = [(c, s, rng.normal() + float(c["a"])) for s in range(4) for c in design.cells]
    plain = estimate_effects(design.factors, rows, margin=0.5)
    look = Look(LOOKS, 1)
    found = estimate_effects(design.factors, rows, margin=0.5, look=look)
    for one, other in zip(found.effects, plain.effects, strict=True):
        assert one.estimate == other.estimate
        assert one.p == pytest.approx(look.adjusted(np.array([other.p]))[0])
        assert one.low is not None
        assert other.low is not None
        assert one.low < other.low
        assert one.verdict is not None
        assert other.verdict is not None
        assert one.verdict.p_within > other.verdict.p_within


def test_verdicts_together_in_steps() -> None:
    """By hand: of four terms "within" needs 5 % / 4, then 5 % (1 − 1/8) / 3, and so on."""
    nothing = np.ones(4)
    within = np.array([0.012, 0.0145, 0.0186, 0.5])
    assert [WORDS[n] for n in together(nothing, within, 4)] == ["within"] * 3 + ["undecided"]
    within[1] = 0.0147  # above 0.04375 / 3, so that what follows is not told either
    assert [WORDS[n] for n in together(nothing, within, 4)] == ["within"] + ["undecided"] * 3
    assert (together(np.full(2, np.nan), np.full(2, np.nan), 0) == UNDECIDED).all()
    assert together(np.zeros(0), np.zeros(0), 0).size == 0
    both = np.array([0.0062, 0.0063, np.nan, 1.0])
    words = together(both, np.array([1, 1, np.nan, 1]), 4)
    assert [WORDS[n] for n in words] == ["larger than"] + ["undecided"] * 3


RULE = Rule(3, 8, 1.0, "points", 3, 4)


def test_a_study_is_decided_as_its_column_is() -> None:
    """One study look by look, by verdicts of its estimates, and as one of many simulated."""
    rng = np.random.default_rng(6)
    contrasts = rng.normal(0, 0.4, (3, 8, 40)) + np.array([0.0, 2.5, 0.6])[:, None, None]
    many = followed(RULE, contrasts)
    told = 0
    for study in range(40):
        deciding = Deciding(RULE, (3,))
        found: list[Decided] = []
        for number, seeds in enumerate(RULE.looks.seeds):
            part = contrasts[:, :seeds, study]
            errors = part.std(1, ddof=1) / np.sqrt(seeds)
            look = Look(RULE.looks, number)
            sure = Certainty.over_runs(errors, np.full(3, seeds - 1.0), look)
            judged = dict(zip("abc", verdicts(part.mean(1), sure, 1.0), strict=True))
            found += decide(deciding, number, judged)
        assert (deciding.words == many.words[:, study]).all()
        assert (deciding.looks == many.looks[:, study]).all()
        for one in found:
            assert one.p < one.boundary
            assert one.word == WORDS[deciding.words["abc".index(one.term)]]
        told += len(found)
    assert told == (many.words != UNDECIDED).sum() > 60


@pytest.mark.parametrize("effect", [1.0, 1.0 + 1e-9, 0.0])
def test_wrong_verdicts_are_rare_over_all_looks(effect: float) -> None:
    """At the margin either way, and nil: at most 5 % of studies, 4 standard errors allowed."""
    noise = np.random.default_rng(7).normal(0, 0.8, (3, 8, 4000))
    end = followed(RULE, noise + effect)
    wrong = (end.words == (0 if effect <= 1 else 1)).any(0).mean()
    assert wrong <= LEVEL + 4 * np.sqrt(LEVEL * 0.95 / 4000)


def test_a_plan_says_its_looks_and_how_studies_end() -> None:
    until = RULE.planned
    assert [(look.seeds, look.runs) for look in until.looks] == [(n, 4 * n) for n in range(3, 9)]
    assert until.looks[0].within == pytest.approx(LEVEL / 3 * (3 / 8) ** 2)
    assert until.looks[0].larger == pytest.approx(LEVEL / 6 * (3 / 8) ** 2)
    nil, twice = expected(RULE, [0.3, 0.3, 0.3])
    assert (nil.effect, twice.effect) == (0.0, 2.0)
    assert 3 < nil.seeds < 6
    assert nil.decided > 0.99
    assert nil.runs == pytest.approx(4 * nil.seeds)


def test_looks_that_cannot_be() -> None:
    assert looks_of(None, 1, None) is None
    assert looks_of("decided", 3, None) == Looks(tuple(range(3, 21)))
    with pytest.raises(RequestError) as caught:
        looks_of("decided", 2, 2)
    assert "fewer than 3 tell no spread" in str(caught.value)
    assert "--max-seeds 2: the first look is after 2 seeds" in str(caught.value)
    for asked, words in [
        (("decided", 3, 101), "at most 100"),
        (("done", 3, None), "--until done: give decided"),
        ((None, 3, 9), "it is of studies that go on until their effects are decided"),
    ]:
        with pytest.raises(RequestError, match=words):
            looks_of(*asked)


@pytest.mark.slow
def test_the_tables_of_the_docs_in_small() -> None:
    """Wrong verdicts, p and intervals at the end; leave-one-out against the paired t test."""
    path = Path(__file__).parents[2] / "docs" / "results" / "scripts" / "deciding.py"
    tables: dict[str, Any] = runpy.run_path(str(path))
    own = tables["false_findings"].__globals__
    own |= {"STUDIES": 400, "OF_COST": 40}
    allowed = LEVEL + 4 * np.sqrt(LEVEL / 400)
    for row in tables["false_findings"]():
        assert row["wrong"] <= allowed, row
        assert row.get("found", 0) <= allowed, row
        assert row.get("covered", 1) >= 0.94, row
    for row in tables["leave_one_out_power"]():
        assert row["leave_one_out"] >= row["paired_bonferroni"], row
