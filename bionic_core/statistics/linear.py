"""The linear model of a designed experiment, and its least squares.

The model is response ~ seed blocks + covariates + every main effect and interaction that the runs
can tell apart. What depends on the runs alone (columns, aliases, leverages) is :class:`Model`, from
which a plan can already tell what it will see; :class:`bionic_core.statistics.fit.Fit` adds the
responses.

A contrast is a row of weights over the runs: its estimate is weights · response, and
:mod:`bionic_core.statistics.errors` says how sure it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Factor, Level, fit_faults, identity

Matrix = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
"""Of each run (R), a factor's level as its place among the levels; (R, factors) of all."""

MEAN, SEEDS = "the mean of all runs", "the seeds"
"""What a term is told to be confounded with where it is no other term."""

DEPENDENT = 1e-8
"""A column that is left with this share of its length is a combination of earlier ones."""

MAX_TERMS = 1023
"""Of more factors than ten, interactions of high order are not listed: nobody could read them."""


@attrs.frozen(eq=False)
class Term:
    """A main effect or an interaction.

    Attributes:
        name: ``a``, ``a:b``, ``dose=0.5:a``.
        factors: places of its factors.
        parts: places of the contrasts that it is a product of, among those of all factors.
        column: over the runs (R,), scaled so that its coefficient is the effect.
    """

    name: str
    factors: tuple[int, ...]
    parts: tuple[int, ...]
    column: Matrix


def blocks_of(seeds: Sequence[Level]) -> Matrix:
    """Return the intercept and one centred column for each further seed, (R, seeds)."""
    order = sorted(set(seeds), key=lambda seed: (str(type(seed)), seed))
    place = {seed: number for number, seed in enumerate(order)}
    of_run = np.array([place[seed] for seed in seeds])
    columns = (of_run[:, None] == np.arange(1, len(order))).astype(np.float64)
    return np.column_stack([np.ones(len(seeds)), columns - columns.mean(0)])


def orders(factors: Sequence[Factor]) -> list[int]:
    """Return how many terms each order has, from 0, where factors differ in how many levels."""
    others = [len(factor.levels) - 1 for factor in factors]
    sums = [1] + [0] * len(others)  # elementary symmetric polynomials
    for count in others:
        for order in range(len(others), 0, -1):
            sums[order] += count * sums[order - 1]
    return sums


def highest_order(factors: Sequence[Factor]) -> int:
    """Return up to which order interactions are listed: all, of up to ten factors of two levels."""
    sums = orders(factors)
    order = len(factors)
    while order > 2 and sum(sums[1 : order + 1]) > MAX_TERMS:
        order -= 1
    return order


def places_of(factors: Sequence[Factor], cells: Sequence[Mapping[str, Level]]) -> Places:
    """Return the levels of runs as places among each factor's levels, (R, factors)."""
    known = [{identity(level): n for n, level in enumerate(f.levels)} for f in factors]
    names = [factor.name for factor in factors]
    return np.array(
        [[of[identity(c[name])] for of, name in zip(known, names, strict=True)] for c in cells],
        np.int64,
    ).reshape(len(cells), len(factors))


def terms_of(factors: Sequence[Factor], places: Places, order: int | None = None) -> Iterator[Term]:
    """Give all terms by order of interaction; two-level ones are columns of −½ and +½."""
    first = itertools.accumulate((len(factor.levels) - 1 for factor in factors), initial=0)
    numbered = zip(factors, first, strict=False)
    contrasts = [_contrasts(n, f, begin, places[:, n]) for n, (f, begin) in enumerate(numbered)]
    for size in range(1, min(order or len(factors), highest_order(factors)) + 1):
        for group in itertools.combinations(contrasts, size):
            for parts in itertools.product(*group):
                column = np.prod([part.column for part in parts], axis=0)
                yield Term(
                    ":".join(part.name for part in parts),
                    tuple(part.factors[0] for part in parts),
                    tuple(part.parts[0] for part in parts),
                    2.0 ** (size - 1) * column,
                )


def _contrasts(place: int, factor: Factor, first: int, runs: Places) -> list[Term]:
    """Return a column for each level but the first: 1 at the level, less 1 / number of levels.

    Centred, because a factor's effect would else be that at the other factors' first levels.
    """
    several, share = len(factor.levels) > 2, 1 / len(factor.levels)
    return [
        Term(
            f"{factor.term}={level}" if several else factor.term,
            (place,),
            (first + number - 1,),
            (runs == number) - share,
        )
        for number, level in enumerate(factor.levels[1:], 1)
    ]


