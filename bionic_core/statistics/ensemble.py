"""What an ensemble says: how far draws and seeds differ, and one level against all draws.

Of the N × S table of an ensemble's means (draws × seeds, over the levels of all other factors),
variance components by the analysis of variance, which in a balanced table are those of REML where
none comes out negative (Searle, Casella & McCulloch, Variance Components, 1992, ch. 4). Intervals
of those of draws and of seeds are by modified large samples (Ting, Burdick, Graybill, Jeyaratnam &
Lu 1990, doi:10.1080/00949659008811240), that of the rest by χ².

A level that is one thing, such as the real wiring, is compared in two ways, which ask two things.
The **difference** from the ensemble's mean, with an interval over draws and seeds
(:mod:`bionic_core.statistics.drawn_errors`): is it better or worse than draws are on average? Its
**rank**: could it be one of the draws? Of N draws and itself, r draws lie at least as far from the
mean of all N + 1 as it does, and p = (r + 1)/(N + 1), two-sided and exact (Phipson & Smyth 2010,
doi:10.2202/1544-6115.1585).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import attrs
import numpy as np

from bionic_core.base.records import OMITTED
from bionic_core.statistics.designs import Draws, Factor, Level, same_level, word
from bionic_core.statistics.drawn_errors import Grid, grids
from bionic_core.statistics.draws import smallest_p
from bionic_core.statistics.fit import Fit, finite, holm
from bionic_core.statistics.linear import Matrix, Model

Cells = Sequence[Mapping[str, Level]]

DRAWS = "draws"
"""The source of an ensemble's own variance."""


@attrs.frozen
class Variance:
    """A component of variance, as an SD in the effects' units.

    Attributes:
        source: of what.
        sd: 0 where the estimate of the variance is not positive.
        low, high: 95 % interval of the SD; None where nothing tells.
        degrees: of freedom of its mean square.
    """

    source: str
    sd: float
    low: float | None
    high: float | None
    degrees: int


@attrs.frozen
class Against:
    """A level that is one thing, less an ensemble's mean.

    Attributes:
        level: in words.
        estimate, low, high, p, degrees: of the difference, over draws and seeds.
        lower: how many draws have a lower mean; None, as rank_p, where it cannot be ranked.
        rank_p: two-sided, of being one of the draws.
        seeds_p: of differing between seeds no more than a draw does (F test); None where nothing
            tells.
    """

    level: str
    estimate: float
    low: float | None
    high: float | None
    p: float | None
    degrees: float | None
    lower: int | None = None
    rank_p: float | None = None
    seeds_p: float | None = None


@attrs.frozen
class Ensemble:
    """The draws of a level.

    Attributes:
        factor, level: in words.
        draws, seeds: how many; seeds of each draw.
        nested: whether each draw has seeds of its own.
        mean: of all draws, in the effects' units.
        means: of each draw, in order of size.
        variances: of draws, of seeds, and of the rest.
        against: the levels that are one thing.
        smallest_p: that a rank among so many draws can have.
        left_out: draws that lack runs.
    """

    factor: str
    level: str
    draws: int
    seeds: int
    nested: bool
    mean: float
    means: tuple[float, ...]
    variances: tuple[Variance, ...]
    against: tuple[Against, ...]
    smallest_p: float
    left_out: int = attrs.field(default=0, metadata={OMITTED: True})


@attrs.frozen
class Step:
    """A level less the one before it, which keeps less of what is real."""

    lower: str
    upper: str
    estimate: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None


@attrs.frozen
class Ladder:
    """The levels of a factor in order, each keeping more of what is real, and what each changes.

    Attributes:
        steps: p corrected by Holm over them.
    """

    factor: str
    steps: tuple[Step, ...]


