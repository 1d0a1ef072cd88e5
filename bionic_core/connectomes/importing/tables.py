"""Tables in files, read out of core by DuckDB: CSV, Parquet, Feather."""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.files import check_file
from bionic_core.errors import BionicError, RequestError

CSV_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet", ".feather", ".arrow")

PATTERNS = "*?["
"""Letters by which DuckDB takes a name as a pattern; one in brackets is the letter itself."""

BATCH = 1 << 20
"""Rows that are handed over at a time."""

_MISSING = "('', 'nan', 'na', 'n/a', 'null', 'none', '<na>', '0')"
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_WIDE = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_FLOATS = {"DOUBLE": 2**53, "FLOAT": 2**24}
"""Floating types, and the greatest number up to which they hold every whole one."""


@attrs.frozen(eq=False)
class Table:
    """A file as a table of the database.

    Attributes:
        path: the file.
        relation: SQL of the table, to stand after FROM.
        types: DuckDB's type of each column, in the file's order.
        rows: how many rows there are, or None where only reading would tell.
    """

    path: Path
    relation: str
    types: Mapping[str, str]
    rows: int | None


@attrs.frozen(eq=False)
class Database:
    """An embedded database that spills to a folder.

    Attributes:
        connection: DuckDB's.
        folder: for what does not fit into memory; the caller removes it.
    """

    connection: Any
    folder: Path

    @classmethod
    def open(cls, folder: Path, memory: str = "1500MB") -> Database:
        """Open one in memory; it takes at most ``memory`` and writes the rest to ``folder``."""
        import duckdb

        settings: dict[str, Any] = {
            "memory_limit": memory,
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": False,
            # nothing is fetched, and nothing loaded that was left behind by others
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        return cls(duckdb.connect(config=settings), folder)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, all fetched: the next may not come before."""
        rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return rows

    def table(self, path: Path) -> Table:
        """Return a file as a table. All columns of a CSV file are text: nothing is guessed.

        Raises:
            RequestError: the file is missing, empty, damaged, or of another kind.
        """
        name = path.name.lower()
        check_file(path)
        if path.stat().st_size == 0:
            raise RequestError("is empty", where=str(path))
        if name.endswith(CSV_ENDINGS):
            relation = _csv(path)
        elif name.endswith(".parquet"):
            relation = f"read_parquet({one_file(path)}, hive_partitioning = false)"
        elif name.endswith((".feather", ".arrow")):
            relation = self._feather(path)
        else:
            raise RequestError(
                f"is of no known kind; known are {', '.join(ENDINGS)}, and for matrices .npy, "
                ".npz, .mtx and .csv",
                where=str(path),
            )
        with explained(path):
            rows = self.ask(f"DESCRIBE SELECT * FROM {relation}")
            number = None
            if not name.endswith(CSV_ENDINGS):
                ((number,),) = self.ask(f"SELECT count(*) FROM {relation}")
        return Table(path, relation, {row[0]: row[1] for row in rows}, number)

    def _feather(self, path: Path) -> str:
        import pyarrow
        import pyarrow.dataset
        import pyarrow.fs

        view = f"feather{abs(hash(path))}"
        try:
            _check_arrow(path)
            system = pyarrow.fs.LocalFileSystem()
            file = pyarrow.dataset.dataset(str(path.absolute()), format="ipc", filesystem=system)
            self.connection.register(view, file)
        except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
            raise RequestError(
                f"is damaged, or no Feather file of version 2 ({_line(error)})", where=str(path)
            ) from error
        return view

    def batches(self, sql: str, path: Path) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """Yield a query's columns, a batch of rows at a time; the query must give no nulls.

        Raises:
            RequestError: the file turns out to be damaged.
        """
        with explained(path):
            reader = self.connection.sql(sql).to_arrow_reader(BATCH)
            for batch in reader:
                yield {
                    name: column.to_numpy(zero_copy_only=False)
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                }

    def columns(self, sql: str, path: Path) -> dict[str, npt.NDArray[Any]]:
        """Return a query's columns, none where it has no rows; it must fit into memory."""
        pieces = list(self.batches(sql, path))
        names = pieces[0] if pieces else ()
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in names}

    def register(self, name: str, columns: Mapping[str, Any]) -> None:
        """Make arrays a table of the database."""
        import pyarrow

        self.connection.register("given", pyarrow.table(dict(columns)))
        self.ask(f"CREATE TABLE {name} AS SELECT * FROM given")
        self.connection.unregister("given")


