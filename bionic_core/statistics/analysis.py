"""The whole analysis of a designed experiment, in numbers and in words.

Effects with intervals (:mod:`bionic_core.statistics.effects`), the analysis of variance behind
them, Lenth's method where there is no replication, trends over ordered levels, what leave-one-out
would have seen in the same runs, and what the residuals say about all of this.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from bionic_core.base.numbers import rough
from bionic_core.base.records import to_document
from bionic_core.statistics.adjusted import ALONE, Adjusted, slopes
from bionic_core.statistics.crossed import Images, Over
from bionic_core.statistics.designs import Draws, Factor, Level, in_words, word
from bionic_core.statistics.drawn_errors import OverDraws
from bionic_core.statistics.effect import Row
from bionic_core.statistics.effects import Effects, estimate_effects
from bionic_core.statistics.ensemble import climbed, ensembles
from bionic_core.statistics.findings import (
    Component,
    Findings,
    LeftOut,
    LevelMean,
    Residual,
    Response,
    Source,
    Trend,
)
from bionic_core.statistics.fit import Fit, finite
from bionic_core.statistics.lenth import FEWEST, half_normal, lenth
from bionic_core.statistics.linear import Matrix
from bionic_core.statistics.looks import Look
from bionic_core.statistics.mixed import Mixed
from bionic_core.statistics.verdicts import verdicts

OUTLIER = 0.05
"""A run is named if its residual is this unlikely, corrected for the number of runs."""

NO_LENTH = (
    "Lenth's method needs three effects or more, independent and equally certain, which these are "
    "not: add seeds"
)

TRENDS = ("linear", "quadratic", "cubic")

Judged = tuple[float, float | None, float | None, float | None]
"""Estimate, low, high and p of a contrast."""


@attrs.frozen(eq=False)
class Analysis:
    """What an analysis found, and the effects with the fit that they come from.

    Attributes:
        findings: everything, as it is shown and written.
        effects: with their fit.
    """

    findings: Findings
    effects: Effects

    @property
    def notes(self) -> tuple[str, ...]:
        """All sentences: of the effects, then of the runs."""
        return self.findings.notes

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON-ready data."""
        document: dict[str, Any] = to_document(self.findings)
        return document


def analyse_rows(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    *,
    response: Response,
    confidence: float = 0.95,
    order: int | None = None,
    error: str | None = None,
    images: Images | None = None,
    margin: float | None = None,
    look: Look | None = None,
    tested: int | None = None,
    along: Mapping[str, Sequence[str]] | None = None,
    block: str = "seed",
    said: Sequence[str] = (),
    draws: Draws | None = None,
    ladders: Mapping[str, Sequence[Level]] | None = None,
    adjusted: Adjusted = ALONE,
) -> Analysis:
    """Analyse finished runs.

    Args:
        factors: in the order in which they are shown.
        rows: levels, seed (or other block) and response of each run.
        response, confidence: what the responses are, and of the intervals.
        order: of interactions, the highest that is estimated; higher ones are taken as error.
        error, images, margin, draws, look, adjusted: as for :func:`estimate_effects`.
        tested: images that all rows were tested on, where there are such.
        along: factors that cannot stay where another is out, by its name.
        block: what blocks are called.
        said: sentences about runs that are not among the rows.
        ladders: by a factor's name, its levels in order, each keeping more of the real.

    Raises:
        RequestError: as :func:`bionic_core.statistics.effects.estimate_effects`.
    """
    asked: dict[str, Any] = {"order": order, "error": error, "images": images, "look": look}
    asked |= {"scale": response.scale, "confidence": confidence, "margin": margin, "draws": draws}
    effects = estimate_effects(factors, rows, **asked, adjusted=adjusted)
    fit, model = effects.fit, effects.fit.model
    estimates = [term.name for term in model.kept], model.effects @ fit.responses
    regular = model.orthogonal and len(model.kept) >= FEWEST and not adjusted
    over = _over(fit, rows, draws, tested=tested, new=images is not None, block=block)
    notes = [over.said, *said] + [NO_LENTH] * (not model.degrees and not regular)
    findings = Findings(
        response=response,
        effects=effects.effects,
        residual=_residual(effects),
        anova=tuple(_anova(fit, block)),
        half_normal=half_normal(*estimates) if regular else (),
        lenth=lenth(*estimates, confidence, margin) if regular and not model.degrees else None,
        trends=tuple(_trends(fit, confidence)),
        leave_one_out=_left_out(fit, along or {}, confidence, margin),
        over=over,
        margin=margin,
        ladders=tuple(climbed(fit, factors, ladders or {}, confidence)),
        **_random(fit, draws, rows, adjusted, confidence),
        notes=(*effects.notes, *notes, *_residuals(fit, rows, response, block)),
    )
    return Analysis(findings, effects)


