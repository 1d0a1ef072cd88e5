"""How alike two systems respond to the same stimuli: RSA, and CKA without its bias.

**RSA** (Kriegeskorte, Mur & Bandettini 2008, doi:10.3389/neuro.06.004.2008): each system's
dissimilarities of all pairs of stimuli, 1 − Pearson's r of the two responses, are compared by
Spearman's rank correlation.

**CKA** (Kornblith et al. 2019, arXiv:1905.00414), linear, by the unbiased estimator of HSIC (Song
et al. 2012, JMLR 13, 1393; Nguyen, Raghu & Kornblith 2021, arXiv:2010.15327): as it is usually
computed CKA nears 1 where there are more neurons than stimuli, whatever they do; this one is 0 on
average where the two have nothing to do with each other.

**Ceiling**, where stimuli were repeated (Nili et al. 2014, doi:10.1371/journal.pcbi.1003553): a
system is compared with each repeat, and so are the mean of all repeats' ranked dissimilarities, or
centred kernels (the upper bound: it has the repeat itself in it) and that of the others (the lower
bound). What reaches them is as like the recording as the recording is like itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.records import OMITTED

Matrix = npt.NDArray[np.float64]

FEWEST = 4
"""Stimuli: the unbiased HSIC divides by (n − 3)."""

MOST = 4096
"""Stimuli: dissimilarities are one for each pair."""

FOLDS, DRAWS = 20, 499
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
    without: tuple[float, ...] = attrs.field(default=(), repr=False, metadata={OMITTED: True})
    """The value without each group of stimuli: the same groups of as many stimuli and a seed."""

    def beside(self, other: Similarity) -> tuple[float, float | None, float | None]:
        """Return this value less another's of the same stimuli, and its paired interval."""
        apart = (self.value or 0.0) - (other.value or 0.0)
        if not self.without or not other.without:
            return apart, None, None
        half = _half_width(np.array(self.without) - np.array(other.without))
        return apart, apart - half, apart + half


def rsa(one: Matrix, other: Matrix) -> float:
    """Return the representational similarity of (N, P) and (N, Q): Spearman's ρ of N(N−1)/2 pairs.

    NaN where a response is constant over neurons, or all pairs are equally far apart.
    """
    return _score(_ranked(_dissimilarities(one)), _ranked(_dissimilarities(other)))


def cka(one: Matrix, other: Matrix) -> float:
    """Return the debiased linear CKA of (N, P) and (N, Q), N ≥ 4; 1 for equal ones up to rotation.

    NaN where a system does not tell stimuli apart.
    """
    return _score(_centred(_gram(one)), _centred(_gram(other)))


MEASURES: Mapping[str, Callable[[Matrix, Matrix], float]] = {"RSA": rsa, "CKA": cka}


def similarity(measure: str, model: Matrix, recorded: Matrix, seed: int = 0) -> Similarity:
    """Return how alike a model and a recording respond.

    Args:
        measure: a name of :data:`MEASURES`.
        model: (N, P), a row for each stimulus.
        recorded: (repeats, N, Q), the same stimuli in the same order.
        seed: of the orders that are drawn for p.
    """
    pairs, unit = _PARTS[measure]
    ours, theirs = pairs(model), [pairs(one) for one in recorded]

    def score(places: npt.NDArray[np.int64]) -> float:
        mine = unit(_some(ours, places))
        return float(np.mean([_score(mine, unit(_some(one, places))) for one in theirs]))

    count = len(model)
    value = score(np.arange(count))
    if not np.isfinite(value):
        return Similarity(measure, None)
    rng = np.random.default_rng(seed)
    mine, mean = unit(ours), np.mean([unit(one) for one in theirs], axis=0)
    # The same numbers in another order: ranks and centres go with their stimuli.
    mixed = [_score(_some(mine, rng.permutation(count)), mean) for _ in range(DRAWS)]
    p = (1 + sum(one >= value for one in mixed)) / (1 + DRAWS)
    without = _jackknife(score, rng.permutation(count))
    low = high = None
    if without:
        half = _half_width(np.array(without))
        low, high = max(value - half, -1.0), min(value + half, 1.0)
    floor, ceiling = _ceiling(measure, recorded)
    return Similarity(measure, value, low, high, p, floor, ceiling, without)


