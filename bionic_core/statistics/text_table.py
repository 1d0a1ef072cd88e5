"""Tables of text: CSV files as people have them, from spreadsheets, pandas and R."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from bionic_core.base.files import check_file
from bionic_core.errors import RequestError

DELIMITERS = "\t;,|"
"""What may stand between values, the surest first: commas also stand within numbers and names."""

MARKS = (
    *((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")),
    *((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")),
)
"""A mark of 16 bits may be the beginning of one of 32."""

KINDS = (
    (b"PK", "It looks like a spreadsheet: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "It looks like a spreadsheet: save it as CSV"),
    (b"\x1f\x8b", "It is compressed with gzip: unpack it"),
)
"""How files begin that are no text, and what to do about it."""

Line = tuple[int, list[str]]
"""A line's number in the file, from 1, and its values."""


@attrs.frozen
class TextTable:
    """The rows of a file, every value as text without blanks around it.

    Attributes:
        rows: values by column.
        lines: of each row, its number in the file, from 1.
        notes: what was passed over or guessed in reading, a sentence each.
    """

    rows: Sequence[Mapping[str, str]]
    lines: Sequence[int]
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> TextTable:
    """Return the rows of a CSV file with a header.

    Tab, semicolon, comma and bar are told apart by which of them gives every line as many values
    as the header, quoted ones counting as one. A first column without a name that numbers the
    rows, as pandas and R write it, is passed over. Text is UTF-8, UTF-16 with its mark, or what
    Windows writes in western Europe.

    Raises:
        RequestError: it cannot be read, has no header, a name twice, no rows, or a row of another
            length.
    """
    text, notes = _text(path)
    try:
        numbered = _parsed(text)
    except csv.Error as error:
        raise RequestError(f"no valid CSV: {error}", where=str(path)) from error
    if not numbered:
        raise RequestError("is empty; the first line names the columns", where=str(path))
    problems = _uneven(numbered)
    if not problems:
        numbered = _without_margins(numbered, notes)
        problems = _names_problems(numbered[0][1])
    if len(numbered) < 2:
        problems.append("has a header, but no rows")
    if problems:
        raise RequestError(problems, where=str(path))
    (_, header), *rows = numbered
    return TextTable(
        [dict(zip(header, line, strict=True)) for _, line in rows],
        [number for number, _ in rows],
        tuple(notes),
    )


def _text(path: Path) -> tuple[str, list[str]]:
    """Return a file's text, and what was guessed of it."""
    where = str(path)
    check_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(f"cannot be read as text: {error}", where=where) from error
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in content:
        what = next(
            (words for mark, words in KINDS if content.startswith(mark)), "Save it as UTF-8"
        )
        raise RequestError(f"cannot be read as text: it has NUL bytes. {what}", where=where)
    try:
        return content.decode(encoding), []
    except UnicodeDecodeError as error:
        problem = error
    try:
        return content.decode("cp1252" if encoding == "utf-8-sig" else encoding), [
            f"the file is no UTF-8 (byte {problem.start:,}); it was read as Windows-1252, so look "
            "at names with accents"
        ]
    except UnicodeDecodeError:
        raise RequestError(
            f"cannot be read as text: {problem}; save it as UTF-8", where=where
        ) from problem


def _parsed(text: str) -> list[Line]:
    """Return the lines that hold anything, by the delimiter that fits all of them.

    Raises:
        csv.Error: no delimiter gives valid CSV.
    """
    told = re.match(r'"?sep=(.)"?\r?\n', text, re.IGNORECASE)  # how Excel is told of a delimiter
    if told:
        return [(n + 1, line) for n, line in _split(text[told.end() :], told[1])]
    tried: list[list[Line]] = []
    fault: csv.Error | None = None
    for delimiter in DELIMITERS:
        try:
            lines = _split(text, delimiter)
        except csv.Error as error:
            fault = fault or error
            continue
        if lines and len(lines[0][1]) > 1 and not _uneven(lines):
            return lines
        tried.append(lines)
    if not tried or (fault and max(len(lines[0][1]) for lines in tried if lines) < 2):
        raise fault or csv.Error("nothing separates values")
    return max(tried, key=lambda lines: len(lines[0][1]) if lines else 0)


def _split(text: str, delimiter: str) -> list[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    # A quoted value may hold ends of lines: a row is where it begins.
    found, begun = [], 1
    for line in reader:
        values = [value.strip() for value in line]
        if any(values):
            found.append((begun, values))
        begun = reader.line_num + 1
    return found


def _uneven(lines: Sequence[Line]) -> list[str]:
    """Say which lines have not as many values as the header."""
    (_, header), *rows = lines
    return [
        f"line {number} has {len(line)} values, the header {len(header)}"
        for number, line in rows
        if len(line) != len(header)
    ][:5]


def _without_margins(lines: list[Line], notes: list[str]) -> list[Line]:
    """Leave out columns without a name that hold nothing, or number the rows in front of all."""
    (_, header), *rows = lines
    columns = list(zip(*(line for _, line in rows), strict=True)) or [()] * len(header)
    dropped = {n for n, name in enumerate(header) if not name and not any(columns[n])}
    if not header[0] and 0 not in dropped and len(set(columns[0])) == len(rows) > 0:
        dropped.add(0)
        notes.append("column 1 has no name and another value in each row: it is not read")
    return [(n, [v for c, v in enumerate(line) if c not in dropped]) for n, line in lines]


def _names_problems(header: Sequence[str]) -> list[str]:
    problems = [
        f"column {number} has no name"
        + ("; name it, or leave it out (pandas: to_csv(…, index=False))" if number == 1 else "")
        for number, name in enumerate(header, 1)
        if not name
    ]
    return problems + [
        f"the column '{name}' is there twice"
        for name in sorted(set(header))
        if name and header.count(name) > 1
    ]