def _random(
    fit: Fit, draws: Draws | None, rows: Sequence[Row], adjusted: Adjusted, confidence: float
) -> dict[str, Any]:
    """Return what draws and random effects say, and the slopes of covariates, as findings."""
    return {
        "covariates": tuple(slopes(fit, adjusted, confidence)),
        "random": fit.error.effects if isinstance(fit.error, Mixed) else (),
        "ensembles": tuple(ensembles(fit, draws, rows, confidence)) if draws else (),
    }


def _over(fit: Fit, rows: Sequence[Row], draws: Draws | None, *, block: str, **about: Any) -> Over:
    """Return over what intervals generalise; ``about`` as for :meth:`Over.of`."""
    model = fit.model
    repeated, blocks = model.degrees > 0, model.blocks.shape[1]
    if draws is not None:
        blocks, block = len({seed for _, seed, _ in rows}), f"draws of {draws.factor} and {block}"
    if isinstance(fit.error, Mixed):
        *random, _ = fit.error.effects
        blocks, block = random[0].levels, f"levels of {', '.join(e.name for e in random)} and run"
    return Over.of(blocks, about["tested"], new=about["new"], block=block, repeated=repeated)


def _residual(effects: Effects) -> Residual:
    error = effects.fit.error
    if not effects.fit.sd > 0:
        return Residual(effects.residual_sd, effects.degrees, robust=False)
    robust = error.name != "pooled"
    return Residual(effects.residual_sd, effects.degrees, robust, error.name, error.assumption)


def _anova(fit: Fit, block: str) -> Iterator[Source]:
    """Give sums of squares, each term's after all others (type III), as columns are centred.

    A source's is b′ (L (X′X)⁻¹ L′)⁻¹ b over its coefficients b. F and p are by the error of the
    effects: of one degree, F is the effect's t². Seeds are judged by a pooled residual alone: they
    are what other errors are told by.
    """
    model = fit.model
    responses = fit.responses - fit.responses.mean()
    coefficients = model.inverse @ responses
    covariance = model.inverse @ model.inverse.T
    blocks = model.blocks.shape[1]
    sources = [(block, list(range(1, blocks)))] if blocks > 1 else []
    sources += [(name, [place]) for place, name in enumerate(model.covariates, blocks)]
    kept = enumerate(model.kept, model.first)
    for group, terms in itertools.groupby(kept, key=lambda numbered: numbered[1].factors):
        name = ":".join(model.factors[place].term for place in group)
        sources.append((name, [number for number, _ in terms]))
    residual = 0.0 if fit.sd == 0 or not model.degrees else float((fit.residuals**2).sum())
    degrees = model.degrees
    drawn = isinstance(fit.error, Mixed)
    first = 0 if drawn or fit.error.name == "pooled" else blocks
    alone = np.column_stack(fit.judge(model.inverse[first:]))
    for name, places in sources:
        b, part = coefficients[places], covariance[np.ix_(places, places)]
        squares = float(b @ np.linalg.solve(part, b))
        can = fit.sd > 0 and places[0] >= first
        judged = _judge_source(fit, places, alone[places[0] - first]) if can else ()
        if drawn and judged:  # of a mixed model, squares are what F says of the error's variance
            squares = (judged[0] or 0.0) * len(places) * fit.sd**2
        yield Source(name, len(places), squares, squares / len(places), *judged)
    if drawn:
        return
    if isinstance(fit.error, OverDraws) and residual:
        left, free = fit.error.of_runs(fit.responses)
        squares, of_draws = residual - left, degrees - free
        yield Source("draws", of_draws, squares, squares / of_draws if of_draws else None)
        residual, degrees = left, free
    yield Source("residual", degrees, residual, residual / degrees if degrees else None)
    total = float(((fit.responses - fit.responses.mean()) ** 2).sum())
    yield Source("total", len(fit.responses) - 1, total)


