"""Tables in files, read out of core by DuckDB: text, Parquet, Feather."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.arrow import check_file_unpacks
from bionic_core.base.files import check_file
from bionic_core.base.parquet import check_parquet
from bionic_core.connectomes.importing import text
from bionic_core.connectomes.importing.text import ENDINGS as TEXT_ENDINGS
from bionic_core.connectomes.importing.text import Form, Reading
from bionic_core.errors import BionicError, RequestError

ENDINGS = (*TEXT_ENDINGS, ".parquet", ".feather", ".arrow")

PATTERNS = "*?["
"""Letters by which DuckDB takes a name as a pattern; one in brackets is the letter itself."""

BATCH = 1 << 18
"""Rows that are handed over at a time."""

SAMPLE = 2000
"""Rows that are looked at before a table is read."""


@attrs.frozen(eq=False)
class Table:
    """A file as a table of the database.

    Attributes:
        path: the file.
        relation: SQL of the table, to stand after FROM.
        types: DuckDB's type of each column, in the file's order.
        rows: how many rows there are, or None where only reading would tell.
        headed: whether the first line has the columns' names, as far as that is known.
        form: how the text is read; None for other files.
        insisted: whether the user says that it has.
        nameless: columns that the file does not name, and why.
        notes: what was found out about the file that the user should know.
        plain: the relation is the text of ``path`` as it stands, in UTF-8.
    """

    path: Path
    relation: str
    types: Mapping[str, str]
    rows: int | None
    form: Form | None = None
    headed: bool = True
    insisted: bool = False
    nameless: Mapping[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    plain: bool = False

    @property
    def decimal_comma(self) -> bool:
        """Whether numbers are written as ``3,5``."""
        return self.form is not None and self.form.decimal_comma


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
            # Of a text file it guesses some dozen rows, and would hold them all to look up cells.
            "disabled_optimizers": "build_side_probe_side,join_order",
        }
        return cls(duckdb.connect(config=settings), folder)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, all fetched: the next may not come before."""
        rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return rows

    def table(self, path: Path, reading: Reading | None = None) -> Table:
        """Return a file as a table. All columns of text files are text: nothing is guessed.

        Raises:
            RequestError: the file is missing, empty, damaged, or of another kind.
        """
        name = path.name.lower()
        check_file(path)
        if path.stat().st_size == 0:
            raise RequestError("is empty", where=str(path))
        if text.is_text(path):
            return self._text(path, reading or Reading())
        if name.endswith(".parquet"):
            _check_parquet(path)
            relation = f"read_parquet({one_file(path)}, hive_partitioning = false)"
        elif name.endswith((".feather", ".arrow")):
            relation = self._feather(path)
        else:
            raise RequestError(
                f"is of no known kind; known are {', '.join(ENDINGS)}, .xlsx, SONATA's .h5, for "
                "graphs .graphml and networkx's .json, for matrices .npy, .npz, .mtx, .mat and "
                ".csv, and any of them in a .zip. Write it as one of these, a table as .csv",
                where=str(path),
            )
        with explained(path):
            rows = self.ask(f"DESCRIBE SELECT * FROM {relation}")
            ((number,),) = self.ask(f"SELECT count(*) FROM {relation}")
        types = {row[0]: row[1] for row in rows}
        # pandas writes its index into Parquet under such a name.
        nameless = {n: "pandas' index" for n in types if re.fullmatch(r"__index_level_\d+__", n)}
        return Table(path, relation, types, number, nameless=nameless)

    def _text(self, path: Path, reading: Reading) -> Table:
        """Return a text file as a table; what DuckDB cannot read as it stands is rewritten."""
        form = text.examine(path, reading)
        names, headed, more = _names(form, reading)
        unnamed = {
            f"column {k}": "a nameless first column: an index" if k == 1 else "it has no name"
            for k, name in enumerate(names, 1)
            if not name
        }
        unnamed |= {n: "pandas' index" for n in names if re.fullmatch(r"Unnamed: ?\d+", n)}
        names = [name or f"column {k}" for k, name in enumerate(names, 1)]
        spare = len(names) - len(form.rows[0]) if headed and form.rows else 0
        if spare:
            unnamed["column 1"] = "the rows' names: the first line is one field shorter"
        simple = form.encoding.lower() in ("utf-8-sig", "utf-8") and not form.scattered
        skip, source, mark = form.first + headed, path, form.separator
        if not simple:
            source = text.rewrite(path, form, self.fresh("text") / "table.csv")
            skip, mark = int(headed), ","
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        relation = (
            f"read_csv({one_file(source)}, auto_detect = false, hive_partitioning = false, "
            f"header = false, skip = {skip}, delim = {literal(mark)}, quote = '\"', "
            f"escape = '\"', columns = {{{columns}}})"
        )
        types = dict.fromkeys(names, "VARCHAR")
        notes = (*form.notes, *more)
        insisted = reading.header is True
        return Table(path, relation, types, None, form, headed, insisted, unnamed, notes, simple)

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
                    name: _array(column)
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                }

    def columns(self, sql: str, path: Path) -> dict[str, npt.NDArray[Any]]:
        """Return a query's columns, none where it has no rows; it must fit into memory."""
        pieces = list(self.batches(sql, path))
        names = pieces[0] if pieces else ()
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in names}

    def fresh(self, name: str) -> Path:
        """Return a new folder of that name, numbered."""
        number = len(list(self.folder.glob(f"{name}-*")))
        path = self.folder / f"{name}-{number}"
        path.mkdir()
        return path

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Keep rows in the file's order meanwhile."""
        self.ask("SET preserve_insertion_order = true")
        try:
            yield
        finally:
            self.ask("SET preserve_insertion_order = false")

    def sample(self, table: Table) -> dict[str, list[str | None]]:
        """Return the first rows as text, a list for each column; nested values are None."""
        shown = [quoted(name) for name in table.types]
        with explained(table.path), self.in_order():
            rows = self.ask(
                f"SELECT {', '.join(f'{name}::VARCHAR' for name in shown)} FROM {table.relation} "
                f"LIMIT {SAMPLE}"
            )
        return {
            name: [None if row[k] is None else str(row[k]).strip() for row in rows]
            for k, name in enumerate(table.types)
        }

    def register(self, name: str, columns: Mapping[str, Any]) -> None:
        """Make arrays a table of the database, in place of one of that name."""
        import pyarrow

        self.connection.register("given", pyarrow.table(dict(columns)))
        self.ask(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given")
        self.connection.unregister("given")


def _array(column: Any) -> npt.NDArray[Any]:
    """Return a column without nulls; Arrow's own way to NumPy would import pandas."""
    import pyarrow.types

    if pyarrow.types.is_boolean(column.type):
        return np.from_dlpack(column.cast(pyarrow.uint8())).astype(bool)
    if pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type):
        numbers: npt.NDArray[Any] = np.from_dlpack(column)
        return numbers
    return np.array(column.to_pylist(), object)


