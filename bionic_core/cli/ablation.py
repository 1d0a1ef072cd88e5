"""Commands about leave-one-out studies: ablate."""

from __future__ import annotations

import sys
from typing import Annotated

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli import completing
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, SpecName, console, resumable, show, typed
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.study_options import JudgingOptions, StudyOptions
from bionic_core.errors import BionicError


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
    from bionic_core.actions import studies
    from bionic_core.actions.progress import Display
    from bionic_core.reports import plans
    from bionic_core.reports.ablation import ablated
    from bionic_core.reports.terminal import render

    names = [name.strip() for name in mechanisms.split(",") if name.strip()]
    asked = studies.AskedAblation.of(loaded, names, seeds, judged.judging(seeds))
    where = options.workplace(context, trainer)
    if plan:
        planned = studies.ablation_plan(asked, where)
        show(to_document(planned), json, lambda _: render(plans.ablation(planned)))
        return
    runs = asked.ablation.experiment.design.runs
    if asked.until is not None:
        console(sys.stderr).print(render(plans.looks(asked.until[1].planned)))
    with resumable():
        results = studies.ablate(asked, where, Display(console(sys.stderr), runs=runs), typed())
    show(to_document(results), json, lambda _: render(ablated(results)))
    if failed := studies.failures(results):
        raise BionicError(failed)


@attrs.frozen(eq=False)
class Ablate(Command):
    """Leave each mechanism out in turn, and say what it changes and how sure that is."""

    name = "ablate"
    group = "study"
    example = "bionic ablate demo --seeds 5 --plan"
    reading = StudyCommand
    run = staticmethod(ablate_command)
