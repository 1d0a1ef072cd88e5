"""Commands about training single runs: train."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bionic_core.cli.common import (
    Data,
    Device,
    Epochs,
    Json,
    Out,
    Set,
    SpecName,
    Without,
    console,
    load,
    resumable,
    say_precision,
    show,
)
from bionic_core.cli.plugins import Track, Tracks, TrackTo


def train_command(
    context: typer.Context,
    spec: SpecName,
    data: Data = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    epochs: Epochs = None,
    device: Device = "auto",
    out: Out = Path("runs"),
    track: Track = None,
    track_to: TrackTo = None,
    without: Without = "",
    set_: Set = None,
    json: Json = False,
) -> None:
    """Train one run; an interrupted one goes on where it stopped."""
    loaded = load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core.base.failures import reason
    from bionic_core.cli.progress import RunDisplay
    from bionic_core.runs.observer import Observers
    from bionic_core.runs.planned import Plans
    from bionic_core.runs.task import Task
    from bionic_core.runs.train import train_task

    task, tracks = Task(0, loaded, seed), Tracks.of(context, out, track_to)
    with (
        resumable(),
        RunDisplay(console(sys.stderr)) as display,
        tracks.open(loaded.name, [loaded], display) as tracking,
    ):
        observer = Observers(tracking, display)
        observer.begun(task)
        say_precision([loaded], device, display.say)
        try:
            run = train_task(task, Plans(out), device=device, observer=observer)
        except Exception as error:
            observer.failed(task, reason(error))
            raise
        observer.finished(task, run)
    document = run.result
    show(document, json, lambda report: report.trained(document))
