"""Studies from the design to the results beside the runs: factorial and leave-one-out."""

from __future__ import annotations

from collections.abc import Sequence
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
    from bionic_core.studies.ablation import Ablation, AblationPlan
    from bionic_core.studies.experiment import Experiment
    from bionic_core.studies.over_images import Judging
    from bionic_core.studies.plan import FactorialPlan
    from bionic_core.studies.results import AblationResults, FactorialResults

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
    """

    experiment: Experiment
    judging: Judging
    response: str
    order: int | None = None

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
        return cls(experiment, judging, name, order)


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

    with doing(f"planning {asked.experiment.design.runs:,} runs, of which some may be done"):
        return plan.factorial_plan(
            asked.experiment,
            **where.place,
            response=asked.response,
            order=asked.order,
            judging=asked.judging,
            seconds=probe,
        )


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
    from bionic_core.actions.work import run_study
    from bionic_core.studies import experiment as study
    from bionic_core.studies.responses import check_response

    experiment = asked.experiment
    check_response(asked.response, experiment.spec)
    name = f"{experiment.spec.name}-{study.study_name(experiment)}"
    (cells,) = run_study(name, [experiment], where, display, then=THEN)
    with doing(f"estimating effects of {len(cells):,} runs"):
        analysis = study.analyse(
            experiment, cells, response=asked.response, order=asked.order, judging=asked.judging
        )
    results = attrs.evolve(study.results(experiment, cells, analysis), command=command)
    path = study.save_results(where.out, experiment, results)
    return attrs.evolve(results, file=str(path))


@attrs.frozen(eq=False)
class AskedAblation:
    """A leave-one-out study, and how sure its differences are."""

    ablation: Ablation
    judging: Judging

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

        with doing("composing the variants, and building each shape of model once"):
            ablation = plan_ablation(spec, mechanisms, range(seeds), Registry.installed())
        trial = ablation.experiment
        return cls(ablation, check_comparisons(trial.design, trial.specs, judging))


def ablation_plan(asked: AskedAblation, where: Workplace) -> AblationPlan:
    """Return what a leave-one-out study will see, and its time where the data is here."""
    from bionic_core.studies import ablation as study

    spec = asked.ablation.experiment.spec
    with doing(f"planning {asked.ablation.experiment.design.runs:,} runs"):
        measured = _measured(spec, where.device, where.jobs)
        return study.ablation_plan(asked.ablation, *measured, where.jobs, asked.judging)


def ablate(
    asked: AskedAblation, where: Workplace, display: Display, command: str = ""
) -> AblationResults:
    """Train what is missing of a leave-one-out study, and write what each mechanism changes.

    Arguments, result and errors are those of :func:`factorial`.
    """
    from bionic_core.actions.work import run_study
    from bionic_core.studies import ablation as study
    from bionic_core.studies.experiment import study_name

    ablation = asked.ablation
    name = f"{ablation.experiment.spec.name}-{study_name(ablation.experiment, 'ablation')}"
    (cells,) = run_study(name, [ablation.experiment], where, display, then=THEN)
    results = attrs.evolve(study.results(ablation, cells, asked.judging), command=command)
    path = study.save_results(where.out, ablation, results)
    return attrs.evolve(results, file=str(path))


def _measured(spec: Spec, device: str, jobs: int) -> tuple[int | None, float | None]:
    """Return the number of test images, and the seconds of a run by a timed probe.

    Neither is known where the data is not here, which a plan allows.
    """
    from bionic_core.runs.images_and_wiring import load_inputs
    from bionic_core.runs.probe import probe

    try:
        inputs = load_inputs(spec)
    except RequestError:
        return None, None
    return len(inputs.splits.test), probe(spec, inputs, device=device, jobs=jobs)


def failures(results: FactorialResults | AblationResults) -> str:
    """Say how many runs failed, and what the results are of; empty where none did."""
    failed = sum(cell.run is None for cell in results.cells)
    if not failed:
        return ""
    found = "figures" if hasattr(results, "rows") else "effects"
    return f"{failed} of {len(results.cells)} runs failed; the {found} are of the others"
