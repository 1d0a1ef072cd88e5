"""The largest of several t variables that share a control: critical values, p, power.

Dunnett 1955, doi:10.1080/01621459.1955.10501294; tables in Biometrics 20, 482 (1964).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@lru_cache(maxsize=64)
def _nodes(degrees: float) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return nodes and weights over s/σ = sqrt(χ²/ν), and over a standard normal.

    The integrand is even in the normal, so that half of it is taken twice.
    """
    from scipy import stats

    law = stats.chi(degrees, scale=1 / np.sqrt(degrees))
    u, over_u = _between(law.ppf(1e-13), law.isf(1e-13), 64)
    z, over_z = _between(0.0, 9.0, 48)
    return u, over_u * law.pdf(u), z, 2 * over_z * stats.norm.pdf(z)


def _between(low: float, high: float, count: int) -> tuple[Matrix, Matrix]:
    """Return Gauss–Legendre nodes and weights of an interval."""
    x, w = np.polynomial.legendre.leggauss(count)
    return (high - low) / 2 * x + (high + low) / 2, (high - low) / 2 * w


def maximum_cdf(bound: float, count: int, degrees: float, rho: float) -> float:
    """Return P(max |T_i| ≤ bound) of ``count`` t variables with equal correlations.

    By quadrature over the shared scale and the shared part of the numerators:
    ∫∫ [Φ((c u + √ρ z)/√(1−ρ)) − Φ((−c u + √ρ z)/√(1−ρ))]^K φ(z) f(u) dz du, with
    u = sqrt(χ²_ν/ν) (Dunnett 1955). ρ = 0 is the studentised maximum modulus.

    Args:
        bound: not negative.
        count: K, at least 1.
        degrees: ν, above 0, not necessarily whole.
        rho: from 0 to below 1.
    """
    from scipy.special import ndtr

    u, over_u, z, over_z = _nodes(float(degrees))
    if rho == 0 or count == 1:
        inner = (1 - 2 * ndtr(-bound * u)) ** count
    else:
        shift, width = np.sqrt(rho) * z, np.sqrt(1 - rho)
        reach = bound * u[:, None]
        inside = ndtr((reach + shift) / width) - ndtr((shift - reach) / width)
        inner = inside**count @ over_z
    return float(np.clip(inner @ over_u, 0.0, 1.0))


@lru_cache(maxsize=1024)
def critical_value(count: int, degrees: float, rho: float = 0.5, confidence: float = 0.95) -> float:
    """Return c with P(max |T_i| ≤ c) = confidence; Dunnett's two-sided table for ρ = 1/2."""
    from scipy import optimize, stats

    low = float(stats.t.ppf((1 + confidence) / 2, degrees))
    high = float(stats.t.ppf(1 - (1 - confidence) / (2 * count), degrees))  # Bonferroni
    if count == 1:
        return low

    def missing(c: float) -> float:
        return maximum_cdf(c, count, degrees, rho) - confidence

    return float(optimize.brentq(missing, low * 0.999, high * 1.001, xtol=1e-9))


def detectable(
    sd: float, seeds: int, degrees: float, critical: float, power: float = 0.8
) -> float | None:
    """Return the smallest true difference that is found with the given power.

    Two-sided, |T| > critical, T noncentral t with noncentrality δ / (sd √(2/seeds)) (Lehmann &
    Romano, Testing Statistical Hypotheses, 3rd ed., §5.3).

    Args:
        sd: of a single run.
        seeds: runs of each variant.
        degrees: of freedom of ``sd``.
        critical: value of |t| from which a difference counts.
        power: a share.
    """
    if degrees <= 0 or seeds < 2:
        return None
    return shift(degrees, critical, power) * sd * float(np.sqrt(2 / seeds))


def shift(degrees: float, critical: float, power: float = 0.8) -> float:
    """Return the noncentrality of t, an effect in standard errors, that is found with this power.

    Args:
        degrees: of freedom, above 0.
        critical: value of |t| from which an effect counts.
        power: a share.
    """
    from scipy import optimize
    from scipy.special import ndtr

    u, over_u, _, _ = _nodes(float(degrees))  # SciPy's noncentral t fails at few degrees

    def lacking(delta: float) -> float:
        found = ndtr(delta - critical * u) + ndtr(-delta - critical * u)
        return float(found @ over_u) - power

    high = critical + 2.0
    while lacking(high) < 0:
        high *= 1.5
    return float(optimize.brentq(lacking, 1e-6, high))
