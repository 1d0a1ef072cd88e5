"""Lenth's method: which effects stand out where nothing is left to estimate error from.

If few effects are real, the others show the error. From m effects c, s₀ = 1.5 · median |c|; the
pseudo standard error is 1.5 · the median of those |c| below 2.5 s₀; an effect's margin is
t(0.975; m/3) · PSE, the simultaneous one takes t at (1 + 0.95^(1/m))/2 (Lenth 1989,
doi:10.1080/00401706.1989.10488595). It needs effects that are independent and equally certain, as
those of a regular design are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from bionic_core.statistics.linear import Matrix, finite, holm, intervals

LEVEL = 0.05
"""An effect whose corrected p is below this is called certain."""

FEWEST = 3
"""Of fewer effects, none can stand out from the others."""


@attrs.frozen(eq=False)
class Lenth:
    """Judgements of the effects of studies (S).

    Attributes:
        terms: of the effects, T of them.
        pse: pseudo standard error (S,).
        margin, simultaneous: half-widths of intervals (S,): of one effect, and of all together.
        degrees: m/3.
        low, high, p, p_adjusted: (T, S); adjusted by Holm.
        estimates: (T, S).
    """

    terms: tuple[str, ...]
    pse: Matrix
    margin: Matrix
    simultaneous: Matrix
    degrees: float
    estimates: Matrix
    low: Matrix
    high: Matrix
    p: Matrix
    p_adjusted: Matrix

    def to_json(self) -> dict[str, Any]:
        """Return the first study's judgements as JSON-ready data."""
        rows = zip(
            self.terms,
            self.low[:, 0],
            self.high[:, 0],
            self.p[:, 0],
            self.p_adjusted[:, 0],
            strict=True,
        )
        return {
            "pse": float(self.pse[0]),
            "margin": finite(self.margin[0]),
            "simultaneous_margin": finite(self.simultaneous[0]),
            "degrees": self.degrees,
            "effects": [
                {
                    "term": term,
                    "low": finite(low),
                    "high": finite(high),
                    "p": finite(p),
                    "p_adjusted": finite(adjusted),
                }
                for term, low, high, p, adjusted in rows
            ],
        }


def lenth(terms: tuple[str, ...], estimates: Matrix, confidence: float = 0.95) -> Lenth:
    """Judge effects (T, S) by each other, within each study."""
    from scipy import stats

    size = np.abs(estimates)
    first = 1.5 * np.median(size, axis=0)
    trimmed = np.where(size < 2.5 * first, size, np.nan)
    trimmed[:, ~(first > 0)] = 0.0
    pse = 1.5 * np.nanmedian(trimmed, axis=0)
    degrees = len(terms) / 3
    errors = np.broadcast_to(np.where(pse > 0, pse, np.nan), estimates.shape)
    low, high, p = intervals(estimates, errors, degrees, confidence)
    together = stats.t.ppf((1 + confidence ** (1 / len(terms))) / 2, degrees)
    return Lenth(
        terms=terms,
        pse=pse,
        margin=stats.t.ppf((1 + confidence) / 2, degrees) * errors[0],
        simultaneous=together * errors[0],
        degrees=degrees,
        estimates=estimates,
        low=low,
        high=high,
        p=p,
        p_adjusted=holm(p),
    )


def half_normal(terms: tuple[str, ...], estimates: Matrix) -> list[dict[str, Any]]:
    """Return the points of a half-normal plot, the smallest first.

    Effects (T,) that are nothing but error lie on a line through the origin: |effect| against
    Φ⁻¹(½ + ½ (i − ½)/m) (Daniel 1959, doi:10.1080/00401706.1959.10489866).
    """
    from scipy import stats

    order = np.abs(estimates).argsort(kind="stable")
    shares = 0.5 + 0.5 * (np.arange(len(order)) + 0.5) / len(order)
    return [
        {"term": terms[place], "size": abs(float(estimates[place])), "quantile": float(q)}
        for place, q in zip(order, stats.norm.ppf(shares), strict=True)
    ]


def judged(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the effects of an analysis, as ``--json`` gives it, with Lenth's judgements if any."""
    lenth = document.get("lenth") or {}
    by_term = {one["term"]: one for one in lenth.get("effects", ())}
    return [{**effect, **by_term.get(effect["term"], {})} for effect in document["effects"]]


def certain(effect: Mapping[str, Any]) -> bool:
    """Say whether an effect's p, corrected for all terms, is below 5 %."""
    return effect["p_adjusted"] is not None and bool(effect["p_adjusted"] < LEVEL)


def certain_points(document: Mapping[str, Any]) -> list[bool]:
    """Say of each point of an analysis' half-normal plot whether its effect is certain."""
    sure = {effect["term"] for effect in judged(document) if certain(effect)}
    return [point["term"] in sure for point in document["half_normal"]]


def error_slope(points: Sequence[Mapping[str, Any]], sure: Sequence[bool]) -> float | None:
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
    size, quantile = (np.array([point[key] for point in inert]) for key in ("size", "quantile"))
    return float(size @ quantile / (quantile @ quantile))