def _csv(path: Path) -> str:
    """Return SQL of a CSV file whose columns are text; only the delimiter is found out.

    Raises:
        RequestError: the first line is no line of names.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            line = file.readline(1 << 20)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise RequestError(f"cannot be read as a table ({error})", where=str(path)) from error
    mark = max(",\t;| ", key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=mark), [])]
    twice = [name for name, number in Counter(map(str.lower, names)).items() if number > 1]
    problem = ""
    if names and all(name.replace(".", "").lstrip("+-").isdigit() for name in names):
        problem = "is of numbers"
    elif twice:
        problem = f"names '{twice[0]}' twice"
    elif not all(names):
        problem = "has a column without a name"
    if problem:
        raise RequestError(
            f"its first line {problem}; put a line of the columns' names there, or give --matrix "
            "if it is a matrix",
            where=str(path),
        )
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({one_file(path)}, auto_detect = false, hive_partitioning = false, "
        f"header = true, delim = {literal(mark)}, quote = '\"', escape = '\"', "
        f"columns = {{{columns}}})"
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into sentences about the file."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, OSError, MemoryError) as error:
        raise BionicError(
            f"{path}: no room to work on it ({_line(error)}); make room on the disk of --out"
        ) from error
    except duckdb.Error as error:
        raise RequestError(
            f"cannot be read as a table ({_line(error)})", where=str(path)
        ) from error


def _check_arrow(path: Path) -> None:
    """Check every batch in full: where its texts and lists begin is followed without a look."""
    import pyarrow
    import pyarrow.ipc

    with pyarrow.memory_map(str(path)) as source:
        file = pyarrow.ipc.open_file(source)
        for number in range(file.num_record_batches):
            file.get_batch(number).validate(full=True)


def _line(error: BaseException) -> str:
    """Return an error's first lines as one, not too long."""
    return " ".join(str(error).split())[:300]


def literal(value: object) -> str:
    """Return a value as SQL text."""
    return "'" + str(value).replace("'", "''") + "'"


def one_file(path: Path) -> str:
    """Return SQL of a file's name, which is a name and no pattern of names.

    Raises:
        RequestError: it cannot be said so.
    """
    name = str(path.absolute())
    if os.sep == "/" and "\\" in name and any(letter in PATTERNS for letter in name):
        raise RequestError(
            f"its path has a backslash and one of {' '.join(PATTERNS)}; rename it, since the "
            "reader of tables would take them as a pattern",
            where=str(path),
        )
    return literal("".join(f"[{letter}]" if letter in PATTERNS else letter for letter in name))


def quoted(column: str) -> str:
    """Return a column's name as SQL."""
    return '"' + column.replace('"', '""') + '"'


@attrs.frozen
class Id:
    """SQL of an id, in four expressions.

    Attributes:
        value: the id, BIGINT (or text, where cells go by names); null where there is none.
        missing, float, overflow, fraction: whether it is empty or 0; was written by way of a float
            that cannot hold it; is beyond 64 bits; is no whole number.
    """

    value: str
    missing: str
    float: str
    overflow: str
    fraction: str


def id_column(column: str, kind: str, *, named: bool, where: str) -> Id:
    """Return the SQL of an id; 18 digits never pass through a float.

    Raises:
        RequestError: the column is of a type that holds no ids.
    """
    name = quoted(column)
    kind = "VARCHAR" if kind.startswith("ENUM") else kind
    wide = kind in _WIDE or kind.startswith("DECIMAL")
    if named and (kind == "VARCHAR" or kind in _INTEGERS):
        text = f"trim({name}::VARCHAR)"
        return Id(text, f"coalesce(lower({text}) IN {_MISSING}, true)", "false", "false", "false")
    if kind in _INTEGERS:
        missing = f"coalesce({name} = 0, true)"
        return Id(f"{name}::BIGINT", missing, "false", "false", "false")
    if wide:
        value = f"TRY_CAST({name} AS BIGINT)"
        fraction = f"coalesce({name} <> floor({name}), false)" if kind not in _WIDE else "false"
        return Id(value, f"coalesce({name} = 0, true)", "false", f"({value} IS NULL)", fraction)
    if kind in _FLOATS:
        missing = f"coalesce(isnan({name}) OR {name} = 0, true)"
        return Id(
            f"TRY_CAST({name} AS BIGINT)",
            missing,
            f"abs({name}) > {_FLOATS[kind]}",
            "false",
            f"{name} <> floor({name})",
        )
    if kind == "VARCHAR":
        text = f"trim({name}::VARCHAR)"
        digits = f"regexp_full_match({text}, '[+-]?[0-9]+')"
        number = f"TRY_CAST({text} AS DOUBLE)"
        return Id(
            f"TRY_CAST({text} AS BIGINT)",
            f"(coalesce(lower({text}) IN {_MISSING}, true) OR coalesce({number} = 0, false))",
            f"(NOT {digits} AND abs({number}) > {2**53})",
            f"({digits} AND TRY_CAST({text} AS BIGINT) IS NULL)",
            f"(NOT {digits} AND ({number} IS NULL OR {number} <> floor({number})))",
        )
    raise RequestError(
        f"column '{column}' holds values of type {kind}; ids are integers or text", where=where
    )


def number_column(column: str, kind: str, *, where: str) -> str:
    """Return the SQL of a number as DOUBLE; null where it is missing or none.

    Raises:
        RequestError: the column is of a type that holds no numbers.
    """
    number = kind in _INTEGERS | _WIDE or kind in _FLOATS or kind.startswith("DECIMAL")
    if not number and kind != "VARCHAR" and not kind.startswith("ENUM"):
        raise RequestError(
            f"column '{column}' holds values of type {kind}; numbers are needed", where=where
        )
    value = f"{quoted(column)}::DOUBLE" if number else f"TRY_CAST({quoted(column)} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def choose(cases: Sequence[tuple[str, int]]) -> str:
    """Return SQL of the number of the first condition that holds; 0 where none does."""
    whens = " ".join(f"WHEN {condition} THEN {number}" for condition, number in cases)
    return f"CASE {whens} ELSE 0 END" if cases else "0"
