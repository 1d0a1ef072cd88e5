"""Commands about leave-one-out studies: ablate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli import completing
from bionic_core.cli.command import Command
from bionic_core.cli.common import (
    Json,
    SpecName,
    console,
    resumable,
    say_precision,
    show,
    typed,
)
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.study_options import JudgingOptions, StudyOptions
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.spec.spec import Spec


def ablate_command(
    context: typer.Context,
    spec: SpecName,
    *,
    mechanisms: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Mechanisms to leave out, one at a time; else all.",
            autocompletion=completing.plugins_of("mechanism"),
        ),
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant, seeds 0, 1, ….")] = 3,
    judged: JudgingOptions,
    options: StudyOptions,
    plan: Annotated[bool, typer.Option("--plan", help="Train nothing; show the design.")] = False,
    json: Json = False,
) -> None:
    """Carry out :class:`Ablate`."""
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
    ablation = study.plan_ablation(loaded, names, range(seeds), Registry.installed())
    trial = ablation.experiment
    judging = check_comparisons(trial.design, trial.specs, judged.judging)
    if plan:
        planned = study.ablation_plan(
            ablation, *_measured(loaded, options.device, options.jobs), options.jobs, judging
        )
        show(to_document(planned), json, lambda _: render(plans.ablation(planned)))
        return
    from bionic_core.cli.progress import Display
    from bionic_core.runs.observer import Observers
    from bionic_core.studies.experiment import run_experiment, study_name

    title, tracks = study_name(ablation.experiment, "ablation"), options.tracks(context)
    with (
        resumable(),
        Display(console(sys.stderr), runs=ablation.experiment.design.runs) as display,
        tracks.open(f"{loaded.name}-{title}", ablation.experiment.specs, display) as tracking,
    ):
        say_precision(ablation.experiment.specs, options.device, display.say)
        cells = run_experiment(
            ablation.experiment,
            **options.place,
            engine=trainer,
            observer=Observers(tracking, display),
        )
        display.say("estimating effects")
    results = attrs.evolve(study.results(ablation, cells, judging), command=typed())
    path = study.save_results(options.out, ablation, results)
    results = attrs.evolve(results, file=str(path))
    show(to_document(results), json, lambda _: render(ablated(results)))
    failed = sum(cell.run is None for cell in cells)
    if failed:
        raise BionicError(f"{failed} of {len(cells)} runs failed; the figures are of the others")


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


@attrs.frozen(eq=False)
class Ablate(Command):
    """Leave each mechanism out in turn, and say what it changes and how sure that is."""

    name = "ablate"
    group = "study"
    example = "bionic ablate demo --seeds 5 --plan"
    reading = StudyCommand
    run = staticmethod(ablate_command)
