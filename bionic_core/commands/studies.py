"""Commands about studies: factorial."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bionic_core.commands.common import (
    Data,
    Device,
    Epochs,
    Jobs,
    Json,
    Out,
    Set,
    Without,
    console,
    load,
    resumable,
    show,
    typed,
)
from bionic_core.errors import BionicError


def factorial_command(
    spec: Annotated[
        str, typer.Argument(metavar="[SPEC]", help="A TOML file or a shipped spec's name.")
    ] = "demo",
    mechanisms: Annotated[
        str, typer.Option(metavar="NAME,…", help="Mechanisms to switch on and off.")
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each cell, seeds 0, 1, ….")] = 3,
    data: Data = None,
    epochs: Epochs = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    out: Out = Path("runs"),
    without: Without = "",
    set_: Set = None,
    plan: Annotated[bool, typer.Option("--plan", help="Train nothing; show the design.")] = False,
    json: Json = False,
) -> None:
    """Train every combination of mechanisms, on and off, and estimate their effects."""
    loaded = load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core import experiment as study
    from bionic_core.progress import Display
    from bionic_core.registry import Registry

    names = [name.strip() for name in mechanisms.split(",") if name.strip()]
    experiment = study.plan_factorial(loaded, names, range(seeds), Registry.installed())
    if plan:
        selected_on = "test" if loaded.data_choice.protocol == "paper" else "validation"
        document = {
            "name": loaded.name,
            "design": experiment.design.to_json(),
            "selected_on": selected_on,
        }
        show(document, json, lambda report: report.planned(document))
        return
    runs = experiment.design.runs

    def line(number: int, cell: study.Cell) -> None:
        words = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in cell.levels.items())
        display.end(f"run {number + 1}/{runs}  {words}, seed {cell.seed}: {cell.outcome}", number)

    with resumable(), Display(console(sys.stderr), runs=runs) as display:
        cells = study.run_experiment(
            experiment,
            root=out,
            device=device,
            jobs=jobs,
            started=lambda number, levels, seed: display.begin(f"run {number + 1}", number),
            ended=line,
            watch=display.watch,
        )
        display.say("estimating effects")
    results = study.results(experiment, cells, study.analyse(experiment, cells))
    results["command"] = typed()
    path = study.save_results(out, experiment, results)
    results["file"] = str(path)
    show(results, json, lambda report: report.studied(results))
    failed = sum(cell.run is None for cell in cells)
    if failed:
        raise BionicError(f"{failed} of {runs} runs failed; the effects are of the others")
