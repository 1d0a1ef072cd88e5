"""The linear model of a designed experiment, and its least squares.

The model is response ~ seed blocks + every main effect and interaction that the runs can tell
apart. What depends on the runs alone (columns, aliases, leverages) is :class:`Model`, from which a
plan can already tell what it will see; :class:`bionic_core.statistics.fit.Fit` adds the responses.

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
from bionic_core.statistics.designs import Factor, Level, fit_faults, same_level

Matrix = npt.NDArray[np.float64]

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
    columns = [np.ones(len(seeds))]
    for seed in sorted(set(seeds), key=lambda seed: (str(type(seed)), seed))[1:]:
        column = np.array([float(value == seed) for value in seeds])
        columns.append(column - column.mean())
    return np.stack(columns, axis=1)


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


def terms_of(
    factors: Sequence[Factor], cells: Sequence[Mapping[str, Level]], order: int | None = None
) -> Iterator[Term]:
    """Give all terms by order of interaction; two-level ones are columns of −½ and +½."""
    contrasts = _all_contrasts(factors, cells)
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


def _all_contrasts(
    factors: Sequence[Factor], cells: Sequence[Mapping[str, Level]]
) -> list[list[Term]]:
    """Return each factor's contrasts, numbered through."""
    first = itertools.accumulate((len(factor.levels) - 1 for factor in factors), initial=0)
    numbered = zip(factors, first, strict=False)
    return [_contrasts(place, f, begin, cells) for place, (f, begin) in enumerate(numbered)]


def _contrasts(
    place: int, factor: Factor, first: int, cells: Sequence[Mapping[str, Level]]
) -> list[Term]:
    """Return a column for each level but the first: 1 at the level, less 1 / number of levels.

    Centred, because a factor's effect would else be that at the other factors' first levels.
    """
    several = len(factor.levels) > 2
    return [
        Term(
            f"{factor.term}={level}" if several else factor.term,
            (place,),
            (number,),
            np.array([float(same_level(levels[factor.name], level)) for levels in cells])
            - 1 / len(factor.levels),
        )
        for number, level in enumerate(factor.levels[1:], first)
    ]


@attrs.frozen(eq=False)
class Model:
    """What the runs (R) alone decide.

    Attributes:
        factors: in the order in which terms are named.
        blocks: intercept and seeds (R, B).
        terms: all that are asked for, those that cannot be told apart included.
        kept: the terms that are estimated, T of them.
        aliases: by term; of one that is lost, the earlier terms that it is a combination of, of
            one that is kept, the later ones that are mixed into it.
        columns: of the coefficients, (R, B + T).
        inverse: its pseudo-inverse, (B + T, R): each row a contrast.
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
    levels: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        factors: Sequence[Factor],
        cells: Sequence[Mapping[str, Level]],
        seeds: Sequence[Level],
        order: int | None = None,
    ) -> Model:
        """Return the model of runs, given each one's levels and seed.

        Args:
            factors: in the order in which terms are named, by each factor's ``term``.
            cells: the levels of each run, and perhaps of other factors, which are ignored.
            seeds: of each run: blocks.
            order: of interactions, the highest that is asked for; higher ones are taken as error.

        Raises:
            RequestError: it is larger than is fitted; nothing has been allocated.
        """
        highest = min(order or len(factors), highest_order(factors))
        count = sum(orders(factors)[1 : highest + 1])
        fewer = "seeds or blocks, factors or levels, or a lower order of interactions (--order)"
        if problems := fit_faults(len(cells), len(set(seeds)), count, fewer):
            raise RequestError(problems)
        blocks = blocks_of(seeds)
        terms = list(terms_of(factors, cells, order))
        kept, aliases = _separate(blocks, terms)
        columns = np.column_stack([blocks, *(term.column for term in kept)])
        q, r = np.linalg.qr(columns)
        levels = [
            [
                next(n for n, one in enumerate(f.levels) if same_level(one, c[f.name]))
                for f in factors
            ]
            for c in cells
        ]
        return cls(
            factors=tuple(factors),
            blocks=blocks,
            terms=tuple(terms),
            kept=tuple(kept),
            aliases=aliases,
            columns=columns,
            inverse=np.linalg.solve(r, q.T),
            leverage=(q**2).sum(1),
            levels=np.array(levels, np.int64).reshape(len(cells), len(factors)),
        )

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
        return self.inverse[self.blocks.shape[1] :]

    @property
    def orthogonal(self) -> bool:
        """Whether all effects are independent and equally certain, as in a regular design."""
        gram = self.effects @ self.effects.T
        scale = np.diag(gram).max(initial=0.0)
        return bool(np.abs(gram - scale * np.eye(len(gram))).max(initial=0.0) < 1e-9 * (scale or 1))

    def at(self, cell: Mapping[str, Level]) -> Matrix:
        """Return the coefficients' columns at one combination of levels, for the mean seed."""
        main = [
            float(term.column[0])
            for terms in _all_contrasts(self.factors, [cell])
            for term in terms
        ]
        values = [
            2.0 ** (len(term.parts) - 1) * math.prod(main[part] for part in term.parts)
            for term in self.kept
        ]
        return np.array([1.0, *[0.0] * (self.blocks.shape[1] - 1), *values])


def _separate(
    blocks: Matrix, terms: Sequence[Term]
) -> tuple[list[Term], dict[str, tuple[str, ...]]]:
    """Return the terms that the runs can tell apart, taken in order, and all terms' aliases."""
    basis = np.empty((len(blocks), min(len(blocks), blocks.shape[1] + len(terms)) + 1))
    rank = blocks.shape[1]
    basis[:, :rank], _ = np.linalg.qr(blocks)
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
