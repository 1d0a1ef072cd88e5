"""Deciding "no" as well as "yes": each effect against a margin, in one of three words.

That an effect is not told from zero does not say that there is none: too few runs tell nothing
from zero. What is said of an effect θ and a margin m is therefore one of

- **larger than** the margin: the 95 % interval lies beyond m, or beyond −m;
- **within** it: the 90 % interval lies between −m and m, which is two one-sided tests at 5 %
  (TOST; Schuirmann 1987, doi:10.1007/BF01068419);
- **undecided**: neither.

"Alone" is that for a term looked at by itself. All verdicts of a table **together** are wrong in
at most 5 % of studies: of |θ| ≤ m and |θ| ≥ m, one is true of each of T terms. "Larger" is told
where the p of |θ| ≤ m, both sides counted, is below 5 % / 2T. "Within" is told in steps, as Holm's:
after r terms have been, the next needs 5 % (1 − r/2T) / (T − r). If M terms are truly within, false
"larger" make up M · 5 % / 2T at most, and the first false "within" is at step M at the latest, so
that its T − M chances make up the rest. That holds however the terms depend on each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError
from bionic_core.statistics.crossed import Certainty, Matrix

Word = Literal["larger than", "within", "undecided"]
WORDS: tuple[Word, ...] = get_args(Word)

LEVEL = 0.05
EQUIVALENCE = 0.90
"""Confidence of the intervals that tell "within" at 5 %."""


MARGIN = 0.5
"""Of effects in percentage points, where none is asked for: a convention, stated wherever it is
used. No margin is right for all questions."""


SENTENCES: Mapping[str, str] = {
    "within": "Told to be within {}, each alone at 5 %: {}.",
    "undecided": "Undecided, neither told to be within {} nor beyond: {}. That is no sign of there "
    "being nothing.",
}

MOST = 6
"""A sentence names so many terms."""


@attrs.frozen
class Verdict:
    """What runs say of an effect and a margin.

    Attributes:
        alone: of this term by itself, at 5 %.
        corrected: the same where the verdicts of all terms hold together (:func:`together`).
        low, high: the 90 % interval.
        p_larger: of the hypothesis that the effect is not beyond the margin, alone.
        p_within: of the hypothesis that it is not within the margin, alone.
        p_beyond: as ``p_larger``, with the chance of either side, as verdicts together have it;
            None in older files.
    """

    alone: Word
    corrected: Word
    low: float
    high: float
    p_larger: float
    p_within: float
    p_beyond: float | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The 90 % interval."""
        return self.low, self.high


def sentences(
    named: Mapping[str, Verdict | None], margin: float | None, unit: str
) -> tuple[str, ...]:
    """Say which terms are told to be within a margin, and which are undecided, six of each."""
    size, found = f"±{margin or 0:g} {unit}".strip(), []
    for word, text in SENTENCES.items():
        names = [name for name, one in named.items() if one is not None and one.alone == word]
        told = [*names[:MOST], *[f"{len(names) - MOST} more"] * (len(names) > MOST)]
        if told:
            found.append(text.format(size, ", ".join(told)))
    return tuple(found)


def check_margin(margin: float | None) -> None:
    """Check a margin that is asked for.

    Raises:
        RequestError: it is no positive number.
    """
    if margin is not None and not (math.isfinite(margin) and margin > 0):
        raise RequestError(
            f"--margin {margin:g}: give a positive number, in the effects' units: effects no "
            "larger than it are as good as none"
        )


def margin_of(unit: str, asked: float | None = None) -> float | None:
    """Return the margin of effects in a unit: what is asked for, else :data:`MARGIN` of points."""
    return asked if asked is not None else MARGIN if unit == "percentage points" else None


def decides(least: float, margin: float | None, unit: str) -> str:
    """Say which margin a design can decide, and whether that is the one that is asked for.

    Args:
        least: the smallest within which an effect of nil is told to be, with 80 % power.
        margin: that will be asked for; None for none.
        unit: of effects.
    """
    size = f"{least:.2g} {unit}".strip()
    told = f"an effect of nil is told to be within ±{size} with 80 % power, alone at 5 %"
    if margin is None:
        return f"{told}; give --margin for verdicts"
    if margin >= least:
        return f"{told}, so the margin of {margin:g} can be decided"
    return (
        f"{told}: too wide for the margin of {margin:g}, so that effects of nil will mostly stay "
        "undecided; run more seeds, or ask for a wider --margin"
    )


