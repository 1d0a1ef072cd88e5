"""What an analysis of a table is adjusted for: covariates and random effects beside its factors.

A covariate is a column of measured numbers, with one slope for all combinations of factors
(analysis of covariance). It stands in the same least-squares model as the terms, less its mean, so
that effects are those at the mean of each covariate. Its slope is per unit of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

import attrs
import numpy as np

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Draws, Factor, Level
from bionic_core.statistics.fit import Fit, finite
from bionic_core.statistics.linear import DEPENDENT, Matrix, Places, blocks_of, places_of, terms_of

DIFFER = 0.05
"""Level of the test whether a covariate differs between combinations of factors."""


@attrs.frozen
class Slope:
    """What one unit more of a covariate changes, in the effects' units, all else being equal.

    Attributes:
        covariate: its name.
        estimate, low, high, p, degrees: of the slope; p is not corrected for other tests.
        mean, least, most: of the covariate, in its own units.
    """

    covariate: str
    estimate: float
    low: float | None
    high: float | None
    p: float | None
    degrees: float | None
    mean: float
    least: float
    most: float


@attrs.frozen(eq=False)
class Adjusted:
    """What is in the model of runs (R) beside factors and blocks.

    Attributes:
        covariates: values of each run (R,), by name.
        random: levels of each run, by the name of the random effect.
    """

    covariates: Mapping[str, Matrix] = attrs.field(factory=dict)
    random: Mapping[str, Sequence[Level]] = attrs.field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self.covariates or self.random)

    @property
    def columns(self) -> dict[str, Matrix]:
        """The covariates less their mean, by their SD, which keeps digits."""
        return {name: (x - x.mean()) / x.std() for name, x in self.covariates.items()}

    def check(
        self,
        factors: Sequence[Factor],
        cells: Sequence[Mapping[str, Level]],
        seeds: Sequence[Level],
        error: str | None,
        draws: Draws | None,
    ) -> None:
        """Refuse covariates that runs cannot tell from blocks, factors or each other.

        Args:
            factors, cells, seeds: of the runs, as the model's.
            error, draws: what tells the error, by name, and draws of a factor's levels.

        Raises:
            RequestError: with one sentence for each such covariate, or for what does not go
                together.
        """
        if draws is not None:
            raise RequestError(
                f"'{draws.column}' numbers draws, which are judged without covariates and random "
                "effects: leave those out, or the draws (--factors without their factor)"
            )
        if error and self.random:
            raise RequestError(
                f"--error {error}: with random effects, these tell the error; leave --error or "
                "--random out"
            )
        if problems := list(self._faults(factors, cells, seeds)):
            raise RequestError(problems)

    def _faults(
        self,
        factors: Sequence[Factor],
        cells: Sequence[Mapping[str, Level]],
        seeds: Sequence[Level],
    ) -> Iterator[str]:
        """Give what is wrong with covariates, a sentence each."""
        blocks, places = blocks_of(seeds), places_of(factors, cells)
        groups = {f.name: places[:, n] for n, f in enumerate(factors)}
        if blocks.shape[1] > 1:
            groups["the blocks"] = np.unique(np.array(list(map(str, seeds))), return_inverse=True)[
                1
            ]
        mains = [term.column for term in terms_of(factors, places, 1)]
        basis = np.column_stack([blocks, *mains])
        for name, x in self.covariates.items():
            if np.ptp(x) == 0:
                yield (
                    f"covariate '{name}' is {x[0]:g} in all {len(x)} rows with a response, and a "
                    f"slope needs different values: leave it out (--ignore {quote(name)})"
                )
                continue
            column = (x - x.mean()) / x.std()
            rest = column - basis @ np.linalg.lstsq(basis, column, rcond=None)[0]
            if np.linalg.norm(rest) <= DEPENDENT * np.linalg.norm(column):
                yield _alias(name, x, groups, list(self.covariates))
            basis = np.column_stack([basis, column])


ALONE = Adjusted()
"""For nothing."""


def _alias(name: str, x: Matrix, groups: Mapping[str, Places], others: Sequence[str]) -> str:
    """Say what a covariate is a combination of, and what can be done."""
    same = [
        group
        for group, of in groups.items()
        if all(np.ptp(x[of == level]) == 0 for level in np.unique(of))
    ]
    if same:
        told = f"is the same within each level of {same[0]}, so that its slope cannot be told from"
        return (
            f"covariate '{name}' {told} what {same[0]} does: leave one of them out (--ignore "
            f"{name}, or the other)"
        )
    what = [*groups, *(other for other in others if other != name)]
    return (
        f"covariate '{name}' is a combination of others ({', '.join(what)}), so that its slope "
        f"cannot be told from them: leave one of them out (--ignore {quote(name)}, or another)"
    )


def slopes(fit: Fit, adjusted: Adjusted, confidence: float) -> Iterator[Slope]:
    """Give each covariate's slope.

    Args:
        fit: of the runs, with the covariates in its model.
        adjusted: the same covariates.
        confidence: of the intervals, a share.
    """
    judged = fit.judged(fit.model.slopes, confidence)
    for (name, x), (*per_sd, p, degrees) in zip(
        adjusted.covariates.items(), judged.tolist(), strict=True
    ):
        estimate, low, high = (finite(one / float(x.std())) for one in per_sd)
        told = (low, high, finite(p), finite(degrees))
        size = (float(x.mean()), float(x.min()), float(x.max()))
        yield Slope(name, estimate or 0.0, *told, *size)


def slope_notes(fit: Fit, adjusted: Adjusted) -> Iterator[str]:
    """Say what slopes assume, and which covariates differ between combinations of factors."""
    names = ", ".join(adjusted.covariates)
    if not names:
        return
    yield (
        f"effects are adjusted for {names}: one slope for all combinations of factors, effects at "
        "its mean; p of slopes is not corrected for other tests"
    )
    for name, x in adjusted.covariates.items():
        if (p := _differs(fit, x)) is not None and p < DIFFER:
            yield (
                f"{name} differs between the levels of factors (p {_small(p)}): what they share "
                "is told apart by a straight line alone. Where a factor changes it, it is no "
                f"covariate, and hides what the factor does: --ignore {quote(name)} shows that"
            )


def _small(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def _differs(fit: Fit, x: Matrix) -> float | None:
    """Return p (F test, beside the blocks) that main effects of factors do not act on a column."""
    from scipy import special

    model = fit.model
    main = [term.column for term in model.kept if len(term.factors) == 1]
    whole = np.column_stack([model.blocks, *main])
    free = len(x) - whole.shape[1]
    if not main or free < 1:
        return None
    y = x - x.mean()
    left = [
        float(((y - a @ np.linalg.lstsq(a, y, rcond=None)[0]) ** 2).sum())
        for a in (model.blocks, whole)
    ]
    if not left[1] > 0:
        return None
    f = (left[0] - left[1]) / len(main) / (left[1] / free)
    return float(special.fdtrc(len(main), free, max(f, 0.0)))
