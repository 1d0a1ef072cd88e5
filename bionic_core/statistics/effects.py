"""Effects: what each factor changes, alone and together, and how sure that is.

The model is least squares: response ~ seed blocks + every main effect and interaction that the
runs can tell apart (:mod:`bionic_core.statistics.linear`). A main effect is mean(second level) −
mean(first level) over all other settings; an interaction A:B is half of (effect of A with B on −
effect of A with B off), and so on for higher orders. Both are twice the coefficient of a column of
−1 and +1 (Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., ch. 5). A factor of more
than two levels has one effect for each level against its first, ``a=level``, averaged over the
other factors like any other. How sure effects are is :mod:`bionic_core.statistics.errors`'.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from bionic_core.base.records import to_document
from bionic_core.errors import RequestError, listing
from bionic_core.statistics.crossed import Certainty, Images
from bionic_core.statistics.designs import Draws, Factor, Level, faults, identity, word
from bionic_core.statistics.drawn_errors import OverDraws, drawn_error
from bionic_core.statistics.errors import ErrorModel
from bionic_core.statistics.fit import Fit, error_of, finite, holm
from bionic_core.statistics.lenth import LEVEL
from bionic_core.statistics.linear import SEEDS, Matrix, Model, highest_order
from bionic_core.statistics.looks import Look
from bionic_core.statistics.spreads import SPREADS, Varying, level_spreads, varying
from bionic_core.statistics.verdicts import Verdict, verdicts

Row = tuple[Mapping[str, Level], Level, float]
"""A run: its levels, its seed (or other block), its response."""


@attrs.frozen
class Effect:
    """One term's effect, in the response's units times ``scale``.

    Attributes:
        term: ``a``, or ``a:b``.
        estimate: None where the runs cannot tell it from the terms in ``aliases``.
        low, high: confidence interval; None, as the two below, where there is no estimate or
            nothing to judge it by.
        p: of the hypothesis that the effect is zero (t test).
        p_adjusted: the same after Holm's correction over all estimated terms (Scandinavian
            Journal of Statistics 6, 65, 1979).
        aliases: of a term without an estimate, the earlier terms that it is a combination of;
            of a term with one, the later terms that are mixed into it.
        degrees: of freedom of its standard error.
        seed_sd: SD of the effect over seeds, beyond what the error of runs explains; None, as
            seed_p, where the runs cannot tell.
        seed_p: of the hypothesis that all seeds have the same effect (F test), uncorrected.
        image_error: what new images add to its standard error, in quadrature; None where the
            interval is of these images.
        verdict: of the effect against a margin; None without one, or without an interval.
    """

    term: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    aliases: tuple[str, ...] = ()
    degrees: float | None = None
    seed_sd: float | None = None
    seed_p: float | None = None
    image_error: float | None = None
    verdict: Verdict | None = None

    @property
    def image_half(self) -> float | None:
        """What new images alone add to a 95 % interval's half-width, in quadrature."""
        return None if self.image_error is None else 1.96 * self.image_error

    @property
    def certain(self) -> bool:
        """Whether p, corrected for all terms, is below 5 %."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL

    @property
    def order(self) -> int:
        """Of how many factors it is: 1 for a main effect, 2 for a pair."""
        return self.term.count(":") + 1


@attrs.frozen
class Effects:
    """All effects of an experiment.

    Attributes:
        effects: in standard order: main effects, pairs, triples …
        residual_sd: of a single run, in the effects' units; None with no degree of freedom.
        degrees: residual degrees of freedom.
        confidence: of the intervals, a share.
        notes: what a reader must know, a sentence each.
        fit: that they come from.
    """

    effects: tuple[Effect, ...]
    residual_sd: float | None
    degrees: int
    confidence: float
    notes: tuple[str, ...]
    fit: Fit = attrs.field(repr=False, eq=False)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the effects as JSON-ready data."""
        found: list[dict[str, Any]] = to_document(self.effects)
        return found


def estimate_effects(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    *,
    scale: float = 1.0,
    confidence: float = 0.95,
    order: int | None = None,
    error: str | None = None,
    images: Images | None = None,
    margin: float | None = None,
    look: Look | None = None,
    draws: Draws | None = None,
) -> Effects:
    """Return every effect that the runs can tell apart.

    Terms are taken by order; one is estimated if it is no combination of the seed blocks and
    the terms before it. Where the runs leave no degree of freedom, or the fit leaves no residual
    beyond rounding, estimates stand without intervals or p, and a note says so.

    Args:
        factors: in the order in which terms are named, by each factor's ``term``.
        rows: finished runs, seeds being blocks; unbalanced or missing cells are allowed, as are
            levels of other factors, which are ignored.
        scale: 100 turns fractions into percentage points.
        confidence: of the intervals, between 0 and 1.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
        error: what tells how sure effects are, ``seeds``, ``pooled`` or ``cells``
            (:mod:`bionic_core.statistics.errors`; of ``cells``, seeds are no blocks); if None,
            seeds where there are several, else cells that are repeated, else pooled.
        images: of the rows, in the responses' units, if intervals are over new images too.
        margin: against which each effect gets a verdict, in the effects' units; none if None.
        look: that the rows are of, if the study could have ended at others.
        draws: of a factor's levels, over which intervals are too (``seeds`` or ``pooled``).

    Raises:
        RequestError: factors that are none, no runs, a run without a factor or with a level that
            the factor does not have, a response that is not a number, a confidence that is no
            share, an order below 1, or an error that these runs cannot tell.
    """
    if problems := _problems(factors, rows, confidence, order):
        raise RequestError(problems)
    error_model, model = _error(factors, rows, order, error, draws)
    response = scale * np.array([value for *_, value in rows], np.float64)
    fit = Fit.of(model, response, error_model, images and images.scaled(scale), look)
    by_seed = {} if draws else varying(fit)  # draws differ too, and a residual mixes them
    known = {effect.term: effect for effect in _judged(fit, by_seed, confidence, margin)}
    effects = tuple(
        attrs.evolve(
            known.get(term.name, Effect(term.name, None)), aliases=model.aliases[term.name]
        )
        for term in model.terms
    )
    notes = [
        *_fit_notes(fit),
        *_untold(fit, effects),
        *_spread_notes(fit),
        *_seed_notes(fit, by_seed, confidence),
        *_design_notes(factors, rows, effects, order, draws),
    ]
    return Effects(effects, *_of_a_run(fit), confidence, tuple(notes), fit)


