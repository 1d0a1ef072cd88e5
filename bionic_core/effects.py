"""Effects: what each factor changes, alone and together, and how sure that is.

The model is least squares: response ~ seed blocks + every main effect and interaction that the
runs can tell apart, two-level factors coded −1 and +1. A main effect is mean(second level) −
mean(first level) over all other settings; an interaction A:B is half of (effect of A with B on −
effect of A with B off). Both are twice the coefficient (Box, Hunter & Hunter, Statistics for
Experimenters, 2nd ed., ch. 5). A factor of more than two levels has one contrast for each level
against its first.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.designs import Factor, Level
from bionic_core.errors import RequestError

Row = tuple[Mapping[str, Level], int, float]
"""A run: its levels, its seed, its response."""

Matrix = npt.NDArray[np.float64]

NOISELESS = 1e-9
"""Residuals below this share of the response's size are rounding, not error."""


@attrs.frozen
class Effect:
    """One term's effect, in the response's units times ``scale``.

    Attributes:
        term: ``a``, or ``a:b``.
        estimate: None where the runs cannot tell it from the terms in ``aliases``.
        low, high: confidence interval.
        p: of the hypothesis that the effect is zero (t test).
        p_adjusted: the same after Holm's correction over all estimated terms.
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
        residual_sd: of a single run, in the effects' units; None with no degree of freedom.
        degrees: residual degrees of freedom.
        notes: what a reader must know, in sentences.
    """

    effects: tuple[Effect, ...]
    residual_sd: float | None
    degrees: int
    confidence: float
    notes: tuple[str, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the effects as JSON-ready data."""
        return [
            {
                "term": effect.term,
                "estimate": effect.estimate,
                "low": effect.low,
                "high": effect.high,
                "p": effect.p,
                "p_adjusted": effect.p_adjusted,
                "aliases": list(effect.aliases),
            }
            for effect in self.effects
        ]


def estimate_effects(
    factors: Sequence[Factor],
    rows: Sequence[Row],
    *,
    scale: float = 1.0,
    confidence: float = 0.95,
) -> Effects:
    """Return every effect that the runs can tell apart.

    Args:
        factors: in the order in which terms are named; an effect's name is the factor's
            ``term``, an interaction's joins the names.
        rows: finished runs, seeds being blocks; unbalanced or missing cells are allowed.
        scale: 100 turns fractions into percentage points.
        confidence: of the intervals.

    Raises:
        RequestError: there are no runs, or a response is not a number.
    """
    if not rows:
        raise RequestError("no run has finished, so there is nothing to estimate")
    response = scale * np.array([row[2] for row in rows], np.float64)
    if not np.isfinite(response).all():
        raise RequestError("a response is not a number")
    blocks = _blocks([row[1] for row in rows])
    wanted = _terms(factors, [row[0] for row in rows])
    columns, kept, aliases = _estimable(blocks, wanted)
    degrees = len(rows) - columns.shape[1]
    fit = _fit(columns, response, confidence, degrees)
    place = {name: blocks.shape[1] + number for number, name in enumerate(kept)}
    adjusted = _holm([fit.p[place[name]] for name in kept]) if fit.known else []
    corrected = dict(zip(kept, adjusted, strict=bool(fit.known)))
    effects = []
    for name, _, factor in wanted:
        if name not in place:
            effects.append(Effect(name, None, aliases=aliases[name]))
            continue
        at = place[name]
        estimate = factor * float(fit.coefficients[at])
        if not fit.known:
            effects.append(Effect(name, estimate))
            continue
        low, high = (factor * float(bound) for bound in fit.bounds[at])
        effects.append(Effect(name, estimate, low, high, float(fit.p[at]), corrected[name]))
    notes = _notes(rows, columns.shape[1], degrees, fit.exact, [e for e in effects if e.aliases])
    return Effects(tuple(effects), fit.residual_sd, degrees, confidence, notes)


def _blocks(seeds: Sequence[int]) -> Matrix:
    """Return the intercept and one centred column for each further seed, (runs, seeds)."""
    known = sorted(set(seeds))
    columns = [np.ones(len(seeds))]
    for seed in known[1:]:
        column = np.array([float(value == seed) for value in seeds])
        columns.append(column - column.mean())
    return np.stack(columns, axis=1)


def _terms(
    factors: Sequence[Factor], levels: Sequence[Mapping[str, Level]]
) -> list[tuple[str, Matrix, float]]:
    """Return (name, column, factor from coefficient to effect), by order of interaction."""
    contrasts: list[list[tuple[str, Matrix, float]]] = []
    for factor in factors:
        values = [row[factor.name] for row in levels]
        if len(factor.levels) == 2:
            column = np.array([1.0 if _same(v, factor.levels[1]) else -1.0 for v in values])
            contrasts.append([(factor.term, column, 2.0)])
            continue
        contrasts.append(
            [
                (f"{factor.term}={level}", np.array([float(_same(v, level)) for v in values]), 1.0)
                for level in factor.levels[1:]
            ]
        )
    found = []
    for order in range(1, len(factors) + 1):
        for group in itertools.combinations(contrasts, order):
            for parts in itertools.product(*group):
                name = ":".join(part[0] for part in parts)
                column = np.prod([part[1] for part in parts], axis=0)
                two_level = all(part[2] == 2.0 for part in parts)
                found.append((name, column, 2.0 if two_level else 1.0))
    return found


def _same(one: Level, other: Level) -> bool:
    return type(one) is type(other) and one == other


def _estimable(
    blocks: Matrix, wanted: Sequence[tuple[str, Matrix, float]]
) -> tuple[Matrix, list[str], dict[str, tuple[str, ...]]]:
    """Take terms in order as long as each adds something; say what the others equal."""
    columns, kept = blocks, []
    aliases: dict[str, tuple[str, ...]] = {}
    for name, column, _ in wanted:
        solution, *_ = np.linalg.lstsq(columns, column, rcond=None)
        if np.abs(columns @ solution - column).max() > 1e-8:
            columns = np.column_stack([columns, column])
            kept.append(name)
            continue
        shares = solution[blocks.shape[1] :]
        same = tuple(kept[i] for i in range(len(shares)) if abs(shares[i]) > 1e-8)
        aliases[name] = same or ("the mean of all runs",)
    return columns, kept, aliases


@attrs.frozen
class _Fit:
    """A least-squares fit; ``known`` says whether there is an error to judge by."""

    coefficients: Matrix
    bounds: Matrix
    p: Matrix
    residual_sd: float | None
    known: bool
    exact: bool


def _fit(columns: Matrix, response: Matrix, confidence: float, degrees: int) -> _Fit:
    if degrees == 0:
        coefficients, *_ = np.linalg.lstsq(columns, response, rcond=None)
        return _Fit(coefficients, np.empty((0, 2)), np.empty(0), None, known=False, exact=False)
    import statsmodels.api as sm

    fit = sm.OLS(response, columns).fit()
    size = max(float(np.abs(response).max()), 1e-300)
    if float(np.abs(fit.resid).max()) < NOISELESS * size:
        return _Fit(fit.params, np.empty((0, 2)), np.empty(0), 0.0, known=False, exact=True)
    return _Fit(
        fit.params,
        fit.conf_int(1 - confidence),
        fit.pvalues,
        float(np.sqrt(fit.mse_resid)),
        known=True,
        exact=False,
    )


def _holm(p: Sequence[float]) -> list[float]:
    if not p:
        return []
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(p, method="holm")[1]]


def _notes(
    rows: Sequence[Row], coefficients: int, degrees: int, exact: bool, lost: Sequence[Effect]
) -> tuple[str, ...]:
    notes = []
    if degrees == 0:
        notes.append(
            f"nothing is left to estimate error from: {len(rows)} runs, {coefficients} "
            "coefficients; no intervals. Add seeds"
        )
    if exact:
        notes.append(
            "the model fits every run exactly, so there is no error to judge by; no intervals"
        )
    notes += [
        f"{effect.term} cannot be told from {' + '.join(effect.aliases)} in these runs"
        for effect in lost
    ]
    counts: dict[tuple[Any, ...], int] = {}
    for levels, _, _ in rows:
        key = tuple(sorted((name, str(value)) for name, value in levels.items()))
        counts[key] = counts.get(key, 0) + 1
    if len(set(counts.values())) > 1:
        notes.append(
            f"cells have {min(counts.values())} to {max(counts.values())} runs; effects are "
            "least-squares estimates, not plain differences of means"
        )
    return tuple(notes)
