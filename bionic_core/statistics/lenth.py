"""Lenth's method: which effects stand out where nothing is left to estimate error from.

If few effects are real, the others show the error. From m effects c, s₀ = 1.5 · median |c|; the
pseudo standard error is 1.5 · the median of those |c| below 2.5 s₀; an effect's margin is
t(0.975; m/3) · PSE, the simultaneous one takes t at (1 + 0.95^(1/m))/2 (Lenth 1989,
doi:10.1080/00401706.1989.10488595). It needs effects that are independent and equally certain, as
those of a regular design are.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from bionic_core.statistics.crossed import Certainty
from bionic_core.statistics.fit import finite, holm
from bionic_core.statistics.linear import Matrix
from bionic_core.statistics.verdicts import Verdict, verdicts

LEVEL = 0.05
"""An effect whose corrected p is below this is called certain."""

FEWEST = 3
"""Of fewer effects, none can stand out from the others."""


@attrs.frozen
class Judgement:
    """What Lenth's method says of a term's effect; numbers are None if all effects are nil."""

    term: str
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    verdict: Verdict | None = None


@attrs.frozen
class Lenth:
    """Judgements of effects by each other.

    Attributes:
        pse: pseudo standard error.
        margin, simultaneous_margin: half-widths of intervals: of one effect, and of all together;
            None where most effects are nil.
        degrees: m/3.
        effects: in the order of the terms; p adjusted by Holm.
    """

    pse: float
    margin: float | None
    simultaneous_margin: float | None
    degrees: float
    effects: tuple[Judgement, ...]

    @property
    def said(self) -> str:
        """What effects are judged by, in words."""
        if self.margin is None or self.simultaneous_margin is None:
            return "most effects are nil, so there is nothing to judge by"
        return (
            f"pseudo standard error {self.pse:.3g}, margin ±{self.margin:.3g}, of all together "
            f"±{self.simultaneous_margin:.3g}"
        )


@attrs.frozen
class Point:
    """A point of a half-normal plot: a term, the size of its effect, and its quantile."""

    term: str
    size: float
    quantile: float


def lenth(
    terms: Sequence[str],
    estimates: Matrix,
    confidence: float = 0.95,
    margin: float | None = None,
) -> Lenth:
    """Judge effects (T,) by each other, and against a margin if there is one."""
    from scipy import special

    pse = float(lenth_scale(estimates))
    degrees = len(terms) / 3
    error = pse if pse > 0 else np.nan
    sure = Certainty.over_runs(np.full_like(estimates, error), np.full_like(estimates, degrees))
    half, p = sure.half(confidence), sure.p(estimates)
    together = special.stdtrit(degrees, (1 + confidence ** (1 / len(terms))) / 2)
    numbers = np.column_stack([estimates - half, estimates + half, p, holm(p)]).tolist()
    words = verdicts(estimates, sure, margin)
    return Lenth(
        pse=pse,
        margin=finite(special.stdtrit(degrees, (1 + confidence) / 2) * error),
        simultaneous_margin=finite(together * error),
        degrees=degrees,
        effects=tuple(
            Judgement(term, low, high, p, adjusted, verdict)
            for term, row, verdict in zip(terms, numbers, words, strict=True)
            for low, high, p, adjusted in [map(finite, row)]
        ),
    )


def lenth_scale(estimates: Matrix) -> Matrix:
    """Return the pseudo standard error of effects (T, …), 0 where most of them are nil."""
    size = np.abs(estimates)
    first = 1.5 * np.median(size, axis=0)
    kept = np.where((size < 2.5 * first) | (first == 0), size, np.nan)
    return np.asarray(np.where(first > 0, 1.5 * np.nanmedian(kept, axis=0), 0.0))


def half_normal(terms: Sequence[str], estimates: Matrix) -> tuple[Point, ...]:
    """Return the points of a half-normal plot, the smallest first.

    Effects (T,) that are nothing but error lie on a line through the origin: |effect| against
    Φ⁻¹(½ + ½ (i − ½)/m) (Daniel 1959, doi:10.1080/00401706.1959.10489866).
    """
    from scipy import special

    order = np.abs(estimates).argsort(kind="stable")
    shares = 0.5 + 0.5 * (np.arange(len(order)) + 0.5) / len(order)
    return tuple(
        Point(terms[place], abs(float(estimates[place])), float(quantile))
        for place, quantile in zip(order, special.ndtri(shares), strict=True)
    )


def error_slope(points: Sequence[Point], sure: Sequence[bool]) -> float | None:
    """Return what error alone adds to an absolute effect for each unit of the quantile.

    Daniel's line: through the origin, by least squares over the effects that are not certain,
    Σ |effect| · quantile / Σ quantile².

    Args:
        points: as :func:`half_normal` returns them.
        sure: of each, whether it is certain.

    Returns:
        The slope; None where every effect is certain, so that none shows the error.
    """
    inert = [point for point, active in zip(points, sure, strict=True) if not active]
    if not inert:
        return None
    size = np.array([point.size for point in inert])
    quantile = np.array([point.quantile for point in inert])
    return float(size @ quantile / (quantile @ quantile))
