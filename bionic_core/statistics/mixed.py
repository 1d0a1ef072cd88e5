"""Random effects: a linear mixed model by restricted maximum likelihood.

response = X β + Σ Z_k b_k + e, with an independent normal b for each level of each random effect
(an intercept) and an independent normal e for each run. Variances are those that maximise the
restricted likelihood, profiled over β and the error as lme4 does (Bates, Mächler, Bolker & Walker
2015, doi:10.18637/jss.v067.i01, section 3); β is by generalised least squares, so that each
coefficient is a contrast of the runs. Standard errors are those of known variances, degrees of
freedom Satterthwaite's from the observed information of the variances, and F tests of several
degrees Fai and Cornelius' (1996, doi:10.1080/00949659608811740), as lmerTest has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import attrs
import numpy as np

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import MAX_PRODUCTS, Level, identity
from bionic_core.statistics.errors import ErrorModel, Joint
from bionic_core.statistics.fit import ROUNDING
from bionic_core.statistics.linear import DEPENDENT, Matrix, Model

STEPS = 60
"""So many looks at the likelihood are enough, and are what the limit of sizes counts."""

NIL = 1e-4
"""A random effect whose SD is a smaller share of the error's is nil (lme4's isSingular)."""


@attrs.frozen
class RandomEffect:
    """A component of variance.

    Attributes:
        name: of the random effect; ``residual`` for the error of a run.
        levels: how many there are; runs, of the residual.
        sd: in the effects' units; 0 where levels differ no more than runs do.
        share: of the sum of all variances.
    """

    name: str
    levels: int
    sd: float
    share: float


@attrs.frozen(eq=False)
class Mixed(ErrorModel):
    """Random effects beside the error of runs.

    Attributes:
        effects: the components of variance, the residual's last.
        members: which runs (R) are of which level, (R, levels) of each random effect.
        variances: of each component, in the responses' units squared.
        uncertain: their covariance as estimates; zero where a component is nil.
        residuals: what fixed and random effects leave (R,).
    """

    name: ClassVar[str] = "mixed"
    test: ClassVar[str] = "F of the mixed model, Satterthwaite's degrees of freedom"
    effects: tuple[RandomEffect, ...]
    members: tuple[Matrix, ...]
    variances: Matrix
    uncertain: Matrix
    residuals: Matrix

    @property
    def assumption(self) -> str:  # type: ignore[override]
        """What is assumed, in words."""
        names = ", ".join(effect.name for effect in self.effects[:-1])
        return (
            f"an intercept for each level of {names}, drawn like the levels themselves (a mixed "
            "model by REML, Satterthwaite's degrees of freedom): assumes that levels and runs "
            "vary independently and normally, and that no effect differs between levels"
        )

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return the root of Σ variance · |w Z|² and Satterthwaite's degrees; responses are fit."""
        gains = np.stack(
            [((contrasts @ z) ** 2).sum(1) for z in self.members] + [(contrasts**2).sum(1)], axis=1
        )
        total = gains @ self.variances
        spent = np.einsum("ti,ij,tj->t", gains, self.uncertain, gains)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(total), 2 * total**2 / spent

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return the same: a mixed model is not planned with."""
        return self.judge(contrasts, self.residuals)

    def joint(self, contrasts: Matrix, responses: Matrix) -> Joint:
        """Return the mean of independent t², on Fai and Cornelius' degrees."""
        parts = [
            v * (contrasts @ z) @ (contrasts @ z).T
            for v, z in zip(self.variances, self.members, strict=False)
        ]
        covariance = sum(parts) + self.variances[-1] * contrasts @ contrasts.T
        sizes, turned = np.linalg.eigh(covariance)
        own = turned.T @ contrasts
        _, free = self.judge(own, responses)
        count = len(contrasts)
        f = (((own @ responses) ** 2) / sizes).sum() / count
        told = (free[free > 2] / (free[free > 2] - 2)).sum()
        on = 2 * told / (told - count) if told > count else 2.0
        return Joint(*map(np.asarray, (f, float(count), on)))

    @property
    def sd(self) -> float:
        """Of a run's own error."""
        return float(np.sqrt(self.variances[-1]))


def nil_notes(effects: Sequence[RandomEffect]) -> Iterator[str]:
    """Say which random effects are nil."""
    for effect in effects:
        if effect.sd == 0:
            yield (
                f"random effect {effect.name}: its SD comes out as 0, its {effect.levels} levels "
                "differing no more than runs do; intervals are as without it"
            )


