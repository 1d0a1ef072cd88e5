"""Commands about training single runs: train."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from bionic_core.cli.common import Json, SpecName, console, resumable, say_precision, show
from bionic_core.cli.options import Less
from bionic_core.cli.study_options import StudyOptions


def train_command(
    context: typer.Context,
    spec: SpecName,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    options: Annotated[StudyOptions, Less(("jobs", "engine"))],
    json: Json = False,
) -> None:
    """Train one run; an interrupted one goes on where it stopped."""
    loaded = options.load(spec)
    from bionic_core.base.failures import reason
    from bionic_core.cli.progress import Display
    from bionic_core.runs.engine import Outcome, Task
    from bionic_core.runs.train import train

    task, tracks = Task(0, loaded, seed), options.tracks(context)
    with (
        resumable(),
        Display(console(sys.stderr)) as display,
        tracks.open(loaded.name, [loaded], display) as tracking,
    ):
        display.begin(f"{loaded.name}, seed {seed}")
        say_precision([loaded], options.device, display.say)
        try:
            run = train(
                loaded,
                seed=seed,
                root=options.out,
                device=options.device,
                watch=display.watch,
                epochs=display.epoch,
                say=display.note,
                saved=partial(tracking.saved, task),
            )
        except Exception as error:
            tracking.ended(Outcome(task, error=reason(error)))
            raise
        tracking.ended(Outcome(task, run.folder, run.reused))
    document = run.result
    show(document, json, lambda report: report.trained(document))
