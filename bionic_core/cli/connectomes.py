"""Commands that make connectomes: fetch, import, surrogate."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from bionic_core.base.steps import doing
from bionic_core.cli import completing
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, console, show
from bionic_core.cli.plugins import PluginCommand, chosen
from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.connectomes.importing import Request
    from bionic_core.plugin import Plugin

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]


class FetchCommand(PluginCommand):
    """A command that takes a fetcher's name first, and its fields as options.

    What is unknown to the command it takes too, so that the fetcher says what is wrong with it.
    """

    allow_extra_args = True
    ignore_unknown_options = True

    def roles(self) -> Mapping[str, type[Plugin]]:
        """Return the parameter that names a fetcher."""
        from bionic_core.connectomes.roles import ConnectomeFetcher

        return {"source": ConnectomeFetcher}

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option, which says that a fetcher has options of its own."""
        option: Any = super().get_help_option(ctx)
        if option is not None:
            option.help = "Show this; after NAME, its own options too."
        return option


class SurrogateCommand(PluginCommand):
    """A command that takes a generator's fields as options."""

    def roles(self) -> Mapping[str, type[Plugin]]:
        """Return the parameter that names a generator."""
        from bionic_core.connectomes.roles import Surrogate

        return {"source": Surrogate}


def fetch_command(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A registered fetcher; bionic plugins lists them.",
            autocompletion=completing.plugins_of("connectome fetcher"),
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="The file to write; where NAME is a source of specs, it is kept for them without.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Carry out :class:`Fetch`."""
    from bionic_core.actions.progress import Download
    from bionic_core.connectomes.fetch import fetch_connectome, parts_folder
    from bionic_core.connectomes.kept import FetchedSource
    from bionic_core.connectomes.roles import ConnectomeFetcher
    from bionic_core.connectomes.summary import summarise

    fetchers = chosen(context, ConnectomeFetcher)
    if not fetchers:
        raise RequestError(
            f"{source or 'NAME'}: name what to fetch from first, then its options, for example "
            "bionic connectome fetch microns --out column.npz; bionic plugins lists fetchers"
        )
    if out is None and isinstance(fetchers[0], FetchedSource):
        out = fetchers[0].kept
    if out is None:
        raise RequestError("--out: name the file to write, for example --out column.npz")
    with Download(console(sys.stderr)) as display:
        try:
            connectome = fetch_connectome(fetchers[0], out, overwrite=overwrite, watch=display)
        except KeyboardInterrupt:
            raise BionicError(
                f"stopped; what is finished is kept in {parts_folder(out)}, and the same command "
                "goes on from there"
            ) from None
    summary = attrs.evolve(summarise(connectome), file=str(out))
    show(summary, json, lambda report: report.connectome(summary))


@attrs.frozen
class ImportOptions:
    """What a connectome is made of, and how its tables are read; each field is an option."""

    synapses: Annotated[
        Path,
        typer.Argument(
            metavar="SYNAPSES",
            help="A row for each synapse or each connection (.csv, .csv.gz, .parquet, .feather, "
            ".xlsx, SONATA's .h5), a matrix, pre × post (.npy, .npz, .mtx, .mat; .csv with "
            "--matrix), or a directed graph (.graphml, networkx's .json); also in a .zip.",
        ),
    ]
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="The file to write.")]
    cells: Annotated[
        Path | None,
        typer.Option(
            metavar="CELLS", help="A row for each cell: id, type, sign, …; a graph has its own."
        ),
    ] = None
    table: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Which sheet, file or variable, where there are several."
        ),
    ] = ""
    cells_table: Annotated[str, typer.Option(metavar="NAME", help="The same of CELLS.")] = ""
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=NAME",
            help="Which column is what, where it is not recognised: pre, post, synapse_id, size, "
            "count, kind; cell_id, cell_name, cell_type, broad_type, transmitter, layer, position, "
            "x, y, z. NAME may be 'column 3'; empty: there is none. May be repeated.",
        ),
    ] = None
    excitatory: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Values of broad_type or transmitter, or cell types, that excite. Where one list "
            "alone is given, all others are not in it.",
        ),
    ] = ""
    inhibitory: Annotated[
        str, typer.Option(metavar="NAME,…", help="The same of inhibitory ones.")
    ] = ""
    sign_unknown: Annotated[
        str,
        typer.Option(
            metavar="SIGN", help="What cells without a sign count as: excitatory or inhibitory."
        ),
    ] = ""
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD=KIND",
            help="What a word for a kind of connection means: chemical, gap-junction, received, "
            "muscle. May be repeated.",
        ),
    ] = None
    rows_are_synapses: Annotated[
        bool,
        typer.Option("--rows-are-synapses", help="Each row is one synapse; no column counts them."),
    ] = False
    fill_down: Annotated[
        bool, typer.Option("--fill-down", help="A blank pre or post is the one above it.")
    ] = False
    drop: Annotated[
        str, typer.Option(metavar="REASON,…", help="Drop rows that would be refused or kept.")
    ] = ""
    refuse: Annotated[
        str, typer.Option(metavar="REASON,…", help="Refuse rows that would be dropped or kept.")
    ] = ""
    keep: Annotated[
        str, typer.Option(metavar="REASON,…", help="Keep rows that would be dropped or refused.")
    ] = ""
    voxel: Annotated[
        str, typer.Option(metavar="X,Y,Z", help="nm of a unit of the cells' positions.")
    ] = "1,1,1"
    matrix: Annotated[bool, typer.Option("--matrix", help="SYNAPSES is a .csv of a matrix.")] = (
        False
    )
    values: Annotated[
        str, typer.Option(metavar="KIND", help="A matrix holds the count of synapses, or a size.")
    ] = "count"
    post_by_pre: Annotated[
        bool, typer.Option("--post-by-pre", help="A matrix has post as rows and pre as columns.")
    ] = False
    by_order: Annotated[
        bool,
        typer.Option(
            "--by-order", help="A matrix goes by the order of CELLS, whatever its labels say."
        ),
    ] = False
    separator: Annotated[
        str,
        typer.Option(
            metavar="C", help="What stands between fields: a character, tab, blanks; else found."
        ),
    ] = ""
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header", help="The first line has the columns' names, or is a row."
        ),
    ] = None
    cells_separator: Annotated[str, typer.Option(metavar="C", help="The same of CELLS.")] = ""
    cells_header: Annotated[
        bool | None,
        typer.Option("--cells-header/--no-cells-header", help="The same of CELLS."),
    ] = None
    encoding: Annotated[
        str, typer.Option(metavar="NAME", help="Of both files, where it is not UTF-8.")
    ] = ""
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="A name for outputs; else the file's.")
    ] = ""
    overwrite: Overwrite = False

    @property
    def _cells(self) -> Path:
        from bionic_core.connectomes.importing.containers import is_graph

        if self.cells is None and not is_graph(self.synapses):
            raise RequestError("--cells: name the table of cells; only graphs have their own")
        return self.cells or self.synapses

    def request(self) -> Request:
        """Return what is asked for, read.

        Raises:
            RequestError: a value is none of those that there are.
        """
        from bionic_core.connectomes.importing import Request, names
        from bionic_core.connectomes.importing.columns import parse_columns
        from bionic_core.connectomes.importing.kinds import parse_kinds
        from bionic_core.connectomes.importing.rules import Rules
        from bionic_core.connectomes.importing.text import Reading

        if self.values not in ("count", "size"):
            raise RequestError(f"--values {self.values}: must be count or size")
        return Request(
            synapses=self.synapses,
            cells=self._cells,
            table=self.table,
            cells_table=self.cells_table,
            columns=parse_columns(self.column or []),
            excitatory=names(self.excitatory),
            inhibitory=names(self.inhibitory),
            rules=Rules.of(drop=names(self.drop), refuse=names(self.refuse), keep=names(self.keep)),
            voxel=_voxel(self.voxel),
            matrix=self.matrix,
            values="size" if self.values == "size" else "count",
            post_by_pre=self.post_by_pre,
            label=self.label,
            reading=Reading(self.separator, self.header, self.encoding),
            cells_reading=Reading(self.cells_separator, self.cells_header, self.encoding),
            sign_unknown=self.sign_unknown,
            kinds=parse_kinds(self.kind or []),
            rows_are_synapses=self.rows_are_synapses,
            fill_down=self.fill_down,
            by_order=self.by_order,
        )


