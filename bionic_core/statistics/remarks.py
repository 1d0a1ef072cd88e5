"""What a reader must know of effects, a sentence each: error, spreads, seeds, the design."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bionic_core.statistics.adjusted import Adjusted, slope_notes
from bionic_core.statistics.designs import Draws, Factor, word
from bionic_core.statistics.effect import Effect, Row
from bionic_core.statistics.fit import Fit
from bionic_core.statistics.linear import SEEDS, highest_order
from bionic_core.statistics.mixed import Mixed, nil_notes
from bionic_core.statistics.spreads import SPREADS, Varying, level_spreads


def remarks(fit: Fit, effects: Sequence[Effect], adjusted: Adjusted) -> Iterator[str]:
    """Give what the fit of some effects leaves untold, and what they are adjusted for."""
    yield from _fit_notes(fit)
    yield from slope_notes(fit, adjusted)
    if isinstance(fit.error, Mixed):
        yield from nil_notes(fit.error.effects)
    yield from _untold(fit, effects)
    yield from _spread_notes(fit)


def _fit_notes(fit: Fit) -> Iterator[str]:
    model = fit.model
    runs, coefficients = model.columns.shape
    blocked = [t.name for t in model.lost if SEEDS in model.aliases[t.name]]
    if blocked:
        which = f"{len(blocked)} terms" if len(blocked) > 3 else ", ".join(blocked)
        own = (
            "each run has a seed (block) of its own"
            if model.blocks.shape[1] == runs
            else ("some change from seed to seed (block) as a whole")
        )
        yield (
            f"{own}, so that blocks leave nothing to tell {which} by: analyse without blocks "
            "(bionic analyse --no-blocks), which takes runs of different seeds as comparable"
        )
    if not model.kept:
        return
    if model.degrees == 0:
        yield (
            f"nothing is left to estimate error from: {runs} runs, {coefficients} coefficients; "
            "add seeds"
        )
    elif fit.sd == 0:
        yield "the model fits every run exactly, so there is no error to judge by: no intervals"


def _untold(fit: Fit, effects: Sequence[Effect]) -> Iterator[str]:
    """Say which estimates have no interval though there is error, and what would give one."""
    names = [e.term for e in effects if e.estimate is not None and e.low is None]
    if not names or not fit.sd > 0:
        return
    which = f"{len(names)} terms" if len(names) > 3 else ", ".join(names)
    yield (
        f"no interval of {which}: what would tell their error is in one seed or combination "
        "alone, or agrees to the last digit; more seeds give one (or --error pooled, which takes "
        "the error of all other runs)"
    )


def _spread_notes(fit: Fit) -> Iterator[str]:
    """Say which spreads disagree, and what that changes."""
    p = np.nan_to_num(level_spreads(fit), nan=1.0)
    if isinstance(fit.error, Mixed) or not len(p):
        return
    worst = int(p.argmin())
    if p[worst] >= SPREADS:
        return
    factor = fit.model.factors[worst]
    of_level = {
        word(level): float(np.sqrt(np.mean(fit.residuals[fit.model.levels[:, worst] == n] ** 2)))
        for n, level in enumerate(factor.levels)
    }
    widths = ", ".join(f"{size:.3g} at {level}" for level, size in of_level.items())
    yield (
        f"spreads disagree between the levels of {factor.name} (residuals of {widths}; "
        f"Brown–Forsythe p = {p[worst]:.2g}); "
        + (
            "intervals and p take them as equal, so they are rough"
            if fit.error.name == "pooled"
            else f"intervals and p by {fit.error.name} allow for that"
        )
    )


def seed_notes(fit: Fit, found: Mapping[str, Varying], confidence: float) -> Iterator[str]:
    """Say by what error intervals are, which effects differ between seeds, and what could tell."""
    if fit.sd > 0:
        yield f"intervals and p by {fit.error.name}: {fit.error.assumption}"
    if fit.error.name == "seeds" and fit.sd > 0:
        from scipy.special import stdtrit

        _, degrees = fit.error.expected(fit.model.effects)
        fewest = float(np.nanmin(degrees, initial=np.inf))
        if fewest < 1.5:
            half = stdtrit(fewest, (1 + confidence) / 2)
            yield (
                f"so few seeds make intervals wide: t on {fewest:.3g} degrees of freedom, "
                f"±{half:.3g} standard errors; one seed more makes them less than half as wide"
            )
    if not found:
        return
    seeds = fit.model.blocks.shape[1]
    power = min(one.power for one in found.values())
    differ = {name: one for name, one in found.items() if one.p * len(found) < SPREADS}
    told = ", ".join(f"{name} (SD {one.sd:.3g}, p = {one.p:.2g})" for name, one in differ.items())
    least = min(one.p for one in found.values())
    seen = (
        f"effects that differ between seeds: {told}"
        if differ
        else f"no effect is seen to differ between seeds (smallest p {least:.2g} of {len(found)})"
    )
    yield (
        f"{seen}; {seeds} seeds would "
        f"show an SD as large as a run's in {100 * power:.0f} % of studies, each effect tested "
        f"alone at {100 * SPREADS:.0f} %"
        + ("; pooled intervals would be too narrow for them" if differ else "")
    )


def design_notes(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    effects: Sequence[Effect],
    order: int | None,
    draws: Draws | None,
) -> Iterator[str]:
    """Say what a design leaves out, cannot tell apart, or has unequally often."""
    listed = min(order or len(factors), highest_order(factors))
    if listed < len(factors):
        what = "taken as nil: they are part of the error" if order else "not listed"
        yield f"interactions of more than {listed} factors are {what}"
    lost = [effect for effect in effects if effect.estimate is None]
    if len(lost) <= 4:
        for effect in lost:
            more = f" and {len(effect.aliases) - 6} more" if len(effect.aliases) > 6 else ""
            first = ", ".join(effect.aliases[:6])
            yield f"{effect.term} cannot be told from {first}{more} in these runs"
    else:
        yield (
            f"{len(lost)} of {len(effects)} terms cannot be told from others in these runs; an "
            "estimate includes its aliases"
        )
    runs = Counter((tuple(levels[f.name] for f in factors), seed) for levels, seed, _ in rows)
    cells, seeds = {cell for cell, _ in runs}, {seed for _, seed in runs}
    counts = [runs[cell, seed] for cell in cells for seed in seeds]
    if draws is None and min(counts) < max(counts):
        yield (
            f"unbalanced: {min(counts)} to {max(counts)} runs for a combination and seed, "
            f"{len(rows)} in all; effects are least-squares estimates, not plain differences of "
            "means"
        )
    combinations = math.prod(len(factor.levels) for factor in factors)
    if len(cells) < combinations:
        yield f"the runs cover {len(cells)} of {combinations} combinations of levels"
