"""Commands that only look: plugins, data info, connectome info."""

from __future__ import annotations

from typing import Annotated

import typer

from bionic_core.commands.common import Json, show


def plugins_command(json: Json = False) -> None:
    """List what is installed, failed plugins included."""
    from bionic_core.registry import Registry

    document = {"plugins": [listed.to_json() for listed in Registry.installed().listing()]}
    show(document, json, lambda report: report.plugins(document))


def data_info_command(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A registered source, or a path.")],
    json: Json = False,
) -> None:
    """Count the images of each class in each split."""
    from bionic_core.data import split
    from bionic_core.data_summary import summarise
    from bionic_core.sections import DataChoice
    from bionic_core.spec import open_data

    dataset = open_data(source).read((1, 48, 48))
    choice = DataChoice()
    document = summarise(dataset, split(dataset, choice.protocol, choice.split_seed))
    show(document, json, lambda report: report.data(document))


def connectome_info_command(
    source: Annotated[
        str, typer.Argument(metavar="[SRC]", help="A registered source, or an .npz file.")
    ] = "column",
    json: Json = False,
) -> None:
    """Count cells, connections and synapses, by type."""
    from bionic_core.connectome_summary import summarise
    from bionic_core.spec import open_connectome

    document = summarise(open_connectome(source).read())
    show(document, json, lambda report: report.connectome(document))
