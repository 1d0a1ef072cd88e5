"""Thousands of simulated studies at once: what the analysis of one does, a column for each.

Written for speed. What it says is worth something because
:func:`tests.statistics.test_simulated.test_a_column_is_what_the_analysis_of_that_study_says`
compares its columns with the code that analyses one study.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import stats

from bionic_core.statistics.linear import SPREADS, Matrix, Model, intervals


@attrs.frozen(eq=False)
class Studies:
    """Estimates, standard errors and residual SDs of studies (S) that share a model.

    Attributes:
        estimates, errors: of the kept terms (T, S).
        sd: (S,).
        robust: whether errors are HC3 (S,).
    """

    estimates: Matrix
    errors: Matrix
    sd: Matrix
    robust: npt.NDArray[np.bool_]


def fitted(model: Model, responses: Matrix, robust: bool | None = None) -> Studies:
    """Fit responses (R, S); HC3 where spreads disagree if ``robust`` is None."""
    residuals = responses - model.columns @ (model.inverse @ responses)
    sd = np.sqrt((residuals**2).sum(0) / model.degrees)
    spreads = brown_forsythe(_unblocked(model, residuals, responses), model.levels, model.degrees)
    disagree = np.nan_to_num(spreads, nan=1.0).min(0, initial=1.0) < SPREADS
    wanted = disagree if robust is None else np.full(responses.shape[1], robust)
    weights = model.effects**2
    errors = np.sqrt(weights.sum(1, keepdims=True)) * sd
    if wanted.any():
        shown = residuals[:, wanted] / (1 - model.leverage[:, None])
        errors[:, wanted] = np.sqrt(weights @ shown**2)
    return Studies(model.effects @ responses, errors, sd, wanted)


def _unblocked(model: Model, residuals: Matrix, responses: Matrix) -> Matrix:
    blocks = model.blocks.shape[1]
    rest: Matrix = residuals + model.blocks[:, 1:] @ (model.inverse[1:blocks] @ responses)
    if blocks == 1:
        return rest
    _, seeds = np.unique(model.blocks, axis=0, return_inverse=True)
    for seed in range(seeds.max() + 1):
        rest[seeds == seed] -= np.median(rest[seeds == seed], axis=0)
    return rest


def brown_forsythe(residuals: Matrix, levels: npt.NDArray[np.int64], degrees: int) -> Matrix:
    """Return p of equal spreads for each factor, (factors, S)."""
    runs, studies = residuals.shape
    found = np.full((levels.shape[1], studies), np.nan)
    for place, of_factor in enumerate(levels.T):
        groups = [residuals[of_factor == level] for level in np.unique(of_factor)]
        if degrees < 5 or len(groups) < 2 or min(map(len, groups)) < 3:
            continue
        away = [np.abs(group - np.median(group, axis=0)) for group in groups]
        total = np.concatenate(away).mean(0)
        between = sum(len(g) * (g.mean(0) - total) ** 2 for g in away) / (len(groups) - 1)
        within = sum(((g - g.mean(0)) ** 2).sum(0) for g in away) / (runs - len(groups))
        ratio = between / within * degrees / runs
        p = stats.f.sf(ratio, len(groups) - 1, max(degrees - len(groups) + 1, 1))
        found[place] = np.minimum(p * levels.shape[1], 1.0)
    return found


def holm(p: Matrix) -> Matrix:
    """Return p (T, S) after Holm's correction within each study."""
    order = p.argsort(0)
    steps = np.arange(len(p), 0, -1)[:, None] * np.take_along_axis(p, order, 0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, 0), 1.0), 0)
    return adjusted


def lenth(estimates: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return low, high and p by Lenth's method of effects (T, S)."""
    size = np.abs(estimates)
    first = 1.5 * np.median(size, axis=0)
    pse = 1.5 * np.nanmedian(np.where(size < 2.5 * first, size, np.nan), axis=0)
    errors = np.broadcast_to(pse, estimates.shape)
    return intervals(estimates, errors, len(estimates) / 3, 0.95)