def ensembles(
    fit: Fit,
    draws: Draws,
    rows: Sequence[tuple[Mapping[str, Level], Level, float]],
    confidence: float,
) -> Iterator[Ensemble]:
    """Give what each ensemble says; one of which fewer than two draws are whole says nothing.

    Args:
        fit: of the runs.
        draws: what is drawn.
        rows: levels, seed and response of each run.
        confidence: of the intervals, a share.
    """
    cells, seeds = [cell for cell, *_ in rows], [seed for _, seed, _ in rows]
    for grid in grids(draws, cells, seeds):
        table = fit.responses[grid.runs].mean(2)
        fixed = list(_against(fit, draws, grid, table, (cells, seeds), confidence))
        yield Ensemble(
            draws.factor,
            grid.level,
            *grid.shape,
            draws.nested,
            float(table.mean()),
            tuple(sorted(table.mean(1).tolist())),
            tuple(variances(table, nested=draws.nested, confidence=confidence)),
            tuple(fixed),
            smallest_p(grid.shape[0]),
            round(grid.shape[0] / grid.share) - grid.shape[0],
        )


def variances(table: Matrix, *, nested: bool, confidence: float = 0.95) -> Iterator[Variance]:
    """Give the components of variance of a table, draws × seeds (N, S).

    Args:
        table: without holes.
        nested: whether a column is another seed in each row.
        confidence: of the intervals, a share.
    """
    draws, seeds = table.shape
    of_draws = seeds * table.mean(1).var(ddof=1)
    if seeds == 1:
        yield _own("draws and a run's own error", of_draws, draws - 1, confidence)
        return
    inner = table - table.mean(1, keepdims=True)
    if nested:
        free = draws * (seeds - 1)
        error = float((inner**2).sum() / free)
        yield _beyond(DRAWS, (of_draws, draws - 1), (error, free), seeds, confidence)
        yield _own("seeds of a draw", error, free, confidence)
        return
    inner = inner - inner.mean(0)
    free = (draws - 1) * (seeds - 1)
    error = float((inner**2).sum() / free)
    of_seeds = draws * table.mean(0).var(ddof=1)
    yield _beyond(DRAWS, (of_draws, draws - 1), (error, free), seeds, confidence)
    yield _beyond("seeds", (of_seeds, seeds - 1), (error, free), draws, confidence)
    yield _own("draws × seeds, and a run's own error", error, free, confidence)


def _own(source: str, square: float, free: int, confidence: float) -> Variance:
    """Return a component that a mean square is alone."""
    from scipy import special

    tails = (1 - confidence) / 2
    ends = [free * square / special.chdtri(free, tail) for tail in (tails, 1 - tails)]
    low, high = np.sqrt(ends)
    return Variance(source, float(np.sqrt(square)), float(low), float(high), free)


def _beyond(
    source: str,
    more: tuple[float, int],
    error: tuple[float, int],
    times: int,
    confidence: float,
) -> Variance:
    """Return the component (MS₁ − MS₂)/n, its interval by modified large samples.

    Each mean square comes with its degrees of freedom.
    """
    from scipy import special

    (one, free), (two, rest) = more, error
    tail = (1 - confidence) / 2

    def ends(which: float) -> tuple[float, float, float, float]:
        """Return 1 − 1/F and 1/F − 1 of both squares, F of both, at a tail."""
        first = special.chdtri(free, which) / free
        other = special.chdtri(rest, 1 - which) / rest
        return 1 - 1 / first, 1 / other - 1, special.fdtri(free, rest, 1 - which), first

    g, h, f, _ = ends(tail)
    cross = ((f - 1) ** 2 - g**2 * f**2 - h**2) / f
    down = g**2 * one**2 + h**2 * two**2 + cross * one * two
    h, g, f, _ = ends(1 - tail)
    cross = ((1 - f) ** 2 - h**2 * f**2 - g**2) / f
    up = h**2 * one**2 + g**2 * two**2 + cross * one * two
    low, middle, high = (
        float(np.sqrt(max(value, 0.0) / times))
        for value in (
            one - two - np.sqrt(max(down, 0.0)),
            one - two,
            one - two + np.sqrt(max(up, 0.0)),
        )
    )
    return Variance(source, middle, low, high, free)