def _names(form: Form, reading: Reading) -> tuple[list[str], bool, list[str]]:
    """Return the columns' names, whether the first line has them, and what to say about it."""
    rows = form.rows
    width = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    if reading.header is False:
        return [str(k) for k in range(1, len(rows[0]) + 1)], False, []
    names = [*rows[0]]
    notes = []
    if len(names) == width - 1:
        names.insert(0, "")
    if reading.header is None and any(text.is_number(name) for name in names) and form.comment:
        # NumPy writes the names as a comment before the first line.
        (said,) = text.fields([form.comment], form.separator)
        if len(said) == len(names) and not any(text.is_number(name) for name in said):
            names, notes = said, ["the columns' names are those of the comment before them"]
            return _apart(names), False, notes
    return _apart(names), True, notes


def _apart(names: Sequence[str]) -> list[str]:
    """Return names without two that are the same but for case: later ones say their column."""
    found: list[str] = []
    for k, name in enumerate(names, 1):
        clash = name and name.lower() in {other.lower() for other in found}
        found.append(f"{name} (column {k})" if clash else name)
    return found


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
        advice = ""
        if "unicode" in str(error).lower() or "utf-8" in str(error).lower():
            advice = ". Name its encoding, for example --encoding cp1252"
        elif "columns" in str(error).lower() and "csv" in str(error).lower():
            advice = ". If its fields are cut at the wrong character, give --separator"
        raise RequestError(
            f"cannot be read as a table ({_line(error)}){advice}", where=str(path)
        ) from error


def _check_arrow(path: Path) -> None:
    """Check every batch in full: where its texts and lists begin is followed without a look."""
    import pyarrow
    import pyarrow.ipc

    check_file_unpacks(path)
    with pyarrow.memory_map(str(path)) as source:
        file = pyarrow.ipc.open_file(source)
        for number in range(file.num_record_batches):
            file.get_batch(number).validate(full=True)


def _check_parquet(path: Path) -> None:
    """Check what DuckDB would believe of a Parquet file.

    Raises:
        RequestError: it is damaged, or not to be unpacked.
    """
    import pyarrow

    try:
        check_parquet(path)
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        raise RequestError(
            f"is damaged, or no Parquet file that is read ({_line(error)})", where=str(path)
        ) from error


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