def _jackknife(
    score: Callable[[npt.NDArray[np.int64]], float], order: npt.NDArray[np.int64]
) -> tuple[float, ...]:
    """Return the scores without groups of stimuli, each left out in turn; none of too few."""
    count = len(order)
    folds = min(FOLDS, count)
    if count - -(-count // folds) < FEWEST:
        return ()
    parts = np.array_split(order, folds)
    without = tuple(score(np.setdiff1d(order, part)) for part in parts)
    return without if np.isfinite(without).all() else ()


def _half_width(without: Matrix) -> float:
    """Return half of the 95 % interval that jackknifed values give."""
    from scipy.special import stdtrit

    folds = len(without)
    error = np.sqrt((folds - 1) / folds * ((without - without.mean()) ** 2).sum())
    return float(stdtrit(folds - 1, 0.975) * error)


def _ceiling(measure: str, recorded: Matrix) -> tuple[float | None, float | None]:
    """Return how like the mean of the others, and of all, each repeat is, on average (N, N)."""
    if len(recorded) < 2:
        return None, None
    pairs, unit = _PARTS[measure]
    each = [unit(pairs(one)) for one in recorded]
    whole = np.sum(each, axis=0)
    # Rounded, since mean ranks that are equal must stay so to be ranked.
    best = unit(whole.round(13))
    lower = np.mean([_score(unit((whole - one).round(13)), one) for one in each])
    upper = np.mean([_score(best, one) for one in each])
    bounds = (float(lower), float(upper))
    return bounds if np.isfinite(bounds).all() else (None, None)


def _scaled(responses: Matrix) -> Matrix:
    """Return responses over a power of two, exactly, so that no square overflows or vanishes."""
    _, exponent = np.frexp(np.abs(responses).max())
    found: Matrix = np.ldexp(responses, -exponent)
    return found


def _dissimilarities(responses: Matrix) -> Matrix:
    """Return 1 − Pearson's r of each pair of stimuli, (N, N)."""
    from scipy.spatial.distance import pdist, squareform

    found: Matrix = squareform(pdist(_scaled(responses), "correlation"), checks=False)
    return found


def _ranked(pairs: Matrix) -> Matrix:
    """Return standard ranks of the pairs above the diagonal, (N, N), of a length of one."""
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    told = squareform(pairs, checks=False)
    if not np.isfinite(told).all() or np.ptp(told) < 1e-12:
        return np.full_like(pairs, np.nan)
    ranks = rankdata(told)
    ranks -= ranks.mean()
    found: Matrix = squareform(ranks / np.linalg.norm(ranks) / np.sqrt(2))
    return found


def _gram(responses: Matrix) -> Matrix:
    """Return the products of stimuli's responses about their mean, (N, N)."""
    apart = _scaled(responses)
    apart = apart - apart.mean(0)
    size = np.abs(apart).max()
    apart = apart / size if size > 0 else apart
    found: Matrix = apart @ apart.T
    return found


def _centred(kernel: Matrix) -> Matrix:
    """Return a kernel (N, N) as HSIC₁ of Song et al. (2012) centres it, of a length of one.

    HSIC₁ is the scalar product of two such over N(N − 3) (Székely & Rizzo 2014, doi:10.1214/
    14-AOS1255, eq. 3.2), so that CKA is that of the two of length one.
    """
    count = len(kernel)
    off = kernel - np.diag(np.diag(kernel))
    sums = off.sum(0) / (count - 2)
    found = off - sums - sums[:, None] + off.sum() / ((count - 1) * (count - 2))
    np.fill_diagonal(found, 0.0)
    size = float(np.linalg.norm(found))
    told = size > 1e-9 * np.abs(kernel).max(initial=1e-300)
    return np.asarray(found / size if told else found * np.nan)


def _score(one: Matrix, other: Matrix) -> float:
    return float((one * other).sum())


def _some(matrix: Matrix, places: npt.NDArray[np.int64]) -> Matrix:
    found: Matrix = matrix[np.ix_(places, places)]
    return found


_PARTS: Mapping[str, tuple[Callable[[Matrix], Matrix], Callable[[Matrix], Matrix]]] = {
    "RSA": (_dissimilarities, _ranked),
    "CKA": (_gram, _centred),
}
