"""Ensembles: against lme4 and lmerTest, by simulation, by hand, and as tables tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bionic_core import RequestError, analyse
from bionic_core.statistics.analysis import Analysis, analyse_rows
from bionic_core.statistics.designs import Draws, Factor, full_factorial
from bionic_core.statistics.drawn_errors import drawn_error
from bionic_core.statistics.draws import said_before, seed_of, split_draws, with_draws
from bionic_core.statistics.ensemble import rank_p, variances
from bionic_core.statistics.findings import Response
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.statistics.told import told

CROSSED = """
61.89 62.93 61.06 62.34 / 61.08 61.87 60.10 61.34 / 60.01 61.22 58.81 60.67 /
62.30 62.28 60.74 61.46 / 60.58 61.71 60.21 61.49 / 60.17 61.83 60.22 61.06 /
59.23 60.55 60.31 60.72
"""
"""Seeds are columns, the real wiring the first row, six draws the others."""

FACTOR = Factor("w", ("real", "rewired"))
RESPONSE = Response("y")


def rows_of(text: str, *, nested: bool = False) -> list[tuple[dict[str, Any], int, float]]:
    table = [[float(n) for n in line.split()] for line in text.split("/")]
    found: list[tuple[dict[str, Any], int, float]] = []
    for row, values in enumerate(table):
        cell = {"w": "rewired", "w.draw": row - 1} if row else {"w": "real"}
        seeds = row * len(values) if nested else 0
        found += [(cell, seeds + column, value) for column, value in enumerate(values)]
    return found


def analysed(text: str, *, nested: bool = False, **options: Any) -> Analysis:
    rows = rows_of(text, nested=nested)
    draws = Draws("w", "", {"rewired": 6}, nested)
    return analyse_rows([FACTOR], rows, response=RESPONSE, draws=draws, **options)


def test_variance_components_are_those_of_lme4() -> None:
    """``lmer(y ~ 1 + (1|draw) + (1|seed))`` and ``lmer(y ~ 1 + (1|draw))``, REML, lme4 1.1-31."""
    (crossed,) = analysed(CROSSED).findings.ensembles
    assert [one.sd for one in crossed.variances] == pytest.approx(
        [0.5245511380, 0.6282532932, 0.4830435919], abs=2e-6
    )
    (nested,) = analysed(CROSSED, nested=True).findings.ensembles
    sds = [one.sd for one in nested.variances]
    assert sds == pytest.approx([0.4200932659, 0.7924855359], abs=2e-6)


def test_a_pooled_difference_is_that_of_lmer_test() -> None:
    """``lmer(y ~ real + (0 + ensemble|draw) + (1|seed))``, Satterthwaite's degrees of freedom."""
    found = analysed(CROSSED, error="pooled").findings
    (real,) = found.ensembles[0].against
    assert real.estimate == pytest.approx(1.223333333)
    assert real.degrees == pytest.approx(14.656110219, rel=1e-5)
    assert real.p == pytest.approx(1.912698737e-03, rel=1e-4)
    assert found.residual.sd == pytest.approx(0.4452607613, abs=1e-6)
    assert found.effects[0].estimate == pytest.approx(-1.223333333)
    assert found.effects[0].p == pytest.approx(real.p)
    (source,) = [one for one in found.anova if one.source == "w"]
    assert source.p == pytest.approx(real.p)


def test_a_nested_difference_is_welchs_of_draws_against_seeds() -> None:
    """As R's ``t.test(real, tapply(y, draw, mean))``, but never narrower than by seeds alone."""
    (wide,) = analysed(CROSSED, nested=True).findings.ensembles[0].against
    real = [61.89, 62.93, 61.06, 62.34]
    assert wide.p == pytest.approx(2 * stats.t.sf(1.223333333 / stats.sem(real), 3))
    assert wide.p is not None
    assert wide.p > 0.04349664  # R's, on 5.14 degrees of freedom
    steady = CROSSED.replace("61.89 62.93 61.06 62.34", "62.10 62.20 62.00 62.15")
    (found,) = analysed(steady, nested=True).findings.ensembles[0].against
    draws = [np.mean([float(n) for n in line.split()]) for line in steady.split("/")[1:]]
    welch = stats.ttest_ind([62.10, 62.20, 62.00, 62.15], draws, equal_var=False)
    assert (found.p, found.degrees) == pytest.approx((welch.pvalue, welch.df))


def test_a_difference_over_seeds_has_the_seeds_own_and_the_draws_variance() -> None:
    table = np.array([[float(n) for n in line.split()] for line in CROSSED.split("/")])
    real, draws = table[0], table[1:]
    own = np.var(real - draws.mean(0), ddof=1) / 4
    squares = 4 * draws.mean(1).var(ddof=1), 0.4830435919**2
    total = own + (squares[0] - squares[1]) / 24
    spent = own**2 / 3 + (squares[0] / 24) ** 2 / 5 + (squares[1] / 24) ** 2 / 15
    half = stats.t.ppf(0.975, total**2 / spent) * np.sqrt(total)
    (found,) = analysed(CROSSED).findings.ensembles[0].against
    assert found.low is not None
    assert found.estimate - found.low == pytest.approx(half, rel=1e-6)


