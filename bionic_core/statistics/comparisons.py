"""Comparisons of variants with a control, seeds paired: differences, intervals, many at a time.

The data are one response per variant v and seed s; variant 0 is the control (the full model). The
model is additive, y_vs = μ_v + b_s + ε_vs: a seed is a block, because all variants of a seed share
their initial weights, the order of the images and the views, so that what a seed does to all of
them cancels in a difference μ_0 − μ_v. The ε are independent and normal, with a standard deviation
σ_v that may differ between variants.

**Which variances are pooled.** With three seeds a variant's own variance has two degrees of
freedom and is worth little; pooled, twelve variants have 24. Pooling is right only where spreads
agree. Each variant's is tested against all others' by Brown and Forsythe's test (1974,
doi:10.1080/01621459.1974.10482955): Student's t on |r_vs − median_s r_vs|, where r is y less its
variant's mean and then less the seed's median over variants (a median, so that one wild variant
does not spread over the others). An odd number of seeds makes one of these deviations zero whatever
the spread; that zero is left out, or the test would see nothing in three seeds (Hines & Hines 2000,
doi:10.1111/j.0006-341X.2000.00451.x). While the widest variant's p, Bonferroni-corrected, is below
5 %, it leaves the pool. Narrow ones stay: a spread that is small by chance would give a narrow
interval by selection, and a pooled one is only too wide. Three seeds show a sixfold spread in about
two of three studies and a threefold one in about one of three; where they do not show it, that
variant's own interval is too narrow (coverage about 83 % in simulations; about 90 % at five
seeds), and the chance of any false finding, if nothing has an effect and some spreads differ as
much, is 16 to 24 % instead of 5 %. Take five seeds where a variant is unstable.

**Pooled differences.** In the pool, a least-squares fit of variants + seeds gives estimate and
standard error; its residual variance s² has (m − 1)(n − 1) degrees of freedom for m variants and n
seeds. With two variants this is the paired t test.

**Others: Welch.** Where exactly one side of a difference is outside the pool, its r_s = y_s less
the pool's mean in that seed has the sample variance S² on n − 1 degrees of freedom, expecting
σ_v² + σ²/m; it is independent of s². So the difference has the variance [S² + (1 − 1/m) s²] / n,
with Welch's and Satterthwaite's degrees of freedom
(doi:10.1093/biomet/34.1-2.28). Where both are outside, or runs are missing: a paired t test on the
seeds that both have.

**Many at a time.** All K differences share the control. Pooled ones are jointly t with correlation
1/2 (Dunnett 1955, doi:10.1080/01621459.1955.10501294); where runs are missing the smallest
correlation stands for all, which is conservative. For Welch's differences the correlation is taken
as 0: the studentised maximum modulus at each difference's own degrees of freedom, Dunnett's T3
(1980, doi:10.1080/01621459.1980.10477552). Each uses the full K, so that the chance of any false
finding is at most 5 % over the whole table.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.statistics.dunnett import critical_value, maximum_cdf
from bionic_core.statistics.lenth import LEVEL

Matrix = npt.NDArray[np.float64]

SPREADS = 0.05
"""Level of the test of equal spreads."""

ROUNDING = 1e-12
"""A standard error up to this share of the largest response is rounding, not error."""


@attrs.frozen
class Difference:
    """Control less variant, in the response's units; None where there is nothing to say.

    Attributes:
        estimate: mean of the control − mean of the variant (least squares where runs are missing).
        low, high: confidence interval of this difference alone.
        p: of the hypothesis of no difference, alone (t test, two-sided).
        p_adjusted: the same, corrected for all comparisons with the control.
        simultaneous_low, simultaneous_high: interval; all of them hold together with the
            stated confidence.
        degrees: degrees of freedom of the standard error.
        method: ``pooled``, ``Welch`` or ``paired``.
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
        pool: rows whose variances are pooled, the control being row 0.
        sd: residual standard deviation of a single run in the pool; None where nothing is left
            to estimate it from.
        degrees: its degrees of freedom.
        spreads_p: of the widest variant in the Brown–Forsythe test, Bonferroni-corrected; None
            with fewer than three seeds, which cannot show it.
    """

    differences: tuple[Difference, ...]
    pool: tuple[int, ...]
    sd: float | None
    degrees: int
    spreads_p: float | None


@attrs.frozen
class _Raw:
    """A difference before multiplicity: its standard error, and the correlation with others."""

    estimate: float
    error: float
    degrees: float
    method: str


def compare(values: npt.ArrayLike, *, confidence: float = 0.95) -> Comparisons:
    """Compare every variant with the control.

    Args:
        values: (variants, seeds), the control first; NaN for a missing run.
        confidence: of the intervals, a share.
    """
    table = np.asarray(values, np.float64)
    pool, spreads_p = agreeing(table)
    fit = _Fit.of(table, pool)
    raws = [_difference(table, fit, variant) for variant in range(1, len(table))]
    count = sum(raw is not None for raw in raws)
    negligible = ROUNDING * float(np.nanmax(np.abs(table), initial=0.0))
    differences = []
    for raw in raws:
        if raw is None:
            differences.append(Difference(None))
        elif raw.degrees <= 0 or not raw.error > negligible:
            differences.append(Difference(raw.estimate))
        else:
            rho = fit.correlation if raw.method == "pooled" else 0.0
            differences.append(_judge(raw, count, rho, confidence))
    return Comparisons(tuple(differences), pool, fit.sd, fit.degrees, spreads_p)


def _judge(raw: _Raw, count: int, rho: float, confidence: float) -> Difference:
    from scipy import stats

    ratio = abs(raw.estimate) / raw.error
    alone = float(stats.t.ppf((1 + confidence) / 2, raw.degrees)) * raw.error
    together = critical_value(count, raw.degrees, rho, confidence) * raw.error
    return Difference(
        raw.estimate,
        low=raw.estimate - alone,
        high=raw.estimate + alone,
        p=float(2 * stats.t.sf(ratio, raw.degrees)),
        p_adjusted=float(1 - maximum_cdf(ratio, count, raw.degrees, rho)),
        simultaneous_low=raw.estimate - together,
        simultaneous_high=raw.estimate + together,
        degrees=raw.degrees,
        method=raw.method,
    )


def agreeing(table: Matrix, level: float = SPREADS) -> tuple[tuple[int, ...], float | None]:
    """Return the rows whose spreads agree, and the test's smallest corrected p over all rows.

    Rows with fewer than three runs cannot be judged and stay in the pool.
    """
    pool = [row for row in range(len(table)) if np.isfinite(table[row]).any()]
    judged = [row for row in pool if np.isfinite(table[row]).sum() >= 3]
    first: float | None = None
    while len(judged) > 1:
        p = wider_than_others(table[judged])
        if p is None:
            break
        worst = int(p.argmin())
        first = float(p[worst]) if first is None else first
        if p[worst] >= level:
            break
        pool.remove(judged.pop(worst))
    return tuple(pool), first


def wider_than_others(table: Matrix) -> Matrix | None:
    """Return p that each row spreads no more than the others, corrected; None at no spread.

    Brown and Forsythe's test of two groups, a row and all others: Student's t on the deviations
    about the medians, one-sided, times the number of rows (Bonferroni).

    Args:
        table: (rows, seeds), NaN for a missing run; three runs or more in each row.
    """
    from scipy import stats

    rest = table - np.nanmean(table, axis=1, keepdims=True)
    rest = rest - np.nanmedian(rest, axis=0, keepdims=True)
    groups = []
    for row in rest:
        known = row[np.isfinite(row)]
        deviations = np.sort(np.abs(known - np.median(known)))
        groups.append(deviations[len(known) % 2 :])
    sizes = np.array([len(group) for group in groups])
    sums = np.array([group.sum() for group in groups])
    squares = np.array([group @ group for group in groups])
    others = sizes.sum() - sizes
    means_of_others = (sums.sum() - sums) / others
    within = squares - sums**2 / sizes + squares.sum() - squares - others * means_of_others**2
    degrees = sizes.sum() - 2
    if not within.min() > (ROUNDING * float(np.nanmax(np.abs(table)))) ** 2:
        return None
    error = np.sqrt(within / degrees * (1 / sizes + 1 / others))
    p: Matrix = stats.t.sf((sums / sizes - means_of_others) / error, degrees)
    return np.asarray(np.minimum(p * len(table), 1.0))


@attrs.frozen(eq=False)
class _Fit:
    """Least squares of variants + seeds over the pool.

    Attributes:
        rows: the pool.
        estimates, unscaled: of the pool's variants (m,), and their covariance / s² (m, m).
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
    def of(cls, table: Matrix, rows: tuple[int, ...]) -> _Fit:
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
        if not self.connected:
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