@attrs.frozen(eq=False)
class Model:
    """What the runs (R) alone decide.

    Attributes:
        factors: in the order in which terms are named.
        blocks: intercept and seeds (R, B).
        covariates: what further columns stand behind them, K of them.
        terms: all that are asked for, those that cannot be told apart included.
        kept: the terms that are estimated, T of them.
        aliases: by term; of one that is lost, the earlier terms that it is a combination of, of
            one that is kept, the later ones that are mixed into it.
        columns: of the coefficients, (R, B + K + T).
        inverse: its pseudo-inverse, (B + K + T, R): each row a contrast.
        leverage: h of each run (R,).
        levels: of each factor in each run, as places in its levels (R, factors).
    """

    factors: tuple[Factor, ...]
    blocks: Matrix
    terms: tuple[Term, ...]
    kept: tuple[Term, ...]
    aliases: Mapping[str, tuple[str, ...]]
    columns: Matrix
    inverse: Matrix
    leverage: Matrix
    levels: Places
    covariates: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        factors: Sequence[Factor],
        cells: Sequence[Mapping[str, Level]],
        seeds: Sequence[Level],
        order: int | None = None,
        covariates: Mapping[str, Matrix] | None = None,
    ) -> Model:
        """Return the model of runs, given each one's levels and seed.

        Args:
            factors: in the order in which terms are named, by each factor's ``term``.
            cells: the levels of each run, and perhaps of other factors, which are ignored.
            seeds: of each run: blocks.
            order: of interactions, the highest that is asked for; higher ones are taken as error.
            covariates: columns (R,) that are no combination of blocks, or of each other.

        Raises:
            RequestError: it is larger than is fitted; nothing has been allocated.
        """
        highest = min(order or len(factors), highest_order(factors))
        count = sum(orders(factors)[1 : highest + 1])
        fewer = "seeds or blocks, factors or levels, or a lower order of interactions (--order)"
        if problems := fit_faults(len(cells), len(set(seeds)), count, fewer):
            raise RequestError(problems)
        blocks, levels, beside = blocks_of(seeds), places_of(factors, cells), covariates or {}
        fixed = np.column_stack([blocks, *beside.values()])
        terms = list(terms_of(factors, levels, order))
        names = [MEAN, *[SEEDS] * (blocks.shape[1] - 1), *beside]
        kept, aliases = _separate(fixed, names, terms)
        columns = np.column_stack([fixed, *(term.column for term in kept)])
        q, r = np.linalg.qr(columns)
        return cls(
            factors=tuple(factors),
            blocks=blocks,
            terms=tuple(terms),
            kept=tuple(kept),
            aliases=aliases,
            columns=columns,
            inverse=np.linalg.solve(r, q.T),
            leverage=(q**2).sum(1),
            levels=levels,
            covariates=tuple(beside),
        )

    @property
    def first(self) -> int:
        """The place of the first term's coefficient, behind blocks and covariates."""
        return int(self.blocks.shape[1]) + len(self.covariates)

    @property
    def seeds(self) -> Places:
        """The number of each run's seed or other block (R,), from 0."""
        further = self.blocks[:, 1:] > 0
        return np.asarray(further @ np.arange(further.shape[1], 0, -1))

    @property
    def degrees(self) -> int:
        """Residual degrees of freedom."""
        return int(self.columns.shape[0] - self.columns.shape[1])

    def residuals(self, responses: Matrix) -> Matrix:
        """Return what the model leaves of responses (R, …), centred first to keep their digits."""
        centred = responses - responses.mean(0)
        return np.asarray(centred - self.columns @ (self.inverse @ centred))

    @property
    def lost(self) -> tuple[Term, ...]:
        """The terms that the runs cannot tell from others."""
        kept = {term.name for term in self.kept}
        return tuple(term for term in self.terms if term.name not in kept)

    @property
    def effects(self) -> Matrix:
        """The contrasts of the kept terms, (T, R)."""
        return self.inverse[self.first :]

    @property
    def slopes(self) -> Matrix:
        """The contrasts of the covariates, (K, R)."""
        return self.inverse[self.blocks.shape[1] : self.first]

    @property
    def orthogonal(self) -> bool:
        """Whether all effects are independent and equally certain, as in a regular design."""
        gram = self.effects @ self.effects.T
        scale = np.diag(gram).max(initial=0.0)
        return bool(np.abs(gram - scale * np.eye(len(gram))).max(initial=0.0) < 1e-9 * (scale or 1))

    def at(self, levels: Sequence[int]) -> Matrix:
        """Return the coefficients' columns at one combination, for the mean seed and covariates.

        Args:
            levels: of each factor, as places.
        """
        main = [
            float(number == level) - 1 / len(factor.levels)
            for factor, level in zip(self.factors, levels, strict=True)
            for number in range(1, len(factor.levels))
        ]
        values = [
            2.0 ** (len(term.parts) - 1) * math.prod(main[part] for part in term.parts)
            for term in self.kept
        ]
        return np.array([1.0, *[0.0] * (self.first - 1), *values])


def _separate(
    fixed: Matrix, names: Sequence[str], terms: Sequence[Term]
) -> tuple[list[Term], dict[str, tuple[str, ...]]]:
    """Return the terms that the runs can tell apart, taken in order, and all terms' aliases.

    Args:
        fixed: columns that stand before them (R, F).
        names: what a term is told to be confounded with where it is one of these.
        terms: in order.
    """
    basis = np.empty((len(fixed), min(len(fixed), fixed.shape[1] + len(terms)) + 1))
    rank = fixed.shape[1]
    basis[:, :rank], _ = np.linalg.qr(fixed)
    kept: list[Term] = []
    lost: list[Term] = []
    for term in terms:
        rest = term.column
        for _ in range(2):  # Gram-Schmidt loses digits when done once
            rest = rest - basis[:, :rank] @ (basis[:, :rank].T @ rest)
        length = np.linalg.norm(rest)
        if length > DEPENDENT * np.linalg.norm(term.column):
            basis[:, rank] = rest / length
            rank += 1
            kept.append(term)
        else:
            lost.append(term)
    aliases: dict[str, tuple[str, ...]] = {term.name: () for term in kept}
    if not lost:
        return kept, aliases
    columns = np.column_stack([fixed, *(term.column for term in kept)])
    shares, *_ = np.linalg.lstsq(columns, np.stack([t.column for t in lost], axis=1), rcond=None)
    others = names[1:]  # the mean is told only where it is all that there is
    for term, share in zip(lost, np.abs(shares.T) > 1e-6, strict=True):  # (fixed + kept,)
        of_fixed, of_terms = share[1 : len(names)], share[len(names) :]
        same = [other.name for other, yes in zip(kept, of_terms, strict=True) if yes]
        for other in same:
            aliases[other] += (term.name,)
        same += dict.fromkeys(name for name, yes in zip(others, of_fixed, strict=True) if yes)
        aliases[term.name] = tuple(same or [MEAN])
    return kept, aliases
