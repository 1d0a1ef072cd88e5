"""What designs can see: the argument for factorials in numbers, and power by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bionic_core import Registry, RequestError
from bionic_core.statistics.designs import Design, Factor, full_factorial, leave_one_out
from bionic_core.statistics.fractions import fractional
from bionic_core.statistics.linear import Model
from bionic_core.statistics.power import detectable_differences, leave_one_out_sights, sights
from bionic_core.studies.publication import published_spread
from tests.support.many_studies import fitted


def factors(count: int) -> list[Factor]:
    return [Factor(f"f{number}") for number in range(count)]


def test_leave_one_out_in_three_seeds_sees_a_point_or_half_of_one_if_pooled() -> None:
    """±0.55 points: nine variants of the paper's Table 4 whose spreads agree, and the whole."""
    design = leave_one_out(factors(9), range(3))
    own = leave_one_out_sights(design, 0.32)
    assert own.half_width == pytest.approx(stats.t.ppf(0.975, 2) * 0.32 * np.sqrt(2 / 3))
    seen = leave_one_out_sights(design, 0.32, "pooled")
    assert (seen.variants, seen.seeds, seen.runs) == (10, 3, 30)
    assert seen.half_width == pytest.approx(0.55, abs=0.005)
    assert seen.half_width == pytest.approx(stats.t.ppf(0.975, 18) * 0.32 * np.sqrt(2 / 3))


def test_the_32_runs_of_five_factors_see_a_quarter_of_a_point() -> None:
    """±0.24 points on every main effect and pair, interactions of three or more being error."""
    seen = sights(full_factorial(factors(5), [0]), 0.32, order=2)
    assert seen.degrees == 16
    assert len(seen.effects) == 15
    widths = [effect.half_width for effect in seen.effects]
    assert widths == pytest.approx([0.24] * 15, abs=0.005)
    other = leave_one_out_sights(full_factorial(factors(5), [0]), 0.32)
    assert (other.variants, other.seeds) == (6, 5)
    assert other.half_width is not None
    assert widths[0] is not None
    assert other.half_width > 1.7 * widths[0]


@pytest.mark.parametrize(
    ("seeds", "order", "error"), [(3, None, "seeds"), (3, None, "pooled"), (1, 2, "pooled")]
)
def test_what_is_called_detectable_is_found_in_four_of_five_studies(
    seeds: int, order: int | None, error: str
) -> None:
    """At 5 % alone, and at the first step of Holm's correction."""
    design: Design = full_factorial(factors(3 if seeds > 1 else 5), range(seeds))
    seen = sights(design, 1.0, order, error)
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    model = Model.of(design.factors, [c for c, _ in runs], [s for _, s in runs], order)
    rng = np.random.default_rng(2)
    for key, level in (("detectable", 0.05), ("detectable_adjusted", 0.05 / len(model.kept))):
        effect = getattr(seen.effects[0], key)
        responses = effect * model.kept[0].column[:, None] + rng.normal(size=(len(runs), 4000))
        found = fitted(model, responses, error)
        assert (found.p[0] < level).mean() == pytest.approx(0.8, abs=0.02)


def test_power_is_scipys_noncentral_t() -> None:
    seen = sights(full_factorial(factors(3), range(3)), 0.5, error="pooled")
    effect = seen.effects[0]
    error = 0.5 * 2 / np.sqrt(24)
    shift, critical = effect.detectable / error, stats.t.ppf(0.975, 14)
    power = stats.nct.sf(critical, 14, shift) + stats.nct.cdf(-critical, 14, shift)
    assert power == pytest.approx(0.8, abs=1e-4)


