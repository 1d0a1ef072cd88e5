"""What ensembles and ladders say, as tables of plain values and sentences, for any renderer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import attrs

from bionic_core.statistics.adjusted import Slope
from bionic_core.statistics.ensemble import Against, Ensemble, Ladder, Step, Variance
from bionic_core.statistics.findings import Findings
from bionic_core.statistics.mixed import RandomEffect

Interval = tuple[float | None, float | None]
Value = str | int | float | None | Interval
T = TypeVar("T")

PLAIN, SIGNED, P, ROUGH = "plain", "signed", "p", "rough"
"""How a number is shown: to a column's decimals, with its sign, as p, or to four digits."""


@attrs.frozen
class Told:
    """A table.

    Attributes:
        heading: of its section; empty where it goes on with the one before.
        text: sentences above it.
        columns: each column's name, and how its numbers are shown; intervals are pairs.
        rows: values.
    """

    heading: str
    text: tuple[str, ...]
    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Value, ...], ...]


def told(findings: Findings) -> Iterator[Told]:
    """Give the tables of covariates and random effects, of ensembles, then of ladders."""
    unit = f", {findings.unit}" if findings.unit else ""
    if findings.covariates:
        yield _slopes(findings, unit)
    if findings.random:
        yield _random(findings, unit)
    for ensemble in findings.ensembles:
        yield _variances(ensemble, unit)
        if ensemble.against:
            yield _against(ensemble, unit)
    for ladder in findings.ladders:
        yield _ladder(ladder, unit, findings.by)


def _table(
    columns: dict[tuple[str, str], Callable[[T], Value]], things: Sequence[T]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[Value, ...], ...]]:
    rows = tuple(tuple(value(thing) for value in columns.values()) for thing in things)
    return tuple(columns), rows


def _slopes(findings: Findings, unit: str) -> Told:
    text = (
        "What one unit more of each changes, factors and the other covariates being equal: one "
        "slope for all combinations. p is of a slope alone.",
        *([f"Intervals and p by {findings.by}."] if findings.by else []),
    )
    columns: dict[tuple[str, str], Callable[[Slope], Value]] = {
        ("covariate", PLAIN): lambda one: one.covariate,
        ("slope", ROUGH): lambda one: one.estimate,
        ("95 % interval", ROUGH): lambda one: (one.low, one.high),
        ("p", P): lambda one: one.p,
        ("its mean", ROUGH): lambda one: one.mean,
        ("from", ROUGH): lambda one: one.least,
        ("to", ROUGH): lambda one: one.most,
    }
    title = f"Slopes{unit} for each unit of the covariate"
    return Told("Covariates", text, title, *_table(columns, findings.covariates))


def _random(findings: Findings, unit: str) -> Told:
    text = (
        "How far levels of a random effect differ, beside the error of a run; an SD of 0 says that "
        "they differ no more than runs do.",
    )
    columns: dict[tuple[str, str], Callable[[RandomEffect], Value]] = {
        ("source", PLAIN): lambda one: one.name,
        ("levels", PLAIN): lambda one: one.levels,
        ("SD", ROUGH): lambda one: one.sd,
        ("share of variance", ROUGH): lambda one: one.share,
    }
    title = f"Components of variance{unit}"
    return Told("Random effects", text, title, *_table(columns, findings.random))


def _variances(found: Ensemble, unit: str) -> Told:
    each = "one seed" if found.seeds == 1 else f"{found.seeds} seeds"
    how = "of its own" if found.nested else "the same for all"
    text = [
        f"{found.level} is an ensemble: {found.draws} draws, each trained with {each}, {how}. "
        "Their means and SDs are over all settings of other factors."
    ]
    if found.left_out:
        text.append(
            f"{found.left_out} further draws lack runs: they are part of the estimates, not of the "
            "variances and ranks."
        )
    if found.seeds == 1:
        text.append("With one seed, what draws differ by cannot be told from a run's own error.")
    columns: dict[tuple[str, str], Callable[[Variance], Value]] = {
        ("source", PLAIN): lambda one: one.source,
        ("SD", PLAIN): lambda one: one.sd,
        ("95 % interval", PLAIN): lambda one: (one.low, one.high),
        ("df", PLAIN): lambda one: one.degrees,
    }
    heading, title = f"Draws of {found.factor}", f"How far runs of {found.level} differ{unit}"
    return Told(heading, tuple(text), title, *_table(columns, found.variances))


def _against(found: Ensemble, unit: str) -> Told:
    text = [
        "The difference is from the mean of all draws, its interval over draws and seeds: is a "
        "level better or worse than draws are on average?"
    ]
    ranked = any(one.rank_p is not None for one in found.against)
    if ranked:
        text.append(
            "Its rank asks another thing, whether it could be one of the draws: of "
            f"{found.draws} draws r are as far from the mean of all, and p = (r + 1)/"
            f"({found.draws} + 1), two-sided, {found.smallest_p:.2g} at the smallest."
        )
    if any(one.seeds_p is not None for one in found.against):
        text.append(
            "The last column is p that a level differs between seeds no more than a draw does; "
            "only where that holds are pooled intervals (--error pooled) wide enough."
        )
    columns: dict[tuple[str, str], Callable[[Against], Value]] = {
        ("level", PLAIN): lambda one: one.level,
        ("difference", SIGNED): lambda one: one.estimate,
        ("95 % interval", SIGNED): lambda one: (one.low, one.high),
        ("p", P): lambda one: one.p,
    }
    if ranked:
        columns["draws lower", PLAIN] = lambda one: (
            None if one.lower is None else f"{one.lower} of {found.draws}"
        )
        columns["p of rank", P] = lambda one: one.rank_p
    columns["p of seeds", P] = lambda one: one.seeds_p
    title = f"Less the mean of {found.draws} draws of {found.level}{unit}"
    return Told("", tuple(text), title, *_table(columns, found.against))


def _ladder(found: Ladder, unit: str, by: str) -> Told:
    columns: dict[tuple[str, str], Callable[[Step], Value]] = {
        ("from", PLAIN): lambda one: one.lower,
        ("to", PLAIN): lambda one: one.upper,
        ("difference", SIGNED): lambda one: one.estimate,
        ("95 % interval", SIGNED): lambda one: (one.low, one.high),
        ("p", P): lambda one: one.p,
        ("p (Holm)", P): lambda one: one.p_adjusted,
    }
    text = (
        "Each level keeps more of what is real than the one before: a step that changes the "
        "response says that what it adds matters, given what is kept already. What a level keeps "
        "and what it does not: bionic plugins, and the mechanism's own page. Steps share a level, "
        "so neighbouring ones go together by chance: one up, the next down.",
        *([f"Intervals and p by {by}."] if by else []),
    )
    title = f"Level by level{unit}"
    return Told(
        f"Which constraint matters: {found.factor}", text, title, *_table(columns, found.steps)
    )
