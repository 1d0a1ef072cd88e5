"""Commands about leave-one-out studies: ablate."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli.common import (
    Json,
    SpecName,
    show,
    typed,
)
from bionic_core.cli.study_options import JudgingOptions, StudyOptions, UntilOptions
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.runs.engine import Engine
    from bionic_core.statistics.until import Rule
    from bionic_core.studies.ablation import Ablation
    from bionic_core.studies.ablation_plan import AblationPlan
    from bionic_core.studies.over_images import Judging
    from bionic_core.studies.results import AblationResults
    from bionic_core.studies.until import AblationStudy


def ablate_command(
    context: typer.Context,
    spec: SpecName,
    *,
    mechanisms: Annotated[
        str,
        typer.Option(metavar="NAME,…", help="Mechanisms to leave out, one at a time; else all."),
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant, seeds 0, 1, ….")] = 3,
    judged: JudgingOptions,
    going_on: UntilOptions,
    options: StudyOptions,
    plan: Annotated[bool, typer.Option("--plan", help="Train nothing; show the design.")] = False,
    json: Json = False,
) -> None:
    """Leave each mechanism out in turn, and say what it changes and how sure that is."""
    # First the engine: what it makes ready takes longer than the rest.
    trainer = options.trainer(context, plan=plan)
    loaded = options.load(spec)
    from bionic_core.registry import Registry
    from bionic_core.reports import plans
    from bionic_core.reports.ablation import ablated
    from bionic_core.reports.terminal import render
    from bionic_core.studies import ablation as study
    from bionic_core.studies.over_images import check_comparisons

    names = [name.strip() for name in mechanisms.split(",") if name.strip()]
    most = range(going_on.seeds(seeds))
    ablation = study.plan_ablation(loaded, names, most, Registry.installed())
    trial = ablation.experiment
    asked = going_on.judging(judged.judging, seeds)
    judging = check_comparisons(trial.design, trial.specs, asked)
    until = _until(ablation, judging)
    if plan:
        planned = _planned(ablation, judging, options, until)
        show(to_document(planned), json, lambda _: render(plans.ablation(planned)))
        return
    results = _trained(ablation, judging, until, (context, options, trainer))
    path = study.save_results(options.out, ablation, results, until[1] if until else None)
    results = attrs.evolve(results, file=str(path))
    show(to_document(results), json, lambda _: render(ablated(results)))
    failed = sum(cell.run is None for cell in results.cells)
    if failed:
        runs = len(results.cells)
        raise BionicError(f"{failed} of {runs} runs failed; the figures are of the others")


def _until(ablation: Ablation, judging: Judging) -> tuple[AblationStudy, Rule] | None:
    """Return the study as looks see it, with its rule; None of one with a fixed number of seeds."""
    if judging.looks is None:
        return None
    from bionic_core.studies.until import AblationStudy, rule_of

    found = AblationStudy(ablation, judging)
    return found, rule_of(ablation.experiment, judging, len(found.terms))


def _planned(
    ablation: Ablation,
    judging: Judging,
    options: StudyOptions,
    until: tuple[AblationStudy, Rule] | None,
) -> AblationPlan:
    """Return the plan, with its looks, or with what is said of seeds that are added."""
    from bionic_core.runs.images_and_wiring import load_inputs
    from bionic_core.runs.planned import Plans
    from bionic_core.runs.probe import probe
    from bionic_core.studies.ablation_plan import ablation_plan
    from bionic_core.studies.plan import finished_cells
    from bionic_core.studies.stopping import about_added_seeds
    from bionic_core.studies.until import planned_until

    experiment, images, seconds, cells = ablation.experiment, None, None, None
    with suppress(RequestError):  # the data need not be here for a plan
        inputs = load_inputs(experiment.spec)
        images, cells = len(inputs.splits.test), finished_cells(experiment, Plans(options.out))
        if len(cells) < experiment.design.runs:
            seconds = probe(experiment.spec, inputs, device=options.device, jobs=options.jobs)
    found = ablation_plan(ablation, images, seconds, options.jobs, judging, cells)
    if until is not None:
        return attrs.evolve(found, until=planned_until(*until, found.detectable.sd))
    added = about_added_seeds(options.out, experiment, "ablation")
    return attrs.evolve(found, notes=(*found.notes, *added))


def _trained(
    ablation: Ablation,
    judging: Judging,
    until: tuple[AblationStudy, Rule] | None,
    by: tuple[typer.Context, StudyOptions, Engine],
) -> AblationResults:
    """Train what is missing of a study, and return what it says."""
    from bionic_core.cli.study_training import train, train_until
    from bionic_core.studies import ablation as study
    from bionic_core.studies.stopping import about_added_seeds
    from bionic_core.studies.until import with_decisions

    if until is not None:
        ended = train_until(*until, by)
        found = with_decisions(until[0].results(ended.cells, ended.seeds), ended)
        return attrs.evolve(found, command=typed())
    _, options, _ = by
    added = about_added_seeds(options.out, ablation.experiment, "ablation")
    cells = train(ablation.experiment, "ablation", by, warnings=added)
    found = study.results(ablation, cells, judging)
    return attrs.evolve(found, notes=(*added, *found.notes), command=typed())
