"""Files that hold tables or matrices of another form: spreadsheets, archives, graphs, HDF5, MATLAB.

Each is turned, in a folder of the import's own, into a file that the import reads as any other: a
table becomes Parquet, a matrix ``.npy``; what a ``.zip`` holds stays what it is. So all that is
checked of tables and matrices is checked of these, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from bionic_core.base.arrays import check_unpacking
from bionic_core.base.parquet import check_parquet
from bionic_core.connectomes.importing.graphs import graph_columns
from bionic_core.connectomes.importing.sonata import sonata_columns
from bionic_core.errors import RequestError, listing

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
            columns = graph_columns(path, part == "synapses")
            said = f"the graph's {'nodes' if part == 'cells' else 'edges'}"
        else:
            columns, said = sonata_columns(
                path, part == "cells", lambda found: _one(found, wanted, "population", path)
            )
        return _parquet(columns, place), said
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
    for file in files:
        check_parquet(file)
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

    _check_archive(path, unpacking=True)
    with warnings.catch_warnings():  # of what only a spreadsheet shows
        warnings.simplefilter("ignore")
        book = load_workbook(path, read_only=True, data_only=True)
        for page in book.worksheets:
            page.reset_dimensions()  # what a sheet says of its size may be any
        full = [page.title for page in book.worksheets if _is_full(page)]
        sheet = _one(full, wanted, "sheet", path)
        target = place / f"{path.stem}.csv"
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for row in _lines(book[sheet]):
                writer.writerow([_cell(value) for value in row])
        book.close()
    return target, f"sheet '{sheet}'"


def _lines(page: Any) -> Iterator[Sequence[object]]:
    """Yield the lines of a sheet, within the limits that spreadsheets have."""
    rows, columns, letters = 1_048_576, 16_384, 32_767
    for number, row in enumerate(page.iter_rows(values_only=True)):
        if number == rows or len(row) > columns:
            raise ValueError(f"a sheet has at most {rows:,} rows and {columns:,} columns")
        if any(isinstance(value, str) and len(value) > letters for value in row):
            raise ValueError(f"row {number + 1:,} has a cell of more than {letters:,} letters")
        yield row


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


def _check_archive(path: Path, unpacking: bool = False) -> None:
    """Refuse an archive that unpacks to more than is read, before anything is unpacked."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if unpacking:
        check_unpacking(size, path.stat().st_size)
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
    from bionic_core.base.matlab import read_matlab

    names, _ = read_matlab(path)
    variable = _one(names, wanted, "matrix", path)
    target = place / "matrix.npy"
    _, matrix = read_matlab(path, variable)
    assert matrix is not None
    np.save(target, matrix, allow_pickle=False)
    return target, f"variable '{variable}'"
