"""How sure a contrast is over draws and seeds: an ensemble's draws are random, as seeds are.

A level such as a rewired connectome stands for all its draws, so that an effect on it must hold for
other draws too. With e the residuals, w a contrast and A the sum of w · e over a draw's runs:

**Crossed** (all draws have the same seeds). The variance of w · y is that over seeds, by whatever
tells it there (:mod:`bionic_core.statistics.errors`), and for each ensemble of N draws and S seeds
what draws add, V_draws − V_draws×seeds, where it is more than nothing:

    V_draws = N/(N − 1) Σ A²,        V_draws×seeds = N/(N − 1) · S/(S − 1) Σ I²,

I being what draw and seed leave of each (draw, seed). That is, of one level less an ensemble,
s²/S of the seeds' own differences and σ²_draws/N by the mean squares (Searle, Casella & McCulloch,
Variance Components, 1992, ch. 4).

**Nested** (each draw has seeds of its own). Draws are independent, so that V_draws alone tells an
ensemble's part, its seeds included; levels that are one thing share seeds, and those tell theirs.

Degrees of freedom are Satterthwaite's (1946, doi:10.2307/3002019). Few seeds make them too many
(87 to 92 % for 95 at two or three seeds), so that an interval is never narrower than by seeds
alone. Simulated coverage: ``docs/results/ensembles.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Draws, Level, word
from bionic_core.statistics.errors import ErrorModel, Joint, Pooled, Seeds
from bionic_core.statistics.linear import DEPENDENT, Matrix, Model

Indices = npt.NDArray[np.int64]

ROBUST = (
    "each seed's own value of an effect tells its error over seeds (CR2 by seed), and draws of an "
    "ensemble theirs (what they vary by beyond draws × seeds; Satterthwaite's degrees of freedom): "
    "assumes that seeds and draws are independent"
)
EQUAL = (
    "one error for all runs, pooled from every residual but what draws differ by, and the draws' "
    "own variance (Satterthwaite's degrees of freedom): assumes that all combinations spread alike "
    "and that seeds change a level that is one thing no more than a draw"
)
OWN = (
    "each draw, trained with seeds of its own, tells the error of its ensemble, and seeds that of "
    "levels that are one thing (Satterthwaite's degrees of freedom): assumes that draws and seeds "
    "are independent"
)


@attrs.frozen(eq=False)
class Grid:
    """The runs of an ensemble whose draws have all its seeds.

    Attributes:
        level: in words.
        runs: places of runs, (draws, seeds, runs of each).
        share: of all its runs' draws, how many are among these; below 1 where runs are missing.
    """

    level: str
    runs: Indices
    share: float

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of draws and of seeds."""
        return self.runs.shape[0], self.runs.shape[1]

    def parts(self, contrasts: Matrix, rest: Matrix) -> Matrix:
        """Return w · e of each draw and seed, (T, draws, seeds) or (T, draws, seeds, S)."""
        each = np.einsum("tnsk,nsk...->tns...", contrasts[:, self.runs], rest[self.runs])
        return np.asarray(each)


def grids(
    draws: Draws, cells: Sequence[Mapping[str, Level]], seeds: Sequence[Level]
) -> tuple[Grid, ...]:
    """Return each ensemble's runs, of those draws that lack none; none of fewer than two draws."""
    of: dict[str, dict[Level, dict[Level, list[int]]]] = {}
    for place, (cell, seed) in enumerate(zip(cells, seeds, strict=True)):
        if (number := cell.get(draws.column)) is not None:
            of_level = of.setdefault(word(cell[draws.factor]), {})
            of_level.setdefault(number, {}).setdefault(seed, []).append(place)
    found = []
    for level, numbers in of.items():
        sizes = [(len(s), *sorted({len(runs) for runs in s.values()})) for s in numbers.values()]
        whole = max(sizes, key=lambda size: (size[0], size[-1]))
        full = [s for s, size in zip(numbers.values(), sizes, strict=True) if size == whole]
        if len(full) > 1 and len(whole) == 2:
            runs = [[s[seed] for seed in sorted(s, key=str)] for s in full]
            found.append(Grid(level, np.array(runs, np.int64), len(full) / len(numbers)))
    return tuple(found)


