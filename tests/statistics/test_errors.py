"""Errors by name, against figures that R printed, SciPy, and simulated studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bionic_core as api
from bionic_core import RequestError
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.designs import Factor, full_factorial
from bionic_core.statistics.effect import Row
from bionic_core.statistics.findings import Response
from bionic_core.statistics.fit import Fit
from bionic_core.statistics.linear import Model
from bionic_core.statistics.spreads import varying
from tests.cli.test_cli import Bionic, bionic, refused

__all__ = ["bionic"]

DOSE = [Factor("a"), Factor("dose", (0, 1, 3))]


def numbered(number: int) -> float:
    """A response from arithmetic, so that R can be given the same."""
    return ((7 * number * number + 3 * number) % 23) / 4


def unbalanced() -> list[Row]:
    """20 of 24 runs; what a does grows with the seed."""
    runs = [(cell, seed) for seed in range(4) for cell in full_factorial(DOSE, [0]).cells]
    return [
        (cell, seed, numbered(place) + (2.5 * seed if cell["a"] else 0))
        for place, (cell, seed) in enumerate(runs)
        if place not in (5, 8, 9, 21)
    ]


def balanced() -> list[Row]:
    """A 2² in four seeds."""
    cells = [{"a": a, "b": b} for b in (False, True) for a in (False, True)]
    runs = [(cell, seed) for seed in range(4) for cell in cells]
    return [
        (cell, seed, numbered(place) + (2.5 * seed if cell["a"] else 0))
        for place, (cell, seed) in enumerate(runs)
    ]


def analysed(factors: list[Factor], rows: list[Row], **options: Any) -> Analysis:
    return analyse_rows(factors, rows, response=Response("y"), **options)


def test_unbalanced_seeds_are_clubsandwichs_cr2() -> None:
    """R 4.2, clubSandwich: coef_test(lm(y ~ seed + …), "CR2", seed, "Satterthwaite")."""
    printed = {  # estimate, standard error, degrees of freedom, p
        "a": (2.967309145881, 1.7111796897, 2.539089216, 0.197670657064),
        "dose=1": (-0.622448979592, 1.4798572552, 1.845688071, 0.717905236664),
        "dose=3": (-1.133503401361, 0.9351762939, 2.801716913, 0.317721241133),
        "a:dose=1": (-0.415532879819, 1.5074532033, 2.000898340, 0.808674493902),
        "a:dose=3": (-0.008503401361, 0.8878528471, 2.801716913, 0.992999036576),
    }
    for effect in analysed(DOSE, unbalanced()).findings.effects:
        estimate, error, degrees, p = printed[effect.term]
        assert effect.estimate == pytest.approx(estimate)
        assert effect.degrees == pytest.approx(degrees)
        assert effect.p == pytest.approx(p)
        assert effect.high is not None
        half = effect.high - estimate
        assert half == pytest.approx(stats.t.ppf(0.975, degrees) * error)


def test_a_seeds_own_variance_is_lme4s() -> None:
    """R 4.2, lmerTest: lmer(y ~ seed + a * b + (0 + a | seed)), and anova of both lm."""
    effect = analysed([Factor("a"), Factor("b")], balanced()).findings.effects[0]
    assert effect.seed_sd == pytest.approx(2.240721789)
    assert effect.seed_p == pytest.approx(0.11669, abs=5e-6)
    assert effect.degrees == pytest.approx(3)
    assert effect.p == pytest.approx(0.087240537575, rel=1e-5)


def test_cells_are_welchs() -> None:
    """R 4.2: t.test(c(1,4,2,8,5,7), c(3,9,1))."""
    values = [(False, (1, 4, 2, 8, 5, 7)), (True, (3, 9, 1))]
    rows: list[Row] = [({"a": on}, 0, float(v)) for on, group in values for v in group]
    found = analysed([Factor("a")], rows).findings
    assert found.residual.method == "cells"
    assert found.effects[0].p == pytest.approx(0.953945346545)
    assert found.effects[0].degrees == pytest.approx(2.90461496574)


@pytest.mark.parametrize("error", ["seeds", "pooled", "cells"])
def test_the_analysis_of_variance_agrees_with_the_effects(error: str) -> None:
    """F = t² on the same degrees, the same p, and each row names its method."""
    factors = [Factor("a"), Factor("b")]
    found = analysed(factors, balanced(), error=error).findings
    rows = {row.source: row for row in found.anova}
    for effect in found.effects:
        row = rows[effect.term]
        assert effect.estimate is not None
        assert effect.high is not None
        assert effect.degrees is not None
        error_ = (effect.high - effect.estimate) / stats.t.ppf(0.975, effect.degrees)
        assert row.f == pytest.approx((effect.estimate / error_) ** 2)
        assert (row.numerator, row.denominator) == pytest.approx((1, effect.degrees))
        assert row.p == pytest.approx(effect.p)
        assert row.method
    assert found.residual.method == error
    assert found.residual.assumption
    assert any(note.startswith(f"intervals and p by {error}: ") for note in found.notes)


def test_a_term_of_several_degrees_is_judged_against_its_variation_over_seeds() -> None:
    """Balanced: mean square over that of term × seed, both degrees times Greenhouse–Geisser's ε."""
    rng = np.random.default_rng(2)
    design = full_factorial([Factor("d", (1, 2, 5, 9))], range(5))
    y = rng.normal(size=(5, 4)) * [1, 1, 1, 6] + rng.normal(size=(5, 1))
    rows: list[Row] = [
        (cell, seed, float(y[seed, place]))
        for seed in range(5)
        for place, cell in enumerate(design.cells)
    ]
    (row,) = (r for r in analysed(list(design.factors), rows).findings.anova if r.source == "d")
    rest = y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()
    between = 5 * ((y.mean(0) - y.mean()) ** 2).sum() / 3
    covariance = rest.T @ rest
    epsilon = np.trace(covariance) ** 2 / (covariance**2).sum() / 3
    assert row.f == pytest.approx(between / ((rest**2).sum() / 12))
    assert (row.numerator, row.denominator) == pytest.approx((3 * epsilon, 12 * epsilon))
    assert "Greenhouse–Geisser" in row.method


