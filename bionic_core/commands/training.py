"""Commands about training single runs: train."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bionic_core.commands.common import (
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
    show,
)


def train_command(
    spec: SpecName,
    data: Data = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    epochs: Epochs = None,
    device: Device = "auto",
    out: Out = Path("runs"),
    without: Without = "",
    set_: Set = None,
    json: Json = False,
) -> None:
    """Train one run; an interrupted one goes on where it stopped."""
    loaded = load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core.progress import Display
    from bionic_core.runs import train

    with resumable(), Display(console(sys.stderr)) as display:
        display.begin(f"{loaded.name}, seed {seed}")
        run = train(
            loaded,
            seed=seed,
            root=out,
            device=device,
            watch=display.watch,
            epochs=display.epoch,
            say=display.note,
        )
    document = run.result
    show(document, json, lambda report: report.trained(document))
