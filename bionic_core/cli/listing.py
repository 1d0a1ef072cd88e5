"""Commands about what has been trained: runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, console, names_in, show
from bionic_core.errors import RequestError, listing, nearest

if TYPE_CHECKING:
    from bionic_core.runs.listing import Runs


def runs_command(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The --out of the commands that train.")
    ] = Path("runs"),
    state: Annotated[
        str, typer.Option(metavar="NAME,…", help="Only these: finished, running, failed ….")
    ] = "",
    spec: Annotated[str, typer.Option(metavar="NAME", help="Only those of this spec.")] = "",
    variant: Annotated[
        str, typer.Option(metavar="TEXT", help="Only those with this in their variant.")
    ] = "",
    seed: Annotated[int | None, typer.Option(min=0, help="Only those of this seed.")] = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print a table of comma-separated values.")
    ] = False,
    json: Json = False,
) -> None:
    """Carry out :class:`ListRuns`."""
    from bionic_core.actions.progress import Download
    from bionic_core.runs.listing import STATES, Runs, list_runs
    from bionic_core.studies.names import variants_of

    states = names_in(state)
    if csv and json:
        raise RequestError("--csv and --json exclude each other; give one of them")
    if wrong := [name for name in states if name not in STATES]:
        near = nearest(wrong[0], STATES)
        raise RequestError(f"--state {wrong[0]}: must be of {listing(STATES)}.{near}")

    def step(done: int, total: int) -> None:
        if display.live:  # elsewhere it would be most of what is printed
            display.step("runs checked", done, total)

    with Download(console(sys.stderr)) as display:
        runs = [
            run
            for run in variants_of(list_runs(folder, step))  # before any is left out of the names
            if (not states or run.state in states)
            and spec in ("", run.name)
            and variant in (run.variant or "")
            and seed in (None, run.seed)
        ]
    found = Runs(str(folder), runs)
    if csv:
        typer.echo(_csv(found), nl=False)
        return

    def render(_: Any) -> Any:
        from bionic_core.reports.tables.runs import listed

        return listed(found)

    show(found, json, render)


def _csv(found: Runs) -> str:
    """Return a row for each run, with a header; what cannot be told is empty."""
    from csv import writer
    from io import StringIO

    from bionic_core.runs.listing import RunState

    text = StringIO()
    rows = writer(text, lineterminator="\n")
    rows.writerow(field.name for field in attrs.fields(RunState))
    rows.writerows(attrs.astuple(run) for run in found.runs)
    return text.getvalue()


@attrs.frozen(eq=False)
class ListRuns(Command):
    """List runs: finished, running, interrupted, failed or damaged; every file is checked."""

    name = "runs"
    group = "run"
    example = "bionic runs --state finished --csv"
    run = staticmethod(runs_command)
