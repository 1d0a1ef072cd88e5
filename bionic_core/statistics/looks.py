"""Looks at a study that is not finished: what they cost, so that error rates hold over all of them.

Who tests at 5 % after each new seed, and stops when something is found, finds what is not there
far more often. Here the 5 % are *spent* over the looks, α (n/N)² by n of N seeds (Lan & DeMets
1983, doi:10.1093/biomet/70.3.659; the function is Kim & DeMets's, 1987): at each look a p has to be
below a nominal level such that the chance of ever being below is at most what is spent by then.

The levels are exact for Student's t from three seeds on, where those of normal theory are not (Shao
& Feng 2007). If a mean is nil, the sequence of its t statistics holds no unknown: with r = Σx / ‖x‖
of n values, r of n + 1 is (r + z) / √(1 + z²), where z √n is t on n degrees of freedom and
independent of r, since directions of normal values are independent of their lengths. So r is a
Markov chain in one dimension, followed here on a grid.

A p of one look as a p over all (:meth:`Looks.adjusted`) is the smallest α whose level it is below,
and an interval that holds over all looks takes that level (:meth:`Looks.nominal`): repeated p and
repeated confidence intervals, right whichever look a study ends at (Jennison & Turnbull, Group
Sequential Methods, 2000, ch. 9).
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import attrs
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

POWER = 2.0
"""Of the share of seeds, in what is spent. Chosen by simulation: see docs/results/deciding.md."""

FEWEST = 3
"""Seeds at the first look, at least: t on two degrees of freedom."""

MOST = 100
"""Seeds at the last look, at most."""

WIDTH = 0.06
SCORES: Matrix = WIDTH * np.arange(-120.0, 121.0)
"""Edges of the grid's cells, as normal scores of p."""

FINE: Matrix = 0.003 * np.arange(-3000.0, 3001.0)
"""Normal scores at which distributions are tabulated, to be interpolated."""

ALPHAS: Matrix = np.array([*np.geomspace(1e-8, 0.5, 73).tolist(), 1.0])
"""Levels at which boundaries are worked out, one-sided; others are interpolated."""


@attrs.frozen
class Looks:
    """After how many seeds a study is looked at, the last look being the most that it may have."""

    seeds: tuple[int, ...]

    def spent(self, alpha: float, look: int) -> float:
        """Return what of a level is spent by a look, counted from 0."""
        return float(alpha * (self.seeds[look] / self.seeds[-1]) ** POWER)

    @cached_property
    def _levels(self) -> Matrix:
        return _levels(self.seeds)

    def nominal(self, alpha: npt.ArrayLike, look: npt.ArrayLike) -> Matrix:
        """Return below what a one-sided p must be at looks, so that α is kept over all of them."""
        return self._mapped(np.asarray(alpha, np.float64), np.asarray(look), inverse=False)

    def adjusted(self, p: npt.ArrayLike, look: npt.ArrayLike) -> Matrix:
        """Return one-sided p of looks as p that hold over all of them; NaN stays."""
        return self._mapped(np.asarray(p, np.float64), np.asarray(look), inverse=True)

    def _mapped(self, values: Matrix, look: npt.NDArray[np.int64], *, inverse: bool) -> Matrix:
        values, look = np.broadcast_arrays(values, look)
        found = np.full(values.shape, np.nan)
        for number in np.unique(look):
            here = (look == number) & np.isfinite(values)
            source, target = np.log(ALPHAS), np.log(self._levels[:, number])
            source, target = (target, source) if inverse else (source, target)
            logs = np.log(np.maximum(values[here], 1e-300))
            below = np.minimum(logs - source[0], 0.0)  # beyond the table, in proportion
            found[here] = np.exp(np.interp(logs, source, target) + below)
        return np.asarray(np.minimum(found, 1.0))


