"""What a design can be expected to see, from the runs that it has and the error of one."""

from __future__ import annotations

import math

import attrs
import numpy as np

from bionic_core.statistics.designs import Design
from bionic_core.statistics.dunnett import critical_value, detectable, shift
from bionic_core.statistics.lenth import FEWEST
from bionic_core.statistics.linear import Model

POWER = 0.8
"""Of the smallest effect that a design can see."""


@attrs.frozen
class Spread:
    """The standard deviation of a single run, in the effects' units, and where it is from.

    Attributes:
        value: None where nothing is known.
        source: in words.
        degrees: of freedom that it was measured on; None where it is assumed.
    """

    value: float | None
    source: str
    degrees: int | None = None


@attrs.frozen
class Sight:
    """What can be seen of a term's effect; numbers are None where there will be no interval.

    Attributes:
        order: of how many factors it is.
        half_width: of its 95 % interval.
        detectable: the smallest true effect that is found, alone at 5 %.
        detectable_adjusted: the same at the first step of Holm's correction over all effects.
        aliases: terms that are mixed into it.
    """

    term: str
    order: int
    half_width: float | None
    detectable: float | None
    detectable_adjusted: float | None
    aliases: tuple[str, ...]


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
        power: with which the smallest effects are found.
        effects: that can be estimated.
        lost: that cannot.
    """

    degrees: int
    method: str
    power: float
    effects: tuple[Sight, ...]
    lost: tuple[Lost, ...]


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
        degrees: of freedom of ``sd``.
        power: with which they are found.
        plain: of one comparison alone.
        adjusted: corrected for all comparisons (Dunnett).
        half_width: of a simultaneous interval.
    """

    sd: float | None
    degrees: int
    power: float
    plain: float | None = None
    adjusted: float | None = None
    half_width: float | None = None


def sights(design: Design, sd: float, order: int | None = None) -> Sights:
    """Return what a design can be expected to see.

    Of each effect: the half-width of its 95 % interval, and the smallest true effect that is found
    with 80 % power, alone at 5 % and at the first step of Holm's correction over all effects
    (noncentral t; Lehmann & Romano, Testing Statistical Hypotheses, 3rd ed., §5.3). Without a
    degree of freedom these are Lenth's, if few effects are real. Lists what cannot be estimated.

    Args:
        design: which runs.
        sd: of a single run.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
    """
    runs = [(cell, seed) for seed in design.seeds for cell in design.cells]
    model = Model.of(design.factors, [c for c, _ in runs], [s for _, s in runs], order)
    errors = sd * np.sqrt((model.effects**2).sum(1))
    degrees: float | None = float(model.degrees)
    method = "t"
    if model.degrees == 0:
        regular = model.orthogonal and len(model.kept) >= FEWEST
        degrees, method = (len(model.kept) / 3, "Lenth") if regular else (None, "none")
    half, alone, first = _in_errors(degrees, len(model.kept)) if degrees else (None,) * 3
    return Sights(
        degrees=model.degrees,
        method=method,
        power=POWER,
        effects=tuple(
            Sight(
                term.name,
                len(term.factors),
                _times(half, error),
                _times(alone, error),
                _times(first, error),
                model.aliases[term.name],
            )
            for term, error in zip(model.kept, errors.tolist(), strict=True)
        ),
        lost=tuple(
            Lost(term.name, len(term.factors), model.aliases[term.name]) for term in model.lost
        ),
    )


def _times(factor: float | None, error: float) -> float | None:
    return None if factor is None else factor * error


def leave_one_out_sights(design: Design, sd: float) -> LeaveOneOutSights:
    """Return what leave-one-out would see with as many runs, or one fewer for each seed.

    Every variant lacks one factor, or has another level of it, and is compared with the whole by
    t on pooled variances, seeds being blocks: ±t · SD · √(2/seeds).
    """
    variants = 1 + sum(len(factor.levels) - 1 for factor in design.factors)
    seeds = design.runs // variants
    degrees = (variants - 1) * (seeds - 1)
    if degrees <= 0:
        return LeaveOneOutSights(variants, seeds, variants * seeds)
    error = sd * math.sqrt(2 / seeds)
    seen = (n * error for n in _in_errors(degrees, variants - 1))
    return LeaveOneOutSights(variants, seeds, variants * seeds, *seen)


def _in_errors(degrees: float, effects: int) -> tuple[float, float, float]:
    """Return half-width, detectable effect alone and after Holm, in standard errors."""
    from scipy import stats

    half = float(stats.t.ppf(0.975, degrees))
    first = float(stats.t.ppf(1 - 0.025 / effects, degrees))
    return half, shift(degrees, half, POWER), shift(degrees, first, POWER)


def detectable_differences(sd: float | None, degrees: int, count: int, seeds: int) -> Detectable:
    """Return the smallest differences that a comparison with a control finds with 80 % power.

    Args:
        sd: of a single run; None where it is not known.
        degrees: of freedom of ``sd``.
        count: comparisons with the control.
        seeds: runs of each variant.
    """
    if not sd or degrees <= 0 or seeds < 2:
        return Detectable(sd, degrees, POWER)
    critical = critical_value(count, float(degrees))
    alone = critical_value(1, float(degrees))
    return Detectable(
        sd,
        degrees,
        POWER,
        plain=detectable(sd, seeds, degrees, alone, POWER),
        adjusted=detectable(sd, seeds, degrees, critical, POWER),
        half_width=critical * sd * math.sqrt(2 / seeds),
    )