@attrs.frozen(eq=False)
class OverDraws(ErrorModel):
    """The error over draws and seeds; what the three share.

    Attributes:
        grids: the ensembles' runs.
    """

    grids: tuple[Grid, ...]
    test: ClassVar[str] = "F against the variance over draws and seeds"

    @cached_property
    def inside(self) -> tuple[Matrix, int]:
        """A basis of what model and draws explain (R, P), and the residual's degrees of freedom."""
        columns = [self.model.columns]
        for grid in self.grids:
            for runs in grid.runs:
                column = np.zeros(len(self.model.columns))
                column[runs.ravel()] = 1.0
                columns.append(column[:, None])
        left, sizes, _ = np.linalg.svd(np.column_stack(columns), full_matrices=False)
        basis = left[:, sizes > DEPENDENT * sizes.max()]
        return basis, len(basis) - basis.shape[1]

    def of_runs(self, responses: Matrix) -> tuple[float, int]:
        """Return the sum of squares of responses (R,) that model and draws leave, and degrees."""
        basis, free = self.inside
        centred = responses - responses.mean()
        return float(((centred - basis @ (basis.T @ centred)) ** 2).sum()), free

    def expected_draws(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return what draws add to variances if their own is 1, and its squares over degrees."""
        more, spent = np.zeros(len(contrasts)), np.zeros(len(contrasts))
        for grid in self.grids:
            each = contrasts[:, grid.runs].sum((2, 3))
            variance = (each**2).sum(1) / grid.share
            more += variance
            spent += variance**2 / (grid.shape[0] - 1)
        return more, spent

    def joint(self, contrasts: Matrix, responses: Matrix) -> Joint:
        """Return the ANOVA-type statistic, its covariance by polarisation of :meth:`judge`.

        doi:10.1080/01621459.1997.10473671.
        """
        whitened = np.asarray(np.linalg.qr(contrasts.T)[0].T)
        count = len(whitened)
        one, other = np.divmod(np.arange(count * count), count)
        plus, _ = self.judge(whitened[one] + whitened[other], responses)
        minus, _ = self.judge(whitened[one] - whitened[other], responses)
        shape = (count, count, *plus.shape[1:])
        covariance = ((plus**2 - np.nan_to_num(minus) ** 2) / 4).reshape(shape)
        _, degrees = self.judge(whitened, responses)
        trace = np.einsum("ii...->...", covariance)
        share = trace**2 / (covariance**2).sum((0, 1)) / count
        f = ((whitened @ responses) ** 2).sum(0) / trace
        known = np.isfinite(f) & (trace > 0)
        return Joint(np.where(known, f, np.nan), share * count, share * count * degrees.mean(0))

    def residuals(self, responses: Matrix) -> Matrix:
        """Return what the model leaves."""
        return self.model.residuals(responses)


class Crossed(OverDraws):
    """The error over seeds, each seed's own, and what draws add to it."""

    name = "seeds"
    assumption = ROBUST

    @cached_property
    def over_seeds(self) -> ErrorModel:
        """What tells the error over seeds, on these draws."""
        return Seeds(self.model)

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return the root of V_seeds + Σ (V_draws − V_draws×seeds)⁺, and the degrees."""
        errors, degrees = self.over_seeds.judge(contrasts, responses)
        total = errors**2
        spent = total**2 / degrees
        rest = self.residuals(responses)
        for grid in self.grids:
            draws, seeds = grid.shape
            parts = grid.parts(contrasts, rest)
            parts = parts - parts.mean(1, keepdims=True)
            each = parts.sum(2)
            inner = parts - each[:, :, None] / seeds
            of_draws = draws / (draws - 1) * (each**2).sum(1) / grid.share
            mixed = draws / (draws - 1) * seeds / max(seeds - 1, 1) * (inner**2).sum((1, 2))
            mixed = mixed / grid.share
            more = of_draws > mixed
            total = total + np.where(more, of_draws - mixed, 0.0)
            free = of_draws**2 / (draws - 1) + mixed**2 / ((draws - 1) * max(seeds - 1, 1))
            spent = spent + np.where(more, free, 0.0)
        return _not_narrower(total, spent, errors, degrees)

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return both as they will be if draws are alike."""
        return self.over_seeds.expected(contrasts)


class CrossedPooled(OverDraws):
    """The residual that draws leave, and what draws add to it."""

    name = "pooled"
    assumption = EQUAL

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return the root of Σ w² σ² + Σ (V_draws − Σ w² σ² of its runs)⁺, and the degrees."""
        basis, free = self.inside
        centred = responses - responses.mean(0)
        left = centred - basis @ (basis.T @ centred)
        variance = np.asarray((left**2).sum(0) / (free or np.nan))
        rest = self.residuals(responses)
        alone = np.multiply.outer((contrasts**2).sum(1), variance)
        total, spent = np.zeros_like(alone), np.zeros_like(alone)
        for grid in self.grids:
            draws, _ = grid.shape
            each = grid.parts(contrasts, rest).sum(2)
            each = each - each.mean(1, keepdims=True)
            of_draws = draws / (draws - 1) * (each**2).sum(1) / grid.share
            own = (contrasts[:, grid.runs.ravel()] ** 2).sum(1) / grid.share
            own = np.multiply.outer(own, variance)
            more = of_draws > own
            total = total + np.where(more, of_draws, 0.0)
            spent = spent + np.where(more, of_draws**2 / (draws - 1), 0.0)
            alone = alone - np.where(more, own, 0.0)
        spent = spent + alone**2 / (free or np.nan)
        total = total + alone
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(total), total**2 / spent

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return both as they will be if draws are alike."""
        sizes = np.sqrt((contrasts**2).sum(1))
        return sizes, np.full_like(sizes, self.inside[1] or np.nan)


@attrs.frozen(eq=False)
class Nested(OverDraws):
    """Independent draws, and the seeds of levels that are one thing.

    Attributes:
        shared: places of the runs of those levels, of each seed.
    """

    name: ClassVar[str] = "seeds"
    assumption: ClassVar[str] = OWN
    shared: tuple[Indices, ...]

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return the root of V_seeds + Σ V_draws, and Satterthwaite's degrees."""
        rest = self.residuals(responses)
        shape = (len(contrasts), *responses.shape[1:])
        total, spent = np.zeros(shape), np.zeros(shape)
        groups = [grid.parts(contrasts, rest).sum(2) for grid in self.grids]
        shares = [grid.share for grid in self.grids]
        if self.shared:
            parts = [np.einsum("tr,r...->t...", contrasts[:, r], rest[r]) for r in self.shared]
            groups.append(np.stack(parts, axis=1))
            shares.append(1.0)
        for each, share in zip(groups, shares, strict=True):
            count = each.shape[1]
            apart = each - each.mean(1, keepdims=True)
            variance = count / max(count - 1, 1) * (apart**2).sum(1) / share
            total = total + variance
            spent = spent + variance**2 / max(count - 1, 1)
        if not self.shared:
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.sqrt(total), total**2 / spent
        return _not_narrower(total, spent, np.sqrt(variance), np.full(shape, float(count - 1)))

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return both as they will be if draws are alike."""
        squares = contrasts**2
        counts = [(g.runs.ravel(), g.shape[0] - 1) for g in self.grids]
        if len(self.shared) > 1:
            counts.append((np.concatenate(self.shared), len(self.shared) - 1))
        each = np.stack([squares[:, runs].sum(1) for runs, _ in counts])
        free = np.array([degrees for _, degrees in counts], np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            degrees = each.sum(0) ** 2 / (each**2 / free[:, None]).sum(0)
        return np.sqrt(squares.sum(1)), degrees


def _not_narrower(
    total: Matrix, spent: Matrix, errors: Matrix, degrees: Matrix
) -> tuple[Matrix, Matrix]:
    """Return standard errors and degrees of freedom, those over seeds alone where these are wider.

    Args:
        total, spent: variances, and the sums of their squares over degrees of freedom.
        errors, degrees: over seeds alone.
    """
    from scipy import special

    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.sqrt(total)
        free = np.maximum(total**2 / spent, np.nan_to_num(degrees))
        half, alone = (special.stdtrit(d, 0.975) * e for d, e in ((free, both), (degrees, errors)))
    wider = alone > half
    return np.where(wider, errors, both), np.where(wider, degrees, free)


def drawn_error(
    model: Model,
    draws: Draws,
    cells: Sequence[Mapping[str, Level]],
    seeds: Sequence[Level],
    name: str | None = None,
) -> ErrorModel:
    """Return what tells the error over draws and seeds.

    Args:
        model: of the runs.
        draws: what is drawn.
        cells, seeds: of each run.
        name: ``seeds`` (also if None) or ``pooled``.

    Raises:
        RequestError: there is no such error, or these draws cannot tell it.
    """
    if name not in (None, "seeds", "pooled"):
        raise RequestError(
            f"--error {name}: with draws, effects are judged over draws and seeds; give seeds, "
            "or pooled, or leave --error out"
        )
    found = grids(draws, cells, seeds)
    if not draws.nested:
        if len(set(seeds)) == 1:
            return Pooled(model) if name == "pooled" else Seeds(model)
        return CrossedPooled(model, found) if name == "pooled" else Crossed(model, found)
    if name == "pooled":
        raise RequestError(
            "--error pooled: nested draws have seeds of their own, and what draws differ by is "
            "their error; leave --error out"
        )
    shared: dict[Level, list[int]] = {}
    for place, (cell, seed) in enumerate(zip(cells, seeds, strict=True)):
        if cell.get(draws.column) is None:
            shared.setdefault(seed, []).append(place)
    return Nested(model, found, tuple(np.array(p, np.int64) for p in shared.values()))
