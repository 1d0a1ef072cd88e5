"""What a design can be expected to see, from the runs that it has and the error of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache

import attrs
import numpy as np

from bionic_core.statistics.comparisons import checked
from bionic_core.statistics.designs import Design
from bionic_core.statistics.drawn_errors import drawn_error
from bionic_core.statistics.draws import seed_of
from bionic_core.statistics.dunnett import critical_value, shift
from bionic_core.statistics.errors import ErrorModel
from bionic_core.statistics.fit import error_of, finite
from bionic_core.statistics.lenth import FEWEST, lenth_scale
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.statistics.verdicts import decidable

POWER = 0.8
"""Of the smallest effect that a design can see."""


@attrs.frozen
class ImageError:
    """What test images add to the standard error of an effect, beyond the runs' own.

    Attributes:
        error: in the effects' units.
        count: of images.
        source: in words.
        bound: whether it is the most that they can add.
    """

    error: float
    count: int
    source: str
    bound: bool = False


@attrs.frozen
class Spread:
    """The standard deviation of a single run, in the effects' units, and where it is from.

    Attributes:
        value: None where nothing is known.
        source: in words.
        degrees: of freedom that it was measured on; None where it is assumed.
        other: what it is if the source's SDs divide by n instead of n − 1, which it does not say.
    """

    value: float | None
    source: str
    degrees: int | None = None
    other: float | None = None


@attrs.frozen
class Sight:
    """What can be seen of a term's effect; numbers are None where there will be no interval.

    Attributes:
        order: of how many factors it is.
        half_width: of its 95 % interval.
        detectable: the smallest true effect that is found, alone at 5 %.
        detectable_adjusted: the same at the first step of Holm's correction over all effects.
        aliases: terms that are mixed into it.
        margin: the smallest within which an effect of nil is told to be, alone at 5 %.
        over_images: half-width of its 95 % interval over new images too; None where nothing
            tells what images do.
    """

    term: str
    order: int
    half_width: float | None
    detectable: float | None
    detectable_adjusted: float | None
    aliases: tuple[str, ...]
    margin: float | None = None
    over_images: float | None = None


@attrs.frozen
class Lost:
    """A term that the runs cannot tell from its aliases."""

    term: str
    order: int
    aliases: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Sights:
    """What a design can be expected to see.

    Attributes:
        degrees: residual degrees of freedom.
        method: ``t``, ``Lenth`` or ``none``, what intervals will be by.
        error: what will tell how sure effects are, by its name; empty where t is not used.
        assumption: of that, in words.
        power: with which the smallest effects are found.
        effects: that can be estimated.
        lost: that cannot.
    """

    degrees: int
    method: str
    power: float
    effects: tuple[Sight, ...]
    lost: tuple[Lost, ...]
    error: str = ""
    assumption: str = ""


@attrs.frozen
class LeaveOneOutSights:
    """What leave-one-out would see of every effect; attributes as :class:`Sight`'s."""

    variants: int
    seeds: int
    runs: int
    half_width: float | None = None
    detectable: float | None = None
    detectable_adjusted: float | None = None


@attrs.frozen
class Detectable:
    """The smallest differences from a control that are found; None where nothing is known.

    Attributes:
        sd: of a single run.
        degrees: of freedom of a comparison.
        power: with which they are found.
        plain: of one comparison alone.
        adjusted: corrected for all comparisons: by the first step of Holm, pooled by Dunnett.
        half_width: of a simultaneous interval.
        error: what intervals are by.
        margin: the smallest within which a difference of nil is told to be, alone at 5 %.
        over_images: half-width of a 95 % interval of one comparison over new images too; None
            where nothing tells what images do.
    """

    sd: float | None
    degrees: int
    power: float
    plain: float | None = None
    adjusted: float | None = None
    half_width: float | None = None
    error: str = ""
    margin: float | None = None
    over_images: float | None = None


