"""Commands about papers: reproduce."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli.common import (
    Json,
    console,
    resumable,
    say_precision,
    show,
    strict_json,
)
from bionic_core.cli.options import Less
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.study_options import StudyOptions
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.reports.sections import Section
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.cell import Cell
    from bionic_core.studies.publication import Published
    from bionic_core.studies.reproduced import Reproduced
    from bionic_core.studies.reproduction import Reproduction


PAPERS_OWN = "the paper's"


class ReproduceCommand(StudyCommand):
    """Lets ``--readings`` stand alone, for the paper's own file."""

    alone: ClassVar[Mapping[str, str]] = {"--readings": PAPERS_OWN}


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
    readings: Annotated[
        str | None,
        typer.Option(
            metavar="[FILE]",
            help="Instead of the tables: readings of what the paper leaves open, each beside its "
            "figures, with one sum; the paper's own file if none is named.",
        ),
    ] = None,
    recorded: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="With --readings: figures of runs elsewhere, from its readings.json; those are "
            "not trained again. Repeatable.",
        ),
    ] = None,
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
    from bionic_core.reports import reproduction as reports
    from bionic_core.reports import terminal
    from bionic_core.runs.planned import Plans
    from bionic_core.studies import reproduction as study
    from bionic_core.studies.publication import open_publication

    if plan and report_only:
        raise RequestError("--plan and --report-only exclude each other; give one of them")
    if recorded and readings is None:
        raise RequestError("--recorded is of --readings: give that too, or leave it out")
    registry = Registry.installed()
    if readings is not None:
        from bionic_core.cli.readings import Asked, compare_readings

        if quick:
            raise RequestError("--readings: its file names the spec; leave --quick out")
        file = None if readings == PAPERS_OWN else Path(readings)
        asked = Asked(paper, file, tuple(recorded or ()), seeds, plan, report_only, json)
        compare_readings(asked, options, context, registry)
        return
    published = open_publication(paper, registry)
    recipe = "quick" if quick else next(iter(published.recipes))
    runs = range(seeds or published.seeds)
    planned = study.plan_reproduction(published, recipe, options.load, runs, registry)
    if report_only:
        cells = study.collect(planned, options.out)
    else:
        plans = Plans(options.out)
        typer.echo("timing a few steps of each model", err=True)
        duration = study.estimate(planned, plans, device=options.device, jobs=options.jobs)
        described = study.describe_plan(planned, duration, options.jobs)
        if plan:
            shown = to_document(described)
            show(shown, json, lambda _: terminal.render(reports.planned(described)))
            return
        for line in described.lines:
            typer.echo(line, err=True)
        cells = _train(planned, plans, options, context)
    _report(planned, cells, options.out, json)


def _report(planned: Reproduction, cells: Sequence[Sequence[Cell]], out: Path, json: bool) -> None:
    """Show what came out, and write it; failed runs are an error, after the others are told."""
    from bionic_core.reports import reproduction as reports
    from bionic_core.reports import terminal
    from bionic_core.studies.comparison import compare_with_paper

    found = compare_with_paper(planned, cells)
    parts = reports.report(planned.published, found)
    files = _write(out, found, planned.published, parts)
    document = to_document(attrs.evolve(found, files=files))
    show(document, json, lambda _: terminal.render(parts))
    typer.echo(f"written: {', '.join(files)}", err=True)
    if failed := len(found.failed):
        raise BionicError(f"{failed} runs failed; the report is of the others")


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


def _write(
    out: Path, found: Reproduced, published: Published, parts: Sequence[Section]
) -> tuple[str, ...]:
    """Write the report as JSON, Markdown and HTML, each whole or not at all; all are made first."""
    from bionic_core.base.files import write_text
    from bionic_core.reports import html, markdown
    from bionic_core.reports.reproduction import page

    texts = {
        "json": strict_json(found),
        "md": markdown.render(parts),
        "html": html.render(page(published, parts)),
    }
    for suffix, text in texts.items():
        write_text(out / f"reproduction.{suffix}", text)
    return tuple(str(out / f"reproduction.{suffix}") for suffix in texts)