@attrs.frozen(eq=False)
class Look:
    """The look that estimates are of, one for all or one each, counted from 0."""

    looks: Looks
    number: int | npt.NDArray[np.int64]

    def adjusted(self, p: Matrix) -> Matrix:
        """Return two-sided p of this look as p that hold over all looks."""
        return np.minimum(2 * self.looks.adjusted(p / 2, self.number), 1.0)

    def nominal(self, alpha: float) -> Matrix:
        """Return the one-sided level that an interval takes here to hold over all looks."""
        return self.looks.nominal(alpha, self.number)


@lru_cache(maxsize=16)
def _levels(seeds: tuple[int, ...]) -> Matrix:
    """Return the nominal level of each α at each look, (alphas, looks); of α = 1 it is 1."""
    from scipy import special

    alphas = ALPHAS[:-1]
    shares = np.diff((np.array(seeds) / seeds[-1]) ** POWER, prepend=0.0)
    masses = np.tile(np.diff(special.ndtr(SCORES)), (len(alphas), 1))
    found, n = np.ones((len(ALPHAS), len(seeds))), seeds[0]
    for look, (last, share) in enumerate(zip(seeds, shares, strict=True)):
        for before in range(n, last):
            masses = masses @ _step(before)
        n = last
        scores = np.array(
            [_cut(row, spent) for row, spent in zip(masses, alphas * share, strict=True)]
        )
        found[:-1, look] = special.ndtr(-scores)
    found[:-1, 0] = alphas * shares[0]
    return np.maximum.accumulate(found, axis=0)


def _cut(masses: Matrix, spent: float) -> float:
    """Take the upper tail of a mass off a grid, in place, and return the score where it begins."""
    tails = np.append(np.cumsum(masses[::-1])[::-1], 0.0)
    cell = int(np.searchsorted(-tails, -spent, side="right")) - 1  # tails[cell] >= spent > next
    above = max(float(tails[cell + 1]), 1e-300)
    share = float(np.log(tails[cell] / spent) / np.log(tails[cell] / above))
    masses[cell + 1 :] = 0.0
    masses[cell] = tails[cell] - spent
    return float(SCORES[cell] + WIDTH * min(max(share, 0.0), 1.0))


def _ratios(n: int, scores: Matrix) -> Matrix:
    """Return Σx / ‖x‖ of n values whose t has these normal scores."""
    t = _quantiles(n - 1, scores)
    return np.asarray(t * np.sqrt(n / (n - 1 + t * t)))


def _quantiles(degrees: int, scores: Matrix) -> Matrix:
    from scipy import special

    return np.asarray(-np.sign(scores) * special.stdtrit(degrees, special.ndtr(-np.abs(scores))))


def _step(n: int) -> Matrix:
    """Return the chance of each cell at n + 1 values from each cell at n, (cells, cells).

    (r + z) / √(1 + z²) ≤ b is what lies below one root of a quadratic in z where |b| < 1, outside
    or inside both where b is larger.
    """
    from scipy import special

    r = _ratios(n, (SCORES[1:] + SCORES[:-1]) / 2)[:, None]
    b = _ratios(n + 1, SCORES)[None, :]
    square, inside = 1 - b * b, r * r + 1 - b * b
    root = np.abs(b) * np.sqrt(np.maximum(inside, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (-r - root) / square, (-r + root) / square
    z, known = _quantiles(n, FINE) / np.sqrt(n), special.ndtr(FINE)

    def below(values: Matrix) -> Matrix:
        return np.asarray(np.interp(values, z, known))

    own = np.where(np.sign(r + other) == np.sign(b), other, one)
    small = below(np.where(b == 0, -r, own))
    between = np.where(inside >= 0, np.abs(below(other) - below(one)), 0.0)
    high = np.where(r > 0, 1 - between, 1.0)
    low = np.where(r < 0, between, 0.0)
    found = np.where(np.abs(b) < 1, small, np.where(b >= 1, high, low))
    found[:, 0], found[:, -1] = 0.0, 1.0
    return np.diff(found, axis=1)
