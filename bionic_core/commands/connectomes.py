"""Commands that make connectomes: fetch."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Annotated

import typer

from bionic_core.commands.common import Json, console, show
from bionic_core.errors import BionicError, RequestError

FETCH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Settings of the command: what it does not know are options of the fetcher."""


def fetch_command(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="NAME", help="A registered fetcher; bionic plugins lists them.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="The file to write; required.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
    json: Json = False,
    help_: Annotated[
        bool, typer.Option("--help", "-h", help="Show this; after NAME, its own options too.")
    ] = False,
) -> None:
    """Download real wiring into a file; an interrupted download goes on where it stopped."""
    if help_:
        typer.echo(context.get_help())
        if source:
            _show_options(source)
        return
    if not source or source.startswith("-"):
        raise RequestError(
            f"{source or 'NAME'}: name what to fetch from first, then its options, for example "
            "bionic connectome fetch microns --out column.npz; bionic plugins lists fetchers"
        )
    from bionic_core.commands.options import from_options
    from bionic_core.connectome_summary import summarise
    from bionic_core.fetching import fetch_connectome, parts_folder
    from bionic_core.plugin import ConnectomeFetcher
    from bionic_core.progress import Download
    from bionic_core.registry import Registry

    fetcher = from_options(Registry.installed().get(source, ConnectomeFetcher), context.args)
    if out is None:
        raise RequestError("--out: name the file to write, for example --out column.npz")
    with Download(console(sys.stderr)) as display:
        try:
            connectome = fetch_connectome(fetcher, out, overwrite=overwrite, watch=display)
        except KeyboardInterrupt:
            raise BionicError(
                f"stopped; what is finished is kept in {parts_folder(out)}, and the same command "
                "goes on from there"
            ) from None
    document = summarise(connectome) | {"file": str(out)}
    show(document, json, lambda report: report.connectome(document))


def _show_options(source: str) -> None:
    """Print a fetcher's docstring and its options with their defaults."""
    from bionic_core.commands.options import describe_options
    from bionic_core.plugin import ConnectomeFetcher
    from bionic_core.registry import Registry

    fetcher = Registry.installed().get(source, ConnectomeFetcher)
    options = "\n".join(describe_options(fetcher))
    typer.echo(f"{source}: {inspect.getdoc(fetcher)}\n\nOptions of {source} [default]:\n{options}")
