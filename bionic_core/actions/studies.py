"""Studies from the design to the results beside the runs: factorial and leave-one-out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core.base.steps import doing
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from bionic_core.actions.progress import Display
    from bionic_core.actions.work import Workplace
    from bionic_core.spec.spec import Spec
    from bionic_core.statistics.designs import Factor
    from bionic_core.statistics.until import Rule
    from bionic_core.studies.ablation import Ablation
    from bionic_core.studies.ablation_plan import AblationPlan
    from bionic_core.studies.cell import Cell
    from bionic_core.studies.experiment import Experiment
    from bionic_core.studies.over_images import Judging
    from bionic_core.studies.plan import FactorialPlan
    from bionic_core.studies.results import AblationResults, FactorialResults
    from bionic_core.studies.until import AblationStudy, Ended, FactorialStudy, Study

THEN = "estimating effects"
"""What is said between the last run and the results."""


@attrs.frozen(eq=False)
class Asked:
    """What is asked of a factorial experiment's runs, checked before any is trained.

    Attributes:
        experiment: the design, and the spec of each cell.
        judging: how sure effects are, by what, over what, against which margin.
        response: the figure that is analysed, by its full name.
        order: of interactions, the highest that is estimated.
        until: the study as looks see it, and its rule; None with a fixed number of seeds.
    """

    experiment: Experiment
    judging: Judging
    response: str
    order: int | None = None
    until: tuple[FactorialStudy, Rule] | None = None

    @classmethod
    def of(
        cls, experiment: Experiment, judging: Judging, response: str, order: int | None
    ) -> Asked:
        """Return what is asked.

        Raises:
            RequestError: there is no such figure, error or margin, or the runs will not tell it.
        """
        from bionic_core.studies.experiment import check_judging
        from bionic_core.studies.responses import full_name

        name = full_name(response)
        with doing(f"looking at what {experiment.design.runs:,} runs can tell"):
            check_judging(experiment, judging, response=name, order=order)
        if judging.looks is None:
            return cls(experiment, judging, name, order)
        from bionic_core.studies.until import FactorialStudy, rule_of

        study = FactorialStudy(experiment, judging, name, order)
        rule = rule_of(experiment, judging, len(study.terms), name)
        return cls(experiment, judging, name, order, (study, rule))


def design_factorial(
    spec: Spec,
    mechanisms: Sequence[str],
    keys: Sequence[Factor],
    seeds: int,
    *,
    resolution: int | None = None,
    folded: Sequence[str] | None = None,
    design: Path | None = None,
    way: str | None = None,
) -> Experiment:
    """Return a factorial experiment over a spec, its cells given, a fraction of all, or all.

    Args:
        spec: the base.
        mechanisms: on and off.
        keys: of the spec, with their values.
        seeds: how many runs of each cell, seeds 0, 1, ….
        resolution: of a fraction.
        folded: factors that a second fraction reverses; all if empty, no second one if None.
        design: a CSV file that names the factors and the cells, instead of all the former.
        way: of draws and seeds, ``crossed`` or ``nested``; crossed if None.

    Raises:
        RequestError: as :func:`bionic_core.studies.experiment.plan_factorial`, or the file is
            given beside what it says itself.
    """
    from bionic_core.registry import Registry
    from bionic_core.studies.experiment import plan_factorial
    from bionic_core.studies.factors import read_design

    registry, runs = Registry.installed(), range(seeds)
    asked: dict[str, Any] = {"folded": folded, "way": way}
    if design is None:
        with doing("composing the cells of the design, and building each shape of model once"):
            free: dict[str, Any] = {"keys": keys, "resolution": resolution}
            return plan_factorial(spec, mechanisms, runs, registry, **free, **asked)
    if mechanisms or keys or resolution is not None:
        raise RequestError(
            "--design: the file names the factors and the cells; leave --mechanisms, --factor "
            "and --resolution out"
        )
    with doing(f"reading {design}"):
        given = read_design(design, spec, registry)
    with doing(f"composing the {len(given.cells):,} cells of {design}"):
        found: dict[str, Any] = {"keys": given.keys, "cells": given.cells}
        return plan_factorial(spec, given.mechanisms, runs, registry, **found, **asked)


def factorial_plan(asked: Asked, where: Workplace, probe: float | None) -> FactorialPlan:
    """Return what a factorial experiment will see; ``probe`` is the seconds of its time's probe."""
    from bionic_core.studies import plan
    from bionic_core.studies.stopping import about_added_seeds
    from bionic_core.studies.until import planned_until

    with doing(f"planning {asked.experiment.design.runs:,} runs, of which some may be done"):
        found = plan.factorial_plan(
            asked.experiment,
            **where.place,
            response=asked.response,
            order=asked.order,
            judging=asked.judging,
            seconds=probe,
        )
    if asked.until is not None:
        return attrs.evolve(found, until=planned_until(*asked.until, found.sd.value))
    added = about_added_seeds(where.out, asked.experiment, "factorial")
    return attrs.evolve(found, notes=(*found.notes, *added))


