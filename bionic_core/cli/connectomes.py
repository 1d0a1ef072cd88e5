"""Commands that make connectomes: fetch, import, surrogate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import attrs
import typer

from bionic_core.cli.common import Json, console, show
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
            from bionic_core.cli.options import described
            from bionic_core.connectomes.roles import ConnectomeFetcher
            from bionic_core.registry import Registry

            typer.echo(described(Registry.installed().get(source, ConnectomeFetcher)))
        return
    if not source or source.startswith("-"):
        raise RequestError(
            f"{source or 'NAME'}: name what to fetch from first, then its options, for example "
            "bionic connectome fetch microns --out column.npz; bionic plugins lists fetchers"
        )
    from bionic_core.cli.options import from_options
    from bionic_core.cli.progress import Download
    from bionic_core.connectomes.fetch import fetch_connectome, parts_folder
    from bionic_core.connectomes.roles import ConnectomeFetcher
    from bionic_core.connectomes.summary import summarise
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
    summary = attrs.evolve(summarise(connectome), file=str(out))
    show(summary, json, lambda report: report.connectome(summary))


def import_command(
    synapses: Annotated[
        Path,
        typer.Argument(
            metavar="SYNAPSES",
            help="A row for each synapse or each connection (.csv, .csv.gz, .parquet, .feather), "
            "or a matrix, pre × post (.npy, .npz, .mtx; .csv with --matrix).",
        ),
    ],
    cells: Annotated[
        Path, typer.Option(metavar="CELLS", help="A row for each cell: id, type, sign, …")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="The file to write.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=NAME",
            help="Which column is what, where it is not recognised: pre, post, synapse_id, size, "
            "count, kind; cell_id, cell_type, broad_type, layer, position, x, y, z. An empty "
            "NAME: there is none. May be repeated.",
        ),
    ] = None,
    excitatory: Annotated[
        str,
        typer.Option(metavar="NAME,…", help="Values of broad_type, or cell types, that excite."),
    ] = "",
    inhibitory: Annotated[
        str, typer.Option(metavar="NAME,…", help="The same of inhibitory ones.")
    ] = "",
    drop: Annotated[
        str, typer.Option(metavar="REASON,…", help="Drop rows that would be refused or kept.")
    ] = "",
    refuse: Annotated[
        str, typer.Option(metavar="REASON,…", help="Refuse rows that would be dropped or kept.")
    ] = "",
    keep: Annotated[
        str, typer.Option(metavar="REASON,…", help="Keep rows that would be dropped or refused.")
    ] = "",
    voxel: Annotated[
        str, typer.Option(metavar="X,Y,Z", help="nm of a unit of the cells' positions.")
    ] = "1,1,1",
    matrix: Annotated[
        bool, typer.Option("--matrix", help="SYNAPSES is a .csv of a matrix.")
    ] = False,
    values: Annotated[
        str, typer.Option(metavar="KIND", help="A matrix holds the count of synapses, or a size.")
    ] = "count",
    post_by_pre: Annotated[
        bool, typer.Option("--post-by-pre", help="A matrix has post as rows and pre as columns.")
    ] = False,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="A name for outputs; else the file's.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a connectome of a table of synapses, or a matrix, and a table of cells.

    Rows that are not as they should be are counted, and dropped, kept or refused by a rule for
    each reason; the connectome's provenance and --json say how many.
    """
    from bionic_core.cli.progress import Download
    from bionic_core.connectomes.importing import Request, import_connectome, names
    from bionic_core.connectomes.importing.columns import parse_columns
    from bionic_core.connectomes.importing.rules import Rules
    from bionic_core.connectomes.summary import summarise

    if values not in ("count", "size"):
        raise RequestError(f"--values {values}: must be count or size")
    request = Request(
        synapses=synapses,
        cells=cells,
        columns=parse_columns(column or []),
        excitatory=names(excitatory),
        inhibitory=names(inhibitory),
        rules=Rules.of(drop=names(drop), refuse=names(refuse), keep=names(keep)),
        voxel=_voxel(voxel),
        matrix=matrix,
        values="size" if values == "size" else "count",
        post_by_pre=post_by_pre,
        label=label,
    )
    with Download(console(sys.stderr)) as display:
        try:
            connectome = import_connectome(request, out, overwrite=overwrite, watch=display)
        except KeyboardInterrupt:
            raise BionicError("stopped; nothing was written") from None
    summary = attrs.evolve(summarise(connectome), file=str(out))
    show(summary, json, lambda report: report.connectome(summary))


def _voxel(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(word) for word in text.split(","))
    except ValueError:
        x = y = z = 0.0
    if not (x > 0 and y > 0 and z > 0):
        raise RequestError(f"--voxel {text}: must be three positive numbers, for example 4,4,40")
    return x, y, z


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
    from bionic_core.cli.options import from_options
    from bionic_core.connectomes.fetch import check_free
    from bionic_core.connectomes.roles import Comparison, Surrogate
    from bionic_core.connectomes.summary import summarise
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
        met = all(row.met for row in rows)
        compared = Comparison(source, surrogate.neurons, seeds, met, rows)
        show(compared, json, lambda report: report.compared(compared))
        return
    check_free(out, overwrite=overwrite)
    connectome = surrogate.read()
    connectome.save(out)
    summary = attrs.evolve(summarise(connectome), file=str(out))
    show(summary, json, lambda report: report.connectome(summary))