def _error(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    order: int | None,
    error: str | None,
    draws: Draws | None,
) -> tuple[ErrorModel, Model]:
    """Return what tells the error of rows, and their model."""
    cells, seeds = [cell for cell, *_ in rows], [seed for _, seed, _ in rows]
    own = draws is not None and draws.nested  # seeds of each draw: no blocks of all runs
    blocks = [0 if own or error == "cells" else seed for seed in seeds]
    model = Model.of(factors, cells, blocks, order)
    if draws is not None:
        return drawn_error(model, draws, cells, seeds, error), model
    return error_of(model, error), model


def _of_a_run(fit: Fit) -> tuple[float | None, int]:
    """Return the SD of a run's own error, of which draws are no part, and its degrees."""
    if not isinstance(fit.error, OverDraws) or not fit.sd > 0:
        return finite(fit.sd), fit.model.degrees
    squares, degrees = fit.error.of_runs(fit.responses)
    return math.sqrt(squares / degrees) if degrees else None, degrees


def _judged(
    fit: Fit, by_seed: Mapping[str, Varying], confidence: float, margin: float | None
) -> Iterator[Effect]:
    """Give each kept term's effect, judged."""
    model = fit.model
    judged = fit.judged(model.effects, confidence)
    estimates, sure = fit.certainty(model.effects)
    numbers = np.column_stack([judged, holm(judged[:, 3]), _of_images(sure)])
    words = verdicts(estimates, sure, margin)
    for term, row, verdict in zip(model.kept, numbers.tolist(), words, strict=True):
        estimate, low, high, p, degrees, adjusted, image_error = map(finite, row)
        seeds = by_seed.get(term.name)
        yield Effect(
            term.name,
            estimate,
            low,
            high,
            p,
            adjusted,
            degrees=degrees,
            seed_sd=seeds.sd if seeds else None,
            seed_p=seeds.p if seeds else None,
            image_error=image_error,
            verdict=verdict,
        )


def _of_images(sure: Certainty) -> Matrix:
    return np.full_like(sure.runs, np.nan) if sure.images is None else sure.images


def _problems(
    factors: Sequence[Factor], rows: Sequence[Row], confidence: float, order: int | None
) -> list[str]:
    problems = faults(factors)
    if order is not None and order < 1:
        problems.append(f"the order is {order}; 1 asks for main effects, 2 for pairs too")
    if not 0 < confidence < 1:
        problems.append(f"the confidence is {confidence}; give a share between 0 and 1, as 0.95")
    if not rows:
        problems.append("no run has finished, so there is nothing to estimate")
    for factor in factors:
        given: list[Any] = [levels.get(factor.name) for levels, *_ in rows]
        known = set(map(identity, factor.levels))
        wrong = [identity(one) not in known for one in given]
        if any(wrong):
            found = {repr(one) for one, yes in zip(given, wrong, strict=True) if yes}
            problems.append(
                f"factor '{factor.name}' is {listing(found)} in {_which(wrong)}; its levels are "
                + ", ".join(map(repr, factor.levels))
            )
    infinite = [not math.isfinite(response) for *_, response in rows]
    if any(infinite):
        problems.append(f"the response is not a finite number in {_which(infinite)}")
    return problems


def _which(chosen: Sequence[bool]) -> str:
    """Name the chosen runs, counted from 1, the first few of them."""
    numbers = [number for number, yes in enumerate(chosen, 1) if yes]
    more = f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    return f"run{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:3]))}{more}"


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


def _seed_notes(fit: Fit, found: Mapping[str, Varying], confidence: float) -> Iterator[str]:
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


def _design_notes(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    effects: Sequence[Effect],
    order: int | None,
    draws: Draws | None,
) -> Iterator[str]:
    listed = min(order or len(factors), highest_order(factors))
    if listed < len(factors):
        what = "taken as nil: they are part of the error" if order else "not listed"
        yield f"interactions of more than {listed} factors are {what}"
    lost = [effect for effect in effects if effect.estimate is None]
    if len(lost) <= 4:
        for effect in lost:
            yield f"{effect.term} cannot be told from {', '.join(effect.aliases)} in these runs"
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