def import_command(options: ImportOptions, json: Json = False) -> None:
    """Carry out :class:`Import`."""
    from bionic_core.actions.progress import Download
    from bionic_core.connectomes.importing import import_connectome
    from bionic_core.connectomes.summary import summarise

    request, out = options.request(), options.out
    with Download(console(sys.stderr)) as display:
        try:
            connectome = import_connectome(request, out, overwrite=options.overwrite, watch=display)
            with doing(f"counting what is in {out}"):
                summary = attrs.evolve(summarise(connectome), file=str(out))
        except KeyboardInterrupt:
            raise BionicError("stopped; nothing was written") from None
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
    context: typer.Context,
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
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Carry out :class:`DrawSurrogate`."""
    from bionic_core.connectomes.fetch import check_free
    from bionic_core.connectomes.roles import Comparison, Surrogate
    from bionic_core.connectomes.summary import summarise
    from bionic_core.statistics.designs import check_size

    (surrogate,) = chosen(context, Surrogate)
    if check == (out is not None):
        raise RequestError(
            "give either --out FILE.npz, to draw a connectome into a file, or --check, to compare "
            "several with what was measured"
        )
    if out is None:
        check_size((), range(seeds), 1)
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


@attrs.frozen(eq=False)
class Fetch(Command):
    """Download real wiring into a file; an interrupted download goes on where it stopped."""

    name = "connectome.fetch"
    group = "wiring"
    example = "bionic connectome fetch larva --out larva.npz"
    reading = FetchCommand
    run = staticmethod(fetch_command)


@attrs.frozen(eq=False)
class Import(Command):
    """Make a connectome of a table of synapses, or a matrix, and a table of cells.

    Rows that are not as they should be are counted, and dropped, kept or refused by a rule for
    each reason; the connectome's provenance and --json say how many.
    """

    name = "connectome.import"
    group = "wiring"
    example = "bionic connectome import synapses.csv --cells cells.csv --out mine.npz"
    run = staticmethod(import_command)


@attrs.frozen(eq=False)
class DrawSurrogate(Command):
    """Draw a connectome from statistics, of any size; or compare such with what was measured."""

    name = "connectome.surrogate"
    group = "wiring"
    example = "bionic connectome surrogate --neurons 500 --out drawn.npz"
    reading = SurrogateCommand
    run = staticmethod(surrogate_command)