def mixed(
    model: Model, responses: Matrix, random: Mapping[str, Sequence[Level]]
) -> tuple[Mixed, Model]:
    """Return what random effects tell of errors, and the model by generalised least squares.

    Args:
        model: of the runs, by ordinary least squares.
        responses: (R,).
        random: levels of each run, by the name of the random effect.

    Raises:
        RequestError: the runs cannot tell a random effect from fixed ones or from the error, or
            there are more levels than are fitted.
    """
    members = _members(model, random)
    y = responses - responses.mean()
    every = np.column_stack([model.columns, *members])
    left = y - every @ np.linalg.lstsq(every, y, rcond=None)[0]
    if not np.abs(left).max() > ROUNDING * np.abs(y).max():
        raise RequestError(
            "factors, covariates and random effects fit every row exactly, so that no variance can "
            "be told: leave one of them out (--ignore), or give more rows"
        )
    likelihood = _Likelihood.of(model.columns, y, members)
    ratios = likelihood.best(len(members))
    error = likelihood.at(ratios)[0] / model.degrees
    ratios, error, basis, uncertain = _sharpened(likelihood, ratios, error)
    variances = np.append(ratios**2 * error, error)
    q, r = np.linalg.qr(model.columns)
    whitened = q - basis @ (basis.T @ q)  # V⁻¹ Q, V being 1 + Z Z′ by the ratios of variances
    inverse = np.linalg.solve(r, np.linalg.solve(q.T @ whitened, whitened.T))
    left = y - model.columns @ (inverse @ y)
    effects = _effects(random, variances, len(y))
    residuals = left - basis @ (basis.T @ left)
    told = attrs.evolve(model, inverse=inverse)
    return Mixed(told, effects, members, variances, uncertain, residuals), told


def _members(model: Model, random: Mapping[str, Sequence[Level]]) -> tuple[Matrix, ...]:
    """Return which runs are of which level, (R, levels) of each; refuse what cannot be told."""
    runs, fixed = model.columns.shape
    keys = {name: list(map(identity, levels)) for name, levels in random.items()}
    counts = {name: len(set(of)) for name, of in keys.items()}
    problems = [
        f"random effect '{name}' has one level in {runs} rows, and a variance needs several: leave "
        f"it out"
        if count == 1
        else f"random effect '{name}' has another level in each of {runs} rows, so that it cannot "
        "be told from the error of a row: name a column whose levels have several rows"
        for name, count in counts.items()
        if count in (1, runs)
    ]
    every = sum(counts.values())
    products = STEPS * every**3 / 3 + runs * (every + fixed) ** 2
    if products > MAX_PRODUCTS:
        problems.append(
            f"{every:,} levels of random effects beside {fixed:,} coefficients in {runs:,} rows "
            f"would take {products:.1e} multiplications, more than {MAX_PRODUCTS:.1e}; name a "
            "random effect of fewer levels"
        )
    if problems:
        raise RequestError(problems)
    q, _ = np.linalg.qr(model.columns)
    found = []
    for name, of in keys.items():
        place = {level: n for n, level in enumerate(dict.fromkeys(of))}
        z = np.zeros((runs, counts[name]))
        z[np.arange(runs), [place[level] for level in of]] = 1.0
        if np.linalg.norm(z - q @ (q.T @ z)) <= DEPENDENT * np.linalg.norm(z):
            raise RequestError(
                f"random effect '{name}' says no more than factors and blocks do: each of its "
                "levels is a combination of theirs. It is fixed or random, not both: leave it out, "
                "or the factor or block (--no-blocks)"
            )
        found.append(z)
    return tuple(found)


