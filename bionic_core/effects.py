"""Effects: what each factor changes, alone and together, and how sure that is.

The model is least squares: response ~ seed blocks + every main effect and interaction that the
runs can tell apart. A main effect is mean(second level) − mean(first level) over all other
settings; an interaction A:B is half of (effect of A with B on − effect of A with B off), and so
on for higher orders. Both are twice the coefficient of a column of −1 and +1 (Box, Hunter &
Hunter, Statistics for Experimenters, 2nd ed., ch. 5). A factor of more than two levels has one
effect for each level against its first, ``a=level``, averaged over the other factors like any
other.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.designs import Factor, Level, faults, same_level
from bionic_core.errors import RequestError, listing

Row = tuple[Mapping[str, Level], int, float]
"""A run: its levels, its seed, its response."""

Matrix = npt.NDArray[np.float64]

MEAN, SEEDS = "the mean of all runs", "the seeds"
"""What a term is told to be confounded with where it is no other term."""

ROUNDING = 1e-12
"""Residuals up to this share of the largest response are rounding, not error."""

DEPENDENT = 1e-8
"""A column that is left with this share of its length is a combination of earlier ones."""


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
    """

    term: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    aliases: tuple[str, ...] = ()


@attrs.frozen
class Effects:
    """All effects of an experiment.

    Attributes:
        effects: in standard order: main effects, pairs, triples …
        residual_sd: of a single run, in the effects' units; None with no degree of freedom.
        degrees: residual degrees of freedom.
        confidence: of the intervals, a share.
        notes: what a reader must know, a sentence each.
    """

    effects: tuple[Effect, ...]
    residual_sd: float | None
    degrees: int
    confidence: float
    notes: tuple[str, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the effects as JSON-ready data."""
        return [attrs.asdict(e) | {"aliases": list(e.aliases)} for e in self.effects]


def estimate_effects(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    *,
    scale: float = 1.0,
    confidence: float = 0.95,
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

    Raises:
        RequestError: factors that are none, no runs, a run without a factor or with a level that
            the factor does not have, a response that is not a number, or a confidence that is no
            share.
    """
    if problems := _problems(factors, rows, confidence):
        raise RequestError(problems)
    blocks = _blocks([seed for _, seed, _ in rows])
    terms = list(_terms(factors, rows))
    kept, aliases = _separate(blocks, terms)
    columns = np.column_stack([blocks, *(term.column for term in kept)])
    response = scale * np.array([value for *_, value in rows], np.float64)
    fit = _fit([term.name for term in kept], columns, response, confidence)
    known = {effect.term: effect for effect in fit.effects}
    effects = tuple(
        attrs.evolve(known.get(term.name, Effect(term.name, None)), aliases=aliases[term.name])
        for term in terms
    )
    degrees = len(rows) - columns.shape[1]
    notes = [*_fit_notes(fit, *columns.shape), *_design_notes(factors, rows, effects)]
    return Effects(effects, fit.residual_sd, degrees, confidence, tuple(notes))


def _problems(factors: Sequence[Factor], rows: Sequence[Row], confidence: float) -> list[str]:
    problems = faults(factors)
    if not 0 < confidence < 1:
        problems.append(f"the confidence is {confidence}; give a share between 0 and 1, as 0.95")
    if not rows:
        problems.append("no run has finished, so there is nothing to estimate")
    for factor in factors:
        given: list[Any] = [levels.get(factor.name) for levels, *_ in rows]
        wrong = [not any(same_level(one, level) for level in factor.levels) for one in given]
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


@attrs.frozen
class _Term:
    """A term's column over the runs (R), scaled so that its coefficient is the effect."""

    name: str
    column: Matrix


def _blocks(seeds: Sequence[int]) -> Matrix:
    """Return the intercept and one centred column for each further seed, (R, seeds)."""
    columns = [np.ones(len(seeds))]
    for seed in sorted(set(seeds))[1:]:
        column = np.array([float(value == seed) for value in seeds])
        columns.append(column - column.mean())
    return np.stack(columns, axis=1)


def _terms(factors: Sequence[Factor], rows: Sequence[Row]) -> Iterator[_Term]:
    """Give all terms by order of interaction; two-level ones are columns of −½ and +½."""
    contrasts = [_contrasts(factor, rows) for factor in factors]
    for order in range(1, len(factors) + 1):
        for group in itertools.combinations(contrasts, order):
            for parts in itertools.product(*group):
                column = np.prod([part.column for part in parts], axis=0)
                yield _Term(":".join(part.name for part in parts), 2.0 ** (order - 1) * column)


def _contrasts(factor: Factor, rows: Sequence[Row]) -> list[_Term]:
    """Return a column for each level but the first: 1 at the level, less 1 / number of levels.

    Centred, because a factor's effect would else be that at the other factors' first levels.
    """
    several = len(factor.levels) > 2
    return [
        _Term(
            f"{factor.term}={level}" if several else factor.term,
            np.array([float(same_level(levels[factor.name], level)) for levels, *_ in rows])
            - 1 / len(factor.levels),
        )
        for level in factor.levels[1:]
    ]


def _separate(
    blocks: Matrix, terms: Sequence[_Term]
) -> tuple[list[_Term], dict[str, tuple[str, ...]]]:
    """Return the terms that the runs can tell apart, taken in order, and all terms' aliases."""
    basis, _ = np.linalg.qr(blocks)
    kept: list[_Term] = []
    lost: list[_Term] = []
    for term in terms:
        rest = term.column
        for _ in range(2):  # Gram-Schmidt loses digits when done once
            rest = rest - basis @ (basis.T @ rest)
        length = np.linalg.norm(rest)
        if length > DEPENDENT * np.linalg.norm(term.column):
            basis = np.column_stack([basis, rest / length])
            kept.append(term)
        else:
            lost.append(term)
    aliases: dict[str, tuple[str, ...]] = {term.name: () for term in kept}
    if not lost:
        return kept, aliases
    columns = np.column_stack([blocks, *(term.column for term in kept)])
    shares, *_ = np.linalg.lstsq(columns, np.stack([t.column for t in lost], axis=1), rcond=None)
    for term, share in zip(lost, np.abs(shares.T) > 1e-6, strict=True):  # (blocks + kept,)
        of_seeds, of_terms = share[1 : blocks.shape[1]], share[blocks.shape[1] :]
        same = [other.name for other, yes in zip(kept, of_terms, strict=True) if yes]
        for other in same:
            aliases[other] += (term.name,)
        same += [SEEDS] if of_seeds.any() else []
        aliases[term.name] = tuple(same or [MEAN])
    return kept, aliases


@attrs.frozen
class _Fit:
    """A least-squares fit: its effects, aliases left out.

    Attributes:
        residual_sd: None with no degree of freedom, 0 for a fit without error.
    """

    effects: list[Effect]
    residual_sd: float | None


def _fit(names: Sequence[str], columns: Matrix, response: Matrix, confidence: float) -> _Fit:
    """Fit the response (R) by columns (R, blocks + terms), the last being those named."""
    runs, coefficients = columns.shape
    terms = slice(coefficients - len(names), None)
    if runs == coefficients:
        solution, *_ = np.linalg.lstsq(columns, response, rcond=None)
        return _Fit(list(map(Effect, names, solution[terms].tolist())), None)
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats.multitest import multipletests

    fit = OLS(response, columns).fit()
    estimates = fit.params[terms]
    if np.abs(fit.resid).max() <= ROUNDING * np.abs(response).max():
        return _Fit(list(map(Effect, names, estimates.tolist())), 0.0)
    p = fit.pvalues[terms]
    adjusted = multipletests(p, method="holm")[1] if names else p
    numbers = np.column_stack([estimates, fit.conf_int(1 - confidence)[terms], p, adjusted])
    effects = [Effect(name, *row) for name, row in zip(names, numbers.tolist(), strict=True)]
    return _Fit(effects, float(np.sqrt(fit.mse_resid)))


def _fit_notes(fit: _Fit, runs: int, coefficients: int) -> Iterator[str]:
    if fit.residual_sd is None:
        yield (
            f"nothing is left to estimate error from: {runs} runs, {coefficients} coefficients; "
            "add seeds"
        )
    elif fit.residual_sd == 0:
        yield "the model fits every run exactly, so there is no error to judge by: no intervals"


def _design_notes(
    factors: Sequence[Factor], rows: Sequence[Row], effects: Sequence[Effect]
) -> Iterator[str]:
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
    if min(counts) < max(counts):
        yield (
            f"unbalanced: {min(counts)} to {max(counts)} runs for a combination and seed, "
            f"{len(rows)} in all; effects are least-squares estimates, not plain differences of "
            "means"
        )
    combinations = math.prod(len(factor.levels) for factor in factors)
    if len(cells) < combinations:
        yield f"the runs cover {len(cells)} of {combinations} combinations of levels"
