"""Studies that train seed by seed until their effects are decided, and those that only seem to.

All that decides when a study ends is fixed before its first run, written beside the runs, and
followed from the first look on each time the study is begun: finished runs are read, not trained,
so that a study that was interrupted comes to the look that it was at, with the same verdicts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np

from bionic_core.errors import RequestError
from bionic_core.statistics.analysis import Analysis
from bionic_core.statistics.linear import Matrix, Model
from bionic_core.statistics.until import Decided, Deciding, Expected, Rule, Until, decide, expected
from bionic_core.statistics.verdicts import Verdict, margin_of
from bionic_core.studies.ablation import Ablation
from bionic_core.studies.ablation import results as ablation_results
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment, analyse
from bionic_core.studies.over_images import Judging
from bionic_core.studies.responses import response_of
from bionic_core.studies.results import ACCURACY, AblationResults, FactorialResults, Variant
from bionic_core.studies.stopping import RuleRecord, part_of

DECIDED = "decided"
"""What ``--until`` may be."""

Train = Callable[[Experiment, int], Sequence[Cell]]
"""Trains what is missing of an experiment, whose first run has a number, and returns its cells."""


class Study(ABC):
    """A study as looks see it: what is trained, and what its runs say of each effect.

    Attributes:
        experiment: with the seeds of all looks.
        judging: with the looks.
        kind: which its results' file is named by.
    """

    kind: str
    experiment: Experiment
    judging: Judging

    @property
    @abstractmethod
    def terms(self) -> Sequence[str]:
        """The effects that are decided."""

    @abstractmethod
    def open(self, decided: frozenset[str]) -> Sequence[int]:
        """Return the places of the cells that still tell of effects that are not decided."""

    @abstractmethod
    def verdicts(self, cells: Sequence[Cell], seeds: int) -> Mapping[str, Verdict | None]:
        """Return the verdicts of all terms by the runs of the first seeds."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """What the rule is asked of, in its record."""
        return {"effects": list(self.terms), "response": ACCURACY}

    @property
    @abstractmethod
    def sizes(self) -> Matrix:
        """The SD of each effect from seed to seed, in SDs of a run."""


class FactorialStudy(Study):
    """A factorial study: every run tells of every effect."""

    kind = "factorial"

    def __init__(
        self, experiment: Experiment, judging: Judging, response: str, order: int | None
    ) -> None:
        self.experiment, self.judging = experiment, judging
        self.response, self.order = response, order

    @property
    def _model(self) -> Model:
        design = self.experiment.design
        rows = [(cell, seed) for seed in range(2) for cell in design.cells]
        return Model.of(design.factors, [c for c, _ in rows], [s for _, s in rows], self.order)

    @property
    def asked(self) -> Mapping[str, Any]:
        """With the response."""
        return {"effects": list(self.terms), "response": self.response}

    @property
    def terms(self) -> Sequence[str]:
        """Those that the runs can tell apart."""
        return [term.name for term in self._model.kept]

    def open(self, decided: frozenset[str]) -> Sequence[int]:
        """Return all cells."""
        return range(len(self.experiment.design.cells))

    def verdicts(self, cells: Sequence[Cell], seeds: int) -> Mapping[str, Verdict | None]:
        """Return the verdicts of the analysis."""
        found = {e.term: e.verdict for e in self.analysis(cells, seeds).effects.effects}
        return {term: found[term] for term in self.terms}

    def analysis(self, cells: Sequence[Cell], seeds: int) -> Analysis:
        """Return the analysis of the runs of the first seeds."""
        part = part_of(self.experiment, self.experiment.design.seeds[:seeds])
        return analyse(part, cells, response=self.response, order=self.order, judging=self.judging)

    @property
    def sizes(self) -> Matrix:
        """Of two seeds √(Σ w²) is an SD of a mean of two."""
        return np.asarray(np.sqrt(2 * (self._model.effects**2).sum(1)))


class AblationStudy(Study):
    """A leave-one-out study: a variant whose effect is decided is trained no further."""

    kind = "ablation"

    def __init__(self, ablation: Ablation, judging: Judging) -> None:
        self.ablation, self.judging = ablation, judging
        self.experiment = ablation.experiment

    @property
    def terms(self) -> Sequence[str]:
        """What is left out."""
        return [factor.term for factor in self.experiment.design.factors]

    def open(self, decided: frozenset[str]) -> Sequence[int]:
        """Return the whole model and the variants that are not decided."""
        return [0, *(n for n, term in enumerate(self.terms, 1) if term not in decided)]

    def verdicts(self, cells: Sequence[Cell], seeds: int) -> Mapping[str, Verdict | None]:
        """Return the verdicts of the differences."""
        found = self.results(cells, seeds)
        return {term: change.verdict for term, change in found.named.items()}

    def results(self, cells: Sequence[Cell], seeds: int) -> AblationResults:
        """Return the whole study by the runs of the first seeds."""
        part = part_of(self.experiment, self.experiment.design.seeds[:seeds])
        return ablation_results(
            attrs.evolve(self.ablation, experiment=part), cells, judging=self.judging
        )

    @property
    def sizes(self) -> Matrix:
        """A difference of two runs."""
        return np.full(len(self.terms), np.sqrt(2.0))


def rule_of(experiment: Experiment, judging: Judging, terms: int, response: str = ACCURACY) -> Rule:
    """Return the rule of a study whose judging has its looks.

    Raises:
        RequestError: its effects have no margin, or their errors are not by seeds.
    """
    problems, unit = [], response_of(response).unit
    margin = margin_of(unit, judging.margin)
    if margin is None:
        problems.append(
            f"--until {DECIDED}: effects on {response} have no default margin; give --margin, in "
            "its units: effects no larger are as good as none"
        )
    if judging.error not in (None, "seeds"):
        problems.append(
            f"--until {DECIDED} with --error {judging.error}: what is spent at each look is known "
            "for errors by seeds; leave --error out"
        )
    if judging.images:
        problems.append(
            f"--until {DECIDED} with --over seeds,images: what images add stays however many seeds "
            "there are, so that effects may never be decided; leave --over out"
        )
    if experiment.design.draws is not None:
        problems.append(
            f"--until {DECIDED} with draws of a factor's levels (name*N): looks are after seeds, "
            "and draws do not grow with them; leave --until out"
        )
    if not terms:
        problems.append(f"--until {DECIDED}: the runs can tell no effect")
    if problems or margin is None or judging.looks is None:
        raise RequestError(problems)
    first, *_, last = judging.looks.seeds
    return Rule(first, last, margin, unit, terms, len(experiment.design.cells))


@attrs.frozen(eq=False)
class Ended:
    """A study that has come to its end.

    Attributes:
        cells: all its runs.
        until: the looks, and what they decided.
        seeds: of the last look.
        notes: what a reader must know, a sentence each.
    """

    cells: tuple[Cell, ...]
    until: Until
    seeds: int
    notes: tuple[str, ...]


def run_until(
    study: Study,
    rule: Rule,
    root: Path,
    train: Train,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Ended:
    """Train a study look by look, until its effects are decided or its last look is done.

    Args:
        study: with the seeds of all looks.
        rule: made before anything of it was seen.
        root: folder of the runs, where the rule is written first.
        train: trains what is missing of an experiment.
        say: is told of each look, a sentence.
        warn: is told where the rule is not what it should be.
    """
    terms, design = study.terms, study.experiment.design
    runs = rule.planned.looks[-1].runs
    say(
        f"effects are decided against ±{rule.margin:g} {rule.unit}, looked at after each of seeds "
        f"{rule.first} to {rule.most}: {runs} runs at most"
    )
    deciding = Deciding(rule, (len(terms),))
    record = RuleRecord.of(root, study.experiment, study.kind, rule, study.asked)
    for note in record.notes:
        warn(note)
    cells: list[Cell] = []
    decided: list[Decided] = []
    looks, before, number = list(rule.planned.looks), 0, 0
    for number, seeds in enumerate(rule.looks.seeds):
        places = study.open(frozenset(one.term for one in decided))
        part = part_of(study.experiment, design.seeds[before:seeds], places)
        cells += train(part, len(cells))
        before = seeds
        new = decide(deciding, number, study.verdicts(cells, seeds))
        decided += new
        done = tuple(one.term for one in new)
        looks[number] = attrs.evolve(looks[number], runs=len(cells), decided=done)
        record.seen(seeds)
        left = len(terms) - len(decided)
        say(_told(seeds, new, left, rule))
        if not left:
            break
    ended = DECIDED if len(decided) == len(terms) else "maximum"
    until = attrs.evolve(rule.planned, looks=tuple(looks), decided=tuple(decided), ended=ended)
    notes = (*record.notes, *_notes(until, rule))
    return Ended(tuple(cells), until, rule.looks.seeds[number], notes)


def _told(seeds: int, new: Sequence[Decided], left: int, rule: Rule) -> str:
    told = "; ".join(f"{one.term} {one.word} ±{rule.margin:g}" for one in new) or "nothing"
    return f"look after {seeds} of at most {rule.most} seeds: {told} decided, {left} undecided"


def _notes(until: Until, rule: Rule) -> Iterator[str]:
    reached = [look for look in until.looks if look.decided is not None]
    end = "all effects were decided" if until.ended == DECIDED else "the last planned look was done"
    yield (
        f"the study ended after {reached[-1].seeds} of at most {rule.most} seeds, as {end}; it was "
        f"looked at after {', '.join(str(look.seeds) for look in reached)} seeds, by a rule made "
        "before. Intervals, p and verdicts hold over all looks (5 % are spent as the square of the "
        "share of seeds, exact for t); tests of the analysis of variance are of the last look alone"
    )
    for one in until.decided:
        yield (
            f"{one.term}: {one.word} ±{rule.margin:g} {rule.unit}, decided after {one.seeds} seeds "
            f"(one-sided p {one.p:.2g} below the boundary of {one.boundary:.2g})"
        )


R = TypeVar("R", FactorialResults, AblationResults)


def with_decisions(found: R, ended: Ended) -> R:
    """Return a study's results with the verdicts that looks gave, and with the looks."""
    words = {one.term: one for one in ended.until.decided}

    def settled(term: str | None, verdict: Verdict | None) -> Verdict | None:
        if verdict is None:
            return None
        word = words[term].word if term in words else "undecided"
        alone = verdict.alone if word == "undecided" else word
        return attrs.evolve(verdict, corrected=word, alone=alone)

    notes = (*ended.notes, *found.notes)
    if isinstance(found, FactorialResults):
        effects = tuple(attrs.evolve(e, verdict=settled(e.term, e.verdict)) for e in found.effects)
        return attrs.evolve(found, effects=effects, until=ended.until, notes=notes)

    def row(one: Variant) -> Variant:
        if one.difference is None:
            return one
        verdict = settled(one.term, one.difference.verdict)
        return attrs.evolve(one, difference=attrs.evolve(one.difference, verdict=verdict))

    design = attrs.evolve(found.design, runs=len(ended.cells))
    rows = tuple(map(row, found.rows))
    return attrs.evolve(found, rows=rows, design=design, until=ended.until, notes=notes)


def planned_until(study: Study, rule: Rule, sd: float | None) -> Until:
    """Return a rule as it is shown before training, with how studies end where an SD is known."""
    ends: tuple[Expected, ...] = ()
    if sd:
        ends = expected(rule, (sd * study.sizes).tolist())
    return attrs.evolve(rule.planned, expected=ends)
