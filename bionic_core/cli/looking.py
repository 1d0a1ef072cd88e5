"""Commands that only look: plugins, data info, data check, connectome info and plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from bionic_core.cli import completing
from bionic_core.cli import figures as folders
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, names_in, show
from bionic_core.errors import RequestError, nearest

if TYPE_CHECKING:
    from bionic_core.dataset import Protocol

DEFAULT_IMAGE = (1, 48, 48)
"""Channels, height and width, as a spec that says nothing else has them."""

Source = Annotated[
    str,
    typer.Argument(
        metavar="SRC",
        help="A registered source, or a path.",
        autocompletion=completing.plugins_of("data source"),
    ),
]
ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol", metavar="NAME", help="honest selects on validation, paper on the test set."
    ),
]


def plugins_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="Of one: equation, keys, source; else all.",
            autocompletion=completing.any_plugin,
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Carry out :class:`Plugins`."""
    from rich.text import Text

    from bionic_core.cli.about import described, listed
    from bionic_core.registry import Registry
    from bionic_core.registry.catalogue import Listing, line_of

    if name:
        from bionic_core.plugin import Plugin
        from bionic_core.registry.about import about

        registry = Registry.installed()
        cls = registry.get(name, Plugin)
        told = about(cls, registry.distribution(name, cls))
        show(told, json, lambda _: Text("\n".join(described(told))))
        return
    found = Listing(tuple(line_of(one) for one in Registry.installed().listing()))
    show(found, json, lambda _: Text("\n".join(listed(found))))


def data_info_command(
    source: Source,
    protocol: ProtocolName = "honest",
    drop_leaks: Annotated[
        bool,
        typer.Option("--drop-leaks", help="Take out of train what occurs in validation or test."),
    ] = False,
    json: Json = False,
) -> None:
    """Carry out :class:`DataInfo`."""
    from bionic_core.data.splits import split
    from bionic_core.data.summary import summarise
    from bionic_core.spec.sources import open_data
    from bionic_core.spec.tables import DataChoice

    known = protocol_named(protocol)
    dataset = open_data(source).read(DEFAULT_IMAGE)
    parts = split(dataset, known, DataChoice().split_seed, drop_leaks=drop_leaks)
    summary = summarise(dataset, parts)
    show(summary, json, lambda report: report.data(summary))


def data_check_command(
    source: Source,
    near: Annotated[
        int,
        typer.Option(
            metavar="BITS",
            help="Near copies differ in at most so many of the 128 bits of their perceptual "
            "hashes, 0 to 32.",
        ),
    ] = 14,
    protocol: ProtocolName = "honest",
    json: Json = False,
) -> None:
    """Carry out :class:`DataCheck`."""
    from bionic_core.data.check import check
    from bionic_core.data.duplicates import BITS, WIDEST
    from bionic_core.spec.sources import open_data

    if not 0 <= near <= WIDEST:
        raise RequestError(
            f"--near {near}: must be 0 to {WIDEST} of the {BITS} bits; beyond that, pictures "
            "that have nothing in common are near each other"
        )
    known = protocol_named(protocol)
    found = check(open_data(source).read(DEFAULT_IMAGE), near=near, protocol=known)
    show(found, json, lambda report: report.checked(found))


def protocol_named(name: str) -> Protocol:
    """Return the protocol of that name.

    Raises:
        RequestError: there is none.
    """
    known: dict[str, Protocol] = {"honest": "honest", "paper": "paper"}
    if name not in known:
        raise RequestError(
            f"--protocol {name}: must be honest (select on validation) or paper (select on "
            f"test).{nearest(name, known)}"
        )
    return known[name]


def connectome_info_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[SRC]",
            help="A registered source, or an .npz file.",
            autocompletion=completing.plugins_of("connectome source"),
        ),
    ] = "column",
    layers: Annotated[
        str,
        typer.Option(
            metavar="SPEC", help="Group cells into the layers of a spec, by their cell types."
        ),
    ] = "",
    by_type: Annotated[
        bool, typer.Option("--types", help="Densities between cell types as well.")
    ] = False,
    json: Json = False,
) -> None:
    """Carry out :class:`ConnectomeInfo`."""
    from bionic_core.connectomes.summary import summarise
    from bionic_core.spec.sources import open_connectome

    groups = _layers_of(layers) if layers else None
    summary = summarise(open_connectome(source).read(), layers=groups, by_type=by_type)
    show(summary, json, lambda report: report.connectome(summary))


