"""Analyses, against published examples, statsmodels, and arithmetic of their definitions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bionic_core import RequestError
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.designs import Factor, Level, full_factorial
from bionic_core.statistics.effect import Row
from bionic_core.statistics.findings import Response
from bionic_core.statistics.fit import holm
from bionic_core.statistics.fractions import fractional
from bionic_core.statistics.linear import highest_order
from bionic_core.statistics.spreads import brown_forsythe

FILTRATION = [45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96]
"""Montgomery, Design and Analysis of Experiments, 8th ed., example 6.2: filtration rate, 2⁴, one
run each, in standard order; A temperature, B pressure, C formaldehyde, D stirring rate."""

REACTOR = {
    "e": 56, "a": 53, "b": 63, "abe": 65, "c": 53, "ace": 55, "bce": 67, "abc": 61,
    "d": 69, "ade": 45, "bde": 78, "abd": 93, "cde": 49, "acd": 60, "bcd": 95, "abcde": 82,
}  # fmt: skip
"""Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., table 6.3 (1st ed., table 12.2): the
reactor example's half fraction 2⁵⁻¹ with e = abcd, % reacted; a feed rate, b catalyst, c agitation,
d temperature, e concentration."""


def factors(names: str) -> list[Factor]:
    return [Factor(name) for name in names]


def cells(names: str) -> Sequence[Mapping[str, Level]]:
    return full_factorial(factors(names), [0]).cells


def rows_of(names: str, values: Any, seeds: int = 1) -> list[Row]:
    runs = [(cell, seed) for seed in range(seeds) for cell in cells(names)]
    return [(*run, float(value)) for run, value in zip(runs, values, strict=True)]


def analysed(names: str, rows: list[Row], **options: object) -> Analysis:
    return analyse_rows(factors(names), rows, response=Response("y"), **options)  # type: ignore[arg-type]


def estimates(analysis: Analysis) -> dict[str, float]:
    effects = analysis.effects.effects
    return {e.term.replace(":", ""): e.estimate for e in effects if e.estimate is not None}


def width(judged: Any) -> float:
    """Of an interval."""
    return float(judged.high - judged.low)


def test_the_filtration_experiment() -> None:
    """Effects and sums of squares as in Montgomery's table 6.12; Lenth's margins for them."""
    found = analysed("ABCD", rows_of("ABCD", FILTRATION))
    assert estimates(found) == pytest.approx(
        {
            "A": 21.625, "B": 3.125, "C": 9.875, "D": 14.625, "AB": 0.125, "AC": -18.125,
            "AD": 16.625, "BC": 2.375, "BD": -0.375, "CD": -1.125, "ABC": 1.875, "ABD": 4.125,
            "ACD": -1.625, "BCD": -2.625, "ABCD": 1.375,
        }
    )  # fmt: skip
    squares = {row.source: row.sum_of_squares for row in found.findings.anova}
    published = {"A": 1870.56, "C": 390.062, "D": 855.562, "A:C": 1314.06, "A:D": 1105.56}
    assert {name: squares[name] for name in published} == pytest.approx(published, abs=0.005)
    assert squares["total"] == pytest.approx(5730.94, abs=0.005)
    assert found.effects.degrees == 0
    told = found.findings.lenth
    assert told is not None
    assert told.pse == pytest.approx(2.625)
    assert told.margin == pytest.approx(6.748, abs=0.001)
    assert told.simultaneous_margin == pytest.approx(13.699, abs=0.005)
    active = {e.term for e in told.effects if e.p is not None and e.p < 0.05}
    assert active == {"A", "C", "D", "A:C", "A:D"}
    assert [point.term for point in found.findings.half_normal][-5:] == [
        "C",
        "D",
        "A:D",
        "A:C",
        "A",
    ]


def test_the_filtration_experiment_without_pressure() -> None:
    """B is nil, so it is a 2³ in two replicates (Montgomery, table 6.13): MSE 22.44 on 8 df."""
    found = analysed("ACD", rows_of("ABCD", FILTRATION))
    assert found.effects.degrees == 8
    assert found.effects.residual_sd == pytest.approx(np.sqrt(179.52 / 8), abs=0.002)
    ratios = {row.source: row.f for row in found.findings.anova}
    published = {"A": 83.36, "C": 17.38, "D": 38.13, "A:C": 58.56, "A:D": 49.27, "C:D": 0.23}
    assert {name: ratios[name] for name in published} == pytest.approx(published, abs=0.02)


def test_the_reactor_experiment() -> None:
    rows: list[Row] = [
        ({name: name in cell for name in "abcde"}, 0, float(value))
        for cell, value in REACTOR.items()
    ]
    design = fractional(factors("abcde"), [0], 5)
    assert {tuple(row[0].items()) for row in rows} == {tuple(c.items()) for c in design.cells}
    found = analysed("abcde", rows)
    assert estimates(found) == pytest.approx(
        {
            "a": -2.0, "b": 20.5, "c": 0.0, "d": 12.25, "e": -6.25, "ab": 1.5, "ac": 0.5,
            "ad": -0.75, "ae": 1.25, "bc": 1.5, "bd": 10.75, "be": 1.25, "cd": 0.25, "ce": 2.25,
            "de": -9.5,
        }
    )  # fmt: skip
    by_term = {e.term: e for e in found.effects.effects}
    assert by_term["b:d"].aliases == ("a:c:e",)
    assert by_term["a"].aliases == ("b:c:d:e",)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


def test_pooled_least_squares_anova_and_holm_are_statsmodels(rng: np.random.Generator) -> None:
    """An unbalanced study with blocks and a factor of three levels, in its formulas."""
    import pandas as pd
    import statsmodels.formula.api as smf
    from statsmodels.stats.anova import anova_lm
    from statsmodels.stats.multitest import multipletests

    given = [Factor("a"), Factor("dose", (0, 1, 3))]
    design = full_factorial(given, [0, 1, 2, 3])
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells][:-3]
    y = rng.normal(size=len(runs))
    rows = [(cell, seed, value) for (cell, seed), value in zip(runs, y, strict=True)]
    table = pd.DataFrame(
        [
            {"a": bool(cell["a"]) - 0.5, "dose": cell["dose"], "seed": s, "y": v}
            for cell, s, v in rows
        ]
    )
    for level in (1, 3):
        table[f"d{level}"] = (table["dose"] == level) - 1 / 3
    ols = smf.ols("y ~ C(seed) + a + d1 + d3 + a:d1 + a:d3", table).fit()
    anova = anova_lm(smf.ols("y ~ C(seed, Sum) + C(a, Sum) * C(dose, Sum)", table).fit(), typ=3)
    names = ["a", "d1", "d3", "a:d1", "a:d3"]
    half = np.array([1, 1, 1, 2, 2])  # an interaction is half the difference of the effects
    plain = analyse_rows(given, rows, response=Response("y"), error="pooled")
    places = [list(ols.params.index).index(name) for name in names]
    for effect, place, share in zip(plain.effects.effects, places, half, strict=True):
        low, high = np.asarray(ols.conf_int())[place]
        expected = [np.asarray(ols.params)[place], low, high]
        told = [effect.estimate, effect.low, effect.high]
        # columns of interactions are doubled, so that coefficients are halves
        assert told == pytest.approx([value / share for value in expected])
        assert effect.p == pytest.approx(np.asarray(ols.pvalues)[place])
    p = [effect.p for effect in plain.effects.effects]
    adjusted = [effect.p_adjusted for effect in plain.effects.effects]
    assert adjusted == pytest.approx(multipletests(p, method="holm")[1])
    lines = {row.source: row for row in plain.findings.anova}
    for source, name in (
        ("seed", "C(seed, Sum)"),
        ("a", "C(a, Sum)"),
        ("dose", "C(dose, Sum)"),
        ("a:dose", "C(a, Sum):C(dose, Sum)"),
        ("residual", "Residual"),
    ):
        line = anova.loc[name]
        assert lines[source].sum_of_squares == pytest.approx(line["sum_sq"])
        assert lines[source].degrees == line["df"]
        if source != "residual":
            assert lines[source].f == pytest.approx(line["F"])
            assert lines[source].p == pytest.approx(line["PR(>F)"])


def test_holm_is_worked_out_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.5, 0.001, 0.2])) == pytest.approx([0.4 + 0.1, 0.003, 0.4])
    assert np.isnan(holm(np.array([np.nan, np.nan]))).all()


def test_the_test_of_spreads_is_brown_and_forsythes(rng: np.random.Generator) -> None:
    """With as many degrees of freedom as runs it is SciPy's, but for the residuals' degrees."""
    residuals = rng.normal(size=30) * np.repeat([1.0, 3.0], 15)
    levels = np.repeat([0, 1], 15)[:, None]
    statistic = stats.levene(residuals[:15], residuals[15:], center="median")[0]
    assert brown_forsythe(residuals, levels, 30) == pytest.approx([stats.f.sf(statistic, 1, 29)])
    assert np.isnan(brown_forsythe(residuals, levels, 4)).all()


def test_spreads_that_disagree_are_said(rng: np.random.Generator) -> None:
    spread = np.array([6.0 if cell["b"] else 0.2 for cell in cells("ab")] * 8)
    rows = rows_of("ab", spread * rng.normal(size=32), 8)
    found = analysed("ab", rows)
    (note,) = (note for note in found.notes if "spreads disagree" in note)
    assert "between the levels of b (residuals of" in note
    assert note.endswith("intervals and p by seeds allow for that")
    assert found.to_json()["residual"]["robust"] is True
    plain = analysed("ab", rows, error="pooled")
    assert plain.to_json()["residual"]["robust"] is False
    (note,) = (note for note in plain.notes if "spreads disagree" in note)
    assert note.endswith("intervals and p take them as equal, so they are rough")


def test_a_trend_is_the_regression_on_the_dose(rng: np.random.Generator) -> None:
    """Unevenly spaced: the slope and the curvature are those of plain polynomials."""
    dose = Factor("dose", (0, 0.03, 0.06, 0.12))
    design = full_factorial([dose, Factor("a")], [0, 1, 2])
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    x = np.array([float(cell["dose"]) for cell, _ in runs])
    y = 50 - 30 * x + rng.normal(size=len(runs))
    rows = [(cell, seed, value) for (cell, seed), value in zip(runs, y, strict=True)]
    (trend,) = analyse_rows(design.factors, rows, response=Response("y")).findings.trends
    linear, quadratic, cubic = trend.components
    assert linear.estimate == pytest.approx(np.polyfit(x, y, 1)[0])
    assert quadratic.estimate == pytest.approx(np.polyfit(x, y, 2)[0])
    assert cubic.estimate == pytest.approx(np.polyfit(x, y, 3)[0])
    assert [mean.estimate for mean in trend.means] == pytest.approx(
        [y[x == level].mean() for level in dose.levels]
    )
    pooled = analyse_rows(design.factors, rows, response=Response("y"), error="pooled")
    residual, (trend,) = pooled.effects, pooled.findings.trends
    linear = trend.components[0]
    assert residual.residual_sd is not None
    error = residual.residual_sd / np.sqrt(((x - x.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, residual.degrees) * error
    assert width(linear) == pytest.approx(2 * half)
    assert linear.p == pytest.approx(2 * stats.t.sf(abs(linear.estimate) / error, residual.degrees))


def test_words_as_levels_have_no_trend() -> None:
    given = [Factor("wiring", ("real", "random", "dense"))]
    rows: list[Row] = [({"wiring": w}, s, s + len(str(w))) for w in given[0].levels for s in (0, 1)]
    assert analyse_rows(given, rows, response=Response("y")).findings.trends == ()


def test_leave_one_out_is_seen_in_the_same_runs(rng: np.random.Generator) -> None:
    """Differences of two cells' means, with the error of all runs: wider than main effects."""
    rows = rows_of("abc", rng.normal(size=24), 3)
    found = analysed("abc", rows, error="pooled")
    whole = [v for cell, _, v in rows if all(cell.values())]
    sd = found.effects.residual_sd
    assert sd is not None
    for row in found.findings.leave_one_out:
        out = [v for cell, _, v in rows if [n for n in cell if not cell[n]] == [row.term]]
        assert row.estimate == pytest.approx(np.mean(whole) - np.mean(out))
        half = stats.t.ppf(0.975, 14) * sd * np.sqrt(2 / 3)
        assert width(row) == pytest.approx(2 * half)
        assert (row.runs, row.predicted, row.along) == ((3, 3), False, ())
        assert row.verdict is None
    judged = analysed("abc", rows, error="pooled", margin=20.0).findings.leave_one_out
    assert [row.verdict and row.verdict.corrected for row in judged] == ["within"] * 3
    narrow = width(found.effects.effects[0])
    assert width(found.findings.leave_one_out[0]) == pytest.approx(2 * narrow)