def verdicts(estimates: Matrix, sure: Certainty, margin: float | None) -> Sequence[Verdict | None]:
    """Return a verdict for each estimate (T,); None without a margin, or where nothing tells.

    Args:
        estimates: in the margin's units.
        sure: how sure they are.
        margin: positive.
    """
    if margin is None:
        return [None] * len(estimates)
    larger, within, both = against(estimates, sure, margin)
    half = sure.half(EQUIVALENCE)
    words = together(both, within, int(np.isfinite(larger).sum()))
    found: list[Verdict | None] = []
    for place, estimate in enumerate(estimates.tolist()):
        if not math.isfinite(larger[place]):
            found.append(None)
            continue
        two = float(larger[place]), float(within[place])
        low, high = estimate - float(half[place]), estimate + float(half[place])
        alone = _word(*two, LEVEL)
        found.append(Verdict(alone, WORDS[words[place]], low, high, *two, float(both[place])))
    return found


def against(estimates: Matrix, sure: Certainty, margin: float) -> tuple[Matrix, Matrix, Matrix]:
    """Return p of |θ| ≤ m alone, of |θ| ≥ m, and of |θ| ≤ m with the chance of either side."""
    sizes = np.abs(estimates)
    p = sure.p(sizes - margin)  # of the distance from the margin, whichever side
    with np.errstate(invalid="ignore"):
        beyond, unknown = sizes > margin, np.isnan(p)
        larger = np.where(beyond | unknown, p, 1.0)
        both = np.where(beyond | unknown, p / 2 + sure.p(sizes + margin) / 2, 1.0)
        other = 1 - p / 2 if sure.look is None else 1.0  # beyond it, nothing is within
        return larger, np.where(beyond, other, p / 2), both


def together(both: Matrix, within: Matrix, count: int) -> npt.NDArray[np.int64]:
    """Return verdicts that hold together, as places in :data:`WORDS`.

    Args:
        both: p of |θ| ≤ m, of both sides, (T,) or (T, S) of S studies; NaN where nothing tells.
        within: p of |θ| ≥ m.
        count: of terms that the verdicts hold together over, T or more.
    """
    if not len(within):
        return np.zeros(within.shape, np.int64)
    r, count = np.arange(len(within)), max(count, 1)
    levels = LEVEL * (1 - r / (2 * count)) / np.maximum(count - r, 1)
    known = np.where(np.isfinite(within), within, 1.0)
    ordered = np.sort(known, axis=0)
    told = np.cumprod(ordered < levels.reshape(-1, *[1] * (ordered.ndim - 1)), axis=0).sum(0)
    last = np.take_along_axis(ordered, np.maximum(told - 1, 0)[None], axis=0)
    inside = (known <= last) & (told > 0)
    with np.errstate(invalid="ignore"):
        beyond = both < LEVEL / (2 * count)
    return np.where(inside, WORDS.index("within"), np.where(beyond, WORDS.index("larger than"), 2))


def _word(larger: float, within: float, level: float) -> Word:
    return "larger than" if larger < level else "within" if within < level else "undecided"


@lru_cache(maxsize=256)
def decidable(degrees: float, count: int, power: float = 0.8) -> float:
    """Return the smallest margin that an effect of nil is told to be within, in standard errors.

    Within by TOST at 5 % / count with this power: P(|Z| < m − t s), s² being χ²/degrees, by
    numerical integration over s. NaN where there is no degree of freedom.

    Args:
        degrees: of freedom of the standard error.
        count: of terms whose verdicts hold together; 1 for a term alone.
        power: with which it is told.
    """
    if not degrees > 0:
        return math.nan
    from scipy import optimize, special

    t = float(special.stdtrit(degrees, 1 - LEVEL / count))
    shares = (np.arange(4000) + 0.5) / 4000
    errors = np.sqrt(special.chdtri(degrees, shares) / degrees)

    def missing(margin: float) -> float:
        told = 2 * special.ndtr(np.maximum(margin - t * errors, 0.0)) - 1
        return float(told.mean()) - power

    return float(optimize.brentq(missing, 0.1, 5 * t * errors.max() + 10, xtol=1e-6))