def sights(
    design: Design,
    sd: float,
    order: int | None = None,
    error: str | None = None,
    between: Mapping[str, float] | None = None,
    images: ImageError | None = None,
    over_images: bool = False,
) -> Sights:
    """Return what a design can be expected to see.

    Of each effect: the half-width of its 95 % interval, and the smallest true effect that is found
    with 80 % power, alone at 5 % and at the first step of Holm's correction over all effects
    (noncentral t; Lehmann & Romano, Testing Statistical Hypotheses, 3rd ed., §5.3), by the error
    that the analysis will use. Without a degree of freedom these are Lenth's if no other effect is
    real, by simulation. Lists what cannot be estimated.

    Args:
        design: which runs.
        sd: of a single run.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
        error: as for :func:`bionic_core.statistics.effects.estimate_effects`.
        between: SDs between seeds of those effects that are known to differ between them.
        images: what they will add to the standard error of an effect, where that is known.
        over_images: whether all numbers are of intervals over new images too.

    Raises:
        RequestError: these runs will not tell such an error.
    """
    by = planned_error(design, order, error)
    model = by.model
    told, in_sizes = _found(by)
    sizes = np.sqrt((model.effects**2).sum(1)) * sd
    if told.error == "seeds":
        own = [(between or {}).get(term.name, 0.0) for term in model.kept]
        sizes = np.sqrt(sizes**2 + np.square(own) / len(design.seeds))
    numbers = in_sizes * sizes[:, None]
    half = np.full(len(sizes), np.nan)
    if images is not None and told.error:
        _, degrees = by.expected(model.effects)
        wider = np.fmax(_over_images(sizes, degrees, images), numbers)  # never below seeds alone
        half = wider[:, 0]
        numbers = wider if over_images else numbers
    lost = (Lost(term.name, len(term.factors), model.aliases[term.name]) for term in model.lost)
    effects = tuple(_sights_of(model, np.column_stack([numbers, half])))
    return attrs.evolve(told, effects=effects, lost=tuple(lost))


def _over_images(sizes: Matrix, degrees: Matrix, images: ImageError) -> Matrix:
    """Return what :func:`_in_errors_of` says of errors over seeds and images, in units, (T, 4)."""
    both = np.sqrt(sizes**2 + images.error**2)
    spent = sizes**4 / degrees + images.error**4 / (images.count - 1)
    return np.asarray(_in_errors_of(both**4 / spent, len(sizes)) * both[:, None])


def _sights_of(model: Model, numbers: Matrix) -> Iterator[Sight]:
    """Give what is seen of each kept term, from (T, 5)."""
    for term, row in zip(model.kept, numbers.tolist(), strict=True):
        alone, found, first, margin, both = map(finite, row)
        aliases = model.aliases[term.name]
        yield Sight(term.name, len(term.factors), alone, found, first, aliases, margin, both)


def planned_error(design: Design, order: int | None = None, error: str | None = None) -> ErrorModel:
    """Return what will tell how sure a design's effects are; arguments as :func:`sights`'.

    Raises:
        RequestError: these runs will not tell such an error.
    """
    draws, places = design.draws, enumerate(design.cells)
    runs = [(c, seed_of(design, n, s)) for n, c in places for s in design.seeds]
    cells, seeds = [cell for cell, _ in runs], [seed for _, seed in runs]
    own = draws is not None and draws.nested
    blocks = [0 if own or error == "cells" else seed for seed in seeds]
    model = Model.of(design.factors, cells, blocks, order)
    return drawn_error(model, draws, cells, seeds, error) if draws else error_of(model, error)


def _found(by: ErrorModel) -> tuple[Sights, Matrix]:
    """Return the method, and in standard errors what it finds of each kept effect, (T, 4)."""
    model = by.model
    count = len(model.kept)
    none = Sights(degrees=model.degrees, method="none", power=POWER, effects=(), lost=())
    if model.degrees:
        _, degrees = by.expected(model.effects)
        told = attrs.evolve(none, method="t", error=by.name, assumption=by.assumption)
        return told, _in_errors_of(degrees, count)
    if model.orthogonal and count >= FEWEST:
        return attrs.evolve(none, method="Lenth"), np.array([lenth_in_errors(count)] * count)
    return none, np.full((count, 4), np.nan)


def _in_errors_of(degrees: Matrix, count: int) -> Matrix:
    """Return what :func:`in_errors` says of each, and the margin that it decides, (T, 4)."""
    found = [(*in_errors(each, count), decidable(each, 1)) for each in degrees.round(4).tolist()]
    return np.array(found, np.float64).reshape(len(degrees), 4)


def leave_one_out_sights(design: Design, sd: float, error: str | None = None) -> LeaveOneOutSights:
    """Return what leave-one-out would see with as many runs, or one fewer for each seed.

    Every variant lacks one factor, or has another level of it, and is compared with the whole, as
    :func:`detectable_differences` says.
    """
    variants = 1 + sum(len(factor.levels) - 1 for factor in design.factors)
    seeds = design.runs // variants
    degrees = _degrees(variants - 1, seeds, checked(error))
    if degrees <= 0:
        return LeaveOneOutSights(variants, seeds, variants * seeds)
    size = sd * math.sqrt(2 / seeds)
    seen = (n * size for n in in_errors(degrees, variants - 1))
    return LeaveOneOutSights(variants, seeds, variants * seeds, *seen)


def _degrees(count: int, seeds: int, error: str) -> int:
    """Return the degrees of freedom of one of ``count`` comparisons with a control."""
    by = {"seeds": seeds - 1, "pooled": count * (seeds - 1), "cells": 2 * (seeds - 1)}
    return by[error]


