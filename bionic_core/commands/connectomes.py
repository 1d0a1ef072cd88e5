"""Commands that make connectomes: fetch, surrogate."""

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


def surrogate_command(
    out: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="The file to write.")] = None,
    neurons: Annotated[
        int | None, typer.Option(metavar="N", help="How many neurons; the column's if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of everything drawn.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare with what was measured, over several seeds."),
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of --check: 0, 1, 2 …")] = 20,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="A registered generator.")
    ] = "surrogate",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
    json: Json = False,
) -> None:
    """Draw a connectome from statistics, of any size; or compare such with what was measured."""
    import attrs

    from bionic_core.commands.options import from_options
    from bionic_core.connectome_summary import summarise
    from bionic_core.fetching import check_free
    from bionic_core.plugin import Surrogate
    from bionic_core.registry import Registry

    words = [f"--{key}={n}" for key, n in (("neurons", neurons), ("seed", seed)) if n is not None]
    surrogate = from_options(Registry.installed().get(source, Surrogate), words)
    if check == (out is not None):
        raise RequestError(
            "give either --out FILE.npz, to draw a connectome into a file, or --check, to compare "
            "several with what was measured"
        )
    if out is None:
        rows = surrogate.compare(range(seeds))
        compared = {
            "source": source,
            "neurons": surrogate.neurons,
            "seeds": seeds,
            "met": all(row.met for row in rows),
            "statistics": [attrs.asdict(row) | {"met": row.met} for row in rows],
        }
        show(compared, json, lambda report: report.compared(compared))
        return
    check_free(out, overwrite=overwrite)
    connectome = surrogate.read()
    connectome.save(out)
    document = summarise(connectome) | {"file": str(out)}
    show(document, json, lambda report: report.connectome(document))