def factorial(
    asked: Asked, where: Workplace, display: Display, command: str = ""
) -> FactorialResults:
    """Train what is missing of a factorial experiment, analyse it, and write the results.

    Args:
        asked: the experiment.
        where: it is trained.
        display: shows how the runs get on.
        command: that asked for it, for those who will read the results.

    Returns:
        The results, with the file that they are in; runs that failed are named in its cells.

    Raises:
        RequestError: what was asked cannot be done, for any run.
        BionicError: every run failed.
    """
    from bionic_core.studies import experiment as study
    from bionic_core.studies.responses import check_response
    from bionic_core.studies.stopping import part_of
    from bionic_core.studies.until import with_decisions

    experiment = asked.experiment
    check_response(asked.response, experiment.spec)
    if asked.until is None:
        cells, added = _train(experiment, "factorial", where, display)
        with doing(f"estimating effects of {len(cells):,} runs"):
            analysis = study.analyse(
                experiment, cells, response=asked.response, order=asked.order, judging=asked.judging
            )
        results = study.results(experiment, cells, analysis)
        results = attrs.evolve(results, notes=(*added, *results.notes))
    else:
        ended = _train_until(*asked.until, where, display)
        analysis = asked.until[0].analysis(ended.cells, ended.seeds)
        part = part_of(experiment, experiment.design.seeds[: ended.seeds])
        results = with_decisions(study.results(part, ended.cells, analysis), ended)
    results = attrs.evolve(results, command=command)
    rule = asked.until[1] if asked.until else None
    path = study.save_results(where.out, experiment, results, rule)
    return attrs.evolve(results, file=str(path))


def _train(
    experiment: Experiment, kind: str, where: Workplace, display: Display
) -> tuple[Sequence[Cell], Sequence[str]]:
    """Train a fixed number of seeds, after what is to be said of seeds that are added."""
    from bionic_core.actions.work import run_study
    from bionic_core.studies.experiment import study_name
    from bionic_core.studies.stopping import about_added_seeds

    added = about_added_seeds(where.out, experiment, kind)
    for words in added:
        display.tell(f"warning: {words}")
    name = f"{experiment.spec.name}-{study_name(experiment, kind)}"
    (cells,) = run_study(name, [experiment], where, display, then=THEN)
    return cells, added


def _train_until(study: Study, rule: Rule, where: Workplace, display: Display) -> Ended:
    """Train a study look by look, until its effects are decided."""
    from bionic_core.actions.work import at_work
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.experiment import run_experiment, study_name
    from bionic_core.studies.until import run_until

    experiment, plans = study.experiment, Plans(where.out)
    name = f"{experiment.spec.name}-{study_name(experiment, study.kind, rule)}"
    with at_work(name, [experiment], where, display) as how:

        def train(part: Experiment, first: int) -> Sequence[Cell]:
            return run_experiment(part, **how, plans=plans, first=first)

        ended = run_until(study, rule, where.out, train, display.say, display.tell)
        display.say(THEN)
    return ended


