"""Files that hold tables or matrices of another form: spreadsheets, archives, graphs, HDF5, MATLAB.

Each is turned, in a folder of the import's own, into a file that the import reads as any other: a
table becomes Parquet, a matrix ``.npy``; what a ``.zip`` holds stays what it is. So all that is
checked of tables and matrices is checked of these, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from bionic_core.errors import RequestError, listing
from bionic_core.registry.extras import install

Part = Literal["cells", "synapses"]
"""Which of the two tables is wanted of a file that may hold both."""

LARGEST = 4 * 2**30
"""Bytes that a member of an archive may unpack to."""

PLURALS = {"matrix": "matrices"}

GRAPHS = (".graphml", ".graphml.gz", ".json")

ENDINGS = (".xlsx", ".xlsm", ".zip", ".mat", *GRAPHS, ".h5", ".hdf5")


def is_container(path: Path) -> bool:
    """Whether a file must be turned into another form first; so must a folder of Parquet files."""
    return path.name.lower().endswith(ENDINGS) or (path.is_dir() and any(path.glob("**/*.parquet")))


def is_graph(path: Path) -> bool:
    """Whether one file holds both the cells and their connections."""
    return path.name.lower().endswith(GRAPHS)


def unpacked(path: Path, part: Part, folder: Path, wanted: str = "") -> tuple[Path, str]:
    """Return a plain file of what is wanted of a container, and what that was, in words.

    Args:
        path: the container.
        part: which table of a graph or of SONATA.
        folder: for the plain file.
        wanted: the sheet, member, variable or population; empty where there is but one.

    Raises:
        RequestError: it is damaged, or holds none or several of what could be meant.
    """
    name = path.name.lower()
    place = folder / f"unpacked-{part}"
    place.mkdir(exist_ok=True)
    try:
        if path.is_dir():
            return _folder(path, place)
        if name.endswith((".xlsx", ".xlsm")):
            return _workbook(path, place, wanted)
        if name.endswith(".zip"):
            return _archive(path, part, place, wanted)
        if name.endswith(".mat"):
            return _matlab(path, place, wanted)
        if name.endswith((".graphml", ".graphml.gz", ".json")):
            return _graph(path, part, place)
        return _sonata(path, part, place, wanted)
    except RequestError:
        raise
    except Exception as error:  # readers of strangers' formats raise whatever they meet
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RequestError(
            f"is damaged, or not what its name says ({words})", where=str(path)
        ) from error


@attrs.frozen
class Plain:
    """A file that is read as it stands, or in the place of a container.

    Attributes:
        given, path: what the user named, and what is read.
        note: what was read of a container, in words; empty for others.
    """

    given: Path
    path: Path
    note: str = ""

    @classmethod
    def of(cls, given: Path, part: Part, folder: Path, wanted: str) -> Plain:
        """Return a file, out of its container if it is one.

        Raises:
            RequestError: as :func:`unpacked`, or a table is named of a file that holds but one.
        """
        if is_container(given):
            path, note = unpacked(given, part, folder, wanted)
            return cls(given, path, f"{given.name}: {note}")
        if wanted:
            option = "--table" if part == "synapses" else "--cells-table"
            raise RequestError(f"holds one table; leave out {option}", where=str(given))
        return cls(given, given)


@contextmanager
def as_given(*files: Plain) -> Iterator[None]:
    """Have errors name the files that the user named."""
    try:
        yield
    except RequestError as error:
        for file in files:
            if error.where == str(file.path) != str(file.given):
                raise RequestError(error.problems, where=str(file.given)) from error
        raise


def _one(found: Sequence[str], wanted: str, what: str, path: Path) -> str:
    """Return the one that is wanted, or the only one there is."""
    if wanted:
        if wanted in found:
            return wanted
        raise RequestError(f"has no {what} '{wanted}'; it has {listing(found)}", where=str(path))
    if len(found) == 1:
        return found[0]
    if not found:
        raise RequestError(f"holds no {what} that could be read", where=str(path))
    raise RequestError(
        f"holds several {PLURALS.get(what, what + 's')}: {listing(found)}. Say which: --table "
        "NAME, or --cells-table NAME for the table of cells",
        where=str(path),
    )


def _parquet(columns: Mapping[str, Sequence[Any]], place: Path) -> Path:
    """Write columns of Python values as a table; one that mixes kinds is text."""
    import pyarrow as pa
    from pyarrow import parquet

    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            texts = [
                None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values
            ]
            arrays[name] = pa.array(texts, pa.string())
    target = place / "table.parquet"
    parquet.write_table(pa.table(arrays), target)
    return target


def _folder(path: Path, place: Path) -> tuple[Path, str]:
    """Join a folder of Parquet files, as Spark and Dask write them; their names sort them."""
    from pyarrow import dataset, parquet

    files = sorted(p for p in path.glob("**/*.parquet") if p.is_file() and not p.is_symlink())
    target = place / "table.parquet"
    found = dataset.dataset(
        [str(file) for file in files],
        format="parquet",
        partitioning="hive",
        partition_base_dir=str(path),
    )
    with parquet.ParquetWriter(target, found.schema) as writer:
        for batch in found.to_batches():
            writer.write_batch(batch)
    return target, f"{len(files)} Parquet files"


def _workbook(path: Path, place: Path, wanted: str) -> tuple[Path, str]:
    """Write a sheet as text, as a spreadsheet would export it: so it is read as any text is."""
    import csv
    import warnings

    from openpyxl import load_workbook

    _check_archive(path)
    with warnings.catch_warnings():  # of what only a spreadsheet shows
        warnings.simplefilter("ignore")
        book = load_workbook(path, read_only=True, data_only=True)
        full = [page.title for page in book.worksheets if _is_full(page)]
        sheet = _one(full, wanted, "sheet", path)
        target = place / f"{path.stem}.csv"
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for row in book[sheet].iter_rows(values_only=True):
                writer.writerow([_cell(value) for value in row])
        book.close()
    return target, f"sheet '{sheet}'"


def _is_full(page: Any) -> bool:
    """Whether a sheet has anything in its first lines."""
    return any(
        value is not None for row in page.iter_rows(max_row=50, values_only=True) for value in row
    )


def _cell(value: object) -> object:
    """Return a spreadsheet's value as text would have it: its whole numbers are floats at times."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return "" if value is None else value


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to more than is read, before anything is unpacked."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST:
        raise RequestError(
            f"unpacks to {size:,} bytes; at most {LARGEST:,} are read", where=str(path)
        )


