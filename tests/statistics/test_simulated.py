"""Ground truth: 4,000 simulated studies of each design.

They are worked out all at once in :mod:`tests.support.many_studies`, which is held to the code
that analyses one study.
"""

from __future__ import annotations

import numpy as np
import pytest

from bionic_core.statistics.designs import Design, Factor, full_factorial
from bionic_core.statistics.fractions import fractional
from bionic_core.statistics.lenth import lenth
from bionic_core.statistics.linear import Fit, Matrix, Model, holm, intervals
from tests.support import many_studies
from tests.support.many_studies import fitted

STUDIES = 4000


def factors(count: int) -> list[Factor]:
    return [Factor(name) for name in "abcdefgh"[:count]]


DOSE = Factor("dose", (0, 0.03, 0.06, 0.12))
DESIGNS = {
    "2^2 in 3 seeds": (full_factorial(factors(2), range(3)), None),
    "2^3 in 2 seeds": (full_factorial(factors(3), range(2)), None),
    "2^3 in 3 seeds": (full_factorial(factors(3), range(3)), None),
    "2^5 in 1 seed, pairs": (full_factorial(factors(5), range(1)), 2),
    "2^(5-1) V in 2 seeds": (fractional(factors(5), range(2), 5), None),
    "2^(6-2) IV in 3 seeds": (fractional(factors(6), range(3), 4), None),
    "dose x on/off in 3 seeds": (full_factorial([DOSE, Factor("a")], range(3)), None),
}


def model_of(design: Design, order: int | None = None) -> Model:
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    return Model.of(design.factors, [c for c, _ in runs], [s for _, s in runs], order)


def simulated(model: Model, effects: Matrix, rng: np.random.Generator) -> Matrix:
    """Responses (R, S): true effects, a shift for each seed, and errors of SD 1."""
    truth = model.columns[:, model.blocks.shape[1] :] @ effects
    seeds = model.blocks @ rng.normal(size=(model.blocks.shape[1], STUDIES))
    found: Matrix = truth[:, None] + seeds + rng.normal(size=(len(model.columns), STUDIES))
    return found


@pytest.mark.parametrize("name", DESIGNS)
def test_intervals_cover_and_false_findings_are_rare(name: str) -> None:
    """95 % intervals cover 94 to 96 %; with no effect, at most 6 % of studies find any."""
    rng = np.random.default_rng(11)
    model = model_of(*DESIGNS[name])
    truth = rng.choice([0.0, 0.5, -1.0, 2.0], len(model.kept))
    fit = fitted(model, simulated(model, truth, rng))
    low, high, _ = intervals(fit.estimates, fit.errors, model.degrees, 0.95)
    covered = ((low <= truth[:, None]) & (truth[:, None] <= high)).mean()
    assert 0.94 <= covered <= 0.96
    assert fit.estimates.mean(1) == pytest.approx(truth, abs=5 / np.sqrt(STUDIES))
    assert fit.robust.mean() < 0.06  # spreads are equal here
    nothing = fitted(model, simulated(model, 0 * truth, rng))
    *_, p = intervals(nothing.estimates, nothing.errors, model.degrees, 0.95)
    assert (many_studies.holm(p).min(0) < 0.05).mean() <= 0.06


@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize("active", [0, 2])
def test_lenths_intervals_cover(count: int, active: int) -> None:
    rng = np.random.default_rng(5)
    model = model_of(full_factorial(factors(count), [0]))
    truth = np.zeros(len(model.kept))
    truth[:active] = 4.0
    estimates = model.effects @ simulated(model, truth, rng)
    low, high, p = many_studies.lenth(estimates)
    covered = (low <= truth[:, None]) & (truth[:, None] <= high)
    assert covered.mean() >= 0.95
    if not active:
        assert (many_studies.holm(p).min(0) < 0.05).mean() <= 0.06


def test_robust_intervals_hold_where_spreads_disagree() -> None:
    """One level spreads five times as much, in unequal numbers: plain intervals fail there."""
    rng = np.random.default_rng(3)
    design = full_factorial(factors(1), [0])
    cells = [design.cells[0]] * 8 + [design.cells[1]] * 24
    model = Model.of(design.factors, cells, [0] * len(cells))
    spread = np.where([cell["a"] for cell in cells], 1.0, 5.0)[:, None]
    responses = spread * rng.normal(size=(len(cells), STUDIES))
    covered = {}
    for robust in (False, None):
        fit = fitted(model, responses, robust)
        low, high, _ = intervals(fit.estimates, fit.errors, model.degrees, 0.95)
        covered[robust] = ((low <= 0) & (high >= 0)).mean()
    assert covered[False] < 0.85
    assert covered[None] > 0.92
    assert fitted(model, responses).robust.mean() > 0.9


@pytest.mark.parametrize("name", DESIGNS)
def test_a_column_is_what_the_analysis_of_that_study_says(name: str) -> None:
    """Of runs that all spread alike, and of some that spread more with a factor on."""
    rng = np.random.default_rng(7)
    model = model_of(*DESIGNS[name])
    truth = rng.choice([0.0, 0.5, -1.0, 2.0], len(model.kept))
    responses = simulated(model, truth, rng)[:, :24]
    responses[:, ::2] += 9 * (model.levels[:, -1:] > 0) * rng.normal(size=(len(responses), 12))
    terms = [term.name for term in model.kept]
    if name == "2^3 in 3 seeds":
        assert 0 < fitted(model, responses).robust.sum() < responses.shape[1]
    for robust in (None, True):
        many = fitted(model, responses, robust)
        *_, p = intervals(many.estimates, many.errors, model.degrees, 0.95)
        low, high, by_lenth = many_studies.lenth(many.estimates)
        for study in range(responses.shape[1]):
            one = Fit.of(model, responses[:, study], robust)
            estimates, errors = one.judge(model.effects)
            assert estimates == pytest.approx(many.estimates[:, study])
            assert errors == pytest.approx(many.errors[:, study])
            assert one.sd == pytest.approx(many.sd[study])
            assert one.robust == many.robust[study]
            *_, alone = intervals(estimates, errors, model.degrees, 0.95)
            assert holm(alone) == pytest.approx(many_studies.holm(p)[:, study])
            told = lenth(terms, estimates).effects
            assert [one.low for one in told] == pytest.approx(low[:, study])
            assert [one.high for one in told] == pytest.approx(high[:, study])
            assert [one.p for one in told] == pytest.approx(by_lenth[:, study])