def test_means_of_levels_speak_of_other_seeds() -> None:
    """A level's mean is that of the seeds' means, on seeds − 1 degrees."""
    rng = np.random.default_rng(2)
    design = full_factorial([Factor("d", (1, 2, 5))], range(6))
    y = rng.normal(size=(6, 3)) + 4 * rng.normal(size=(6, 1))
    rows: list[Row] = [
        (cell, seed, float(y[seed, place]))
        for seed in range(6)
        for place, cell in enumerate(design.cells)
    ]
    (trend,) = analysed(list(design.factors), rows).findings.trends
    for place, mean in enumerate(trend.means):
        expected = stats.ttest_1samp(y[:, place], 0).confidence_interval()
        assert (mean.low, mean.high) == pytest.approx((expected.low, expected.high))


def test_what_differs_between_seeds_is_estimated_tested_and_said() -> None:
    """200 studies of a 2³ in 3 seeds: level, power and mean are what is claimed."""
    design = full_factorial([Factor(n) for n in "abc"], range(3))
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    model = Model.of(design.factors, [c for c, _ in runs], [s for _, s in runs])
    rng = np.random.default_rng(8)
    own, other, squares, power = [], [], [], 0.0
    for _ in range(200):
        u = rng.normal(size=3)[[seed for _, seed in runs]]
        found = varying(Fit.of(model, rng.normal(size=24) + u * model.kept[0].column))
        own.append(found["a"].p < 0.05)
        other.append(found["b"].p < 0.05)
        squares.append(found["a"].sd ** 2)
        power = found["a"].power
    assert power == pytest.approx(0.31, abs=0.01)
    assert np.mean(own) == pytest.approx(power, abs=0.1)
    assert np.mean(other) <= 0.1
    assert np.mean(squares) == pytest.approx(1.0, abs=0.35)  # cut at zero, so slightly above
    loud: list[Row] = [
        (cell, seed, float(v))
        for (cell, seed), v in zip(
            runs,
            rng.normal(size=24) + 9 * model.kept[0].column * np.repeat([-1, 0, 1], 8),
            strict=True,
        )
    ]
    notes = analysed(list(design.factors), loud).notes
    (note,) = (
        note for note in notes if note.startswith("effects that differ between seeds: a (SD")
    )
    assert "3 seeds would show an SD as large as a run's in 31 % of studies" in note
    assert note.endswith("pooled intervals would be too narrow for them")