@lru_cache(maxsize=256)
def in_errors(degrees: float, effects: int) -> tuple[float, float, float]:
    """Return half-width, detectable effect alone and after Holm, in standard errors; NaN at 0."""
    if not degrees > 0:
        return math.nan, math.nan, math.nan
    from scipy import special

    half = float(special.stdtrit(degrees, 0.975))
    first = float(special.stdtrit(degrees, 1 - 0.025 / effects))
    return half, shift(degrees, half, POWER), shift(degrees, first, POWER)


STUDIES = 20_000
"""Simulated studies of Lenth's method, of 31 effects: numbers are good to about 1 %."""


@lru_cache(maxsize=64)
def lenth_in_errors(effects: int) -> tuple[float, float, float, float]:
    """Return the same four for Lenth's method, where all other effects are nil, by simulation.

    The interval is the mean one if no effect is real. An effect c is found if |c| > t · PSE, where
    the PSE is of all effects, c too. Given the others that is so from some |c| on, which is worked
    out for each study, so that power is an exact mean over studies of the normal distribution.
    """
    from scipy import optimize, special

    rng = np.random.default_rng(20)
    studies = int(np.clip(STUDIES * 31 // effects, 2000, 5 * STUDIES))
    sizes = np.sort(np.abs(rng.standard_normal((effects - 1, studies))), axis=0)
    whole = np.abs(rng.standard_normal((1, studies)))
    margin = float(special.stdtrit(effects / 3, 0.975))
    scale = lenth_scale(np.vstack([sizes, whole]))
    half = margin * float(scale.mean())
    within = np.quantile(whole[0] + float(special.stdtrit(effects / 3, 0.95)) * scale, POWER)

    def found(t: float) -> float:
        from_ = _thresholds(sizes, t)

        def power(shift: float) -> float:
            hits = special.ndtr(shift - from_) + special.ndtr(-shift - from_)
            return float(hits.mean()) - POWER

        return float(optimize.brentq(power, 0.1, 10 * from_.max() + 10, xtol=1e-4))

    first = float(special.stdtrit(effects / 3, 1 - 0.025 / effects))
    return half, found(margin), found(first), float(within)


def _thresholds(others: Matrix, t: float) -> Matrix:
    """Return from which size on an effect is found beside sorted others (m − 1, S) by Lenth, (S,).

    A large effect counts in the first median as the largest; it counts in the second too unless it
    is beyond the trimming.
    """
    first = 1.5 * np.median(np.vstack([others, np.full((1, others.shape[1]), np.inf)]), axis=0)
    trimmed = np.where(others < 2.5 * first, others, np.nan)
    without = 1.5 * np.nanmedian(trimmed, axis=0)
    beside = np.vstack([trimmed, 2.5 * first[None]])  # it is the largest of those that are kept
    within = t * 1.5 * np.nanmedian(beside, axis=0)
    return np.asarray(np.where(within < 2.5 * first, within, np.maximum(2.5 * first, t * without)))


def detectable_differences(
    sd: float | None,
    count: int,
    seeds: int,
    error: str | None = None,
    images: ImageError | None = None,
) -> Detectable:
    """Return the smallest differences that a comparison with a control finds with 80 % power.

    Two-sided, |T| > critical, T noncentral t with noncentrality δ / (sd √(2/seeds)).

    Args:
        sd: of a single run; None where it is not known.
        count: comparisons with the control.
        seeds: runs of each variant.
        error: as for :func:`bionic_core.statistics.comparisons.compare`.
        images: what they will add to the standard error of a difference, where that is known.
    """
    error = checked(error)
    degrees = _degrees(count, seeds, error)
    if not sd or degrees <= 0 or seeds < 2 or count < 1:
        return Detectable(sd, degrees, POWER, error=error)
    from scipy import special

    size = sd * math.sqrt(2 / seeds)
    alone, plain, _ = in_errors(degrees, 1)
    critical = float(special.stdtrit(degrees, 1 - 0.025 / count))
    if error == "pooled":
        critical = critical_value(count, float(degrees))
    wider = None
    if images is not None:
        both = math.hypot(size, images.error)
        spent = size**4 / degrees + images.error**4 / (images.count - 1)
        half = both * float(special.stdtrit(both**4 / spent, 0.975))
        wider = max(alone * size, half)
    return Detectable(
        sd,
        degrees,
        POWER,
        plain=plain * size,
        adjusted=shift(degrees, critical, POWER) * size,
        half_width=critical * size,
        error=error,
        margin=decidable(float(degrees), 1) * size,
        over_images=wider,
    )