@attrs.frozen(eq=False)
class AskedAblation:
    """A leave-one-out study, how sure its differences are, and when it ends, as :class:`Asked`."""

    ablation: Ablation
    judging: Judging
    until: tuple[AblationStudy, Rule] | None = None

    @classmethod
    def of(
        cls, spec: Spec, mechanisms: Sequence[str], seeds: int, judging: Judging
    ) -> AskedAblation:
        """Return the study of a spec that leaves mechanisms out, all if none is named.

        Raises:
            RequestError: as :func:`bionic_core.studies.ablation.plan_ablation`, or the runs will
                not tell what is asked.
        """
        from bionic_core.registry import Registry
        from bionic_core.studies.ablation import plan_ablation
        from bionic_core.studies.over_images import check_comparisons

        most = range(judging.seeds(seeds))
        with doing("composing the variants, and building each shape of model once"):
            ablation = plan_ablation(spec, mechanisms, most, Registry.installed())
        trial = ablation.experiment
        judging = check_comparisons(trial.design, trial.specs, judging)
        if judging.looks is None:
            return cls(ablation, judging)
        from bionic_core.studies.until import AblationStudy, rule_of

        study = AblationStudy(ablation, judging)
        return cls(ablation, judging, (study, rule_of(trial, judging, len(study.terms))))


def ablation_plan(asked: AskedAblation, where: Workplace) -> AblationPlan:
    """Return what a leave-one-out study will see, and its time where the data is here."""
    from bionic_core.runs.images_and_wiring import load_inputs
    from bionic_core.runs.planned import Plans
    from bionic_core.runs.probe import probe
    from bionic_core.studies.ablation_plan import ablation_plan
    from bionic_core.studies.plan import finished_cells
    from bionic_core.studies.stopping import about_added_seeds
    from bionic_core.studies.until import planned_until

    experiment, images, seconds, cells = asked.ablation.experiment, None, None, None
    with suppress(RequestError):  # the data need not be here for a plan
        inputs = load_inputs(experiment.spec)
        images, cells = len(inputs.splits.test), finished_cells(experiment, Plans(where.out))
        if len(cells) < experiment.design.runs:
            seconds = probe(experiment.spec, inputs, device=where.device, jobs=where.jobs)
    found = ablation_plan(asked.ablation, images, seconds, where.jobs, asked.judging, cells)
    if asked.until is not None:
        return attrs.evolve(found, until=planned_until(*asked.until, found.detectable.sd))
    added = about_added_seeds(where.out, experiment, "ablation")
    return attrs.evolve(found, notes=(*found.notes, *added))


def ablate(
    asked: AskedAblation, where: Workplace, display: Display, command: str = ""
) -> AblationResults:
    """Train what is missing of a leave-one-out study, and write what each mechanism changes.

    Arguments, result and errors are those of :func:`factorial`.
    """
    from bionic_core.studies import ablation as study
    from bionic_core.studies.until import with_decisions

    ablation = asked.ablation
    if asked.until is None:
        cells, added = _train(ablation.experiment, "ablation", where, display)
        results = study.results(ablation, cells, asked.judging)
        results = attrs.evolve(results, notes=(*added, *results.notes))
    else:
        ended = _train_until(*asked.until, where, display)
        results = with_decisions(asked.until[0].results(ended.cells, ended.seeds), ended)
    results = attrs.evolve(results, command=command)
    rule = asked.until[1] if asked.until else None
    path = study.save_results(where.out, ablation, results, rule)
    return attrs.evolve(results, file=str(path))


def failures(results: FactorialResults | AblationResults) -> str:
    """Say how many runs failed, and what the results are of; empty where none did."""
    failed = sum(cell.run is None for cell in results.cells)
    if not failed:
        return ""
    found = "figures" if hasattr(results, "rows") else "effects"
    return f"{failed} of {len(results.cells)} runs failed; the {found} are of the others"