def _archive(path: Path, part: Part, place: Path, wanted: str) -> tuple[Path, str]:
    """Take one file out of a ``.zip``; where two are there, cells may be told by their name."""
    import shutil
    import zipfile

    _check_archive(path)
    with zipfile.ZipFile(path) as archive:
        names = [
            n
            for n in archive.namelist()
            if not n.endswith("/")
            and not n.startswith("__MACOSX/")
            and not Path(n).name.startswith(".")
        ]
        member = _one(names, wanted, "file", path)
        target = place / Path(member).name
        with archive.open(member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    if is_container(target) and not target.name.lower().endswith(".zip"):
        inner, said = unpacked(target, part, place)
        return inner, f"{member}, {said}"
    return target, member


def _matlab(path: Path, place: Path, wanted: str) -> tuple[Path, str]:
    """Write one matrix of a ``.mat`` file (before 7.3, or 7.3, which is HDF5) as ``.npy``."""
    from bionic_core.base.arrays import read_matlab

    names, _ = read_matlab(path)
    variable = _one(names, wanted, "matrix", path)
    target = place / "matrix.npy"
    _, matrix = read_matlab(path, variable)
    assert matrix is not None
    np.save(target, matrix, allow_pickle=False)
    return target, f"variable '{variable}'"


def _graph(path: Path, part: Part, place: Path) -> tuple[Path, str]:
    """Write the nodes, or the edges, of a directed graph as a table."""
    import networkx as nx

    if path.name.lower().endswith(".json"):
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(document, dict) or "nodes" not in document:
            raise RequestError(
                "is no graph: of .json files those of networkx.node_link_data are read. Write "
                "records as a table (pandas: read_json(…).to_csv(…, index=False))",
                where=str(path),
            )
        edges = "links" if "links" in document else "edges"
        graph = nx.node_link_graph(document, edges=edges)
    else:
        graph = nx.read_graphml(path)
    if not graph.is_directed():
        raise RequestError(
            "is an undirected graph, so that nothing says which cell is pre. If each edge stands "
            "for both directions, write it so: networkx's graph.to_directed()",
            where=str(path),
        )
    if part == "cells":
        rows = [
            {"cell_id": node, **_others(data, ("cell_id",))}
            for node, data in graph.nodes(data=True)
        ]
    else:
        ends = ("pre", "post")
        rows = [
            {"pre": pre, "post": post, **_others(data, ends)}
            for pre, post, data in graph.edges(data=True)
        ]
    return _parquet(_columns(rows), place), f"the graph's {'nodes' if part == 'cells' else 'edges'}"


def _others(data: Mapping[str, Any], taken: Iterable[str]) -> dict[str, Any]:
    return {str(key): value for key, value in data.items() if str(key) not in taken}


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _sonata(path: Path, part: Part, place: Path, wanted: str) -> tuple[Path, str]:
    """Write a population of SONATA's nodes or edges as a table (Dai et al. 2020)."""
    if find_spec("h5py") is None:
        raise RequestError(
            f"is HDF5, which is read by the package h5py: {install('hdf5')}", where=str(path)
        )
    import h5py

    kind = "nodes" if part == "cells" else "edges"
    with h5py.File(path, "r") as file:
        if kind not in file:
            raise RequestError(
                f"has no /{kind}, so it is no SONATA file of {part}; it has {listing(file)}",
                where=str(path),
            )
        population = _one([*file[kind]], wanted, "population", path)
        group = file[kind][population]
        columns = _sonata_columns(group, kind, path)
    said = f"population '{population}'"
    if kind == "nodes":
        ids = columns.pop("node_id")
        columns.setdefault("cell_id", ids)
    elif (ids := _cell_ids(path, columns.pop("population"))) is not None:
        columns |= {end: ids[columns[end]] for end in ("pre", "post")}
        said += ", cells by the cell_id of nodes.h5 beside it"
    types = path.with_name(f"{kind[:-1]}_types.csv")
    if types.is_file():
        columns |= _sonata_types(types, columns.pop("type_id"), columns)
        said += f", with {types.name}"
    else:
        columns.pop("type_id")
    return _parquet({name: _listed(values) for name, values in columns.items()}, place), said


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
            columns[str(name)] = (values.asstr()[:] if texts else values[:])[order]
    return columns


def _cell_ids(path: Path, population: object) -> Any:
    """Return the cell_id of each node of the population that edges go between, if there are."""
    import h5py

    nodes = path.with_name("nodes.h5")
    if not nodes.is_file():
        return None
    with h5py.File(nodes, "r") as file:
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
