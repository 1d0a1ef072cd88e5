"""Comparisons of variants with a control, seeds paired: differences, intervals, many at a time.

The data are one response per variant and seed; variant 0 is the control (the full model). A seed
is a block, because all variants of a seed share their initial weights, the order of the images and
the views, so that what a seed does to all of them cancels in a difference with the control.

**By seeds** (the default): each variant's differences from the control, seed by seed, are its own
sample, and its interval is that of the paired t test on the seeds that both have. No other variant
tells anything about its error, since variants may spread very unequally: some train as steadily as
the whole, others now and then fail. With three seeds that is t on two degrees of freedom.

**Pooled**: variants + seeds by least squares over all runs, one residual variance on (m − 1)(n − 1)
degrees of freedom for m variants and n seeds; all K differences share the control, so that they are
jointly t with correlation 1/2 (Dunnett 1955, doi:10.1080/01621459.1955.10501294; where runs are
missing the smallest correlation stands for all, which is conservative). Narrow, and wrong where
spreads disagree: see docs/results/errors.md.

**By cells**: Welch's t test of unpaired runs (doi:10.1093/biomet/34.1-2.28), each variant with its
own variance.

**Many at a time.** By seeds and cells, p is corrected by Holm (1979) and intervals that hold
together are Bonferroni's, each at its own degrees of freedom. Both hold however the differences
depend on each other, so that the chance of any false finding is at most 5 % over the whole table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError, listing
from bionic_core.statistics.crossed import Certainty, Images
from bionic_core.statistics.dunnett import critical_value, maximum_cdf
from bionic_core.statistics.fit import holm, rounding_of
from bionic_core.statistics.lenth import LEVEL
from bionic_core.statistics.looks import Look, Looks
from bionic_core.statistics.spreads import widest
from bionic_core.statistics.verdicts import Verdict, verdicts

Matrix = npt.NDArray[np.float64]

ASSUMPTIONS: Mapping[str, str] = {
    "seeds": "each mechanism's own differences from the full model, seed by seed (paired t test): "
    "variants may spread unequally; assumes that seeds are independent. Corrected for all "
    "comparisons by Holm, simultaneous intervals by Bonferroni",
    "pooled": "one error for all, pooled over every variant: assumes that all of them, the full "
    "model too, spread alike from seed to seed. Corrected for all comparisons by Dunnett",
    "cells": "each variant spreads by an SD of its own and runs of a seed are independent (Welch), "
    "so that a seed that moves all its runs makes intervals wider than they need be. Corrected for "
    "all comparisons by Holm, simultaneous intervals by Bonferroni",
}
"""What intervals are by, and what that assumes, by the error's name."""


