"""Commands about training single runs: train."""

from __future__ import annotations

import sys
from typing import Annotated

import attrs
import typer

from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, SpecName, console, resumable, show
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
    from bionic_core.actions.progress import RunDisplay
    from bionic_core.actions.work import train_run

    with resumable():
        run = train_run(loaded, seed, options.workplace(context), RunDisplay(console(sys.stderr)))
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