def test_a_large_offset_is_no_exact_fit() -> None:
    """Responses of a billion with noise of 1e-4, some 800 units in the last place."""
    rng = np.random.default_rng(1)
    noise = 1e-4 * rng.normal(size=16)
    cells = full_factorial([Factor("a"), Factor("b")], [0]).cells
    runs = [(cell, seed) for seed in range(4) for cell in cells]

    def of(offset: float) -> list[Row]:
        return [(c, s, offset + float(v)) for (c, s), v in zip(runs, noise, strict=True)]

    plain, moved = (analysed([Factor("a"), Factor("b")], of(x)).effects for x in (0.0, 1e9))
    assert moved.residual_sd == pytest.approx(plain.residual_sd, rel=0.01)
    for one, other in zip(plain.effects, moved.effects, strict=True):
        assert other.p == pytest.approx(one.p, rel=0.02)
    exact: list[Row] = [(c, s, 1e9 + 0.1 * s + 0.3 * bool(c["a"])) for c, s in runs]
    assert analysed([Factor("a"), Factor("b")], exact).effects.residual_sd == 0


def test_seeds_that_agree_to_the_last_digit_are_no_certainty() -> None:
    """Counts of few images: a changes the same in all seeds, though runs do vary."""
    rows: list[Row] = [
        ({"a": a, "b": b}, s, 3.0 * a + s + (s % 2) * b)
        for s in range(3)
        for a in (False, True)
        for b in (False, True)
    ]
    found = analysed([Factor("a"), Factor("b")], rows)
    by_term = {effect.term: effect for effect in found.effects.effects}
    assert by_term["a"].estimate == 3
    assert by_term["a"].p is None
    assert by_term["b"].p is not None
    assert by_term["b"].p_adjusted == by_term["b"].p  # alone tested, so that nothing is corrected
    assert any(note.startswith("no interval of a, a:b:") for note in found.notes)


def test_a_term_that_one_seed_alone_tells_has_no_interval_by_seeds() -> None:
    rng = np.random.default_rng(3)
    rows: list[Row] = [
        ({"a": a, "b": b}, s, float(rng.normal()))
        for s in range(3)
        for a in (False, True)
        for b in (False, True)
        if not b or s == 0
    ]
    found = analysed([Factor("a"), Factor("b")], rows, order=1)
    a, b = found.effects.effects
    assert a.p is not None
    assert b.estimate is not None
    assert b.p is None
    assert any("no interval of b: what would tell their error" in note for note in found.notes)
    pooled = analysed([Factor("a"), Factor("b")], rows, order=1, error="pooled")
    assert all(effect.p is not None for effect in pooled.effects.effects)


def test_runs_with_a_seed_of_their_own_are_told_to_leave_blocks_out(
    bionic: Bionic, tmp_path: Path
) -> None:
    """And the advice, followed, works."""
    path = tmp_path / "t.csv"
    lines = [f"{n % 2},{n // 2 % 2},{n},{numbered(n)}" for n in range(8)]
    path.write_text("\n".join(["a,b,seed,y", *lines]))
    said = bionic("analyse", path, "--response", "y", "--factors", "a,b", "--json").document
    (note,) = (note for note in said["notes"] if "--no-blocks" in note)
    assert note.startswith("each run has a seed (block) of its own")
    assert not any("add seeds" in note for note in said["notes"][:1])
    arguments = ("analyse", path, "--response", "y", "--factors", "a,b", "--no-blocks")
    document = bionic(*arguments, "--json").document
    assert document["residual"]["method"] == "cells"
    assert all(effect["low"] is not None for effect in document["effects"])
    pooled = bionic(*arguments, "--error", "pooled")
    assert "Intervals and p by pooled, over runs" in " ".join(pooled.out.split())
    refused(bionic(*arguments, "--block", "seed"), "--block and --no-blocks exclude each other")
    refused(bionic(*arguments, "--error", "seeds"), "t.csv: --error seeds: all runs have one seed")
    refused(bionic(*arguments, "--error", "hc3"), "there is no error 'hc3'")


def test_the_default_is_what_the_runs_can_tell() -> None:
    rows = [{"a": n % 2, "b": n // 2 % 2, "seed": n // 4, "y": numbered(n)} for n in range(12)]

    def method(table: list[dict[str, Any]], **options: Any) -> str:
        return api.analyse(
            table, response="y", factors=["a", "b"], **options
        ).findings.residual.method

    assert method(rows) == "seeds"
    assert method(rows, block="") == "cells"
    assert method(rows[:5], block="", order=1) == "pooled"
    with pytest.raises(RequestError, match="some combinations were run once"):
        method(rows[:5], block="", order=1, error="cells")
