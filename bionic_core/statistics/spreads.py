"""Whether runs spread alike: between a factor's levels, and each effect between seeds."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.statistics.fit import Fit, rounding_of
from bionic_core.statistics.linear import Matrix, Model

SPREADS = 0.05
"""Level of the tests of spreads."""

LEFT = 1e-10
"""Of a contrast's square, down to which share something is left of it, and not rounding."""


@attrs.frozen
class Varying:
    """How an effect differs between seeds, beyond what the runs' own error explains.

    Attributes:
        sd: of the effect over seeds, in the response's units; 0 where the seeds differ less than
            runs do.
        p: of the hypothesis that it is 0 (F test).
        power: with which that test would find an SD as large as the residual's, at 5 %.
    """

    sd: float
    p: float
    power: float


def varying(fit: Fit) -> dict[str, Varying]:
    """Return how each effect differs between seeds; nothing where the runs cannot tell.

    The residual is split into what the seeds' own contrasts of the term tell, (seeds − 1 degrees
    of freedom where all have the same runs) and the rest, which is the error of runs; the SD is by
    equating the former's mean square with its expectation (Henderson's third method,
    doi:10.2307/3001853).
    """
    from scipy import special

    model, found = fit.model, {}
    blocks = model.blocks.shape[1]
    if blocks < 2 or not fit.sd > 0:
        return {}
    seeds = _Within.of(model)
    whole = float((fit.residuals**2).sum())
    for term, weights in zip(model.kept, model.effects, strict=True):
        own = _Contrasts.of(seeds, weights)
        degrees, rest = own.degrees, model.degrees - own.degrees
        if degrees == 0 or rest == 0:
            continue
        squares = own.squares(fit.residuals)
        error = (whole - squares) / rest
        if not error > (fit.rounding**2):
            continue
        gain = own.gain(term.column) / degrees
        excess = (squares / degrees - error) / gain
        critical = special.fdtri(degrees, rest, 1 - SPREADS)
        found[term.name] = Varying(
            math.sqrt(max(excess, 0.0)),
            float(special.fdtrc(degrees, rest, squares / degrees / error)),
            float(special.fdtrc(degrees, rest, critical / (1 + gain))),
        )
    return found


@attrs.frozen(eq=False)
class _Within:
    """The runs less their seed's mean; what is linear in seeds stays so.

    Attributes:
        seeds: the number of each run's seed (R,).
        order: runs by seed (R,).
        starts: where in this order each seed's begin (S,).
        basis: orthonormal, of the model's other columns, (R, T).
    """

    seeds: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    basis: Matrix

    @classmethod
    def of(cls, model: Model) -> _Within:
        """Return those of a model's runs."""
        seeds = model.seeds
        order = np.argsort(seeds, kind="stable")
        starts = np.searchsorted(seeds[order], np.arange(seeds.max() + 1))
        within = cls(seeds, order, starts, np.empty((len(seeds), 0)))
        columns = within.centred(model.columns[:, model.blocks.shape[1] :])
        return attrs.evolve(within, basis=np.linalg.qr(columns)[0])

    def sums(self, columns: Matrix) -> Matrix:
        """Return the sums over each seed's runs of columns (R, n), (S, n)."""
        return np.asarray(np.add.reduceat(columns[self.order], self.starts))

    def centred(self, columns: Matrix) -> Matrix:
        """Return columns (R, n) less each seed's mean."""
        means = self.sums(columns) / np.bincount(self.seeds)[:, None]
        return np.asarray(columns - means[self.seeds])


@attrs.frozen(eq=False)
class _Contrasts:
    """What the model leaves of each seed's own value of a contrast, as a subspace of the runs.

    A seed's contrast is a column that is zero in the runs of all others; of length 1 and side by
    side they are Ĉ (R, S). With the basis B of the model's columns within seeds, and the singular
    values σ of BᵀĈ = U σ Vᵀ, the squares of those of (1 − BBᵀ)Ĉ are 1 − σ² along V (of which there
    are no more than terms) and 1 along all else: so nothing here is S × S.

    Attributes:
        within: of the model.
        unit: all columns of Ĉ in one, (R,); each run belongs to one of them.
        turned: V, (S, T).
        left: 1 − σ², (T,); 0 where nothing is left.
        degrees: how many are independent.
    """

    within: _Within
    unit: Matrix
    turned: Matrix
    left: Matrix
    degrees: int

    @classmethod
    def of(cls, within: _Within, weights: Matrix) -> _Contrasts:
        """Return those of a contrast's weights (R,)."""
        column = within.centred(weights[:, None])[:, 0]
        sizes = np.sqrt(within.sums(column[:, None] ** 2)[:, 0])
        there = sizes > 1e-8 * np.linalg.norm(weights)
        unit = column / np.where(there, sizes, np.inf)[within.seeds]
        shadows = within.sums(within.basis * unit[:, None])  # (S, T), ĈᵀB
        turned, sines, _ = np.linalg.svd(shadows, full_matrices=False)
        left = np.where(1 - sines**2 > LEFT, 1 - sines**2, 0.0)
        return cls(within, unit, turned, left, int(there.sum() - (left == 0).sum()))

    def squares(self, residuals: Matrix) -> float:
        """Return the squares of what the model leaves (R,), along the subspace."""
        return self._squares(self.within.sums((self.unit * residuals)[:, None])[:, 0])

    def gain(self, column: Matrix) -> float:
        """Return the squares, along the subspace, of a column (R,) as one for each seed."""
        each = self.within.sums((self.unit * column)[:, None])[:, 0]  # diagonal of Ĉᵀ(columns)
        basis = self.within.basis
        shadows, given = (self.within.sums(basis * c[:, None]) for c in (self.unit, column))
        # H = diag(each) − shadows · givenᵀ, (S, S), is (1 − BBᵀ)Ĉ times the columns
        crossed = float(((shadows.T @ shadows) * (given.T @ given)).sum())
        whole = (each**2).sum() - 2 * (each * (shadows * given).sum(1)).sum() + crossed
        along = each[:, None] * self.turned - given @ (shadows.T @ self.turned)  # Hᵀ V
        return float(whole + (self._more() * (along**2).sum(0)).sum())

    def _squares(self, parts: Matrix) -> float:
        return float((parts**2).sum() + (self._more() * (self.turned.T @ parts) ** 2).sum())

    def _more(self) -> Matrix:
        """Return what a square along V counts beyond 1: it is scaled up, or is none."""
        with np.errstate(divide="ignore"):
            return np.where(self.left > 0, 1 / self.left, 0.0) - 1


