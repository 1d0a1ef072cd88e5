"""How sure a contrast is: standard errors and degrees of freedom, each by a named assumption.

An effect, a level's mean, a trend or a left-out factor is a contrast: a row of weights w over the
runs. What differs between :class:`Pooled`, :class:`Seeds` and :class:`Cells` is which runs tell how
far w · y would fall elsewhere. All of a report is by one of them.

**Seeds** (the default where runs have seeds or other blocks): each seed's own value of the contrast
tells its spread. The variance is CR2, cluster-robust by seed with seed effects absorbed, on
Satterthwaite's degrees of freedom (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018,
doi:10.1080/07350015.2016.1247004). Where all seeds have the same runs this is the t test on the
seeds' contrasts, on seeds − 1 degrees: exact for normal errors whatever the combinations' spreads
are, and whatever an effect's own variation between seeds is.

Responses are (R,) or (R, S): S studies of the same runs, for simulations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.statistics.linear import DEPENDENT, Matrix, Model

Places = tuple[npt.NDArray[np.int64], ...]
"""Runs of each group, as places."""


@attrs.frozen(eq=False)
class Joint:
    """An F test of several contrasts together; arrays are () or (S,), NaN where nothing tells.

    Attributes:
        f: the statistic.
        degrees, denominator: on which it is judged.
    """

    f: Matrix
    degrees: Matrix
    denominator: Matrix


@attrs.frozen(eq=False)
class ErrorModel(ABC):
    """What tells the error of contrasts.

    Attributes:
        model: what the runs alone decide.
    """

    name: ClassVar[str]
    assumption: ClassVar[str]
    test: ClassVar[str]
    model: Model

    @abstractmethod
    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return standard errors and degrees of freedom of contrasts (T, R), (T,) or (T, S).

        NaN where nothing tells them.
        """

    @abstractmethod
    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return both (T,) as they will be if each run varies alike, by an SD of 1."""

    @abstractmethod
    def joint(self, contrasts: Matrix, responses: Matrix) -> Joint:
        """Return the test that several independent contrasts (Q, R) are all zero."""


class Pooled(ErrorModel):
    """One variance, of all residuals."""

    name = "pooled"
    assumption = (
        "one error for all, pooled from every residual: assumes that all combinations spread "
        "alike and that no effect differs between seeds"
    )
    test = "F against the residual"

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return √(Σ w² · SD²) on the residual's degrees."""
        sizes, degrees = self.expected(contrasts)
        errors = np.multiply.outer(sizes, self._sd(responses))
        return errors, np.broadcast_to(degrees.reshape(-1, *[1] * (errors.ndim - 1)), errors.shape)

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return √(Σ w²) on the residual's degrees."""
        sizes = np.sqrt((contrasts**2).sum(1))
        return sizes, np.full_like(sizes, self.model.degrees or np.nan)

    def joint(self, contrasts: Matrix, responses: Matrix) -> Joint:
        """Return the mean square over the residual's."""
        whitened = _orthonormal(contrasts)
        squares = ((whitened @ responses) ** 2).sum(0)
        f = squares / len(contrasts) / self._sd(responses) ** 2
        degrees = np.full_like(f, self.model.degrees or np.nan)
        return Joint(f, np.full_like(f, len(contrasts)), degrees)

    def _sd(self, responses: Matrix) -> Matrix:
        squares = (self.model.residuals(responses) ** 2).sum(0)
        return np.asarray(np.sqrt(squares / (self.model.degrees or np.nan)))


@attrs.frozen(eq=False)
class _Frame:
    """A basis of the model's columns, and what it leaves of each seed's runs.

    Attributes:
        basis: orthonormal (R, P).
        roots: of each group, (I − H)^(−1/2) of its runs, zero where a run's error is never seen.
    """

    basis: Matrix
    roots: tuple[Matrix, ...]

    @classmethod
    def of(cls, columns: Matrix, groups: Places) -> _Frame:
        basis = np.linalg.qr(columns)[0] if columns.shape[1] else columns
        roots: dict[bytes, Matrix] = {}
        found = []
        for places in groups:
            rest = np.eye(len(places)) - basis[places] @ basis[places].T
            key = rest.round(9).tobytes()  # of equal seeds the work is done once
            if key not in roots:
                values, vectors = np.linalg.eigh(rest)
                scale = np.where(values > DEPENDENT, np.abs(values), np.inf) ** -0.5
                roots[key] = (vectors * scale) @ vectors.T
            found.append(roots[key])
        return cls(basis, tuple(found))


