"""Commands about what has been trained: runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bionic_core.cli.common import Json, console, show


def runs_command(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The --out of the commands that train.")
    ] = Path("runs"),
    json: Json = False,
) -> None:
    """List runs: finished, running, interrupted, failed or damaged; every file is checked."""
    from bionic_core.actions.progress import Download
    from bionic_core.runs.listing import Runs, list_runs

    def step(done: int, total: int) -> None:
        if display.live:  # elsewhere it would be most of what is printed
            display.step("runs checked", done, total)

    with Download(console(sys.stderr)) as display:
        found = Runs(str(folder), list_runs(folder, step))

    def render(_: Any) -> Any:
        from bionic_core.reports.tables.runs import listed

        return listed(found)

    show(found, json, render)