def test_what_cannot_stay_goes_along_in_the_leave_one_out_view(rng: np.random.Generator) -> None:
    possible = [cell for cell in cells("ab") if cell["a"] or not cell["b"]]
    rows: list[Row] = [(c, s, float(rng.normal())) for s in range(3) for c in possible]
    a, b = analysed("ab", rows, along={"a": ["b"], "b": []}).findings.leave_one_out
    assert (a.term, a.along, a.runs) == ("a", ("b",), (3, 3))
    means = {tuple(c.values()): np.mean([v for d, _, v in rows if d == c]) for c in possible}
    assert a.estimate == pytest.approx(means[True, True] - means[False, False])
    assert b.estimate == pytest.approx(means[True, True] - means[True, False])


def test_a_fraction_predicts_the_leave_one_out_cells_that_it_lacks() -> None:
    design = fractional(factors("abcde"), [0, 1], 5)
    signs = {True: 1, False: -1}
    rows: list[Row] = [
        (c, s, 3.0 * signs[bool(c["a"])] + signs[bool(c["b"])] * signs[bool(c["c"])] + 0.1 * s)
        for s in design.seeds
        for c in design.cells
    ]
    seen = analysed("abcde", rows).findings.leave_one_out
    assert [row.predicted for row in seen] == [True] * 5
    assert [row.estimate for row in seen] == pytest.approx([6, 2, 2, 0, 0], abs=1e-9)


