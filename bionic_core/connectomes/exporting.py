"""A connectome as other tools read it: tables, graphs, SONATA; read back, it is equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bionic_core.base.hdf5 import writing_hdf
from bionic_core.base.strict_json import json_text
from bionic_core.base.unfinished import made_beside
from bionic_core.connectome import Connectome
from bionic_core.connectomes.fetch import check_free
from bionic_core.errors import RequestError, listing
from bionic_core.registry.extras import install

if TYPE_CHECKING:
    import pyarrow as pa

POPULATION = "cells"
"""The node population of SONATA files."""


def export_connectome(
    connectome: Connectome, form: str, out: Path, *, overwrite: bool = False
) -> Path:
    """Write a connectome in another form, complete or not at all, and return where it is.

    Args:
        connectome: to be written.
        form: one of :data:`FORMS`.
        out: a file for the graph forms, a folder for the others.
        overwrite: replace what is there.

    Raises:
        RequestError: the form is unknown, needs a package that is not installed, or ``out`` is
            there already.
        WriteError: it cannot be written.
    """
    if form not in FORMS:
        raise RequestError(f"--to {form}: must be {listing(FORMS)}")
    if form == "sonata" and find_spec("h5py") is None:
        raise RequestError(f"--to sonata writes HDF5, by the package h5py: {install('hdf5')}")
    if not out.is_dir():
        check_free(out, overwrite=overwrite)
    elif not (out / MARK).is_file():
        raise RequestError("is a folder that no export has written; name another", where=str(out))
    elif not overwrite:
        raise RequestError(
            "exists already. Name another, remove it, or give --overwrite", where=str(out)
        )
    with made_beside(out) as made:
        FORMS[form](connectome, made)
    return out


MARK = "provenance.json"
"""The file of an exported folder that says where the connectome comes from."""


def cells_of(connectome: Connectome) -> pa.Table:
    """Return a row for each cell: id, name, type, sign, layer, position in nm (empty: unknown)."""
    import pyarrow as pa

    place = connectome.position
    columns: dict[str, Any] = {
        "cell_id": connectome.cell_id,
        "cell_type": connectome.cell_type,
        "broad_type": connectome.broad_type,
    }
    for key in ("layer", "name", "transmitter"):
        if np.any(getattr(connectome, key) != ""):
            columns[key] = getattr(connectome, key)
    arrays = {key: pa.array(value.tolist()) for key, value in columns.items()}
    if np.isfinite(place).any():
        arrays |= {
            axis: pa.array(place[:, n], mask=np.isnan(place[:, n])) for n, axis in enumerate("xyz")
        }
    return pa.table(arrays)


def connections_of(connectome: Connectome) -> pa.Table:
    """Return a row for each connection: ids of pre and post, count of synapses, summed size."""
    import pyarrow as pa

    return pa.table(
        {
            "pre": connectome.cell_id[connectome.pre],
            "post": connectome.cell_id[connectome.post],
            "count": connectome.count,
            "size": connectome.size,
        }
    )


def _csv(connectome: Connectome, folder: Path) -> None:
    from pyarrow import csv

    folder.mkdir()
    csv.write_csv(cells_of(connectome), folder / "cells.csv")
    csv.write_csv(connections_of(connectome), folder / "connections.csv")
    _say(connectome, folder)


def _parquet(connectome: Connectome, folder: Path) -> None:
    from pyarrow import parquet

    folder.mkdir()
    parquet.write_table(cells_of(connectome), folder / "cells.parquet")
    parquet.write_table(connections_of(connectome), folder / "connections.parquet")
    _say(connectome, folder)


def _say(connectome: Connectome, folder: Path) -> None:
    text = json_text(dict(connectome.provenance), indent=1, sort_keys=True, ensure_ascii=False)
    (folder / MARK).write_text(text + "\n", encoding="utf-8")


def graph_of(connectome: Connectome) -> Any:
    """Return a networkx.DiGraph: cell ids as nodes, without attributes that are unknown."""
    import networkx as nx

    graph = nx.DiGraph(label=connectome.label, source=str(connectome.provenance.get("source", "")))
    for row in cells_of(connectome).to_pylist():
        key = row.pop("cell_id")
        graph.add_node(key, **{name: value for name, value in row.items() if value is not None})
    for row in connections_of(connectome).to_pylist():
        graph.add_edge(row["pre"], row["post"], count=row["count"], size=row["size"])
    return graph


def _graphml(connectome: Connectome, file: Path) -> None:
    import networkx as nx

    # Whole numbers are long there; lxml, which it may use, is no faster here.
    nx.write_graphml_xml(graph_of(connectome), file)


def _networkx(connectome: Connectome, file: Path) -> None:
    import networkx as nx

    text = json_text(nx.node_link_data(graph_of(connectome), edges="edges"))
    file.write_text(text, encoding="utf-8")


def _sonata(connectome: Connectome, folder: Path) -> None:
    """Write nodes.h5 and edges.h5 of one population, and their tables of types.

    The format: Dai et al. 2020, doi:10.1371/journal.pcbi.1007696.
    """
    import h5py

    folder.mkdir()
    cells, connections = cells_of(connectome), connections_of(connectome)
    with writing_hdf(folder / "nodes.h5") as held_by, h5py.File(held_by, "w") as file:
        group = file.create_group(f"nodes/{POPULATION}")
        _stamp(file)
        _sonata_rows(group, "node", len(connectome.cell_id), cells)
    with writing_hdf(folder / "edges.h5") as held_by, h5py.File(held_by, "w") as file:
        group = file.create_group(f"edges/{POPULATION}_to_{POPULATION}")
        _stamp(file)
        for name, ends in (("source_node_id", connectome.pre), ("target_node_id", connectome.post)):
            group[name] = ends.astype(np.uint64)
            group[name].attrs["node_population"] = POPULATION
        _sonata_rows(group, "edge", len(connectome.pre), connections.select(["count", "size"]))
    (folder / "node_types.csv").write_text("node_type_id\n0\n", encoding="utf-8")
    (folder / "edge_types.csv").write_text("edge_type_id\n0\n", encoding="utf-8")
    _say(connectome, folder)


def _stamp(file: Any) -> None:
    file.attrs["magic"] = np.uint32(0x0A7A)
    file.attrs["version"] = np.array([0, 1], np.uint32)


def _sonata_rows(group: Any, kind: str, rows: int, table: pa.Table) -> None:
    """Write what all rows of a population have, and the attributes of its one group."""
    if kind == "node":
        group["node_id"] = np.arange(rows, dtype=np.uint64)
    group[f"{kind}_type_id"] = np.zeros(rows, np.int64)
    group[f"{kind}_group_id"] = np.zeros(rows, np.int64)
    group[f"{kind}_group_index"] = np.arange(rows, dtype=np.uint64)
    attributes = group.create_group("0")
    for name in table.column_names:
        values = table[name].to_pylist()
        if isinstance(values[0] if values else "", str):
            attributes.create_dataset(name, data=values, dtype=_text())
        else:
            filled = [np.nan if value is None else value for value in values]
            attributes[name] = np.array(filled)


def _text() -> Any:
    import h5py

    return h5py.string_dtype("utf-8")


FORMS: Mapping[str, Callable[[Connectome, Path], None]] = {
    "csv": _csv,
    "parquet": _parquet,
    "graphml": _graphml,
    "sonata": _sonata,
    "networkx-json": _networkx,
}
"""The forms, and what writes each."""

ENDINGS: Mapping[str, str] = {"graphml": ".graphml", "networkx-json": ".json"}
"""Of the forms that are one file: how its name ends."""
