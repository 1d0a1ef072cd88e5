"""Commands about training single runs: train."""

from __future__ import annotations

import sys
from typing import Annotated

import attrs
import typer

from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, SpecName, console, resumable, say_precision, show
from bionic_core.cli.options import Less
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.study_options import StudyOptions


def train_command(
    context: typer.Context,
    spec: SpecName,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    options: Annotated[StudyOptions, Less(("jobs", "engine"))],
    json: Json = False,
) -> None:
    """Carry out :class:`Train`."""
    loaded = options.load(spec)
    from bionic_core.base.failures import reason
    from bionic_core.cli.progress import RunDisplay
    from bionic_core.runs.observer import Observers
    from bionic_core.runs.planned import Plans
    from bionic_core.runs.task import Task
    from bionic_core.runs.train import train_task
    from bionic_core.training.void import voids

    task, tracks = Task(0, loaded, seed), options.tracks(context)
    with (
        resumable(),
        RunDisplay(console(sys.stderr)) as display,
        tracks.open(loaded.name, [loaded], display) as tracking,
    ):
        observer = Observers(tracking, display)
        observer.begun(task)
        say_precision([loaded], options.device, display.say)
        try:
            run = train_task(task, Plans(options.out), device=options.device, observer=observer)
        except Exception as error:
            observer.failed(task, reason(error))
            raise
        observer.finished(task, run)
        for name, why in voids(loaded).items():
            display.say(f"mechanism '{name}' does nothing here: {why}")
    result = run.result
    show(result, json, lambda report: report.trained(result))


@attrs.frozen(eq=False)
class Train(Command):
    """Train one run; an interrupted one goes on where it stopped."""

    name = "train"
    group = "run"
    example = "bionic train demo --epochs 5"
    reading = StudyCommand
    run = staticmethod(train_command)
