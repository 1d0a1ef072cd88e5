"""Commands that write pages: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, show


def report_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A run's folder (or the beginning of its name, or latest), a study's --out "
            "folder, or a study's JSON file.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="The page to write; else beside what it is about."),
    ] = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Report`."""
    from bionic_core.reports.pages import write_report, written

    page = write_report(folder, out)
    show(page, json, lambda _: written(page))


@attrs.frozen(eq=False)
class Report(Command):
    """Write one self-contained HTML page about a run, an ablation or a factorial."""

    name = "report"
    group = "study"
    example = "bionic report runs --out study.html"
    run = staticmethod(report_command)
