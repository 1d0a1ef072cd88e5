"""Least squares of a study's responses, and intervals of what it estimates."""

from __future__ import annotations

import math

import attrs
import numpy as np

from bionic_core.errors import RequestError, listing
from bionic_core.statistics.crossed import Certainty, Images
from bionic_core.statistics.errors import ERRORS, ErrorModel
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.statistics.looks import Look

ROUNDING = 1e-12
"""Residuals up to this share of the largest response, centred, are rounding, not error."""

ULPS = 8
"""So many units in the last place of the largest response are rounding too."""


@attrs.frozen(eq=False)
class Fit:
    """Least squares of a study's responses.

    Attributes:
        model: what the runs alone decide.
        responses, residuals: (R,).
        sd: residual standard deviation of a run; NaN where nothing tells it, 0 where the model
            fits every run exactly.
        error: what tells how sure a contrast is.
        rounding: of a run; what is not larger is no error.
        images: how runs vary together over images, where intervals are over new images too.
        look: that the runs are of, where the study could have ended at others.
    """

    model: Model
    responses: Matrix
    residuals: Matrix
    sd: float
    error: ErrorModel
    rounding: float
    images: Images | None = None
    look: Look | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        responses: Matrix,
        error: str | ErrorModel | None = None,
        images: Images | None = None,
        look: Look | None = None,
    ) -> Fit:
        """Fit responses (R,).

        Args:
            model: of the runs.
            responses: one for each run.
            error: what tells it, or its name; if None, what :func:`error_of` chooses.
            images: of the runs, in the responses' units, if intervals are over new images too.
            look: that the runs are of, if p and intervals are to hold over several.
        """
        residuals = model.residuals(responses)
        rounding = rounding_of(responses)
        sd = math.nan
        if model.degrees > 0:
            exact = bool(np.abs(residuals).max() <= rounding)
            sd = 0.0 if exact else float(np.sqrt((residuals**2).sum() / model.degrees))
        told = error if isinstance(error, ErrorModel) else error_of(model, error)
        return cls(model, responses, residuals, sd, told, rounding, images, look)

    def judge(self, contrasts: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Return estimates, standard errors and degrees of freedom of contrasts (T, R), (T,).

        An error is NaN where there is nothing to judge by, or where it is rounding alone: the runs
        that tell it agree to the last digit, which says that responses are coarse, not certain.
        """
        estimates = contrasts @ self.responses
        if not self.sd > 0:
            nothing = np.full_like(estimates, np.nan)
            return estimates, nothing, nothing
        errors, degrees = self.error.judge(contrasts, self.responses)
        least = self.rounding * np.sqrt((contrasts**2).sum(1))
        return estimates, np.where(errors > least, errors, np.nan), degrees

    def certainty(self, contrasts: Matrix) -> tuple[Matrix, Certainty]:
        """Return estimates of contrasts (T, R), and how sure they are."""
        estimates, errors, degrees = self.judge(contrasts)
        if self.images is None or not np.isfinite(errors).any():
            return estimates, Certainty.over_runs(errors, degrees, self.look)
        columns = self.images.columns
        within, _ = self.error.judge(contrasts, columns)
        each = contrasts @ columns
        sure = Certainty.over_images(errors, degrees, each, within, self.images.count)
        return estimates, sure

    def judged(self, contrasts: Matrix, confidence: float) -> Matrix:
        """Return estimate, low, high, p and degrees of freedom of contrasts, (T, 5)."""
        estimates, sure = self.certainty(contrasts)
        half, p = sure.half(confidence), sure.p(estimates)
        degrees = np.where(np.isnan(sure.both), np.nan, sure.both_degrees)
        return np.column_stack([estimates, estimates - half, estimates + half, p, degrees])


def rounding_of(responses: Matrix) -> float:
    """Return what of responses (R,) is rounding, not error."""
    spread = np.abs(responses - responses.mean()).max()
    return float(max(ROUNDING * spread, ULPS * np.spacing(np.abs(responses).max())))


def repeated(model: Model) -> bool:
    """Return whether every combination of levels was run more than once."""
    _, counts = np.unique(model.levels, axis=0, return_counts=True)
    return bool(counts.min() > 1)


def error_of(model: Model, name: str | None = None) -> ErrorModel:
    """Return what tells the error: of a name, or by default.

    Seeds, where runs have them (or other blocks); else each combination's repeated runs; else, as
    nothing else is left, the pooled residual.

    Raises:
        RequestError: there is no such error, or these runs cannot tell it.
    """
    blocks = model.blocks.shape[1]
    if name is None:
        within = not model.covariates and repeated(model)  # else runs of a cell differ by more
        name = "seeds" if blocks > 1 else "cells" if within else "pooled"
    elif name not in ERRORS:
        raise RequestError(f"--error: there is no error '{name}'; it is one of {listing(ERRORS)}")
    elif name == "seeds" and blocks == 1:
        raise RequestError(
            "--error seeds: all runs have one seed (or none), so no other tells how far an effect "
            "would differ; run more seeds, or leave --error out"
        )
    elif name == "cells" and model.covariates:
        raise RequestError(
            "--error cells: the runs of a combination differ by their covariates "
            f"({', '.join(model.covariates)}) too; give --error pooled, or leave these out "
            "(--ignore)"
        )
    elif name == "cells" and not repeated(model):
        raise RequestError(
            "--error cells: some combinations were run once, so nothing tells how they spread; "
            "give --error pooled, which assumes that all spread alike"
        )
    return ERRORS[name](model)


def intervals(
    estimates: Matrix, errors: Matrix, degrees: float | Matrix, confidence: float
) -> tuple[Matrix, Matrix, Matrix]:
    """Return low, high and two-sided p of estimates, by Student's t; NaN where errors are."""
    if not np.isfinite(errors).any():
        nothing = np.full_like(estimates, np.nan)
        return nothing, nothing, nothing
    from scipy import special

    half = special.stdtrit(degrees, (1 + confidence) / 2) * errors
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * special.stdtr(degrees, -np.abs(estimates) / errors)
    return estimates - half, estimates + half, p


def holm(p: Matrix) -> Matrix:
    """Return p (T,) after Holm's step-down correction over those that are numbers.

    Scandinavian Journal of Statistics 6, 65 (1979).
    """
    order = p.argsort()  # NaN last
    steps = np.arange(np.isfinite(p).sum(), 0, -1)
    adjusted = np.full_like(p, np.nan)
    first = order[: len(steps)]
    adjusted[first] = np.minimum(np.maximum.accumulate(steps * p[first]), 1.0)
    return adjusted


def finite(value: float) -> float | None:
    """Return a number for JSON: None for NaN."""
    return float(value) if math.isfinite(value) else None
