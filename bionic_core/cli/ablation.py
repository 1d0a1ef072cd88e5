"""Commands about leave-one-out studies: ablate."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli.common import (
    Data,
    Device,
    Epochs,
    Jobs,
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
    train_shown,
    typed,
)
from bionic_core.cli.plugins import EngineName, Track, Tracks, TrackTo, chosen
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.cli.progress import Display
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.ablation import Ablation
    from bionic_core.studies.cell import Cell


def ablate_command(
    context: typer.Context,
    spec: SpecName,
    mechanisms: Annotated[
        str,
        typer.Option(metavar="NAME,…", help="Mechanisms to leave out, one at a time; else all."),
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant, seeds 0, 1, ….")] = 3,
    data: Data = None,
    epochs: Epochs = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    engine: EngineName = "local",
    out: Out = Path("runs"),
    track: Track = None,
    track_to: TrackTo = None,
    without: Without = "",
    set_: Set = None,
    plan: Annotated[bool, typer.Option("--plan", help="Train nothing; show the design.")] = False,
    json: Json = False,
) -> None:
    """Leave each mechanism out in turn, and say what it changes and how sure that is."""
    trainer = chosen(context, jobs, plan)  # first: what it makes ready takes longer than the rest
    loaded = load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core.registry import Registry
    from bionic_core.reports import plans
    from bionic_core.reports.ablation import ablated
    from bionic_core.reports.terminal import render
    from bionic_core.studies import ablation as study

    names = [name.strip() for name in mechanisms.split(",") if name.strip()]
    ablation = study.plan_ablation(loaded, names, range(seeds), Registry.installed())
    if plan:
        planned = study.planned(ablation, *_measured(loaded, device, jobs), jobs)
        show(to_document(planned), json, lambda _: render(plans.ablation(planned)))
        return
    from bionic_core.cli.progress import Display
    from bionic_core.studies.experiment import study_name

    title = study_name(ablation.experiment, "ablation")
    tracks = Tracks.of(context, out, track_to)
    with (
        resumable(),
        Display(console(sys.stderr), runs=ablation.experiment.design.runs) as display,
        tracks.open(f"{loaded.name}-{title}", ablation.experiment.specs, display) as tracking,
    ):
        options = {"root": out, "device": device, "jobs": jobs, "engine": trainer}
        options["tracking"] = tracking
        say_precision(ablation.experiment.specs, device, display.say)
        cells = run(ablation, display, options)
        display.say("estimating effects")
    results = attrs.evolve(study.results(ablation, cells), command=typed())
    path = study.save_results(out, ablation, results)
    results = attrs.evolve(results, file=str(path))
    show(to_document(results), json, lambda _: render(ablated(results)))
    failed = sum(cell.run is None for cell in cells)
    if failed:
        raise BionicError(f"{failed} of {len(cells)} runs failed; the figures are of the others")


def _measured(spec: Spec, device: str, jobs: int) -> tuple[int | None, float | None]:
    """Return the number of test images, and the seconds of a run by a timed probe.

    Neither is known where the data is not here, which a plan allows.
    """
    from bionic_core.runs.inputs import load_inputs
    from bionic_core.runs.probe import probe

    try:
        inputs = load_inputs(spec)
    except RequestError:
        return None, None
    return len(inputs.splits.test), probe(spec, inputs, device=device, jobs=jobs)


def run(
    ablation: Ablation, display: Display, options: Mapping[str, Any], first: int = 0
) -> list[Cell]:
    """Train what is missing of a study, a line for each run; as :func:`train_shown`."""
    design = ablation.experiment.design
    words = ["nothing left out", *(f"without {factor.term}" for factor in design.factors)]
    return train_shown(
        ablation.experiment,
        display,
        lambda number, _: words[number % len(words)],
        first=first,
        **options,
    )
