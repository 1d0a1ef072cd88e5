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
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from bionic_core.base.records import to_document
from bionic_core.errors import RequestError, listing
from bionic_core.statistics.adjusted import ALONE, Adjusted
from bionic_core.statistics.crossed import Certainty, Images
from bionic_core.statistics.designs import Draws, Factor, faults, identity
from bionic_core.statistics.drawn_errors import OverDraws, drawn_error
from bionic_core.statistics.effect import Effect, Row
from bionic_core.statistics.errors import ErrorModel
from bionic_core.statistics.fit import Fit, error_of, finite, holm
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.statistics.looks import Look
from bionic_core.statistics.mixed import Mixed, mixed
from bionic_core.statistics.remarks import design_notes, remarks, seed_notes
from bionic_core.statistics.spreads import Varying, varying
from bionic_core.statistics.verdicts import verdicts


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
    adjusted: Adjusted = ALONE,
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
        adjusted: covariates and random effects, beside which there may be no factor.

    Raises:
        RequestError: factors that are none, no runs, a run without a factor or with a level that
            the factor does not have, a response that is not a number, a confidence that is no
            share, an order below 1, or an error that these runs cannot tell.
    """
    if problems := _problems(factors, rows, confidence, order, alone=not adjusted):
        raise RequestError(problems)
    response = scale * np.array([value for *_, value in rows], np.float64)
    error_model, model = _error(factors, rows, response, (order, error, draws, adjusted))
    fit = Fit.of(model, response, error_model, images and images.scaled(scale), look)
    drawn = isinstance(error_model, OverDraws | Mixed)
    if isinstance(error_model, Mixed):
        fit = attrs.evolve(fit, residuals=error_model.residuals, sd=error_model.sd)
    by_seed = {} if drawn or draws else varying(fit)  # those differ too, and a residual mixes them
    effects = _all(fit, by_seed, confidence, margin)
    notes = [
        *remarks(fit, effects, adjusted),
        *seed_notes(fit, by_seed, confidence),
        *design_notes(factors, rows, effects, order, draws),
    ]
    return Effects(effects, *_of_a_run(fit), confidence, tuple(notes), fit)


def _all(
    fit: Fit, by_seed: Mapping[str, Varying], confidence: float, margin: float | None
) -> tuple[Effect, ...]:
    """Return the effects of all terms, of which those that are lost have no estimate."""
    known = {effect.term: effect for effect in _judged(fit, by_seed, confidence, margin)}
    aliases = fit.model.aliases
    return tuple(
        attrs.evolve(known.get(t.name, Effect(t.name, None)), aliases=aliases[t.name])
        for t in fit.model.terms
    )


def _error(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    response: Matrix,
    asked: tuple[int | None, str | None, Draws | None, Adjusted],
) -> tuple[ErrorModel, Model]:
    """Return what tells the error of rows, and their model, by order, error, draws and beside."""
    order, error, draws, adjusted = asked
    cells, seeds = [cell for cell, *_ in rows], [seed for _, seed, _ in rows]
    own = draws is not None and draws.nested  # seeds of each draw: no blocks of all runs
    blocks = [0 if own or error == "cells" else seed for seed in seeds]
    if adjusted:
        adjusted.check(factors, cells, blocks, error, draws)
    model = Model.of(factors, cells, blocks, order, adjusted.columns)
    if adjusted.random:
        return mixed(model, response, adjusted.random)
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
    factors: Sequence[Factor],
    rows: Sequence[Row],
    confidence: float,
    order: int | None,
    *,
    alone: bool,
) -> list[str]:
    problems = faults(factors) if factors or alone else []
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
