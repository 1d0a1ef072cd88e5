"""Errors over seeds and images, by the classical layout, brute force, a bootstrap, simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bionic_core.statistics.comparisons import compare
from bionic_core.statistics.crossed import Certainty, Images, Over
from bionic_core.statistics.designs import Factor
from bionic_core.statistics.effects import estimate_effects
from bionic_core.statistics.fit import Fit
from bionic_core.statistics.linear import Matrix, Model

STUDIES, IMAGES = 3000, 120


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(21)


def mean_squares(table: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return those of seeds, images and seed × image of tables (…, n, I)."""
    n, images = table.shape[-2:]
    whole = table.mean((-2, -1), keepdims=True)
    seeds = table.mean(-1, keepdims=True) - whole
    columns = table.mean(-2, keepdims=True) - whole
    rest = table - whole - seeds - columns
    return (
        images * (seeds**2).sum((-2, -1)) / (n - 1),
        n * (columns**2).sum((-2, -1)) / (images - 1),
        (rest**2).sum((-2, -1)) / ((n - 1) * (images - 1)),
    )


def crossed(table: Matrix) -> Certainty:
    """Return how sure the means of tables (S, n, I) are: each study a contrast."""
    n, images = table.shape[-2:]
    seeds, columns, mixed = (squares / (n * images) for squares in mean_squares(table))
    degrees = np.full(len(table), float(n - 1))
    parts = (np.sqrt(columns)[:, None], np.sqrt(mixed)[:, None])
    return Certainty.over_images(np.sqrt(seeds), degrees, *parts, images)


def test_paired_differences_have_the_classical_variance(rng: np.random.Generator) -> None:
    """(MS_S + MS_I − MS_SI)/(n I), of the seed × image table of differences."""
    chances = rng.uniform(0.1, 0.9, (2, 1, 300)) + 0.05 * rng.normal(size=(2, 5, 1))
    outcomes = (rng.random((2, 5, 300)) < chances).astype(float)
    found = compare(outcomes.mean(2), images=Images.of(outcomes.reshape(10, 300))).differences[0]
    table = outcomes[0] - outcomes[1]
    seeds, images, mixed = mean_squares(table)
    assert found.image_error == pytest.approx(np.sqrt((images - mixed) / 1500), rel=1e-9)
    expected = crossed(table[None])
    assert found.estimate == pytest.approx(table.mean(), rel=1e-12)
    assert found.low == pytest.approx(table.mean() - expected.half(0.95)[0], rel=1e-9)
    assert expected.both[0] == pytest.approx(np.sqrt((seeds + images - mixed) / 1500), rel=1e-12)
    assert found.p == pytest.approx(expected.p(np.array([table.mean()]))[0], rel=1e-9)


@pytest.mark.parametrize("error", ["seeds", "cells", "pooled"])
def test_every_error_counts_images_as_each_image_judged_alone_does(
    error: str, rng: np.random.Generator
) -> None:
    """MS_SI/(n I) is what all images' own errors say less the error of their mean, runs missing."""
    factors = [Factor("a"), Factor("b")]
    cells = [{"a": a, "b": b} for a, b in itertools.product([False, True], repeat=2)]
    runs = [(cell, seed) for seed in range(4) for cell in cells][:-1]
    outcomes = rng.normal(size=(15, 40)) + rng.normal(size=40) + rng.normal(size=(15, 1))
    outcomes[[bool(cell["a"]) for cell, _ in runs]] += rng.normal(size=40)
    blocks = [0 if error == "cells" else seed for _, seed in runs]
    model = Model.of(factors, [cell for cell, _ in runs], blocks)
    fit = Fit.of(model, outcomes.mean(1), error, Images.of(outcomes))
    _, sure = fit.certainty(model.effects)
    each, _ = fit.error.judge(model.effects, outcomes)
    mixed = ((each**2).mean(1) - sure.runs**2) / 39
    of_images = (model.effects @ outcomes).var(1, ddof=1) / 40
    assert sure.images is not None
    np.testing.assert_allclose(sure.images, np.sqrt(np.maximum(of_images - mixed, 0)), rtol=1e-9)


def tables(kind: str, n: int, rng: np.random.Generator) -> Matrix:
    """Return seed × image tables (S, n, I) whose true mean is 0; error of a cell has SD 1."""
    seed = {"no seed effect": 0.0}.get(kind, 0.12)
    image = {"no image effect": 0.0, "small": 0.3, "seed × image": 0.3}.get(kind, 1.0)
    noise = 2.0 if kind == "seed × image" else 1.0
    shape = (STUDIES, n, IMAGES)
    drawn = noise * rng.normal(size=shape) + seed * rng.normal(size=(STUDIES, n, 1))
    images = rng.normal(size=(STUDIES, 1, IMAGES))
    if kind == "skew":
        images = rng.exponential(size=(STUDIES, 1, IMAGES)) - 1
    return np.asarray(drawn + image * images)


