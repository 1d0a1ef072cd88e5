"""Commands that write pages: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bionic_core.cli.common import Json, show

if TYPE_CHECKING:
    pass


def report_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A run's folder, a study's --out folder, or a study's JSON file."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="The page to write; else beside what it is about."),
    ] = None,
    json: Json = False,
) -> None:
    """Write one self-contained HTML page about a run, an ablation or a factorial."""
    from bionic_core.reports.pages import write_report, written

    page = write_report(folder, out)
    show(page, json, lambda _: written(page))
