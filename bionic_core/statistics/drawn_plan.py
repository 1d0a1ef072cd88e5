"""What a design with draws can be expected to tell of one level against an ensemble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from bionic_core.statistics.designs import Design, Draws, word
from bionic_core.statistics.drawn_errors import OverDraws
from bionic_core.statistics.draws import said_before, smallest_p
from bionic_core.statistics.effect import Row
from bionic_core.statistics.ensemble import DRAWS, contrast_of, ensembles
from bionic_core.statistics.errors import ErrorModel
from bionic_core.statistics.fit import Fit, finite
from bionic_core.statistics.linear import Matrix


@attrs.frozen
class DrawnSight:
    """What can be seen of a level against an ensemble; None where there will be no interval.

    Attributes:
        level: in words.
        ensemble: the level that is drawn.
        draws: how many.
        smallest_p: that a rank among them can have, two-sided.
        half_alike: half-width of the difference's 95 % interval if all draws are alike.
        half_differ: the same if draws differ by an SD as large as ``draws_sd``.
        draws_sd: measured on finished runs, else that of a run.
    """

    level: str
    ensemble: str
    draws: int
    smallest_p: float
    half_alike: float | None
    half_differ: float | None
    draws_sd: float


def planned_draws(
    design: Design, error: ErrorModel, sd: float, draws_sd: float | None = None
) -> tuple[DrawnSight, ...]:
    """Return what will be seen of each level that is one thing against each ensemble, if any.

    Args:
        design: with draws or without.
        error: what will tell how sure differences are.
        sd: of a single run.
        draws_sd: of draws; that of a run if None.
    """
    draws = design.draws
    return (
        ()
        if draws is None
        else tuple(_sights(draws, error, sd, sd if draws_sd is None else draws_sd))
    )


def _sights(draws: Draws, error: ErrorModel, sd: float, between: float) -> Iterator[DrawnSight]:
    factor = next(f for f in error.model.factors if f.name == draws.factor)
    for ensemble, count in draws.counts.items():
        of_ensemble = contrast_of(error.model, factor, ensemble)
        for level in factor.levels:
            own = contrast_of(error.model, factor, word(level))
            if draws.of(level) or own is None or of_ensemble is None:
                continue
            alike, differ = _halves(error, (own - of_ensemble)[None], sd, between)
            least = smallest_p(count)
            yield DrawnSight(
                word(level), ensemble, count, least, finite(alike), finite(differ), between
            )


def _halves(error: ErrorModel, contrast: Matrix, sd: float, between: float) -> tuple[float, float]:
    """Return half-widths if draws are alike, and if they differ by an SD."""
    from scipy import special

    if not isinstance(error, OverDraws):
        return np.nan, np.nan
    sizes, degrees = error.expected(contrast)
    own, free = (sd * sizes[0]) ** 2, degrees[0]
    more, spent = error.expected_draws(contrast)
    added = between**2 * more[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        both = (own + added) ** 2 / (own**2 / free + between**4 * spent[0])
    half, wide = (
        float(special.stdtrit(d, 0.975) * np.sqrt(v))
        for d, v in ((free, own), (max(both, free), own + added))
    )
    return half, max(half, wide)


def draws_sd(fit: Fit, draws: Draws | None, rows: Sequence[Row]) -> float | None:
    """Return the largest SD of an ensemble's draws that finished runs tell, if they do."""
    found = [] if draws is None else list(ensembles(fit, draws, rows, 0.95))
    known = [v.sd for one in found for v in one.variances if v.source == DRAWS]
    return max(known, default=None)


def about_draws(design: Design, seen: tuple[DrawnSight, ...], unit: str) -> list[str]:
    """Say before anything is trained what draws can tell, a sentence each."""
    found = said_before(design)
    for one in seen:
        if one.half_alike is None or one.half_differ is None:
            continue
        found.append(
            f"{one.level} less {one.ensemble}: ±{one.half_alike:.3g} {unit} over draws and seeds "
            f"if draws are alike, ±{one.half_differ:.3g} if they differ by an SD of "
            f"{one.draws_sd:.2g}".replace("  ", " ")
        )
    return found