def _judge_source(
    fit: Fit, places: Sequence[int], alone: Matrix
) -> tuple[float | None, float | None, float | None, float | None, str]:
    """Return F, p, both degrees of freedom, and what they are by; None where nothing tells.

    Args:
        fit: of the runs.
        places: of the source's coefficients.
        alone: estimate, standard error and degrees of freedom of the first of them.
    """
    from scipy import special

    estimate, error, degrees = alone.tolist()
    f, on = (estimate / error) ** 2, (1.0, degrees)
    if len(places) > 1:
        contrasts = fit.model.inverse[places]
        _, errors, _ = fit.judge(contrasts)
        joint = fit.error.joint(contrasts, fit.responses)
        f = float(joint.f) if np.isfinite(errors).all() else np.nan
        on = float(joint.degrees), float(joint.denominator)
    if not np.isfinite(f):
        return None, None, None, None, ""
    test = fit.error.test if fit.images is None else f"{fit.error.test}, on these images"
    test += "" if fit.look is None else ", of this look alone"
    return f, float(special.fdtrc(*on, f)), *on, test


def _trends(fit: Fit, confidence: float) -> Iterator[Trend]:
    """Give, for each factor of ordered numbers, its means and its polynomial contrasts.

    Contrasts are those of monic orthogonal polynomials at the levels as they are spaced, so that
    the estimate of degree d is the coefficient of x^d: the linear one is the slope, in the
    response's units for each unit of the factor.
    """
    model = fit.model
    for place, factor in enumerate(model.factors):
        if not factor.doses:
            continue
        numbers = [n for n, term in enumerate(model.kept, model.first) if term.factors == (place,)]
        if len(numbers) < len(factor.levels) - 1:
            continue
        x = np.array([float(level) for level in factor.levels])
        means = np.zeros((len(x), len(model.inverse)))
        means[:, 0] = 1
        means[:, numbers] = np.eye(len(x))[:, 1:] - 1 / len(x)
        contrasts = np.zeros((min(len(x) - 1, len(TRENDS)), len(model.inverse)))
        contrasts[:, numbers] = _polynomials(x, len(contrasts))[:, 1:]
        at, each = (_judged(fit, rows @ model.inverse, confidence) for rows in (means, contrasts))
        yield Trend(
            factor.name,
            factor.levels,
            tuple(LevelMean(level, *one) for level, one in zip(factor.levels, at, strict=True)),
            tuple(
                Component(degree, name, *one)
                for degree, (name, one) in enumerate(zip(TRENDS, each, strict=False), 1)
            ),
        )


def _polynomials(x: Matrix, highest: int) -> Matrix:
    """Return weights (degrees, levels) whose products with means are coefficients of x^d."""
    found: list[Matrix] = [np.ones(len(x))]
    for degree in range(1, highest + 1):
        rest = (x - x.mean()) ** degree
        for lower in found:
            rest = rest - lower * (lower @ rest) / (lower @ lower)
        found.append(rest)
    return np.stack([p / (p @ p) for p in found[1:]])


def _judged(fit: Fit, weights: Matrix, confidence: float) -> list[Judged]:
    """Return estimate, interval and p of contrasts over the runs."""
    return [
        (estimate, *map(finite, others))
        for estimate, *others, _ in fit.judged(weights, confidence).tolist()
    ]


