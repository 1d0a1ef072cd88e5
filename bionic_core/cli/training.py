"""Commands about training single runs: train."""

from __future__ import annotations

import sys
from functools import partial
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
    from bionic_core.cli.progress import Display
    from bionic_core.runs.engine import Outcome, Task
    from bionic_core.runs.train import train

    task, tracks = Task(0, loaded, seed), Tracks.of(context, out, track_to)
    with (
        resumable(),
        Display(console(sys.stderr)) as display,
        tracks.open(loaded.name, [loaded], display) as tracking,
    ):
        display.begin(f"{loaded.name}, seed {seed}")
        say_precision([loaded], device, display.say)
        try:
            run = train(
                loaded,
                seed=seed,
                root=out,
                device=device,
                watch=display.watch,
                epochs=display.epoch,
                say=display.note,
                saved=partial(tracking.saved, task),
            )
        except Exception as error:
            tracking.ended(Outcome(task, error=reason(error)))
            raise
        tracking.ended(Outcome(task, run.folder, run.reused))
    result = run.result
    show(result, json, lambda report: report.trained(result))
