"""Commands about models: build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, Set, SpecName, With, Without, load, show
from bionic_core.cli.figures import check_folder


def build_command(
    spec: SpecName,
    with_: With = "",
    without: Without = "",
    set_: Set = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the resolved spec and initial weights there."),
    ] = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Build`."""
    from bionic_core.base.words import printable
    from bionic_core.training.describe import describe

    check_folder(save, "--save", "the spec and the weights are written into")
    loaded = load(spec, without=without, with_=with_, set_=set_)
    description, network = describe(loaded)
    if save is not None:
        from bionic_core.runs.train import save_model

        save_model(save, loaded, network)
    for note in description.notes:
        typer.echo(f"note: {printable(note)}", err=True)
    show(description, json, lambda report: report.built(description))


@attrs.frozen(eq=False)
class Build(Command):
    """Assemble a spec and describe it: pipeline, parameters, wiring, cost."""

    name = "build"
    group = "run"
    example = "bionic build full --set training.lr=0.001"
    run = staticmethod(build_command)
