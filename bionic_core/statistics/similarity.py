"""How alike two systems respond to the same stimuli: RSA, and CKA without its bias.

**RSA** (Kriegeskorte, Mur & Bandettini 2008, doi:10.3389/neuro.06.004.2008): each system's
dissimilarities of all pairs of stimuli, 1 − Pearson's r of the two responses, are compared by
Spearman's rank correlation.

**CKA** (Kornblith et al. 2019, arXiv:1905.00414), linear, by the unbiased estimator of HSIC (Song
et al. 2012, JMLR 13, 1393; Nguyen, Raghu & Kornblith 2021, arXiv:2010.15327): as it is usually
computed CKA nears 1 where there are more neurons than stimuli, whatever they do; this one is 0 on
average where the two have nothing to do with each other.

**Ceiling**, where stimuli were repeated (Nili et al. 2014, doi:10.1371/journal.pcbi.1003553): a
system is compared with each repeat, and so are the mean of all repeats (the upper bound: it has
the repeat itself in it) and that of the others (the lower bound). What reaches them is as like the
recording as the recording is like itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

FEWEST = 4
"""Stimuli: the unbiased HSIC divides by (n − 3)."""

MOST = 4096
"""Stimuli: dissimilarities are one for each pair."""

FOLDS, DRAWS = 20, 999
"""Groups of stimuli left out in turn for the interval; orders of stimuli drawn for p."""


@attrs.frozen
class Similarity:
    """How alike two systems respond.

    Attributes:
        measure: a name of :data:`MEASURES`.
        value: of the two, the mean over repeats; None where a system does not tell stimuli apart.
        low, high: 95 % interval over new stimuli like these (jackknife over groups of them).
        p: one-sided, of no more likeness than a shuffled order of stimuli gives.
        floor, ceiling: lower and upper bound of the ceiling; None without repeats.
    """

    measure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    floor: float | None = None
    ceiling: float | None = None


def rsa(one: Matrix, other: Matrix) -> float:
    """Return the representational similarity of (N, P) and (N, Q): Spearman's ρ of N(N−1)/2 pairs.

    NaN where a response is constant over neurons, or all pairs are equally far apart.
    """
    return _rank_correlation(*(_dissimilarities(_finite(part)) for part in (one, other)))


def cka(one: Matrix, other: Matrix) -> float:
    """Return the debiased linear CKA of (N, P) and (N, Q), N ≥ 4; 1 for equal ones up to rotation.

    NaN where a system does not tell stimuli apart.
    """
    return _aligned(*(_gram(_finite(part)) for part in (one, other)))


MEASURES: Mapping[str, Callable[[Matrix, Matrix], float]] = {"RSA": rsa, "CKA": cka}


def similarity(measure: str, model: Matrix, recorded: Matrix, seed: int = 0) -> Similarity:
    """Return how alike a model and a recording respond.

    Args:
        measure: a name of :data:`MEASURES`.
        model: (N, P), a row for each stimulus.
        recorded: (repeats, N, Q), the same stimuli in the same order.
        seed: of the orders that are drawn for p.
    """
    prepare, score = _PARTS[measure]
    ours = prepare(_finite(model))
    repeats = [prepare(_finite(one)) for one in recorded]

    def mean_score(places: Any, mine: Any = None) -> float:
        first = ours if mine is None else mine
        return float(
            np.mean([score(_some(first, places), _some(one, places)) for one in repeats])
        )

    count = len(model)
    every = np.arange(count)
    value = mean_score(every)
    if not np.isfinite(value):
        return Similarity(measure, None)
    rng = np.random.default_rng(seed)
    mixed = [mean_score(every, _some(ours, rng.permutation(count))) for _ in range(DRAWS)]
    p = (1 + sum(one >= value for one in mixed)) / (1 + DRAWS)
    low, high = _jackknife(mean_score, value, rng.permutation(count))
    floor, ceiling = _ceiling(measure, recorded)
    return Similarity(measure, value, low, high, p, floor, ceiling)


def _jackknife(
    score: Callable[[Any], float], value: float, order: npt.NDArray[np.int64]
) -> tuple[float | None, float | None]:
    """Return an interval from leaving groups of stimuli out, each in turn."""
    from scipy.special import stdtrit

    count = len(order)
    folds = min(FOLDS, count)
    if count - -(-count // folds) < FEWEST:
        return None, None
    parts = np.array_split(order, folds)
    without = np.array([score(np.setdiff1d(order, part)) for part in parts])
    if not np.isfinite(without).all():
        return None, None
    error = np.sqrt((folds - 1) / folds * ((without - without.mean()) ** 2).sum())
    half = float(stdtrit(folds - 1, 0.975) * error)
    return max(value - half, -1.0), min(value + half, 1.0)


def _ceiling(measure: str, recorded: Matrix) -> tuple[float | None, float | None]:
    """Return how like the mean of the others, and of all, each repeat is, on average."""
    if len(recorded) < 2:
        return None, None
    score, whole = MEASURES[measure], recorded.sum(0)
    count = len(recorded)
    lower = np.mean([score((whole - one) / (count - 1), one) for one in recorded])
    upper = np.mean([score(whole / count, one) for one in recorded])
    bounds = (float(lower), float(upper))
    return bounds if np.isfinite(bounds).all() else (None, None)


def _finite(responses: Matrix) -> Matrix:
    return np.asarray(responses, np.float64)


def _dissimilarities(responses: Matrix) -> Matrix:
    """Return 1 − Pearson's r of each pair of stimuli, (N, N)."""
    from scipy.spatial.distance import pdist, squareform

    found: Matrix = squareform(pdist(responses, "correlation"), checks=False)
    return found


def _rank_correlation(one: Matrix, other: Matrix) -> float:
    from scipy.stats import rankdata

    above = np.triu_indices(len(one), 1)
    pairs = [matrix[above] for matrix in (one, other)]
    if any(not np.isfinite(p).all() or np.ptp(p) < 1e-12 for p in pairs):
        return float("nan")
    return float(np.corrcoef(*(rankdata(p) for p in pairs))[0, 1])


def _gram(responses: Matrix) -> Matrix:
    """Return the products of stimuli's responses about their mean, (N, N), of a size of one."""
    apart = responses - responses.mean(0)
    found: Matrix = apart @ apart.T
    size = np.abs(found).max()
    return found / size if size > 0 else found


def _aligned(one: Matrix, other: Matrix) -> float:
    mine, theirs = _hsic(one, one), _hsic(other, other)
    if min(mine, theirs) <= 0:
        return float("nan")
    return _hsic(one, other) / float(np.sqrt(mine * theirs))


def _hsic(one: Matrix, other: Matrix) -> float:
    """Return HSIC₁ of Song et al. (2012), eq. 5, of two kernels (N, N)."""
    count = len(one)
    k, m = (matrix - np.diag(np.diag(matrix)) for matrix in (one, other))
    sums = k.sum() * m.sum() / ((count - 1) * (count - 2))
    crossed = 2 * (k.sum(0) @ m.sum(0)) / (count - 2)
    return float(((k * m).sum() + sums - crossed) / (count * (count - 3)))


def _some(matrix: Matrix, places: npt.NDArray[np.int64]) -> Matrix:
    found: Matrix = matrix[np.ix_(places, places)]
    return found


_PARTS: Mapping[str, tuple[Callable[[Matrix], Matrix], Callable[[Matrix, Matrix], float]]] = {
    "RSA": (_dissimilarities, _rank_correlation),
    "CKA": (_gram, _aligned),
}