def test_one_run_of_each_is_judged_by_lenth_and_unequal_ones_not_at_all() -> None:
    seen = sights(full_factorial(factors(4), [0]), 1.0)
    assert (seen.degrees, seen.method) == (0, "Lenth")
    assert seen.effects[0].half_width == pytest.approx(stats.t.ppf(0.975, 5) * 0.5, rel=0.05)
    design = full_factorial(
        factors(2), [0], lambda cell: "no" if cell["f1"] and not cell["f0"] else None
    )
    seen = sights(design, 1.0)
    assert seen.method == "none"
    assert {effect.half_width for effect in seen.effects} == {None}
    assert [term.term for term in seen.lost] == ["f0:f1"]
    assert seen.lost[0].aliases == ("f0", "f1")


def test_too_few_runs_for_leave_one_out_to_see_anything() -> None:
    seen = leave_one_out_sights(full_factorial(factors(2), [0]), 1.0)
    assert (seen.seeds, seen.half_width) == (1, None)


def test_the_papers_spread_is_scaled_to_the_test_images() -> None:
    installed = Registry.installed()
    found = [published_spread(images, installed) for images in (None, 7178, 1000)]
    own, same, scaled = (spread for spread in found if spread is not None)
    assert own.value == same.value == 0.32
    assert same.source == "assumed: the paper's 0.32 points on 7,178 test images"
    assert scaled.value == pytest.approx(0.8573, abs=1e-4)
    assert scaled.source == f"{same.source}, scaled to 1,000"
    assert published_spread(None, Registry([])) is None


def test_what_lenth_finds_is_worked_out_by_simulation() -> None:
    """Smallest effects at 80 % power, others nil, of 400,000 studies of each design."""
    for count, right in ((2, 21.8), (3, 3.95), (5, 1.16)):
        seen = sights(full_factorial(factors(count), [0]), 1.0)
        assert seen.effects[0].detectable == pytest.approx(right, rel=0.02)
    screen = sights(fractional(factors(7), [0], 4), 1.0)
    assert screen.effects[0].detectable == pytest.approx(1.93, rel=0.02)


def test_an_effect_that_differs_between_seeds_is_planned_so() -> None:
    """Its variance is the runs' and its own over seeds; the others stay as they are."""
    design = full_factorial(factors(3), range(3))
    plain, other = sights(design, 1.0), sights(design, 1.0, between={"f0": 2.0})
    assert plain.error == other.error == "seeds"
    widths = [effect.half_width or 0.0 for effect in plain.effects]
    assert widths == pytest.approx([stats.t.ppf(0.975, 2) * 2 / np.sqrt(24)] * 7)
    wide = [effect.half_width or 0.0 for effect in other.effects]
    assert wide[0] == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(4 / 24 + 4 / 3))
    assert wide[1:] == widths[1:]
    with pytest.raises(RequestError, match="--error seeds: all runs have one seed"):
        sights(full_factorial(factors(3), [0]), 1.0, error="seeds")


@pytest.mark.parametrize("error", ["seeds", "pooled", "cells"])
def test_differences_from_a_control_are_found_in_four_of_five_studies(error: str) -> None:
    """Of 13 variants in 3 seeds; those by seeds are far larger."""
    seen = detectable_differences(0.32, 12, 3, error)
    assert seen.plain is not None
    assert seen.adjusted is not None
    size = 0.32 * np.sqrt(2 / 3)
    bound = stats.t.ppf(0.975, seen.degrees)
    power = stats.nct(seen.degrees, seen.plain / size)
    assert power.sf(bound) + power.cdf(-bound) == pytest.approx(0.8, abs=1e-6)
    assert seen.plain < seen.adjusted
    assert seen.degrees == {"seeds": 2, "pooled": 24, "cells": 4}[error]
    assert detectable_differences(0.32, 12, 1, error).plain is None


def test_the_papers_sds_may_divide_by_n() -> None:
    """0.32 becomes 0.39, and the pooled ±0.55 and ±0.24 become ±0.67 and ±0.30."""
    spread = published_spread(None, Registry.installed())
    assert spread is not None
    assert spread.other == pytest.approx(0.39, abs=0.005)
    assert "±0.55 becomes ±0.67" in spread.doubt(0.549)
    assert "±0.24 becomes ±0.29" in spread.doubt(0.24)