def _left_out(
    fit: Fit,
    along: Mapping[str, Sequence[str]],
    confidence: float,
    margin: float | None,
) -> tuple[LeftOut, ...]:
    """Return what leaving each factor out of everything on changes, and how sure that would be.

    Everything on is the second level of what is off and on, the first of all others. Where both
    cells were run and the model has all their terms, the estimate is the difference of their
    means; else it is what the model's terms say.
    """
    lines = list(_places_left(fit, along))
    if not lines:
        return ()
    contrasts = np.stack([vector for *_, vector in lines]) @ fit.model.inverse
    judged = _judged(fit, contrasts, confidence)
    words = verdicts(*fit.certainty(contrasts), margin)
    return tuple(
        LeftOut(term, gone, runs, min(runs) == 0, *one, verdict)
        for (term, gone, runs, _), one, verdict in zip(lines, judged, words, strict=True)
    )


def _places_left(
    fit: Fit, along: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, tuple[str, ...], tuple[int, ...], Matrix]]:
    """Give each difference from everything on: its name, what goes along, runs, coefficients."""
    model = fit.model
    at = {factor.name: place for place, factor in enumerate(model.factors)}
    whole = tuple(1 if factor.levels == (False, True) else 0 for factor in model.factors)
    runs = Counter(map(tuple, model.levels.tolist()))
    here = model.at(whole)
    for place, factor in enumerate(model.factors):
        reference = factor.levels[whole[place]]
        gone = tuple(name for name in along.get(factor.name, ()) if name in at)
        for number, level in enumerate(factor.levels):
            if number == whole[place]:
                continue
            changed = {place: number} | {at[name]: 0 for name in gone}  # off is the first level
            other = tuple(changed.get(n, level) for n, level in enumerate(whole))
            vector, term = here - model.at(other), factor.name
            if factor.levels != (False, True):
                vector = -vector
                term += f" {word(level)} less {word(reference)}"
            yield term, gone, (runs[whole], runs[other]), vector


def _residuals(fit: Fit, rows: Sequence[Row], response: Response, block: str) -> Iterator[str]:
    """Say in words what the residuals show."""
    model = fit.model
    if model.degrees < 3 or not fit.sd > 0:
        return
    from scipy import special

    e, share = fit.residuals, 1 - model.leverage
    if isinstance(fit.error, Mixed):  # leverages are those of fixed effects alone
        share = np.zeros_like(share)
    free = share > 1e-8
    rest = np.maximum(model.degrees * fit.sd**2 - e[free] ** 2 / share[free], 0)
    with np.errstate(divide="ignore"):
        t = e[free] / np.sqrt(share[free] * rest / (model.degrees - 1))
    p = np.minimum(2 * special.stdtr(model.degrees - 1, -np.abs(t)) * len(e), 1)
    unit = f" {response.unit}" if response.unit else ""
    far: dict[str, list[tuple[float, str]]] = {}
    for run in np.flatnonzero(free)[p < OUTLIER]:
        cell, seed, _ = rows[run]
        levels = in_words({factor.name: cell[factor.name] for factor in model.factors})
        far.setdefault(levels, []).append((float(e[run]), word(seed)))
    for levels, found in list(far.items())[:3]:
        yield (
            f"{levels} stands out: {' and '.join(f'{block} {seed}' for _, seed in found)} "
            f"{'lies' if len(found) == 1 else 'lie'} "
            f"{' and '.join(rough(away, 3, signed=True) for away, _ in found)}{unit} from what the "
            f"model expects (p {'< 0.001' if p.min() < 0.001 else f'= {p.min():.2g}'}, "
            "corrected); look at the run, and see whether the effects hold without it"
        )
    normal = _normal(e) if 8 <= len(e) <= 5000 and model.degrees >= 5 else None
    words = f"residuals: SD {fit.sd:.3g}{unit} on {model.degrees} degrees of freedom"
    if normal is not None:
        words += (
            f"; they are not normal (Shapiro–Wilk p = {normal:.2g}), so that p near 0.05 is rough"
            if normal < 0.01
            else f"; nothing speaks against normal ones (Shapiro–Wilk p = {normal:.2f})"
        )
    if free.any() and not (p < OUTLIER).any():
        words += "; no run stands out"
    yield words


def _normal(residuals: Matrix) -> float:
    """Return p of Shapiro and Wilk's test."""
    from scipy import stats  # a second of importing, which only this needs

    return float(stats.shapiro(residuals).pvalue)
