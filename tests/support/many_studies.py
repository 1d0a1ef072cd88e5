"""Thousands of simulated studies at once: what the analysis of one does, a column for each.

Errors are those of the library, which take studies side by side; the rest is written for speed.
What it says is worth something because
:func:`tests.statistics.test_simulated.test_a_column_is_what_the_analysis_of_that_study_says`
compares its columns with the code that analyses one study.
"""

from __future__ import annotations

import attrs
import numpy as np

from bionic_core.statistics.fit import error_of, intervals
from bionic_core.statistics.lenth import lenth_scale
from bionic_core.statistics.linear import Matrix, Model


@attrs.frozen(eq=False)
class Studies:
    """Estimates, errors, degrees, low, high and p of studies (S) that share a model, (T, S)."""

    estimates: Matrix
    errors: Matrix
    degrees: Matrix
    low: Matrix
    high: Matrix
    p: Matrix

    def covered(self, truth: Matrix) -> Matrix:
        """Return the share of studies whose intervals hold the true effects (T,), (T,)."""
        hits = (self.low <= truth[:, None]) & (truth[:, None] <= self.high)
        return np.asarray(hits.mean(1))


def fitted(model: Model, responses: Matrix, error: str | None = None) -> Studies:
    """Fit responses (R, S), by a named error or the default."""
    errors, degrees = error_of(model, error).judge(model.effects, responses)
    estimates = model.effects @ responses
    return Studies(estimates, errors, degrees, *intervals(estimates, errors, degrees, 0.95))


def holm(p: Matrix) -> Matrix:
    """Return p (T, S) after Holm's correction within each study."""
    order = p.argsort(0)
    steps = np.arange(len(p), 0, -1)[:, None] * np.take_along_axis(p, order, 0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, 0), 1.0), 0)
    return adjusted


def lenth(estimates: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return low, high and p by Lenth's method of effects (T, S)."""
    errors = np.broadcast_to(lenth_scale(estimates), estimates.shape)
    return intervals(estimates, errors, len(estimates) / 3, 0.95)