def level_spreads(fit: Fit) -> Matrix:
    """Return p that the runs of each factor's levels spread alike, (factors,).

    NaN where nothing tells.
    """
    if not fit.sd > 0:
        return np.full(len(fit.model.factors), np.nan)
    return brown_forsythe(_unblocked(fit), fit.model.levels, fit.model.degrees)


def _unblocked(fit: Fit) -> Matrix:
    """Return residuals (R,) less their seed's median instead of its effect.

    A seed's effect is a mean, and would spread the error of a few wide runs over all others.
    """
    model = fit.model
    blocks = model.blocks.shape[1]
    if blocks == 1:
        return fit.residuals
    effects = model.blocks[:, 1:] @ (model.inverse[1:blocks] @ fit.responses)
    rest: Matrix = fit.residuals + effects
    seeds = model.seeds
    order = np.argsort(seeds, kind="stable")
    for places in np.split(order, np.cumsum(np.bincount(seeds))[:-1]):
        rest[places] -= np.median(rest[places])
    return rest


def brown_forsythe(residuals: Matrix, levels: npt.NDArray[np.int64], degrees: int) -> Matrix:
    """Return p that spreads are equal between each factor's levels, (factors,).

    Brown and Forsythe's test (1974, doi:10.1080/01621459.1974.10482955): analysis of variance of
    the deviations of residuals (R,) from the median of their level. R residuals hold only
    ``degrees`` independent numbers, so F is scaled by degrees / R and judged on ``degrees``; two
    runs of a cell would else count twice. Bonferroni-corrected for the number of factors; NaN
    where a level has fewer than three runs, or fewer than five degrees of freedom are left.
    """
    from scipy import special

    runs = len(residuals)
    found = np.full(levels.shape[1], np.nan)
    for place, of_factor in enumerate(levels.T):
        groups = [residuals[of_factor == level] for level in np.unique(of_factor)]
        if degrees < 5 or len(groups) < 2 or min(map(len, groups)) < 3:
            continue
        away = [np.abs(group - np.median(group)) for group in groups]
        total = np.concatenate(away).mean()
        between = sum(len(g) * (g.mean() - total) ** 2 for g in away) / (len(groups) - 1)
        within = sum(((g - g.mean()) ** 2).sum() for g in away) / (runs - len(groups))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = between / within * degrees / runs
        p = special.fdtrc(len(groups) - 1, max(degrees - len(groups) + 1, 1), ratio)
        found[place] = np.minimum(p * levels.shape[1], 1.0)
    return found


def widest(table: Matrix) -> tuple[float | None, int | None]:
    """Return the smallest corrected p that a row spreads no more than the others, and the row."""
    judged = [row for row in range(len(table)) if np.isfinite(table[row]).sum() >= 3]
    p = wider_than_others(table[judged]) if len(judged) > 1 else None
    return (None, None) if p is None else (float(p.min()), judged[int(p.argmin())])


def wider_than_others(table: Matrix) -> Matrix | None:
    """Return p that each row spreads no more than the others, corrected; None at no spread.

    Brown and Forsythe's test (1974, doi:10.1080/01621459.1974.10482955) of two groups, a row and
    all others: Student's t on the deviations about the medians, one-sided, times the number of rows
    (Bonferroni). A row is less its mean, then less the seed's median over rows, so that one wild
    row does not spread over the others. An odd number of seeds makes one deviation zero whatever
    the spread; that zero is left out (Hines & Hines 2000, doi:10.1111/j.0006-341X.2000.00451.x).

    Args:
        table: (rows, seeds), NaN for a missing run; three runs or more in each row.
    """
    from scipy import special

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
    if not within.min() > rounding_of(table[np.isfinite(table)]) ** 2:
        return None
    error = np.sqrt(within / degrees * (1 / sizes + 1 / others))
    p: Matrix = special.stdtr(degrees, -(sums / sizes - means_of_others) / error)
    return np.asarray(np.minimum(p * len(table), 1.0))
