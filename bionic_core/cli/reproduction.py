"""Commands about papers: reproduce."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import attrs
import typer

from bionic_core.base.records import to_document
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, console, resumable, show, strict_json
from bionic_core.cli.options import Less
from bionic_core.cli.plugins import StudyCommand
from bionic_core.cli.readings import Asked, compare_readings
from bionic_core.cli.study_options import StudyOptions
from bionic_core.errors import BionicError, RequestError

PAPERS_OWN = "the paper's"


class ReproduceCommand(StudyCommand):
    """Lets ``--readings`` stand alone, for the paper's own file."""

    alone: ClassVar[Mapping[str, str]] = {"--readings": PAPERS_OWN}


@attrs.frozen
class ReadingOptions:
    """Readings instead of the paper's tables; each field is an option."""

    readings: Annotated[
        str | None,
        typer.Option(
            metavar="[FILE]",
            help="Instead of the tables: readings of what the paper leaves open, each beside its "
            "figures, with one sum; the paper's own file if none is named.",
        ),
    ] = None
    recorded: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="With --readings: figures of runs elsewhere, from its readings.json; those are "
            "not trained again. Repeatable.",
        ),
    ] = None

    def asked(self, paper: str | None, *, quick: bool, seeds: int | None) -> Asked | None:
        """Return what is asked of readings; None where the tables are.

        Raises:
            RequestError: an option does not go with the others.
        """
        if self.readings is None:
            if self.recorded:
                raise RequestError("--recorded is of --readings: give that too, or leave it out")
            return None
        if quick:
            raise RequestError("--readings: its file names the spec; leave --quick out")
        file = None if self.readings == PAPERS_OWN else Path(self.readings)
        return Asked(paper, file, tuple(self.recorded or ()), seeds)


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
    reading: ReadingOptions,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each row; else the paper's number.")
    ] = None,
    options: Annotated[StudyOptions, Less(("with_", "without"))],
    plan: Annotated[
        bool, typer.Option("--plan", help="Train nothing; say what would be, and how long.")
    ] = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Train nothing; report on finished runs.")
    ] = False,
    json: Json = False,
) -> None:
    """Carry out :class:`Reproduce`."""
    from bionic_core.actions import reproduction as study
    from bionic_core.actions.progress import Display
    from bionic_core.reports import reproduction as reports
    from bionic_core.reports import terminal
    from bionic_core.runs.planned import Plans
    from bionic_core.studies.reproduction import collect

    if plan and report_only:
        raise RequestError("--plan and --report-only exclude each other; give one of them")
    if (asked := reading.asked(paper, quick=quick, seeds=seeds)) is not None:
        asked = attrs.evolve(asked, plan=plan, report_only=report_only, json=json)
        return compare_readings(asked, options, context)
    planned = study.plan(paper, quick=quick, seeds=seeds, open_spec=options.load)
    if report_only:
        cells = collect(planned, options.out)
    else:
        plans, where = Plans(options.out), options.workplace(context)
        typer.echo("timing a few steps of each model", err=True)
        described = study.described(planned, plans, where)
        if plan:
            shown = to_document(described)
            show(shown, json, lambda _: terminal.render(reports.planned(described)))
            return
        for line in described.lines:
            typer.echo(line, err=True)
        where = options.workplace(context, options.trainer(context))
        with resumable():
            display = Display(console(sys.stderr), runs=planned.runs)
            cells = study.train(planned, plans, where, display)
    found, parts = study.report(planned, cells, options.out, strict_json)
    show(to_document(found), json, lambda _: terminal.render(parts))
    typer.echo(f"written: {', '.join(found.files)}", err=True)
    if failed := len(found.failed):
        raise BionicError(f"{failed} runs failed; the report is of the others")


@attrs.frozen(eq=False)
class Reproduce(Command):
    """Train all that a paper's tables need, and set its numbers beside ours."""

    name = "reproduce"
    group = "study"
    example = "bionic reproduce --quick --plan"
    reading = ReproduceCommand
    run = staticmethod(reproduce_command)