KINDS = ("no seed effect", "no image effect", "small", "both", "seed × image", "skew")


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_cover(kind: str, n: int, rng: np.random.Generator) -> None:
    table = tables(kind, n, rng)
    sure, estimates = crossed(table), table.mean((1, 2))
    covered = (np.abs(estimates) < sure.half(0.95)).mean()
    print(f"{kind}, {n} seeds: {covered:.3f}")
    assert 0.935 - 0.008 < covered < 0.97 + 0.006  # two standard errors of 3,000 studies


def test_seeds_alone_do_not_cover_new_images_and_two_seeds_cover_more(
    rng: np.random.Generator,
) -> None:
    table = tables("both", 5, rng)
    sure = crossed(table)
    alone = Certainty.over_runs(sure.runs, sure.degrees)
    assert (np.abs(table.mean((1, 2))) < alone.half(0.95)).mean() < 0.85
    two = tables("both", 2, rng)
    assert 0.935 < (np.abs(two.mean((1, 2))) < crossed(two).half(0.95)).mean() < 0.985


def test_images_that_belong_together_count_together(rng: np.random.Generator) -> None:
    """Thirty clusters of four: taken each by itself, intervals are too narrow; as groups not."""
    groups, covered = np.repeat(np.arange(30), 4), {"groups": 0, "alone": 0}
    for _ in range(400):
        outcomes = rng.normal(size=(6, 120)) + 0.1 * rng.normal(size=(6, 1))
        outcomes[3:] += 1.2 * rng.normal(size=30)[groups]
        values = outcomes.mean(1).reshape(2, 3)
        for name, given in (("groups", groups), ("alone", None)):
            (found,) = compare(values, images=Images.of(outcomes, given)).differences
            assert found.low is not None
            assert found.high is not None
            covered[name] += found.low < 0 < found.high
    assert covered["groups"] / 400 > 0.92
    assert covered["alone"] < covered["groups"] - 20


def test_a_two_way_bootstrap_says_the_same(rng: np.random.Generator) -> None:
    """Seeds and images drawn anew, with replacement (the pigeonhole bootstrap, Owen 2007)."""
    table = 0.1 * rng.normal(size=(12, 1)) + rng.normal(size=400) + 0.5 * rng.normal(size=(12, 400))
    draws = [
        table[np.ix_(rng.integers(0, 12, 12), rng.integers(0, 400, 400))].mean()
        for _ in range(2000)
    ]
    assert np.std(draws) == pytest.approx(float(crossed(table[None]).both[0]), rel=0.08)


def test_over_images_is_never_narrower_and_p_agrees_with_the_interval(
    rng: np.random.Generator,
) -> None:
    sure = crossed(tables("small", 3, rng))
    alone = Certainty.over_runs(sure.runs, sure.degrees)
    sizes = rng.normal(size=STUDIES) * sure.both * 3
    assert (sure.half(0.95) >= alone.half(0.95)).all()
    assert (sure.p(sizes) >= alone.p(sizes)).all()
    assert ((sure.p(sizes) < 0.05) == (np.abs(sizes) > sure.half(0.95))).all()


def test_effects_carry_what_images_add_in_their_own_units(rng: np.random.Generator) -> None:
    factors = [Factor("a"), Factor("b")]
    cells = [{"a": a, "b": b} for a, b in itertools.product([False, True], repeat=2)]
    runs = [(cell, seed) for seed in range(3) for cell in cells]
    outcomes = (rng.random((12, 200)) < 0.6).astype(float)
    rows = [(*run, value) for run, value in zip(runs, outcomes.mean(1).tolist(), strict=True)]
    images = Images.of(outcomes)
    one, points = (estimate_effects(factors, rows, images=images, scale=s) for s in (1, 100))
    for plain, scaled in zip(one.effects, points.effects, strict=True):
        assert plain.image_error is not None
        assert scaled.image_error == pytest.approx(100 * plain.image_error)
    here = estimate_effects(factors, rows)
    assert all(effect.image_error is None for effect in here.effects)
    assert [e.estimate for e in here.effects] == [e.estimate for e in one.effects]


def test_it_is_said_over_what_intervals_generalise() -> None:
    assert Over.of(3, 3589).words == "over seeds, on these 3,589 images"
    assert Over.of(3, 3589, new=True).words == "over seeds and over new images like these 3,589"
    assert "no other run" in Over.of(1, 3589, repeated=False).words
    assert Over.of(4, block="plot").words.startswith("over plots, on what all rows share")