def _difference(table: Matrix, fit: _Fit, variant: int) -> _Raw | None:
    control, other = table[0], table[variant]
    inside = [row in fit.rows for row in (0, variant)]
    if all(inside):
        found = fit.difference(variant)
        if found is not None:
            return found
    both = np.isfinite(control) & np.isfinite(other)
    seeds = int(both.sum())
    if seeds == 0:
        return None
    pairs = control[both] - other[both]
    estimate = float(pairs.mean())
    complete = bool(np.isfinite(table[[0, variant, *fit.rows]]).all())
    if seeds > 1 and complete and any(inside):
        outer = other if inside[0] else control
        m = len(fit.rows)
        own = float(np.var(outer - table[list(fit.rows)].mean(axis=0), ddof=1))
        shared = 0.0 if fit.sd is None else (1 - 1 / m) * fit.sd**2
        total = own + shared
        spent = own**2 / (seeds - 1) + (shared**2 / fit.degrees if fit.degrees else 0.0)
        degrees = total**2 / spent if spent > 0 else 0.0
        return _Raw(estimate, float(np.sqrt(total / seeds)), degrees, "Welch")
    error = float(pairs.std(ddof=1) / np.sqrt(seeds)) if seeds > 1 else 0.0
    return _Raw(estimate, error, seeds - 1, "paired")


def means(values: Sequence[float | None]) -> Summary:
    """Return mean, sample standard deviation and number of what is known."""
    known = np.array([value for value in values if value is not None], np.float64)
    return Summary(
        mean=float(known.mean()) if len(known) else None,
        sd=float(known.std(ddof=1)) if len(known) > 1 else None,
        n=len(known),
    )
