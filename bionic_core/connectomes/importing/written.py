"""Matrices in text: numbers with labels around them, or without. Start at `read_written`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectomes.importing import text
from bionic_core.connectomes.importing.entries import Matrix
from bionic_core.connectomes.importing.text import Form, Reading, is_number
from bionic_core.errors import RequestError

BLOCK = 1 << 23
"""Bytes of text that are parsed at a time."""

_NONE = ("", "NA", "N/A", "null", "None")
"""Fields of a pair of cells without a connection."""


@attrs.frozen
class Layout:
    """What stands around the numbers.

    Attributes:
        lines, columns: how many stand before them.
        corner: whether the first line has a field for the columns of labels.
        notes: what was found out that the user should know.
    """

    lines: int
    columns: int
    corner: bool = True
    notes: tuple[str, ...] = ()


Piece = tuple[npt.NDArray[np.float64], list[str]]
"""Some rows of numbers, and the labels of the rows."""


def read_written(path: Path, reading: Reading) -> Matrix:
    """Return a matrix in text; lines and columns of labels are recognised.

    Raises:
        RequestError: its lines differ in length, or hold what is no number.
    """
    form = text.examine(path, reading)
    width = max(len(row) for row in form.rows[-2:])
    layout = _layout(form, width, _lines(path, form))
    with TemporaryDirectory() as folder:
        source = path
        if form.scattered or form.encoding.lower() not in ("utf-8", "utf-8-sig"):
            source = _rewritten(path, form, Path(folder) / "matrix.csv")
        try:
            return _gathered(_parsed(source, form, layout, width, path), form, layout)
        except _UnparsedError:
            return _gathered(_spelled(path, form, layout), form, layout)


class _UnparsedError(Exception):
    """The quick parser found what it does not know."""


def _lines(path: Path, form: Form) -> int:
    """Return how many lines there are that are neither empty nor comments."""
    with text.opened(path, form.encoding) as file:
        return sum(1 for line in file if not text.is_aside(line))


def _layout(form: Form, width: int, lines: int) -> Layout:
    """Return where the numbers begin; by the corner, and by whether they make a square then."""
    first, notes = form.rows[0], []
    if len(first) == width - 1 and lines > 1:
        return Layout(1, 1, corner=False)  # as R writes it
    if is_number(first[0]) or (first[0] and lines != width):
        if lines == width + 1:
            return Layout(1, 0, notes=("rows go by the labels of the columns",))
        if lines == width - 1:
            return Layout(0, 1, notes=("columns go by the labels of the rows",))
        if is_number(first[0]):
            return Layout(0, 0)
    above = left = 1
    if not first[0]:
        above = next((k for k, row in enumerate(form.rows) if row[0]), 1)
        left = next((k for k, word in enumerate(first) if word), 1)
        above, left = max(1, above), max(1, left)
    if (above, left) != (1, 1):
        notes.append(
            f"labels are those of line {above} and column {left}; what stands before them is left "
            "out"
        )
    return Layout(above, left, notes=tuple(notes))


def _rewritten(path: Path, form: Form, out: Path) -> Path:
    if form.separator != " ":
        return text.rewrite(path, form, out)
    with text.opened(path, form.encoding) as file, out.open("w", encoding="utf-8") as copy:
        for line in file:
            if '"' in line:
                break
            if not text.is_aside(line):
                copy.write("\t".join(line.split()) + "\n")
        else:
            return out
    return text.rewrite(path, form, out)


def _parsed(source: Path, form: Form, layout: Layout, width: int, path: Path) -> Iterator[Piece]:
    """Yield the numbers, a block of lines at a time, by a quick parser."""
    import pyarrow
    import pyarrow.csv

    mark = form.separator
    if source != path:
        with source.open(encoding="utf-8") as file:
            mark = "\t" if form.separator == " " and "\t" in file.readline(1 << 16) else ","
    names = [str(k) for k in range(width)]
    types = {
        n: pyarrow.string() if k < layout.columns else pyarrow.float64()
        for k, n in enumerate(names)
    }
    skip = layout.lines + (form.first if source == path else 0)
    try:
        reader = pyarrow.csv.open_csv(
            source,
            read_options=pyarrow.csv.ReadOptions(
                column_names=names, skip_rows=skip, block_size=_block(form)
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=mark),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                null_values=list(_NONE),
                decimal_point="," if form.decimal_comma else ".",
            ),
        )
        for batch in reader:
            arrays = [
                column.fill_null(0) if column.null_count else column
                for column in batch.columns[layout.columns :]
            ]
            values = np.array([np.from_dlpack(column) for column in arrays])
            labels = batch.columns[layout.columns - 1].to_pylist() if layout.columns else []
            yield values.T, [(label or "").strip() for label in labels]
    except (pyarrow.ArrowException, OSError) as error:
        raise _UnparsedError from error


def _block(form: Form) -> int:
    """Return bytes that hold some lines, however long they are."""
    longest = max(sum(len(word) + 8 for word in row) for row in form.rows[:3])
    return max(BLOCK, 8 * longest)


def _spelled(path: Path, form: Form, layout: Layout) -> Iterator[Piece]:
    """Yield the numbers line by line, and say what is none.

    Raises:
        RequestError: a line is of another length, or has what is no number.
    """
    widths: set[int] = set()
    with text.opened(path, form.encoding) as file:
        lines = (line.lstrip("\ufeff") for line in file)
        for number, row in enumerate(text.fields(lines, form.separator), 1):
            if number <= layout.lines and not layout.corner:
                continue
            widths.add(len(row))
            if len(widths) > 1:
                raise RequestError(
                    f"has lines of {min(widths)} to {max(widths)} values; a matrix has lines of "
                    "one length (--separator says what stands between them)",
                    where=str(path),
                )
            if number > layout.lines:
                values = [_value(word, form, number, path) for word in row[layout.columns :]]
                label = row[layout.columns - 1 : layout.columns]
                yield np.array([values], np.float64), label


def _value(word: str, form: Form, line: int, path: Path) -> float:
    if word in _NONE:
        return 0.0
    try:
        word = word.replace("\u2212", "-")
        return float(word.replace(",", ".") if form.decimal_comma else word)
    except ValueError as error:
        raise RequestError(
            f"line {line} has '{word[:40]}', which is no number; keep one line and one column of "
            "labels around the numbers",
            where=str(path),
        ) from error


def _gathered(pieces: Iterator[Piece], form: Form, layout: Layout) -> Matrix:
    """Return the entries that are not 0, and the labels."""
    found: list[tuple[Any, Any, Any]] = []
    labels: list[str] = []
    rows = width = 0
    for values, names in pieces:
        row, column = np.nonzero(values)
        found.append((row.astype(np.int32) + rows, column.astype(np.int32), values[row, column]))
        labels += names
        rows, width = rows + len(values), values.shape[1]
    none = np.empty(0)
    parts = [np.concatenate(part) for part in zip(*found, strict=True)] if found else [none] * 3
    top: Sequence[str] = ()
    if layout.lines:
        top = form.rows[layout.lines - 1][layout.columns if layout.corner else 0 :]
    return Matrix(
        np.asarray(parts[0], np.int32),
        np.asarray(parts[1], np.int32),
        np.asarray(parts[2], np.float64),
        (rows, width),
        (labels or list(top), list(top) or labels),
        (*form.notes, *layout.notes),
    )
