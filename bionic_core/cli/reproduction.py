"""Commands about papers: reproduce."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bionic_core.cli.common import (
    Json,
    console,
    resumable,
    say_precision,
    show,
)
from bionic_core.cli.options import Less
from bionic_core.cli.study_options import StudyOptions
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.cell import Cell
    from bionic_core.studies.reproduction import Reproduction


def reproduce_command(
    context: typer.Context,
    *,
    paper: Annotated[
        str | None,
        typer.Argument(metavar="[PAPER]", help="An installed publication; the only one if none."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The paper's quick recipe: a night on two cores.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each row; else the paper's number.")
    ] = None,
    options: Annotated[StudyOptions, Less(("without",))],
    plan: Annotated[
        bool, typer.Option("--plan", help="Train nothing; say what would be, and how long.")
    ] = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Train nothing; report on finished runs.")
    ] = False,
    json: Json = False,
) -> None:
    """Train all that a paper's tables need, and set its numbers beside ours."""
    from bionic_core.registry import Registry
    from bionic_core.reports import reproduction as report_reproduction
    from bionic_core.runs.planned import Plans
    from bionic_core.studies import reproduction as study
    from bionic_core.studies.publication import open_publication

    if plan and report_only:
        raise RequestError("--plan and --report-only exclude each other; give one of them")
    registry = Registry.installed()
    published = open_publication(paper, registry)
    planned = study.plan_reproduction(
        published,
        "quick" if quick else next(iter(published.recipes)),
        options.load,
        range(seeds or published.seeds),
        registry,
    )
    if report_only:
        cells = study.collect(planned, options.out)
    else:
        plans = Plans(options.out)
        typer.echo("timing a few steps of each model", err=True)
        duration = study.estimate(planned, plans, device=options.device, jobs=options.jobs)
        document = _plan(planned, duration, options.jobs)
        if plan:
            show(document, json, lambda _: report_reproduction.planned(document))
            return
        for line in document["lines"]:
            typer.echo(line, err=True)
        cells = _train(planned, plans, options, context)
    document = study.compare_with_paper(planned, cells)
    files = _write(options.out, document)
    document["files"] = [str(path) for path in files]
    show(document, json, lambda _: report_reproduction.shown(document))
    typer.echo(f"written: {', '.join(document['files'])}", err=True)
    if document["failed"]:
        raise BionicError(f"{len(document['failed'])} runs failed; the report is of the others")


def _plan(planned: Reproduction, duration: dict[str, Any], jobs: int) -> dict[str, Any]:
    """Return what will be trained, as JSON-ready data, and in words how long it takes."""
    from bionic_core.runs.probe import words
    from bionic_core.studies.ablation import ablation_plan

    published = planned.published
    each = ", ".join(f"{name} {words(s)}" for name, s in duration["seconds_per_run"].items())
    lines = [
        f"{planned.runs} runs, {duration['runs']} of them to be trained: about "
        f"{words(duration['seconds'])} with {jobs} at a time, from a timed probe ({each} a run, "
        "all epochs; early stopping makes it less)"
    ]
    specs = {name: experiment.spec.name for name, experiment in planned.others.items()}
    specs[published.main] = planned.ablation.experiment.spec.name
    return {
        "paper": published.title,
        "recipe": planned.recipe,
        "seeds": list(planned.ablation.experiment.design.seeds),
        "rows": [
            {"label": row.label, "spec": specs[row.model or published.main], "without": row.without}
            for row in published.table4
        ],
        "design": ablation_plan(planned.ablation)["design"],
        "estimate": duration,
        "lines": lines,
    }


def _train(
    planned: Reproduction, plans: Plans, options: StudyOptions, context: typer.Context
) -> list[list[Cell]]:
    """Train what is missing of every experiment, as one study."""
    from bionic_core.cli.progress import Display
    from bionic_core.runs.observer import Observers
    from bionic_core.studies.experiment import run_experiment
    from bionic_core.studies.reproduction import study_name

    engine, tracks = options.trainer(context), options.tracks(context)
    specs = [spec for experiment in planned.experiments for spec in experiment.specs]
    with (
        resumable(),
        Display(console(sys.stderr), runs=planned.runs) as display,
        tracks.open(study_name(planned), specs, display) as tracking,
    ):
        say_precision(specs, options.device, display.say)
        how = {**options.place, "engine": engine, "observer": Observers(tracking, display)}
        first, found = 0, []
        for experiment in planned.experiments:
            found.append(run_experiment(experiment, **how, plans=plans, first=first))
            first += experiment.design.runs
        return found


def _write(out: Path, document: dict[str, Any]) -> list[Path]:
    """Write the report as JSON, Markdown and HTML, each whole or not at all; all are made first."""
    from bionic_core.base.files import write_text
    from bionic_core.reports import reproduction as report_reproduction

    texts = {
        "json": jsonlib.dumps(document, indent=1),
        "md": report_reproduction.markdown(document),
        "html": report_reproduction.html(document),
    }
    for suffix, text in texts.items():
        write_text(out / f"reproduction.{suffix}", text)
    return [out / f"reproduction.{suffix}" for suffix in texts]
