"""Commands that write wiring for other tools: connectome export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
import typer

from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, show
from bionic_core.errors import RequestError


def connectome_export_command(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A registered source, or a connectome's file.")
    ],
    to: Annotated[
        str,
        typer.Option("--to", metavar="FORM", help="csv, parquet, graphml, sonata, networkx-json."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A file of graphml and networkx-json, else a folder."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what an export has written there.")
    ] = False,
    json: Json = False,
) -> None:
    """Carry out :class:`ConnectomeExport`."""
    from bionic_core.connectomes.exporting import ENDINGS, FORMS, export_connectome
    from bionic_core.connectomes.summary import summarise
    from bionic_core.errors import listing
    from bionic_core.spec.sources import open_connectome

    if to not in FORMS:
        raise RequestError(f"--to {to}: must be {listing(FORMS)}")
    connectome = open_connectome(source).read()
    stem = Path(source).name.removesuffix(".npz")
    place = out or Path(f"{stem}{ENDINGS.get(to, f'-{to}')}")
    export_connectome(connectome, to, place, overwrite=overwrite)
    summary = attrs.evolve(summarise(connectome), file=str(place))
    show(summary, json, lambda report: report.connectome(summary))


@attrs.frozen(eq=False)
class ConnectomeExport(Command):
    """Write a connectome for other tools; 'connectome import' reads it back equal."""

    name = "connectome.export"
    group = "wiring"
    example = "bionic connectome export larva --to graphml"
    run = staticmethod(connectome_export_command)
