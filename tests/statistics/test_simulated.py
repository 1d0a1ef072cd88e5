"""Ground truth: 4,000 simulated studies of each design.

They are worked out all at once in :mod:`tests.support.many_studies`, which is held to the code
that analyses one study.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bionic_core.statistics.designs import Design, Factor, full_factorial
from bionic_core.statistics.fit import Fit, error_of, holm
from bionic_core.statistics.fractions import fractional
from bionic_core.statistics.lenth import lenth
from bionic_core.statistics.linear import Matrix, Model
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
    assert 0.94 <= fit.covered(truth).mean() <= 0.96
    assert fit.estimates.mean(1) == pytest.approx(truth, abs=5 / np.sqrt(STUDIES))
    nothing = fitted(model, simulated(model, 0 * truth, rng))
    assert (many_studies.holm(nothing.p).min(0) < 0.05).mean() <= 0.06


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


def disturbed(kind: str, model: Model, rng: np.random.Generator) -> Matrix:
    """Studies (R, S) without effects, whose runs vary as intervals must allow for."""
    shape = len(model.columns), STUDIES
    noise = rng.standard_t(3, shape) if kind == "t3" else rng.normal(size=shape)
    _, cell = np.unique(model.levels, axis=0, return_inverse=True)
    _, seed = np.unique(model.blocks, axis=0, return_inverse=True)
    by_seed = rng.normal(size=(seed.max() + 1, STUDIES))[seed]
    if kind == "cells x3":
        noise *= np.where(cell % 2, 3.0, 1.0)[:, None]
    elif kind == "one cell x10":
        noise *= np.where(cell == 0, 10.0, 1.0)[:, None]
    elif kind == "seeds x4":
        noise += 4 * by_seed
    elif kind == "seed x effect":
        noise += model.kept[0].column[:, None] * by_seed
    elif kind == "outlier":
        noise[rng.integers(shape[0], size=STUDIES), np.arange(STUDIES)] += 8
    return np.asarray(noise)


KINDS = ("iid", "seeds x4", "seed x effect", "cells x3", "one cell x10", "t3", "outlier")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["2^2 in 3 seeds", "2^3 in 3 seeds", "2^(5-1) V in 2 seeds"])
def test_intervals_by_seeds_hold_however_runs_vary(name: str, kind: str) -> None:
    """At least 93.5 % of every effect, at most 97 % where errors are alike and normal."""
    model = model_of(*DESIGNS[name])
    found = fitted(model, disturbed(kind, model, np.random.default_rng(4)))
    covered = found.covered(np.zeros(len(model.kept)))
    assert covered.min() >= 0.935
    if kind in ("iid", "seeds x4"):
        assert covered.max() <= 0.97
    if kind == "seed x effect":  # of 1 SD of a run; pooled intervals are no use there
        pooled = fitted(model, disturbed(kind, model, np.random.default_rng(4)), "pooled")
        assert pooled.covered(np.zeros(len(model.kept)))[0] < 0.92


@pytest.mark.parametrize("kind", ["iid", "cells x3", "t3"])
def test_intervals_by_cells_hold_without_blocks(kind: str) -> None:
    design = full_factorial(factors(2), [0])
    cells = [cell for cell in design.cells for _ in range(3)]
    model = Model.of(design.factors, cells, [0] * len(cells))
    found = fitted(model, disturbed(kind, model, np.random.default_rng(4)))
    assert found.covered(np.zeros(3)).min() >= 0.94


def test_cells_hold_where_numbers_are_unequal_and_pooled_intervals_fail() -> None:
    """One level spreads five times as much, in unequal numbers."""
    rng = np.random.default_rng(3)
    design = full_factorial(factors(1), [0])
    cells = [design.cells[0]] * 8 + [design.cells[1]] * 24
    model = Model.of(design.factors, cells, [0] * len(cells))
    spread = np.where([cell["a"] for cell in cells], 1.0, 5.0)[:, None]
    responses = spread * rng.normal(size=(len(cells), STUDIES))
    assert fitted(model, responses, "pooled").covered(np.zeros(1))[0] < 0.85
    assert fitted(model, responses).covered(np.zeros(1))[0] == pytest.approx(0.95, abs=0.01)


def test_tests_of_several_degrees_keep_their_level() -> None:
    """A factor of four levels, one of which is unsteady: at most 6 % by seeds; pooled more."""
    design = full_factorial([DOSE], range(5))
    model = model_of(design)
    responses = disturbed("one cell x10", model, np.random.default_rng(6))
    false = {}
    for name in ("seeds", "pooled"):
        joint = error_of(model, name).joint(model.effects, responses)
        false[name] = (stats.f.sf(joint.f, joint.degrees, joint.denominator) < 0.05).mean()
    assert false["seeds"] <= 0.06
    assert false["pooled"] > 0.1


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("error", ["seeds", "pooled", "cells"])
def test_a_column_is_what_the_analysis_of_that_study_says(name: str, error: str) -> None:
    """Of runs that all spread alike, and of some that spread more with a factor on."""
    rng = np.random.default_rng(7)
    design, order = DESIGNS[name]
    model = model_of(design, order)
    if (len(design.seeds) == 1) != (error == "pooled"):
        return
    if error == "cells":
        runs = [cell for _ in design.seeds for cell in design.cells]
        model = Model.of(design.factors, runs, [0] * len(runs), order)
    truth = rng.choice([0.0, 0.5, -1.0, 2.0], len(model.kept))
    responses = simulated(model, truth, rng)[:, :12]
    responses[:, ::2] += 9 * (model.levels[:, -1:] > 0) * rng.normal(size=(len(responses), 6))
    terms = [term.name for term in model.kept]
    many = fitted(model, responses, error)
    low, high, by_lenth = many_studies.lenth(many.estimates)
    for study in range(responses.shape[1]):
        one = Fit.of(model, responses[:, study], error).judged(model.effects, 0.95)
        columns = (many.estimates, many.low, many.high, many.p, many.degrees)
        for place, column in enumerate(columns):
            assert one[:, place] == pytest.approx(column[:, study])
        assert holm(one[:, 3]) == pytest.approx(many_studies.holm(many.p)[:, study])
        told = lenth(terms, one[:, 0]).effects
        assert [one.low for one in told] == pytest.approx(low[:, study])
        assert [one.high for one in told] == pytest.approx(high[:, study])
        assert [one.p for one in told] == pytest.approx(by_lenth[:, study])