def _layers_of(name: str) -> dict[str, tuple[str, ...]]:
    """Return the cell types of each layer of a spec.

    Raises:
        RequestError: the spec's layers are plain numbers.
    """
    from bionic_core.spec.find import load

    found = {
        layer: cells for layer, cells in load(name).model.layers.items() if isinstance(cells, tuple)
    }
    if not found:
        raise RequestError(f"--layers {name}: its layers are plain numbers and have no cell types")
    return found


def connectome_plot_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[SRC]",
            help="A registered source, or an .npz file.",
            autocompletion=completing.plugins_of("connectome source"),
        ),
    ] = "column",
    kind: Annotated[
        str, typer.Option(metavar="KIND,…", help="adjacency, column, degrees, layers, or all.")
    ] = "all",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the pictures, PNG and SVG each.")
    ] = Path("figures"),
    layers: Annotated[
        str, typer.Option("--layers", metavar="SPEC", help="The spec whose layers sort the cells.")
    ] = "full",
    tilt: Annotated[
        float,
        typer.Option(metavar="DEG", help="Angle of the depth axis to y; MICrONS' V1 if not given."),
    ] = 5.0,
    pia: Annotated[
        float, typer.Option(metavar="µM", help="Where depth is 0, along that axis.")
    ] = 396.671,
    json: Json = False,
) -> None:
    """Carry out :class:`ConnectomePlot`."""
    from bionic_core.reports.drawing import connectome as pictures
    from bionic_core.reports.sections import Section
    from bionic_core.spec.find import find, read
    from bionic_core.spec.sources import open_connectome

    kinds, asked = pictures.KINDS, names_in(kind)
    if wrong := [one for one in asked or [kind] if one not in (*kinds, "all")]:
        raise RequestError(
            f"--kind {wrong[0]}: must be of {', '.join(kinds)}, or all."
            f"{nearest(wrong[0], [*kinds, 'all'])}"
        )
    folders.check_folder(out, option="--out")
    model = read(find(layers)).get("model", {})
    connectome = open_connectome(source).read()
    view = pictures.View.of(connectome, model.get("layers", {}), tilt=tilt, pia=pia)
    undrawn = view.undrawn if "all" in asked else {}
    chosen = [one for one in kinds if one not in undrawn] if "all" in asked else asked
    drawn = {name: pictures.draw(view, name) for name in chosen}
    document = {
        "connectome": connectome.label,
        "fingerprint": connectome.fingerprint,
        "layers": {name: list(types) for name, types in view.layers.items()},
        "densities": pictures.densities(view).tolist(),
        "figures": folders.write(out, drawn, option="--out"),
        "undrawn": dict(undrawn),
    }
    notes = [f"{name} is not drawn: {words}" for name, words in undrawn.items()]
    show(document, json, lambda _: Section("", (connectome.label, *document["figures"], *notes)))


@attrs.frozen(eq=False)
class Plugins(Command):
    """List what is installed, failed plugins included; or say what one of them is and does."""

    name = "plugins"
    group = "plugins"
    example = "bionic plugins"
    run = staticmethod(plugins_command)


@attrs.frozen(eq=False)
class Data(Command):
    """Look at labelled images."""

    name = "data"
    group = "wiring"
    example = "bionic data info schematic"


@attrs.frozen(eq=False)
class DataInfo(Command):
    """Count the images of each class in each split."""

    name = "data.info"
    group = "wiring"
    example = "bionic data info schematic"
    run = staticmethod(data_info_command)


@attrs.frozen(eq=False)
class DataCheck(Command):
    """List images that are there twice, exactly or nearly, within and across splits, or blank."""

    name = "data.check"
    group = "wiring"
    example = "bionic data check schematic"
    run = staticmethod(data_check_command)


@attrs.frozen(eq=False)
class Connectome(Command):
    """Look at wiring, download it, make it of files, draw it."""

    name = "connectome"
    group = "wiring"
    example = "bionic connectome info column"


@attrs.frozen(eq=False)
class ConnectomeInfo(Command):
    """Count cells, connections and synapses by type and layer; densities, degrees, provenance."""

    name = "connectome.info"
    group = "wiring"
    example = "bionic connectome info column --layers full"
    run = staticmethod(connectome_info_command)


@attrs.frozen(eq=False)
class ConnectomePlot(Command):
    """Draw a connectome: adjacency, column of somata, degrees, layers."""

    name = "connectome.plot"
    group = "wiring"
    example = "bionic connectome plot column --kind degrees --out figures"
    run = staticmethod(connectome_plot_command)
