"""Centre points of a two-level design: pure error, and a test of curvature with one degree.

The mean of runs at the centre of all numeric factors is that of the runs at their corners wherever
the response follows each factor straight. The model is that of the two-level design, whose columns
are 0 at the centre, and one column that is 1 there (Montgomery, Design and Analysis of Experiments,
8th ed., section 6.8): its coefficient is the mean of the centre points less that of the corners.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from bionic_core.base.numbers import rough
from bionic_core.statistics.analysis import Analysis
from bionic_core.statistics.crossed import GENERALISE, Certainty, Over
from bionic_core.statistics.designs import Factor
from bionic_core.statistics.effect import Row
from bionic_core.statistics.errors import Pooled
from bionic_core.statistics.findings import Residual, Source
from bionic_core.statistics.fit import ROUNDING, finite, holm, intervals
from bionic_core.statistics.linear import Matrix, blocks_of
from bionic_core.statistics.verdicts import Verdict, verdicts

NO_ERROR = (
    "nothing is left to estimate error from",
    "Lenth's method",
    "residuals: ",
    "spreads ",
    GENERALISE,
)
"""How notes begin that speak of the error of the corners alone."""


JUDGED = ("estimate", "low", "high", "p", "p_adjusted")


@attrs.frozen
class Curvature:
    """What centre points say of straight lines.

    Attributes:
        estimate: mean of the centre points less that of the corners, in the effects' units.
        low, high, p: None where nothing tells the error.
        centre_points, corners: numbers of runs.
    """

    estimate: float
    low: float | None
    high: float | None
    p: float | None
    centre_points: int
    corners: int

    def __str__(self) -> str:
        told = (
            f"centre points: the mean of {self.centre_points} is "
            f"{rough(self.estimate, 3, signed=True)} from that of the {self.corners} corners"
        )
        if self.p is None or self.low is None or self.high is None:
            return f"{told}; nothing tells whether that is curvature"
        seen = "so there is curvature" if self.p < 0.05 else "so no curvature is seen"
        low, high = (rough(end, 3, signed=True) for end in (self.low, self.high))
        return f"{told} (95 % interval {low} to {high}, p = {self.p:.2g}), {seen}"


@attrs.frozen
class Centred:
    """A two-level design and its centre points.

    Attributes:
        factors: of two levels each.
        corners: rows of the design.
        centre: rows at the middle of each factor of numbers.
    """

    factors: tuple[Factor, ...]
    corners: tuple[Row, ...]
    centre: tuple[Row, ...]

    @classmethod
    def of(cls, factors: Sequence[Factor], rows: Sequence[Row]) -> Centred | None:
        """Return a design with centre points, None where the runs are none.

        Two factors or more have a middle level, half-way in size or in ratio, which runs have in
        all of them or in none; the others have two levels.
        """
        middle = {f.name: f.levels[1] for f in factors if f.doses and _has_middle(f)}
        if len(middle) < 2 or any(len(f.levels) != 2 for f in factors if f.name not in middle):
            return None
        at = [sum(cell[name] == level for name, level in middle.items()) for cell, *_ in rows]
        if set(at) != {0, len(middle)}:
            return None
        two = (
            attrs.evolve(f, levels=(f.levels[0], f.levels[2])) if f.name in middle else f
            for f in factors
        )
        corners = tuple(row for row, places in zip(rows, at, strict=True) if not places)
        return cls(tuple(two), corners, tuple(row for row in rows if row not in corners))


@attrs.frozen(eq=False)
class Joint:
    """Least squares of all runs (R) on columns (R, P).

    Attributes:
        y: responses less their mean (R,).
        inverse: pseudo-inverse (P, R).
        estimates, errors: of the coefficients (P,); errors are NaN where nothing tells them.
        sd: of a run; NaN where nothing tells it, or the fit is exact.
        degrees: residual degrees of freedom.
    """

    y: Matrix
    inverse: Matrix
    estimates: Matrix
    errors: Matrix
    sd: float
    degrees: int

    @classmethod
    def of(cls, x: Matrix, y: Matrix) -> Joint:
        """Fit responses (R,) less their mean on columns (R, P)."""
        inverse: Matrix = np.linalg.pinv(x).astype(np.float64)
        e, degrees = y - x @ (inverse @ y), len(y) - x.shape[1]
        exact = bool(np.abs(e).max() <= ROUNDING * np.abs(y).max())
        sd = math.sqrt(float(e @ e) / degrees) if degrees and not exact else math.nan
        errors = sd * np.sqrt((inverse**2).sum(1))
        return cls(y, inverse, inverse @ y, errors, sd, degrees)

    def intervals(self, confidence: float) -> tuple[Matrix, Matrix, Matrix]:
        """Return low, high and p of the estimates."""
        return intervals(self.estimates, self.errors, self.degrees, confidence)

    def verdicts(self, terms: slice, margin: float | None) -> Sequence[Verdict | None]:
        """Return verdicts of some of the estimates against a margin."""
        errors = self.errors[terms]
        sure = Certainty.over_runs(errors, np.full_like(errors, self.degrees))
        return verdicts(self.estimates[terms], sure, margin)


def _has_middle(factor: Factor) -> bool:
    if len(factor.levels) != 3:
        return False
    low, middle, high = (float(level) for level in factor.levels)
    near = 1e-6 * (high - low)
    if abs(middle - (low + high) / 2) <= near:
        return True
    return low > 0 and abs(middle - math.sqrt(low * high)) <= near


def _residual(joint: Joint) -> Residual:
    told = {"method": Pooled.name, "assumption": Pooled.assumption}
    return Residual(finite(joint.sd), joint.degrees, robust=False, **told)


def with_centre(
    analysis: Analysis, design: Centred, confidence: float, block: str
) -> tuple[Analysis, Curvature | None]:
    """Return the analysis of the corners judged by all runs, and the test of curvature.

    Args:
        analysis: of the corners alone.
        design: the corners and the centre points.
        confidence: of the intervals.
        block: what blocks are called.
    """
    rows = (*design.corners, *design.centre)
    fit, scale = analysis.effects.fit, analysis.findings.response.scale
    columns = [_columns(design.factors, rows, term.factors) for term in fit.model.kept]
    centre = np.repeat([0.0, 1.0], [len(design.corners), len(design.centre)])
    blocks = blocks_of([seed for _, seed, _ in rows])
    x = np.column_stack([blocks, *columns, centre - centre.mean()])
    if np.linalg.matrix_rank(x) < x.shape[1]:
        told = "centre points are in blocks of their own: curvature cannot be told from blocks"
        findings = analysis.findings
        return attrs.evolve(
            analysis, findings=attrs.evolve(findings, notes=(*findings.notes, told))
        ), None
    y = scale * np.array([value for *_, value in rows], np.float64)
    joint = Joint.of(x, y - y.mean())  # the mean is the intercept's, and costs digits
    estimates, (low, high, p) = joint.estimates, joint.intervals(confidence)
    terms = slice(blocks.shape[1], -1)
    numbers = np.column_stack([v[terms] for v in (estimates, low, high, p)] + [holm(p[terms])])
    words = joint.verdicts(terms, analysis.findings.margin)
    judged: dict[str, dict[str, Any]] = {
        term.name: dict(zip(JUDGED, map(finite, row), strict=True)) | {"verdict": verdict}
        for term, row, verdict in zip(fit.model.kept, numbers.tolist(), words, strict=True)
    }
    effects = tuple(
        attrs.evolve(effect, **judged.get(effect.term, {})) for effect in analysis.effects.effects
    )
    curvature = Curvature(
        float(estimates[-1]),
        *(finite(float(low[-1])), finite(float(high[-1])), finite(float(p[-1]))),
        centre_points=len(design.centre),
        corners=len(design.corners),
    )
    names = [block, *(term.name for term in fit.model.kept), "curvature"]
    over = Over.of(blocks.shape[1], block=block, repeated=joint.sd > 0)
    findings = attrs.evolve(
        analysis.findings,
        effects=effects,
        over=over,
        residual=_residual(joint),
        anova=tuple(_anova(joint, blocks.shape[1], names)),
        lenth=analysis.findings.lenth if math.isnan(joint.sd) else None,
        leave_one_out=(),
        notes=(*(n for n in analysis.findings.notes if not n.startswith(NO_ERROR)), over.said),
    )
    error: dict[str, Any] = {"residual_sd": finite(joint.sd), "degrees": joint.degrees}
    found = attrs.evolve(analysis.effects, effects=effects, **error)
    return Analysis(findings, found), curvature


def _columns(factors: Sequence[Factor], rows: Sequence[Row], places: Sequence[int]) -> Matrix:
    """Return a term's column over the rows: products of −1/2, 0 at the centre, and 1/2."""
    column = np.full(len(rows), 2.0 ** (len(places) - 1))
    for factor in (factors[place] for place in places):
        sides = [-0.5 if cell[factor.name] == factor.levels[0] else 0.5 for cell, *_ in rows]
        inside = [cell[factor.name] in factor.levels for cell, *_ in rows]
        column = column * np.where(inside, sides, 0.0)
    return column


def _anova(joint: Joint, blocks: int, names: Sequence[str]) -> Iterator[Source]:
    """Give what each term takes away after all others (type III)."""
    from scipy import stats

    b, covariance = joint.estimates, joint.inverse @ joint.inverse.T
    groups = [[*range(1, blocks)], *([place] for place in range(blocks, len(b)))]
    known = not math.isnan(joint.sd)
    for name, places in zip(names, groups, strict=True):
        if not places:
            continue
        squares = float(b[places] @ np.linalg.solve(covariance[np.ix_(places, places)], b[places]))
        mean = squares / len(places)
        ratio = mean / joint.sd**2 if known else None
        p = None if ratio is None else float(stats.f.sf(ratio, len(places), joint.degrees))
        yield Source(name, len(places), squares, mean, ratio, p)
    residual = joint.degrees * joint.sd**2 if known else 0.0
    mean_square = residual / joint.degrees if joint.degrees else None
    yield Source("residual", joint.degrees, residual, mean_square)
    yield Source("total", len(joint.y) - 1, float(joint.y @ joint.y))
