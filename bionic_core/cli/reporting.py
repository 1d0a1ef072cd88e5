"""Commands that write pages: report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bionic_core.cli.common import Json, show

if TYPE_CHECKING:
    from rich.console import RenderableType


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
    from bionic_core.reports.pages.write import write_report

    document = write_report(folder, out)
    show(document, json, lambda _: _said(document))


def _said(document: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    lines = [document["question"], *document["answer"], *document["warnings"]]
    size = document["bytes"] / 1e3
    return Text("\n".join([*lines, f"written: {document['file']} ({size:,.0f} kB)"]))
