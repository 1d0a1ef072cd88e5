"""How effects differ between seeds, beside the same by singular values of seeds × runs."""

from __future__ import annotations

import itertools
import math

import attrs
import numpy as np
import pytest
from scipy import special

from bionic_core.statistics.designs import Factor, Level
from bionic_core.statistics.fit import Fit
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.statistics.spreads import SPREADS, Varying, varying


def by_singular_values(fit: Fit) -> dict[str, Varying]:
    """The same as it was computed before: each seed's contrasts side by side, decomposed."""
    model, found = fit.model, {}
    basis = np.linalg.qr(model.columns)[0]
    whole = float((fit.residuals**2).sum())
    for term, weights in zip(model.kept, model.effects, strict=True):
        columns = each_seed(model, weights)
        rest = columns - basis @ (basis.T @ columns)
        rest -= basis @ (basis.T @ rest)
        left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
        own = left[:, sizes > 1e-8 * np.linalg.norm(columns, axis=0).max()]
        degrees, others = own.shape[1], model.degrees - own.shape[1]
        if degrees == 0 or others == 0:
            continue
        squares = float(((own.T @ fit.residuals) ** 2).sum())
        error = (whole - squares) / others
        gain = float(((own.T @ each_seed(model, term.column)) ** 2).sum()) / degrees
        critical = special.fdtri(degrees, others, 1 - SPREADS)
        found[term.name] = Varying(
            math.sqrt(max((squares / degrees - error) / gain, 0.0)),
            float(special.fdtrc(degrees, others, squares / degrees / error)),
            float(special.fdtrc(degrees, others, critical / (1 + gain))),
        )
    return found


def each_seed(model: Model, column: Matrix) -> Matrix:
    _, seeds = np.unique(model.blocks, axis=0, return_inverse=True)
    return np.asarray(column[:, None] * (seeds[:, None] == np.arange(seeds.max() + 1)))


def fitted(
    seeds: int, *, missing: int = 0, twice: int = 1, order: int | None = None, covariate: bool
) -> Fit:
    """A study whose effects differ between seeds; runs are missing at random."""
    rng = np.random.default_rng(seeds + missing)
    factors = [Factor("a"), Factor("b", ("x", "y", "z")), Factor("c")]
    levels = [
        dict(zip("abc", c, strict=True)) for c in itertools.product(*(f.levels for f in factors))
    ]
    runs: list[tuple[dict[str, Level], int]] = [
        (cell, seed) for seed in range(seeds) for cell in levels for _ in range(twice)
    ]
    runs = [runs[k] for k in sorted(rng.permutation(len(runs))[missing:])]
    own = rng.normal(0, 1, seeds)
    responses = np.array([own[s] * (c["a"] is True) + (c["b"] == "z") for c, s in runs])
    beside = {"age": rng.normal(0, 1, len(runs))} if covariate else None
    model = Model.of(factors, [c for c, _ in runs], [s for _, s in runs], order, beside)
    return Fit.of(model, responses + rng.normal(0, 0.5, len(runs)))


@pytest.mark.parametrize(
    ("seeds", "missing", "twice", "order", "covariate"),
    [
        (2, 0, 2, None, False),
        (3, 0, 1, None, False),
        (3, 5, 1, 2, True),
        (5, 17, 2, None, False),
        (40, 0, 1, None, True),
        (40, 90, 1, 2, False),
    ],
)
def test_effects_differ_as_singular_values_say(
    seeds: int, missing: int, twice: int, order: int | None, covariate: bool
) -> None:
    fit = fitted(seeds, missing=missing, twice=twice, order=order, covariate=covariate)
    found, known = varying(fit), by_singular_values(fit)
    assert found.keys() == known.keys()
    assert found
    for name, one in found.items():
        np.testing.assert_allclose(
            attrs.astuple(one), attrs.astuple(known[name]), rtol=1e-10, atol=1e-12, err_msg=name
        )


def test_seeds_without_an_own_value_of_a_contrast_tell_nothing_of_it() -> None:
    """Of two seeds, one has only one level of ``a``: no seed's own contrast is left."""
    cells: list[dict[str, Level]] = [{"a": a} for a in (False, True, False, True, True, True)]
    model = Model.of([Factor("a")], cells, [0, 0, 0, 0, 1, 1])
    fit = Fit.of(model, np.array([0.1, 0.9, 0.3, 1.1, 0.5, 0.8]))
    assert varying(fit) == by_singular_values(fit) == {}


def test_seeds_are_numbered_as_their_sorted_rows_are() -> None:
    fit = fitted(7, missing=11, covariate=False)
    _, known = np.unique(fit.model.blocks, axis=0, return_inverse=True)
    assert fit.model.seeds.tolist() == known.tolist()
