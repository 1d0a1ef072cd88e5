"""Covariates and random effects: R's numbers, what is taken as one, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import bionic_core as api
from bionic_core import RequestError
from bionic_core.statistics.linear import Model
from tests.cli.test_cli import Bionic, bionic, refused
from tests.statistics.test_tables import write

__all__ = ["bionic"]

Rows = list[dict[str, Any]]


def table() -> Rows:
    """An unbalanced table whose numbers R makes from the same formulas."""
    rows = []
    for i in sorted({*range(48)} - {5, 17, 18, 40}):
        litter, w = (i * 5) % 8, round(20 + 3 * math.sin(1.3 * i), 3)
        y = 2 * (i % 3 == 1) + 0.4 * w + 1.1 * math.sin(2.1 * litter)
        y += 0.6 * math.sin(1.9 * (i // 10)) + 0.8 * math.cos(3.7 * i)
        cell = {"g": "abc"[i % 3], "litter": f"L{litter}", "day": f"d{i // 10}"}
        rows.append({**cell, "w": w, "y": round(y, 4)})
    return rows


def judged(found: Any) -> dict[str, tuple[float, ...]]:
    """Return estimate, standard error and degrees of freedom of effects and slopes."""
    from scipy.special import stdtrit

    told = {effect.term: effect for effect in found.findings.effects}
    told |= {slope.covariate: slope for slope in found.findings.covariates}
    return {
        name: (one.estimate, (one.high - one.low) / 2 / stdtrit(one.degrees, 0.975), one.degrees)
        for name, one in told.items()
    }


def test_a_covariate_beside_a_factor_is_rs_lm() -> None:
    """lm(y ~ g + w): coefficients, confint, drop1 (R 4, unrounded table of 44 rows)."""
    rows = table()
    assert sum(row["y"] for row in rows) == pytest.approx(390.678, abs=1e-9)
    found = api.analyse(rows, response="y", ignore=["litter", "day"])
    assert [c.taken_as for c in found.columns] == [
        *("factor", "ignored", "ignored", "covariate", "response")
    ]
    told = judged(found)
    assert told["g=b"] == pytest.approx((1.998322901670, 0.3787039266560, 40), rel=1e-9)
    assert told["g=c"] == pytest.approx((-0.120246322780, 0.3847990586034, 40), rel=1e-9)
    assert told["w"] == pytest.approx((0.371328113486, 0.0737878242134, 40), rel=1e-9)
    (slope,) = found.findings.covariates
    assert (slope.low, slope.high) == pytest.approx((0.222197357864, 0.520458869108), rel=1e-9)
    assert slope.p == pytest.approx(1.06787052008e-05, rel=1e-8)
    assert slope.mean == pytest.approx(880.495 / 44)
    anova = {source.source: source for source in found.findings.anova}
    assert anova["w"].sum_of_squares == pytest.approx(27.07641032, rel=1e-9)
    assert anova["g"].f == pytest.approx(19.53813, rel=1e-6)
    assert anova["g"].sum_of_squares == pytest.approx(41.77898005, rel=1e-9)


def test_random_effects_are_lme4s_and_lmertests() -> None:
    """lmer(y ~ g + w + (1|litter)), and beside (1|day): REML, Satterthwaite by lmerTest."""
    found = api.analyse(table(), response="y", random="litter", ignore=["day"])
    told = judged(found)
    assert told["g=b"] == pytest.approx((2.045895098676, 0.281926961061, 33.1286587837), rel=1e-6)
    assert told["w"] == pytest.approx((0.389278420360, 0.054969244874, 33.1475009391), rel=1e-6)
    of_litter, residual = found.findings.random
    assert (of_litter.sd, residual.sd) == pytest.approx((0.721012179499, 0.764799637950), rel=1e-6)
    assert found.findings.residual.sd == pytest.approx(0.764799637950, rel=1e-6)
    anova = {source.source: source for source in found.findings.anova}
    assert anova["g"].judged_on == pytest.approx((2, 33.16671748), rel=1e-6)
    assert (anova["g"].f, anova["w"].f) == pytest.approx((36.88952, 50.15118), rel=1e-6)
    assert anova["g"].sum_of_squares == pytest.approx(43.15472855, rel=1e-6)

    found = api.analyse(table(), response="y", random=["litter", "day"], covariate=["w"])
    told = judged(found)
    assert told["g=c"] == pytest.approx((-0.168921057852, 0.242911635314, 29.7128844614), rel=1e-5)
    assert told["w"] == pytest.approx((0.390483910113, 0.046316423384, 29.5835320268), rel=1e-5)
    sds = [component.sd for component in found.findings.random]
    assert sds == pytest.approx([0.714782713636, 0.432595206108, 0.639028592530], rel=1e-5)


def test_a_random_effect_that_is_nil_leaves_least_squares() -> None:
    rows = [row | {"r": f"r{(n * 3) % 4}"} for n, row in enumerate(table())]
    nil = api.analyse(rows, response="y", random="r", ignore=["litter", "day"])
    assert nil.findings.random[0].sd == 0
    assert any("its SD comes out as 0" in note for note in nil.findings.notes)
    assert judged(nil)["w"] == pytest.approx((0.371328113486, 0.0737878242134, 40), rel=1e-9)


def test_a_covariate_beside_seeds_is_judged_by_seed() -> None:
    rows = [row | {"seed": n % 4} for n, row in enumerate(table())]
    found = api.analyse(rows, response="y", ignore=["litter", "day"])
    assert found.findings.residual.method == "seeds"
    (slope,) = found.findings.covariates
    assert slope.degrees is not None
    assert slope.degrees < 4
    right = [{"g": r["g"], "seed": r["seed"], "y": r["y"], "loss": r["w"]} for r in rows]
    found = api.analyse(right, response="y")  # as a study's own table has it
    assert found.columns[3].taken_as == "further response"
    assert found.findings.covariates == ()


def test_numbers_that_hardly_repeat_are_a_covariate_and_may_be_made_a_factor() -> None:
    rows = [{"g": row["g"], "w": row["w"], "y": row["y"]} for row in table()]
    found = api.analyse(rows, response="y")
    assert found.taken == (
        "response: y (44 numbers)",
        "factors: g (words a/b/c)",
        "covariates: w (44 numbers from 17.005 to 22.996)",
        "w is a covariate by itself (numbers that hardly repeat): --factor w takes it as a factor, "
        "--ignore w leaves it out",
    )
    forced = api.analyse(rows, response="y", factor="w", order=1)
    assert {c.name: c.taken_as for c in forced.columns}["w"] == "factor"
    assert not forced.findings.covariates
    named = api.analyse(rows, response="y", factors=["g"])  # then what is not named is left out
    assert {c.name: c.taken_as for c in named.columns}["w"] == "further response"
    alone = api.analyse([{"w": r["w"], "y": r["y"]} for r in rows], response="y")
    assert alone.findings.effects == ()
    assert alone.findings.covariates[0].degrees == 42
    once = [{"a": n % 2, "b": n // 2, "w": rows[n]["w"], "y": rows[n]["y"]} for n in range(4)]
    assert api.analyse(once, response="y").columns[2].taken_as == "further response"


def test_a_covariate_that_the_factors_may_change_is_said() -> None:
    rows = [row | {"w": row["w"] + 9 * (row["g"] == "b")} for row in table()]
    notes = api.analyse(rows, response="y", ignore=["litter", "day"]).findings.notes
    assert any("w differs between the levels of factors (p < 0.001)" in note for note in notes)


def changed(**columns: Any) -> Rows:
    """Return the table with columns that are functions of place and row."""
    return [
        row | {name: make(n, row) for name, make in columns.items()}
        for n, row in enumerate(table())
    ]


@pytest.mark.parametrize(
    ("columns", "asked", "words"),
    [
        ({"c": lambda n, r: 3.5}, {"covariate": "c"}, "'c' is 3.5 in all 44 rows.*--ignore c"),
        (
            {"dose": lambda n, r: "abc".index(r["g"])},
            {"covariate": "dose"},
            "'dose' is the same within each level of g",
        ),
        (
            {"a b": lambda n, r: 2 * r["w"] + 1},
            {"covariate": ["w", "a b"]},
            "'a b' is a combination of others .*--ignore 'a b'",
        ),
        ({"w": lambda n, r: "" if n == 3 else r["w"]}, {}, "row 4 has nothing in column 'w', whic"),
        (
            {"w": lambda n, r: "x" if n == 3 else r["w"]},
            {},
            "row 4: 'x' in column 'w' is no number",
        ),
        (
            {"w": lambda n, r: "x" if n == 3 else r["w"]},
            {"covariate": "w"},
            "row 4: 'x' in column 'w' is no number",
        ),
        ({"b": lambda n, r: "x"}, {"random": "b"}, "'b' has one level in 44 rows"),
        ({"b": lambda n, r: f"x{n}"}, {"random": "b"}, "'b' has another level in each of 44 rows"),
        ({"h": lambda n, r: r["g"] + "!"}, {"random": "h"}, "'h' says no more than factors and"),
        ({"day": lambda n, r: None if n == 1 else "a"}, {"random": "day"}, "row 2 has nothing in"),
        ({}, {"covariate": "w", "factor": "w"}, "'w' is a factor; it cannot be a covariate"),
        ({}, {"random": "y"}, "'y' is the response; it cannot be a random effect"),
        ({}, {"covariate": "ww"}, "there is no column 'ww'. Did you mean 'w'"),
        ({}, {"ignore": "litter,day"}, "Give the option once for each of litter, day"),
        ({}, {"covariate": "g"}, "column 'g' has no number in any row"),
        ({}, {"random": "litter", "error": "seeds"}, "--error seeds: with random effects"),
        ({}, {"error": "cells"}, r"--error cells: .* by their covariates \(w\) too"),
        ({"y": lambda n, r: r["w"]}, {"random": "litter"}, "fit every row exactly"),
    ],
)
def test_what_cannot_be_told_is_refused(
    columns: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    named = {
        name for names in asked.values() for name in ([names] if isinstance(names, str) else names)
    }
    if "ignore" not in asked:
        asked = asked | {"ignore": [n for n in ("litter", "day") if n not in named]}
    with pytest.raises(RequestError, match=words):
        api.analyse(changed(**columns), response="y", **asked)


def test_the_command_takes_and_prints_them(bionic: Bionic, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", table())
    asked = ("analyse", path, "--response", "y", "--random", "litter", "--random", "day")
    document = json.loads(bionic(*asked, "--json").out)
    assert next(iter(document)) == "table"
    assert {c["name"]: c["taken_as"] for c in document["columns"]} == {
        **{"g": "factor", "litter": "random", "day": "random", "w": "covariate", "y": "response"}
    }
    assert document["covariates"][0]["estimate"] == pytest.approx(0.390483910113, rel=1e-5)
    assert [one["name"] for one in document["random"]] == ["litter", "day", "residual"]
    lines = bionic(*asked).out.splitlines()
    assert lines[:4] == [
        "response: y (44 numbers)",
        "factors: g (words a/b/c)",
        "covariates: w (44 numbers from 17.005 to 22.996)",
        "random effects: litter (8), day (5)",
    ]
    assert any(line.startswith("│ w ") and "0.3905" in line for line in lines)
    refused(bionic(*asked, "--covariate", "day"), "t.csv: column 'day' is a covariate; it cannot")


def test_hundreds_of_factors_cost_one_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residuals, and what each level left out predicts, are computed once for all factors."""
    calls = []
    ours = Model.residuals

    def counted(model: Model, responses: Any) -> Any:
        calls.append(1)
        return ours(model, responses)

    monkeypatch.setattr(Model, "residuals", counted)
    rows = [
        {f"f{c}": ((n * 2654435761 + c * 40503) >> (c % 13)) & 1 for c in range(60)}
        | {"y": n % 7.3}
        for n in range(200)
    ]
    found = api.analyse(rows, response="y", order=1)
    assert len(found.findings.effects) == 60
    assert len(calls) < 10
