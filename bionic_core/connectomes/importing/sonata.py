"""SONATA's populations of nodes and edges, in HDF5, as tables (Dai et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bionic_core.base.hdf5 import opened_hdf
from bionic_core.errors import RequestError, listing
from bionic_core.registry.extras import install

WHAT = "no SONATA file"


def sonata_columns(
    path: Path, nodes: bool, chosen: Callable[[Sequence[str]], str]
) -> tuple[dict[str, list[Any]], str]:
    """Return a population of SONATA's nodes or edges by column, and what was read, in words.

    Args:
        path: the file.
        nodes: whether nodes are wanted; else edges.
        chosen: which of the populations.

    Raises:
        RequestError: h5py is missing, or the file is no such one, damaged, or names another file.
    """
    if find_spec("h5py") is None:
        raise RequestError(
            f"is HDF5, which is read by the package h5py: {install('hdf5')}", where=str(path)
        )
    kind = "nodes" if nodes else "edges"
    with opened_hdf(path, WHAT) as file:
        if kind not in file:
            raise RequestError(
                f"has no /{kind}, so it is no SONATA file of {'cells' if nodes else 'synapses'}; "
                f"it has {listing(file)}",
                where=str(path),
            )
        population = chosen([*file[kind]])
        columns = _sonata_columns(file[kind][population], kind, path)
    said = f"population '{population}'"
    if nodes:
        ids = columns.pop("node_id")
        columns.setdefault("cell_id", ids)
    elif (ids := _cell_ids(path, columns.pop("population"))) is not None:
        columns |= {end: _at(ids, columns[end], f"{end} node") for end in ("pre", "post")}
        said += ", cells by the cell_id of nodes.h5 beside it"
    types = path.with_name(f"{kind[:-1]}_types.csv")
    if types.is_file():
        columns |= _sonata_types(types, columns.pop("type_id"), columns)
        said += f", with {types.name}"
    else:
        columns.pop("type_id")
    return {name: _listed(values) for name, values in columns.items()}, said


def _at(values: Any, places: Any, what: str) -> Any:
    """Return the values at places; a place that counts from the end, or lies beyond it, is none."""
    wrong = (places < 0) | (places >= len(values))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{what} {places[first]}, in row {first:,}, is none of {len(values):,}")
    return values[places]


def _sonata_columns(group: Any, kind: str, path: Path) -> dict[str, Any]:
    one = kind[:-1]
    if len({*group[f"{one}_group_id"][:]}) > 1:
        raise RequestError("has several groups of attributes; one is read", where=str(path))
    order = group[f"{one}_group_index"][:]
    if kind == "nodes":
        ids = group["node_id"][:] if "node_id" in group else np.arange(len(order))
        columns: dict[str, Any] = {"node_id": ids}
    else:
        columns = {"pre": group["source_node_id"][:], "post": group["target_node_id"][:]}
        between = {
            group[f"{end}_node_id"].attrs.get("node_population") for end in ("source", "target")
        }
        if len(between) > 1:
            raise RequestError(
                "goes from one population of nodes to another, whose ids are not one set; "
                "put both into one population first",
                where=str(path),
            )
        columns["population"] = between.pop()
    columns["type_id"] = group[f"{one}_type_id"][:]
    number = str(group[f"{one}_group_id"][0]) if len(order) else "0"
    for name, values in group[number].items() if number in group else ():
        if hasattr(values, "shape") and values.ndim == 1:
            texts = values.dtype.kind == "O"
            columns[str(name)] = _at(
                values.asstr()[:] if texts else values[:], order, f"{one}_group_index"
            )
    return columns


def _cell_ids(path: Path, population: object) -> Any:
    """Return the cell_id of each node of the population that edges go between, if there are."""
    nodes = path.with_name("nodes.h5")
    if not nodes.is_file():
        return None
    with opened_hdf(nodes, WHAT) as file:
        group = file.get("nodes", {}).get(str(population), {})
        return _sonata_columns(group, "nodes", nodes).get("cell_id") if group else None


def _sonata_types(types: Path, ids: Any, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that the table of types gives each row, where the row has none."""
    import csv

    with types.open(encoding="utf-8-sig", newline="") as file:
        blank = " " in file.readline()
        file.seek(0)
        rows = list(csv.DictReader(file, delimiter=" " if blank else ","))
    key = next((name for name in (rows[0] if rows else {}) if name.endswith("_type_id")), "")
    known = {row[key]: row for row in rows if key}
    names = [n for n in (rows[0] if rows else {}) if n and n != key and n not in taken]
    return {name: [known.get(str(one), {}).get(name) for one in ids.tolist()] for name in names}


def _listed(values: Any) -> list[Any]:
    """Return values as Python's, NaN as none."""
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    return [None if isinstance(v, float) and np.isnan(v) else v for v in found]