@attrs.frozen(eq=False)
class _Likelihood:
    """Products of fixed columns (basis Q), levels Z of all random effects, and responses y."""

    q: Matrix
    y: Matrix
    members: tuple[Matrix, ...]
    z: Matrix
    zz: Matrix
    zq: Matrix
    zy: Matrix
    qy: Matrix

    @classmethod
    def of(cls, columns: Matrix, y: Matrix, members: tuple[Matrix, ...]) -> _Likelihood:
        q, z = np.linalg.qr(columns)[0], np.concatenate(members, axis=1)
        return cls(q, y, members, z, z.T @ z, z.T @ q, z.T @ y, q.T @ y)

    def scales(self, ratios: Matrix) -> Matrix:
        return np.repeat(ratios, [part.shape[1] for part in self.members])

    def deviance(self, ratios: Matrix) -> float:
        """Return −2 log restricted likelihood but a constant, at SDs as ratios of the error's."""
        from scipy.linalg import solve_triangular

        s = self.scales(ratios)
        lower = np.linalg.cholesky(s[:, None] * self.zz * s + np.eye(len(s)))
        by_q = solve_triangular(lower, s[:, None] * self.zq, lower=True)
        by_y = solve_triangular(lower, s * self.zy, lower=True)
        fixed = np.linalg.cholesky(np.eye(len(self.qy)) - by_q.T @ by_q)
        part = solve_triangular(fixed, self.qy - by_q.T @ by_y, lower=True)
        rest = self.y @ self.y - by_y @ by_y - part @ part
        logs = np.log(np.diag(lower)).sum() + np.log(np.diag(fixed)).sum()
        free = len(self.y) - len(self.qy)
        return float(2 * logs + free * np.log(max(rest, np.finfo(float).tiny)))

    def best(self, count: int) -> Matrix:
        """Return the ratios of SDs at which the likelihood is largest."""
        from scipy.optimize import minimize

        found = [
            minimize(
                self.deviance,
                np.full(count, start),
                method="L-BFGS-B",
                bounds=[(0.0, 1e6)] * count,
                options={"maxfun": STEPS * (count + 1)},
            )
            for start in (1.0, 0.1)
        ]
        ratios = np.asarray(min(found, key=lambda one: float(one.fun)).x)
        return np.where(ratios < NIL, 0.0, ratios)

    def at(self, ratios: Matrix) -> tuple[float, Matrix]:
        """Return y′ P y, and U with V⁻¹ = 1 − U U′, V being the runs' covariance by the error's."""
        from scipy.linalg import solve_triangular

        s = self.scales(ratios)
        lower = np.linalg.cholesky(s[:, None] * self.zz * s + np.eye(len(s)))
        u = solve_triangular(lower, (self.z * s).T, lower=True).T
        b = np.column_stack([u, self._fixed(u)])
        return float(self.y @ (self.y - b @ (b.T @ self.y))), u

    def _fixed(self, u: Matrix) -> Matrix:
        """Return W with P = V⁻¹ − W W′."""
        from scipy.linalg import solve_triangular

        whitened = self.q - u @ (u.T @ self.q)
        lower = np.linalg.cholesky(self.q.T @ whitened)
        return np.asarray(solve_triangular(lower, whitened.T, lower=True).T)

    def information(self, u: Matrix, error: float) -> tuple[Matrix, Matrix, Matrix]:
        """Return score, observed and expected information of the variances, the error's last."""
        b = np.column_stack([u, self._fixed(u)])

        def projected(columns: Matrix) -> Matrix:
            return np.asarray((columns - b @ (b.T @ columns)) / error)  # P · columns

        inner = b.T @ b
        py = projected(self.y)
        pz = [projected(z) for z in self.members]
        vy = [z @ (z.T @ py) for z in self.members] + [py]
        n, k = len(self.y), len(self.members)
        traces = np.array(
            [(z * p).sum() for z, p in zip(self.members, pz, strict=True)]
            + [(n - np.trace(inner)) / error]
        )
        squares = np.empty((k + 1, k + 1))
        for i in range(k):
            for j in range(k):
                squares[i, j] = ((self.members[j].T @ pz[i]) ** 2).sum()
            squares[i, k] = squares[k, i] = (pz[i] ** 2).sum()
        squares[k, k] = (n - 2 * np.trace(inner) + (inner**2).sum()) / error**2
        forms = np.array([[one @ projected(other) for other in vy] for one in vy])
        score = (np.array([self.y @ projected(v) for v in vy]) - traces) / 2
        return score, forms - squares / 2, squares / 2


def _sharpened(
    likelihood: _Likelihood, ratios: Matrix, error: float
) -> tuple[Matrix, float, Matrix, Matrix]:
    """Return ratios and error after Newton's steps, U at them, and the variances' covariance."""
    kept = np.append(ratios > 0, True)
    for _ in range(3):
        _, u = likelihood.at(ratios)
        score, observed, _ = likelihood.information(u, error)
        step = np.linalg.lstsq(observed[np.ix_(kept, kept)], score[kept], rcond=None)[0]
        variances = np.append(ratios**2 * error, error)
        moved = variances.copy()
        moved[kept] += step
        # A step that changes much is not the last digits of a maximum: it is left alone.
        if not (np.abs(step) <= 0.01 * variances[kept]).all():
            break
        ratios, error = np.sqrt(moved[:-1] / moved[-1]), float(moved[-1])
    _, u = likelihood.at(ratios)
    _, observed, expected = likelihood.information(u, error)
    chosen = np.ix_(kept, kept)
    sure = bool((np.linalg.eigvalsh(observed[chosen]) > 0).all())
    uncertain = np.zeros_like(observed)
    uncertain[chosen] = np.linalg.inv((observed if sure else expected)[chosen])
    return ratios, error, u, uncertain


def _effects(
    random: Mapping[str, Sequence[Level]], variances: Matrix, runs: int
) -> tuple[RandomEffect, ...]:
    counts = {name: len(set(map(identity, of))) for name, of in random.items()}
    counts["residual"] = runs
    return tuple(
        RandomEffect(name, count, float(np.sqrt(v)), float(v / variances.sum()))
        for (name, count), v in zip(counts.items(), variances, strict=True)
    )