@pytest.mark.parametrize(("value", "p"), [(9.0, 1 / 5), (-9.0, 1 / 5), (2.4, 1.0), (4.2, 2 / 5)])
def test_p_of_a_rank_is_two_sided_about_the_mean_of_all(value: float, p: float) -> None:
    assert rank_p(value, np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(p)


def test_a_rank_is_uniform_where_the_real_one_is_a_draw(rng: np.random.Generator) -> None:
    found = [rank_p(x[0], x[1:]) for x in rng.exponential(size=(2000, 20))]
    assert [np.mean(np.array(found) <= p + 1e-9) for p in (0.05, 0.25)] == pytest.approx(
        [0.05, 0.25], abs=0.025
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.mark.parametrize("nested", [False, True])
def test_intervals_of_variances_cover(rng: np.random.Generator, nested: bool) -> None:
    true = {"draws": 0.7, "seeds": 1.0}
    hits: dict[str, list[bool]] = {}
    for _ in range(400):
        table = 0.7 * rng.normal(size=(12, 1)) + rng.normal(size=(12, 4))
        table += 0 if nested else rng.normal(size=(1, 4))
        for one in variances(table, nested=nested):
            assert one.low is not None
            assert one.high is not None
            sd = true.get(one.source, 1.0)
            hits.setdefault(one.source, []).append(one.low <= sd <= one.high)
    assert len(hits) == 3 - nested
    assert all(0.92 < np.mean(hit) < 0.98 for hit in hits.values()), hits


def design(
    draws: int, seeds: int, *, nested: bool
) -> tuple[Model, Draws, list[Mapping[str, Any]], list[int]]:
    """A real wiring and an ensemble, crossed with a factor of two levels."""
    told = Draws("w", "", {"rewired": draws}, nested)
    factors = (FACTOR, Factor("a"))
    whole = with_draws(full_factorial(factors, range(seeds)), told)
    places = range(len(whole.cells))
    runs = [(whole.cells[n], seed_of(whole, n, s)) for n in places for s in range(seeds)]
    cells, own = [cell for cell, _ in runs], [seed for _, seed in runs]
    return Model.of(factors, cells, [0] * len(own) if nested else own), told, cells, own


def simulated(
    rng: np.random.Generator, cells: Sequence[Mapping[str, Any]], seeds: Sequence[int], sd: float
) -> Matrix:
    """Studies (R, S): draws, draws × a, seeds, seeds × wiring, a run's own error."""
    studies = 1500
    effects: dict[tuple[Any, ...], Matrix] = {}

    def of(size: float, *key: Any) -> Matrix:
        return size * effects.setdefault(key, rng.normal(size=studies))

    return np.stack(
        [
            of(1, "seed", seed)
            + of(0.7, "seed", seed, cell["w"])
            + (of(sd, cell["w.draw"]) if "w.draw" in cell else 0)
            + (of(sd / 2, cell["w.draw"], cell["a"]) if "w.draw" in cell else 0)
            + rng.normal(size=studies)
            for cell, seed in zip(cells, seeds, strict=True)
        ]
    )


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("sd", [0.0, 1.0])
def test_intervals_hold_over_draws_and_seeds(
    rng: np.random.Generator, nested: bool, sd: float
) -> None:
    model, draws, cells, seeds = design(8, 3, nested=nested)
    responses = simulated(rng, cells, seeds, sd)
    errors, degrees = drawn_error(model, draws, cells, seeds).judge(model.effects, responses)
    away = np.abs(model.effects @ responses) <= stats.t.ppf(0.975, degrees) * errors
    assert away.shape == (3, 1500)  # w, a, w:a
    assert (away.mean(1) > 0.93).all(), away.mean(1)
    assert (away.mean(1) < 0.99).all(), away.mean(1)
    if sd and not nested:  # an interval over seeds alone speaks of these draws only
        alone = analyse_without(model, responses)
        assert alone < 0.93


def analyse_without(model: Model, responses: Matrix) -> float:
    from bionic_core.statistics.errors import Pooled

    errors, degrees = Pooled(model).judge(model.effects, responses)
    hit = np.abs(model.effects @ responses) <= stats.t.ppf(0.975, degrees) * errors
    return float(hit.mean(1).min())


def test_a_ladder_tells_each_step_of_the_levels_that_are_there() -> None:
    rng = np.random.default_rng(0)
    means = {"dense": 1.0, "random": 2.0, "odd": 9.0, "rewired": 2.5, "real": 4.0}
    rows = [({"w": w}, s, m + 0.1 * rng.normal()) for w, m in means.items() for s in range(5)]
    order = ("dense", "random", "distance", "rewired", "real")
    factor = Factor("w", tuple(means))
    found = analyse_rows([factor], rows, response=RESPONSE, ladders={"w": order}).findings
    (ladder,) = found.ladders
    steps = [(one.lower, one.upper) for one in ladder.steps]
    assert steps == [("dense", "random"), ("random", "rewired"), ("rewired", "real")]
    mean = {w: np.mean([y for cell, _, y in rows if cell["w"] == w]) for w in means}
    for one in ladder.steps:
        assert one.estimate == pytest.approx(mean[one.upper] - mean[one.lower])
        pairs = [
            [y for cell, s, y in rows if cell["w"] == w for _ in [s]]
            for w in (one.upper, one.lower)
        ]
        assert one.p == pytest.approx(stats.ttest_rel(*pairs).pvalue)  # as by seeds
        assert one.p_adjusted is not None
        assert one.p is not None
        assert one.p_adjusted >= one.p
    texts = [table.title for table in told(found)]
    assert texts == ["Level by level"]
    few = analyse_rows(
        [Factor("w", ("dense", "random"))], rows[:10], response=RESPONSE, ladders={"w": order}
    )
    assert few.findings.ladders == ()


def records(text: str, *, nested: bool = False) -> list[dict[str, Any]]:
    return [
        {"w": cell["w"], "w.draw": cell.get("w.draw", ""), "seed": seed, "y": y}
        for cell, seed, y in rows_of(text, nested=nested)
    ]


@pytest.mark.parametrize("nested", [False, True])
def test_a_table_is_read_as_the_study(nested: bool) -> None:
    found = analyse(records(CROSSED, nested=nested), response="y")
    assert found.findings.ensembles == analysed(CROSSED, nested=nested).findings.ensembles
    assert "draws: w.draw (6)" in found.taken
    assert found.findings.over is not None
    assert found.findings.over.words.startswith("over draws of w and seeds")


def test_one_seed_of_each_draw_tells_draws_and_seeds_together() -> None:
    """Shared with the real wiring, seeds judge; of its own, the draws do: both as plain t tests."""
    rows = [row for row in records(CROSSED) if row["w"] == "real" or row["w.draw"] == row["seed"]]
    found = analyse(rows, response="y")
    assert found.findings.ensembles == ()
    assert any("cannot be told apart" in note for note in found.notes)
    pairs = [[row["y"] for row in rows if row["w"] == w] for w in ("rewired", "real")]
    assert found.findings.effects[0].p == pytest.approx(stats.ttest_rel(*pairs).pvalue)
    own = analyse(
        [r | {"seed": r["seed"] + 10 * (r["w"] != "real")} for r in rows], response="y"
    ).findings
    assert any("cannot be told apart" in note for note in own.notes)
    (ensemble,) = own.ensembles
    assert [one.source for one in ensemble.variances] == ["draws and a run's own error"]
    welch = stats.ttest_ind(*pairs, equal_var=False)
    assert own.effects[0].p == pytest.approx(welch.pvalue, rel=0.2)  # not narrower than by seeds
    assert own.effects[0].p >= welch.pvalue * (1 - 1e-9)


def test_tables_that_mix_draws_are_refused() -> None:
    rows = records(CROSSED)
    rows[5]["w.draw"] = ""
    with pytest.raises(RequestError, match="has rows with the number of a draw, and rows without"):
        analyse(rows, response="y")
    several = [
        row | {"seed": row["seed"] + 4 * row["w.draw"]} if row["w"] != "real" else row
        for row in records(CROSSED)
    ]
    with pytest.raises(RequestError, match="neither crossed with seeds nor nested"):
        analyse(several, response="y")
    with pytest.raises(RequestError, match="judged over draws and seeds"):
        analyse(records(CROSSED), response="y", error="cells")
    with pytest.raises(RequestError, match="nested draws have seeds of their own"):
        analyse(records(CROSSED, nested=True), response="y", error="pooled")


def test_a_draw_that_lacks_a_run_is_left_out_of_variances_and_said() -> None:
    (ensemble,) = analyse(records(CROSSED)[:-1], response="y").findings.ensembles
    assert (ensemble.draws, ensemble.left_out) == (5, 1)
    assert ensemble.against[0].low is not None


def test_one_seed_has_a_rank_and_no_interval() -> None:
    found = analyse([row for row in records(CROSSED) if row["seed"] == 0], response="y").findings
    (real,) = found.ensembles[0].against
    assert (real.low, real.p) == (None, None)
    assert real.rank_p is not None
    assert real.lower == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rewired*0", "asks for 0 draws"),
        ("rewired*1", "One draw for each seed is 'rewired' alone"),
        ("rewired*-3", "asks for -3 draws"),
        ("rewired*1001", "more than 1,000"),
        ("rewired*", "no level with a number of draws"),
        ("*3", "no level with a number of draws"),
        ("rewired*2.5", "no level with a number of draws"),
    ],
)
def test_numbers_of_draws_that_are_none_are_refused(text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words.replace("*", r"\*")):
        split_draws(text, "masks.wiring")


def test_what_a_rank_can_reach_is_said_before() -> None:
    whole = full_factorial([FACTOR], range(3))
    said = " ".join(said_before(with_draws(whole, Draws("w", "", {"rewired": 9}))))
    assert "can be 0.1 at the smallest; 19 draws are the fewest for 0.05" in said
    with pytest.raises(RequestError, match="cannot be told from what differs between seeds"):
        with_draws(full_factorial([FACTOR], [0]), Draws("w", "", {"rewired": 9}, nested=True))