class Seeds(ErrorModel):
    """CR2 by seed, and Satterthwaite's degrees of freedom."""

    name = "seeds"
    assumption = (
        "each seed's own value of an effect tells its error (CR2 by seed, Satterthwaite's degrees "
        "of freedom): effects may differ between seeds and combinations may spread unequally; "
        "assumes that seeds are independent"
    )
    test = "F against term × seed, Greenhouse–Geisser"

    @cached_property
    def groups(self) -> Places:
        """The runs of each seed."""
        return _groups(self.model.seeds[:, None])

    @cached_property
    def _absorbed(self) -> _Frame:
        """The frame of contrasts that a shift of a whole seed does not change."""
        columns = self.model.columns[:, self.model.blocks.shape[1] :].copy()
        for places in self.groups:
            columns[places] -= columns[places].mean(0)
        return _Frame.of(columns, self.groups)

    @cached_property
    def _whole(self) -> _Frame:
        """The frame of others, such as means: seeds are part of their error."""
        blocks = self.model.blocks.shape[1]
        terms = self.model.columns[:, blocks:]
        return _Frame.of(np.column_stack([self.model.blocks[:, :1], terms]), self.groups)

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return the root of Σ over seeds of (w′ (I − H)^(−½) e)², and Satterthwaite's degrees."""
        shape = (len(contrasts), *responses.shape[1:])
        errors, degrees = np.full(shape, np.nan), np.full(shape, np.nan)
        for frame, chosen in self._frames(contrasts):
            halves = self._halves(contrasts[chosen], frame)
            parts = self._parts(halves, frame, responses)
            trace, known = _satterthwaite(halves, frame.basis, self.groups)
            told = trace > (1 - 1e-6) * (contrasts[chosen] ** 2).sum(1)
            column = (-1, *[1] * (len(shape) - 1))
            errors[chosen] = np.where(told.reshape(column), np.sqrt((parts**2).sum(0)), np.nan)
            degrees[chosen] = np.where(told, known, np.nan).reshape(column)
        return errors, degrees

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return √(Σ w²) on Satterthwaite's degrees, seeds − 1 where all have the same runs."""
        _, degrees = self.judge(contrasts, np.zeros(len(self.model.columns)))
        return np.sqrt((contrasts**2).sum(1)), degrees

    def joint(self, contrasts: Matrix, responses: Matrix) -> Joint:
        """Return the mean square over that of the term's variation between seeds.

        Both degrees are shrunk by Greenhouse and Geisser's ε of that variation
        (doi:10.1007/BF02289823), because contrasts of a term may vary unequally and together.
        """
        whitened = _orthonormal(contrasts)
        frame = self._absorbed  # no term changes when a whole seed is shifted
        halves = self._halves(whitened, frame)
        parts = self._parts(halves, frame, responses)  # (seeds, Q) or (seeds, Q, S)
        each = (parts**2).sum(0)
        covariance = np.einsum("gi...,gj...->ij...", parts, parts)
        trace = each.sum(0)
        share = trace**2 / (covariance**2).sum((0, 1)) / len(contrasts)
        seen, _ = _satterthwaite(halves, frame.basis, self.groups)
        told = bool((seen > 1 - 1e-6).all())
        free = _jointly(halves, frame.basis, self.groups) if told else np.nan
        f = ((whitened @ responses) ** 2).sum(0) / trace
        f = np.where(told & (trace > 0), f, np.nan)
        return Joint(f, share * len(contrasts), share * free)

    def _frames(self, contrasts: Matrix) -> list[tuple[_Frame, npt.NDArray[np.bool_]]]:
        """Return which contrasts are in which frame."""
        sums = np.stack([contrasts[:, places].sum(1) for places in self.groups], axis=1)
        size = np.abs(contrasts).sum(1, keepdims=True)
        within = (np.abs(sums) <= 1e-7 * size).all(1)
        found = []
        if within.any():
            found.append((self._absorbed, within))
        if not within.all():
            found.append((self._whole, ~within))
        return found

    def _halves(self, contrasts: Matrix, frame: _Frame) -> tuple[Matrix, ...]:
        """Return w′ (I − H)^(−½) for each seed, (T, runs of it)."""
        return tuple(
            contrasts[:, places] @ root
            for places, root in zip(self.groups, frame.roots, strict=True)
        )

    def _parts(self, halves: tuple[Matrix, ...], frame: _Frame, responses: Matrix) -> Matrix:
        """Return each seed's deviation in each contrast, (seeds, T) or (seeds, T, S)."""
        centred = responses - responses.mean(0)
        rest = centred - frame.basis @ (frame.basis.T @ centred)
        return np.stack(
            [half @ rest[places] for half, places in zip(halves, self.groups, strict=True)]
        )