def _against(
    fit: Fit,
    draws: Draws,
    grid: Grid,
    table: Matrix,
    runs: tuple[Cells, Sequence[Level]],
    confidence: float,
) -> Iterator[Against]:
    """Give each level that is one thing, less an ensemble."""
    factor = next(f for f in fit.model.factors if f.name == draws.factor)
    of_ensemble = contrast_of(fit.model, factor, grid.level)
    for level in factor.levels:
        if draws.of(level):
            continue
        own = contrast_of(fit.model, factor, word(level))
        if own is None or of_ensemble is None:
            continue
        (row,) = fit.judged((own - of_ensemble)[None], confidence).tolist()
        low, high, p, degrees = map(finite, row[1:])
        found = Against(word(level), row[0], low, high, p, degrees)
        alone = _alone(fit.responses, draws, level, grid, runs)
        if alone is not None and word(level) not in draws.single:
            found = attrs.evolve(
                found,
                lower=int((table.mean(1) < alone.mean()).sum()),
                rank_p=rank_p(float(alone.mean()), table.mean(1)),
            )
        yield attrs.evolve(found, seeds_p=_seeds_p(alone, table, nested=draws.nested))


def rank_p(value: float, draws: Matrix) -> float:
    """Return p, two-sided, that a value is one of the draws (N,): (r + 1)/(N + 1)."""
    everything = np.append(draws, value)
    away = np.abs(everything - everything.mean())
    return float((away >= away[-1] * (1 - 1e-9)).sum() / len(everything))


def _alone(
    responses: Matrix,
    draws: Draws,
    level: Level,
    grid: Grid,
    runs: tuple[Cells, Sequence[Level]],
) -> Matrix | None:
    """Return a level's mean with each of an ensemble's seeds (S,); None where it lacks one."""
    cells, seeds = runs
    of: dict[Level, list[int]] = {}
    for place, (cell, seed) in enumerate(zip(cells, seeds, strict=True)):
        if same_level(cell[draws.factor], level):
            of.setdefault(seed, []).append(place)
    wanted = sorted(of, key=str)
    if not draws.nested:
        wanted = [seeds[place] for place in grid.runs[0, :, 0]]
    chosen = [of.get(seed, []) for seed in wanted]
    _, count, each = grid.runs.shape
    if len(chosen) != count or any(len(places) != each for places in chosen):
        return None
    return np.array([responses[places].mean() for places in chosen])


def _seeds_p(alone: Matrix | None, table: Matrix, *, nested: bool) -> float | None:
    """Return p that a level differs between seeds no more than a draw does."""
    from scipy import special

    draws, seeds = table.shape
    if alone is None or seeds < 2:
        return None
    inner = table - table.mean(1, keepdims=True)
    if nested:
        free, square = draws * (seeds - 1), alone.var(ddof=1)
    else:
        inner = inner - inner.mean(0)
        free = (draws - 1) * (seeds - 1)
        square = (alone - table.mean(0)).var(ddof=1) / (1 + 1 / draws)
    error = (inner**2).sum() / free
    return float(special.fdtrc(seeds - 1, free, square / error)) if error > 0 else None


def climbed(
    fit: Fit,
    factors: Sequence[Factor],
    ladders: Mapping[str, Sequence[Level]],
    confidence: float,
) -> Iterator[Ladder]:
    """Give what each step of factors' levels changes, where three or more of them are there.

    Args:
        fit: of the runs.
        factors: of the model.
        ladders: by a factor's name, its levels in order, each keeping more of what is real.
        confidence: of the intervals, a share.
    """
    for factor in factors:
        order = ladders.get(factor.name, ())
        there = [v for v in order if any(same_level(v, level) for level in factor.levels)]
        rows = [contrast_of(fit.model, factor, word(level)) for level in there]
        known = [row for row in rows if row is not None]
        if len(known) < 3 or len(known) < len(rows):
            continue
        judged = fit.judged(np.stack([b - a for a, b in pairwise(known)]), confidence)
        names = zip(pairwise(there), judged.tolist(), holm(judged[:, 3]).tolist(), strict=True)
        steps = (
            Step(word(a), word(b), row[0], *map(finite, (*row[1:4], corrected)))
            for (a, b), row, corrected in names
        )
        yield Ladder(factor.name, tuple(steps))


def contrast_of(model: Model, factor: Factor, level: str) -> Matrix | None:
    """Return a level less the first as a contrast (R,); None where the runs cannot tell it."""
    place = model.factors.index(factor)
    if word(factor.levels[0]) == level:
        return np.zeros(model.inverse.shape[1])
    name = f"{factor.term}={level}" if len(factor.levels) > 2 else factor.term
    for number, term in enumerate(model.kept, model.first):
        if term.factors == (place,) and term.name == name:
            return np.asarray(model.inverse[number])
    return None
