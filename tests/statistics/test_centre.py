"""Centre points of two-level designs, against published figures and statsmodels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

import bionic_core as api

CORNERS = {(-1, -1): 39.3, (1, -1): 40.9, (-1, 1): 40.0, (1, 1): 41.5}
CENTRE = (40.3, 40.5, 40.7, 40.2, 40.6)


def rows(low: float = -1, middle: float = 0, high: float = 1) -> list[dict[str, Any]]:
    real = {-1: low, 0: middle, 1: high}
    found = [{"A": real[a], "B": real[b], "y": y} for (a, b), y in CORNERS.items()]
    return found + [{"A": real[0], "B": real[0], "y": y} for y in CENTRE]


@pytest.mark.parametrize("levels", [(-1, 0, 1), (150, 155, 160), (0.01, 0.1, 1.0)])
def test_a_published_design_with_five_centre_points(levels: tuple[float, ...]) -> None:
    """Montgomery, Design and Analysis of Experiments, 8th ed., example 6.7, table 6.24."""
    found = api.analyse(rows(*levels), response="y")
    effects = {effect.term: effect for effect in found.findings.effects}
    assert {t: round(e.estimate or 0, 6) for t, e in effects.items()} == {
        "A": 1.55,
        "B": 0.65,
        "A:B": -0.05,
    }
    table = {source.source: source for source in found.findings.anova}
    assert table["A"].f == pytest.approx(55.87, abs=0.01)
    assert table["B"].f == pytest.approx(9.83, abs=0.01)
    assert table["curvature"].sum_of_squares == pytest.approx(0.0027, abs=5e-5)
    assert (table["residual"].degrees, table["curvature"].degrees) == (4, 1)
    assert table["residual"].mean_square == pytest.approx(0.0430)
    assert found.curvature is not None
    assert found.curvature.estimate == pytest.approx(40.46 - 40.425)
    assert found.taken[-1].startswith("centre points: the mean of 5 is +0.035 from that of the 4")
    assert found.to_json()["curvature"]["centre_points"] == 5
    assert found.findings.trends == ()
    judged = api.analyse(rows(*levels), response="y", margin=0.8).findings
    words = {effect.term: effect.verdict and effect.verdict.alone for effect in judged.effects}
    assert words == {"A": "larger than", "B": "undecided", "A:B": "within"}
    assert judged.over is not None
    assert judged.over.words.startswith("over runs, on what all rows share")
    assert sum(note.startswith("intervals generalise") for note in judged.notes) == 1


def test_curvature_in_blocks_is_least_squares() -> None:
    rng = np.random.default_rng(3)
    table = [
        {"A": a, "B": b, "C": c, "seed": seed, "y": 5 * (a == 0) + a + 2 * seed + rng.normal()}
        for seed in (0, 1)
        for c in ("x", "z")
        for a, b in [*CORNERS, (0, 0), (0, 0)]
    ]
    found = api.analyse(table, response="y", order=2)
    a, b = (np.array([row[name] for row in table]) / 2 for name in "AB")
    c = np.array([-0.5 if row["C"] == "x" else 0.5 for row in table])
    seed = np.array([row["seed"] for row in table])
    x = [a, b, c, 2 * a * b, 2 * a * c, 2 * b * c, a == 0, seed]
    fit = sm.OLS([row["y"] for row in table], sm.add_constant(np.column_stack(x))).fit()
    assert found.curvature is not None
    assert found.curvature.estimate == pytest.approx(fit.params[7])
    assert found.curvature.p == pytest.approx(fit.pvalues[7])
    assert [e.estimate for e in found.findings.effects] == pytest.approx(list(fit.params[1:7]))
    assert [e.p for e in found.findings.effects] == pytest.approx(list(fit.pvalues[1:7]))
    assert "so there is curvature" in found.taken[-1]


def test_a_third_level_that_is_no_centre_stays_one() -> None:
    crossed = [{"A": a, "B": b, "y": a * b + a} for a in (-1, 0, 1) for b in (-1, 0, 1)]
    assert api.analyse(crossed, response="y", order=1).curvature is None
    aside = rows(0, 9, 10)
    found = api.analyse(aside, response="y", order=1)
    assert found.curvature is None
    assert "A=9" in {effect.term for effect in found.findings.effects}