class Cells(ErrorModel):
    """A variance for each combination of levels; seeds are no blocks here."""

    name = "cells"
    assumption = (
        "each combination spreads by an SD of its own, told by its repeated runs (Welch and "
        "Satterthwaite's degrees of freedom); assumes that runs are independent of each other, "
        "so that a seed that moves all its runs makes intervals wider than they need be"
    )
    test = "ANOVA-type F of each combination's own variance"

    @cached_property
    def groups(self) -> Places:
        """The runs of each combination."""
        return _groups(self.model.levels)

    def judge(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix]:
        """Return the root of Σ over combinations of a² s²/n, on Satterthwaite's degrees."""
        # (T, combinations) @ (combinations,) or (combinations, S)
        weights, variances, free = self._told(contrasts, responses)
        total, spent = weights**2 @ variances, weights**4 @ _each(variances**2, 1 / free)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(total), total**2 / spent

    def expected(self, contrasts: Matrix) -> tuple[Matrix, Matrix]:
        """Return √(Σ w²), on degrees as they are if all spread alike."""
        counts = np.array([len(places) for places in self.groups], np.float64)
        squares = self._sums(contrasts) ** 2 / counts
        with np.errstate(divide="ignore", invalid="ignore"):
            degrees = squares.sum(1) ** 2 / (squares**2 / (counts - 1)).sum(1)
        return np.sqrt(squares.sum(1)), degrees

    def joint(self, contrasts: Matrix, responses: Matrix) -> Joint:
        """Return the ANOVA-type statistic (Brunner, Dette & Munk 1997).

        doi:10.1080/01621459.1997.10473671.
        """
        whitened = _orthonormal(contrasts)
        weights, variances, free = self._told(whitened, responses)
        covariance = np.einsum("ic,jc,c...->ij...", weights, weights, variances)
        trace = np.einsum("ii...->...", covariance)
        spent = (weights**2).sum(0) ** 2 @ _each(variances**2, 1 / free)
        with np.errstate(invalid="ignore", divide="ignore"):
            f = ((whitened @ responses) ** 2).sum(0) / trace
            return Joint(
                np.where(trace > 0, f, np.nan),
                trace**2 / (covariance**2).sum((0, 1)),
                trace**2 / spent,
            )

    def _sums(self, contrasts: Matrix) -> Matrix:
        return np.stack([contrasts[:, places].sum(1) for places in self.groups], axis=1)

    def _told(self, contrasts: Matrix, responses: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Return weights of combinations, variances of their means, and their degrees."""
        counts = np.array([len(places) for places in self.groups], np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = [
                ((responses[places] - responses[places].mean(0)) ** 2).sum(0)
                / np.float64(len(places) - 1)
                for places in self.groups
            ]
        return self._sums(contrasts), _each(np.stack(each), 1 / counts), counts - 1


ERRORS: Mapping[str, type[ErrorModel]] = {error.name: error for error in (Seeds, Pooled, Cells)}
"""By the name that asks for them."""


def _each(values: Matrix, weights: Matrix) -> Matrix:
    """Return values (C, …) times a weight of each (C,)."""
    return np.asarray(values * weights.reshape(-1, *[1] * (values.ndim - 1)))


def _groups(rows: npt.NDArray[np.int64]) -> Places:
    """Return the places of equal rows."""
    _, which = np.unique(rows, axis=0, return_inverse=True)
    return tuple(np.flatnonzero(which == group) for group in range(which.max() + 1))


def _orthonormal(contrasts: Matrix) -> Matrix:
    """Return contrasts of the same span (Q, R) that are independent and of length 1."""
    return np.asarray(np.linalg.qr(contrasts.T)[0].T)


def _satterthwaite(
    halves: tuple[Matrix, ...], basis: Matrix, groups: Places
) -> tuple[Matrix, Matrix]:
    """Return trace and degrees of freedom of each contrast's sum of squares over seeds, (T,).

    Under runs that vary independently and alike: (tr G)² / tr G², G being the covariance of the
    seeds' parts.
    """
    sizes = np.stack([(half**2).sum(1) for half in halves])  # (seeds, T)
    shadows = np.stack([half @ basis[g] for half, g in zip(halves, groups, strict=True)])
    shared = np.einsum("gtp,htp->ght", shadows, shadows)
    gram = -shared
    seeds = np.arange(len(halves))
    gram[seeds, seeds] += sizes
    trace = gram[seeds, seeds].sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return trace, trace**2 / (gram**2).sum((0, 1))


def _jointly(halves: tuple[Matrix, ...], basis: Matrix, groups: Places) -> float:
    """Return the degrees of freedom of the sum of all contrasts' squares over seeds."""
    whole = np.zeros((len(halves), len(halves[0]), len(basis)))
    for number, (half, places) in enumerate(zip(halves, groups, strict=True)):
        whole[number][:, places] += half
        whole[number] -= half @ basis[places] @ basis.T
    rows = whole.reshape(-1, len(basis))
    gram = rows @ rows.T
    return float(np.trace(gram) ** 2 / (gram**2).sum())