@attrs.frozen
class Difference:
    """Control less variant, in the response's units; None where there is nothing to say.

    Attributes:
        estimate: mean of the control − mean of the variant, over the seeds that both have (by
            seeds), or least squares where runs are missing (pooled).
        low, high: confidence interval of this difference alone.
        p: of the hypothesis of no difference, alone (t test, two-sided).
        p_adjusted: the same, corrected for all comparisons with the control.
        simultaneous_low, simultaneous_high: interval; all of them hold together with the
            stated confidence.
        degrees: degrees of freedom of the standard error.
        method: ``paired``, ``pooled`` or ``Welch``.
        image_error: what new images add to its standard error, in quadrature; None where the
            interval is of these images.
        verdict: of the difference against a margin; None without one, or without an interval.
    """

    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    simultaneous_low: float | None = None
    simultaneous_high: float | None = None
    degrees: float | None = None
    method: str | None = None
    image_error: float | None = None
    verdict: Verdict | None = None

    @property
    def image_half(self) -> float | None:
        """What new images alone add to a 95 % interval's half-width, in quadrature."""
        return None if self.image_error is None else 1.96 * self.image_error

    @property
    def certain(self) -> bool:
        """Whether p, corrected for all comparisons, is below 5 %."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL


@attrs.frozen
class Summary:
    """Mean, sample standard deviation (ddof = 1) and number of a figure over seeds."""

    mean: float | None
    sd: float | None
    n: int


@attrs.frozen
class Comparisons:
    """All variants against the control.

    Attributes:
        differences: one for each variant after the control.
        pool: rows whose variances are pooled, the control being row 0; none unless pooled.
        sd: of a single run, over all variants' residuals; None where nothing is left to
            estimate it from.
        degrees: its degrees of freedom.
        spreads_p: of the widest variant in the Brown–Forsythe test, Bonferroni-corrected; None
            with fewer than three seeds, which cannot show it.
        widest: that variant's row.
        error: what intervals are by, a name of :data:`ASSUMPTIONS`.
    """

    differences: tuple[Difference, ...]
    pool: tuple[int, ...]
    sd: float | None
    degrees: int
    spreads_p: float | None
    widest: int | None = None
    error: str = "seeds"


@attrs.frozen
class _Raw:
    """A difference before multiplicity."""

    estimate: float
    error: float
    degrees: float
    method: str


def checked(error: str | None) -> str:
    """Return the name of an error for comparisons, by seeds if None.

    Raises:
        RequestError: there is none of that name.
    """
    if error is not None and error not in ASSUMPTIONS:
        raise RequestError(
            f"--error: there is no error '{error}'; it is one of {listing(ASSUMPTIONS)}"
        )
    return error or "seeds"


def compare(
    values: npt.ArrayLike,
    *,
    error: str | None = None,
    confidence: float = 0.95,
    images: Images | None = None,
    margin: float | None = None,
    looks: Looks | None = None,
) -> Comparisons:
    """Compare every variant with the control.

    Args:
        values: (variants, seeds), the control first; NaN for a missing run.
        error: ``seeds``, ``pooled`` or ``cells``; seeds if None.
        confidence: of the intervals, a share.
        images: of the runs that are not missing, row by row, in the values' units, if intervals
            are over new images too.
        margin: against which each difference gets a verdict, in the values' units; none if None.
        looks: at the study, if it could have ended at others, or gone on without some variants;
            each difference is of the look that it had as many seeds at.

    Raises:
        RequestError: there is no such error.
    """
    table, error = np.asarray(values, np.float64), checked(error)
    raws = _raws(table, error)
    known = table[np.isfinite(table)]
    negligible = rounding_of(known) if len(known) else 0.0
    kept = [
        place
        for place, raw in enumerate(raws)
        if raw is not None and raw.degrees > 0 and raw.error > negligible
    ]
    sure = _certainty(table, error, [(place, raws[place]) for place in kept], images)
    if looks is not None:
        pairs = np.isfinite(table[1:] + table[0]).sum(1)[kept]
        number = np.maximum(np.searchsorted(looks.seeds, pairs, side="right") - 1, 0)
        sure = attrs.evolve(sure, certainty=attrs.evolve(sure.certainty, look=Look(looks, number)))
    fit = _Fit.of(table)
    rho = fit.correlation if error == "pooled" and images is None else None
    p, row = widest(table)
    found = [Difference(None if raw is None else raw.estimate) for raw in raws]
    for place, judged in zip(kept, _judged(sure, rho, confidence, margin), strict=True):
        found[place] = judged
    return Comparisons(
        differences=tuple(found),
        pool=fit.rows if error == "pooled" else (),
        sd=fit.sd,
        degrees=fit.degrees,
        spreads_p=p,
        widest=row,
        error=error,
    )


def _raws(table: Matrix, error: str) -> list[_Raw | None]:
    """Return the difference of each variant after the control."""
    if error == "pooled":
        fit = _Fit.of(table)
        return [fit.difference(variant) for variant in range(1, len(table))]
    by = _welch if error == "cells" else _paired
    return [by(table[0], row) for row in table[1:]]


@attrs.frozen(eq=False)
class _Sure:
    """Those differences that have an error, (T,), by what, and how sure they are."""

    estimates: Matrix
    methods: tuple[str, ...]
    certainty: Certainty


def _certainty(
    table: Matrix, error: str, raws: Sequence[tuple[int, _Raw | None]], images: Images | None
) -> _Sure:
    """Return how sure differences are, each given with its place."""
    told = [raw for _, raw in raws if raw is not None]
    estimates = np.array([raw.estimate for raw in told], np.float64)
    methods = tuple(raw.method for raw in told)
    errors = np.array([raw.error for raw in told], np.float64)
    degrees = np.array([raw.degrees for raw in told], np.float64)
    if images is None or not told:
        return _Sure(estimates, methods, Certainty.over_runs(errors, degrees))
    columns = images.columns
    parts = np.zeros((len(told), columns.shape[1], 2))
    for number, column in enumerate(columns.T):
        study = np.full_like(table, np.nan)
        study[np.isfinite(table)] = column
        of_column = _raws(study, error)
        for line, (place, _) in enumerate(raws):
            if (raw := of_column[place]) is not None:
                parts[line, number] = raw.estimate, raw.error
    sure = Certainty.over_images(errors, degrees, parts[..., 0], parts[..., 1], images.count)
    return _Sure(estimates, methods, sure)


def _judged(
    sure: _Sure, rho: float | None, confidence: float, margin: float | None
) -> list[Difference]:
    """Return differences with intervals and p; corrected by Dunnett if ``rho`` is given."""
    estimates, certainty = sure.estimates, sure.certainty
    count = len(estimates)
    p, alone = certainty.p(estimates), certainty.half(confidence)
    together = certainty.half(1 - (1 - confidence) / max(count, 1))
    adjusted = holm(p)
    if rho is not None:
        errors, degrees = certainty.runs, certainty.degrees
        tails = [(count, each, rho) for each in degrees.tolist()]
        sizes = np.abs(estimates) / errors
        adjusted = np.array(
            [1 - maximum_cdf(size, *tail) for size, tail in zip(sizes, tails, strict=True)]
        )
        together = np.array([critical_value(*tail, confidence) for tail in tails]) * errors
    of_images = [None] * count if certainty.images is None else certainty.images.tolist()
    columns = (p, adjusted, estimates - together, estimates + together, certainty.both_degrees)
    numbers = np.column_stack([estimates, estimates - alone, estimates + alone, *columns]).tolist()
    words = verdicts(estimates, certainty, margin)
    return [
        attrs.evolve(Difference(*row), method=method, image_error=image_error, verdict=verdict)
        for row, method, image_error, verdict in zip(
            numbers, sure.methods, of_images, words, strict=True
        )
    ]


def _paired(control: Matrix, other: Matrix) -> _Raw | None:
    """Return the mean of differences over the seeds that both have."""
    pairs = (control - other)[np.isfinite(control) & np.isfinite(other)]
    n = len(pairs)
    if n == 0:
        return None
    error = float(pairs.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return _Raw(float(pairs.mean()), error, n - 1, "paired")


def _welch(control: Matrix, other: Matrix) -> _Raw | None:
    """Return the difference of means, as of independent runs."""
    groups = [row[np.isfinite(row)] for row in (control, other)]
    if not all(len(group) for group in groups):
        return None
    estimate = float(groups[0].mean() - groups[1].mean())
    if min(len(group) for group in groups) < 2:
        return _Raw(estimate, 0.0, 0.0, "Welch")
    parts = np.array([group.var(ddof=1) / len(group) for group in groups])
    spent = sum(part**2 / (len(g) - 1) for part, g in zip(parts, groups, strict=True))
    degrees = float(parts.sum() ** 2 / spent) if spent > 0 else 0.0
    return _Raw(estimate, float(np.sqrt(parts.sum())), degrees, "Welch")


@attrs.frozen(eq=False)
class _Fit:
    """Least squares of variants + seeds.

    Attributes:
        rows: those with runs.
        estimates, unscaled: of these variants (m,), and their covariance / s² (m, m).
        sd, degrees: of the residual.
        correlation: the smallest between two differences with the control.
    """

    rows: tuple[int, ...]
    estimates: Matrix
    unscaled: Matrix
    connected: bool
    sd: float | None
    degrees: int
    correlation: float

    @classmethod
    def of(cls, table: Matrix) -> _Fit:
        rows = tuple(row for row in range(len(table)) if np.isfinite(table[row]).any())
        part = table[list(rows)]
        places = np.argwhere(np.isfinite(part))
        m, n = part.shape
        columns = np.zeros((len(places), m + n - 1))
        for line, (row, seed) in enumerate(places):
            columns[line, row] = 1
            if seed:
                columns[line, m + seed - 1] = 1
        columns = columns[:, columns.any(axis=0)]
        response = part[np.isfinite(part)]
        inverse = np.linalg.pinv(columns)
        solution = inverse @ response
        rank = int(np.linalg.matrix_rank(columns)) if columns.size else 0
        degrees = len(response) - rank
        residual = response - columns @ solution
        sd = float(np.sqrt(residual @ residual / degrees)) if degrees > 0 else None
        unscaled = (inverse @ inverse.T)[:m, :m]
        connected = rank == columns.shape[1]
        return cls(rows, solution[:m], unscaled, connected, sd, degrees, _correlation(unscaled))

    def difference(self, variant: int) -> _Raw | None:
        if not self.connected or not {0, variant} <= {*self.rows}:
            return None
        place = self.rows.index(variant)
        covariance = self.unscaled
        factor = covariance[0, 0] + covariance[place, place] - 2 * covariance[0, place]
        estimate = float(self.estimates[0] - self.estimates[place])
        error = 0.0 if self.sd is None else self.sd * float(np.sqrt(factor))
        return _Raw(estimate, error, self.degrees, "pooled")


def _correlation(unscaled: Matrix) -> float:
    """Return the smallest correlation of two differences with row 0; 1/2 where nothing misses."""
    contrast = np.eye(len(unscaled))[1:]
    contrast[:, 0] = -1
    covariance = contrast @ unscaled @ contrast.T
    if len(covariance) < 2:
        return 0.5
    scale = np.sqrt(np.diag(covariance))
    pairs = (covariance / np.outer(scale, scale))[np.triu_indices(len(covariance), 1)]
    return float(np.clip(round(float(pairs.min()), 12), 0.0, 0.8))


def means(values: Sequence[float | None]) -> Summary:
    """Return mean, sample standard deviation and number of what is known."""
    known = np.array([value for value in values if value is not None], np.float64)
    return Summary(
        mean=float(known.mean()) if len(known) else None,
        sd=float(known.std(ddof=1)) if len(known) > 1 else None,
        n=len(known),
    )