def test_a_run_far_off_is_named(rng: np.random.Generator) -> None:
    values = rng.normal(size=32)
    quiet = analysed("ab", rows_of("ab", values, 8))
    assert quiet.notes[-1].endswith("no run stands out")
    assert "nothing speaks against normal ones" in quiet.notes[-1]
    values[6] += 12
    found = analysed("ab", rows_of("ab", values, 8))
    (note,) = (note for note in found.notes if "stands out" in note)
    assert note.startswith("a off, b on stands out: seed 1 lies +")
    assert "p < 0.001, corrected" in note
    assert any("they are not normal (Shapiro–Wilk" in note for note in found.notes)


def test_no_replication_of_unequal_effects_asks_for_seeds() -> None:
    rows = [row for row in rows_of("abc", range(8)) if row[0]["a"] or not row[0]["b"]]
    found = analysed("abc", rows)
    assert found.findings.lenth is None
    assert any("Lenth's method needs three effects or more" in note for note in found.notes)


def test_interactions_of_high_order_can_be_taken_as_error() -> None:
    found = analysed("ABCD", rows_of("ABCD", FILTRATION), order=2)
    assert found.effects.degrees == 5
    nil = [1.875, 4.125, -1.625, -2.625, 1.375]
    assert found.effects.residual_sd == pytest.approx(np.sqrt(4 * np.mean(np.square(nil))))
    assert any("more than 2 factors are taken as nil" in note for note in found.notes)
    with pytest.raises(RequestError, match="the order is 0; 1 asks for main effects"):
        analysed("ABCD", rows_of("ABCD", FILTRATION), order=0)


def test_of_very_many_factors_high_orders_are_not_listed() -> None:
    assert highest_order([Factor(f"f{n}") for n in range(10)]) == 10
    many = [Factor(f"f{n}") for n in range(12)]
    order = highest_order(many)
    count = sum(len(list(itertools.combinations(range(12), k))) for k in range(1, order + 1))
    assert count <= 1023 < count + len(list(itertools.combinations(range(12), order + 1)))
