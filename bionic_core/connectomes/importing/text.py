"""How a table or a matrix stands in a text file: encoding, comments, separator, names.

Nothing here knows what a column means. Start at `examine`.
"""

from __future__ import annotations

import ast
import codecs
import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import attrs

from bionic_core.base.files import check_file
from bionic_core.errors import BionicError, RequestError

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
MORE_ENDINGS = (".edgelist", ".edges", ".edge", ".dat", ".tab", ".ssv", ".asc")
"""Text too, by the habit of other programs."""

HEAD = 1 << 20
"""Characters that are looked at before a file is read."""

LINES, LETTERS, FEWEST = 1000, 1 << 18, 10
"""Lines of the head that a separator has to fit: of wide matrices fewer, by letters."""

SEPARATORS = {
    **{"comma": ",", "tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|"},
    **{"blank": " ", "blanks": " ", "space": " ", "spaces": " "},
}
"""Words for separators; a blank stands for any run of blanks and tabs."""

_ORDER = ("\t", ";", "|", ",", " ")
"""Where several fit, the first is meant: commas and blanks stand within the fields of others."""

_COMMENT = re.compile(r"\s*(#|%|//)")
_ATTRIBUTED = re.compile(r"\s*([^\s,;]+)[\s,;]+([^\s,;]+)[\s,;]+(\{.*\})\s*$")
_QUOTED = re.compile(r'[,;|\t] +"')
_NUMBER = re.compile(
    r"[-+\u2212]?(\d[\d,]*\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE
)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_DECIMAL = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")


@attrs.frozen
class Reading:
    """What the user says about a text file.

    Attributes:
        separator: one character or a word of ``SEPARATORS``; empty: found by parsing.
        header: whether the first line has the columns' names; None: found out.
        encoding: of the file; empty: UTF-8.
    """

    separator: str = ""
    header: bool | None = None
    encoding: str = ""

    @property
    def mark(self) -> str:
        """The separator as a character, or empty.

        Raises:
            RequestError: it is none.
        """
        mark = SEPARATORS.get(self.separator.strip().lower(), self.separator)
        if len(mark) > 1 or mark in ('"', "\n", "\r"):
            raise RequestError(
                f"--separator {self.separator}: must be one character, or tab, blanks, comma, "
                "semicolon or pipe"
            )
        return mark


@attrs.frozen
class Form:
    """How a text file is read.

    Attributes:
        encoding: Python's name.
        separator: a character; a blank stands for any run of blanks.
        first: physical lines before the first line that is no comment.
        rows: the head, parsed; its first line included.
        attributed: whether lines are edges with a mapping, as NetworkX writes them.
        scattered: whether comments, or runs of blanks, have to be taken out on the way.
        decimal_comma: whether numbers are written as ``3,5``.
        comment: the last comment before the first line, without its mark.
        notes: what was found out that the user should know.
    """

    encoding: str
    separator: str
    first: int
    rows: Sequence[Sequence[str]]
    attributed: bool = False
    scattered: bool = False
    decimal_comma: bool = False
    comment: str = ""
    notes: tuple[str, ...] = ()


def is_text(path: Path) -> bool:
    """Whether a file is text by its name."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((*ENDINGS, *MORE_ENDINGS))


def examine(path: Path, reading: Reading) -> Form:
    """Return how a text file is read, by its head.

    Raises:
        RequestError: it cannot be decoded, or is empty.
    """
    text, encoding, notes = _head(path, reading.encoding)
    ends = {len(found) for found in re.findall(r"\r?\n|\r", text)}
    mixed = len(ends) > 1  # of one length are those that DuckDB tells from a row's words
    lines = re.split(r"\r\n|\n|\r", text)
    numbered = [
        (k, line) for k, line in enumerate(lines) if line.strip() and not _COMMENT.match(line)
    ]
    comments = [k for k, line in enumerate(lines) if _COMMENT.match(line)]
    comment = ""
    if not numbered:
        raise RequestError("is empty", where=str(path))
    first = numbered[0][0]
    before = [k for k in comments if k < first]
    if len(comments) > len(before):
        notes.append("lines that begin with #, % or // are comments, left out")
    elif before:
        notes.append(f"{len(before)} comment {'line' if len(before) == 1 else 'lines'} left out")
    if before:
        comment = _COMMENT.sub("", lines[before[-1]], count=1).strip()
    shown = int(LETTERS // (len(text) / len(lines)))
    body = [line for _, line in numbered[: min(LINES, max(FEWEST, shown))]]
    attributed = all(_ATTRIBUTED.match(line) for line in body)
    mark = reading.mark or _separator(body)
    try:
        rows = list(attributed_rows(body)) if attributed else list(fields(body, mark))
    except (ValueError, csv.Error) as error:  # an edge unlike the first, a field without end
        raise RequestError(f"cannot be read as a table ({error})", where=str(path)) from error
    # What is more than DuckDB can split at: runs of blanks, comments later on, quotes after blanks.
    scattered = mark == " " or attributed or len(comments) > len(before)
    scattered |= any(_QUOTED.search(line) for _, line in numbered[:LINES]) or mixed
    return Form(
        encoding,
        mark,
        first,
        rows,
        attributed,
        scattered,
        mark != "," and _decimal_commas(rows, mark),
        comment,
        tuple(notes),
    )


_STAND_INS = (
    (
        b"version https://git-lfs",
        "is a pointer of Git LFS, and not the file that it stands for: give 'git lfs pull' in its "
        "repository, or download the file itself",
    ),
    (
        b"<!doctype html",
        "is a web page, perhaps one to log in, and not the file: download the file itself",
    ),
    (b"<html", "is a web page, and not the file: download the file itself"),
)


def check_itself(path: Path) -> None:
    """Refuse what downloads leave in the place of a file, whatever it is called.

    Raises:
        RequestError: it is such a thing.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            head = file.read(64).lstrip(b"\xef\xbb\xbf \r\n").lower()
    except (BionicError, OSError):
        return  # its reader says it, or takes a folder
    for start, words in _STAND_INS:
        if head.startswith(start):
            raise RequestError(words, where=str(path))


def opened(path: Path, encoding: str) -> IO[str]:
    """Open a text file, packed or not."""
    how = gzip.open if path.name.lower().endswith(".gz") else open
    file: IO[str] = how(path, "rt", encoding=encoding, newline="")
    return file


def fields(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """Yield the fields of each line, stripped; comments and empty lines are left out."""
    if separator == " ":
        lines = (line.replace("\t", " ").strip() for line in lines)
    wanted = (line for line in lines if not is_aside(line))
    reader = csv.reader(wanted, delimiter=separator, skipinitialspace=True)
    for row in reader:
        yield [word.strip() for word in row]


def attributed_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield a line of names, and then the fields of edges such as ``1 2 {'weight': 3}``."""
    names: list[str] = []
    for line in lines:
        if is_aside(line):
            continue
        match = _ATTRIBUTED.match(line)
        try:
            known = ast.literal_eval(match[3]) if match else None
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            known = None
        if match is None or not isinstance(known, dict):
            raise ValueError(f"'{line.strip()[:60]}' is no edge with a mapping, as others are")
        if not names:
            names = ["source", "target", *map(str, known)]
            yield names
        strange = [key for key in known if str(key) not in names]
        if strange:
            raise ValueError(f"'{line.strip()[:60]}' has '{strange[0]}', which the first has not")
        values = {str(key): str(value) for key, value in known.items()}
        yield [match[1], match[2], *(values.get(name, "") for name in names[2:])]


def rewrite(path: Path, form: Form, out: Path) -> Path:
    """Write a text file as plain CSV, comments, packing and encoding undone; return ``out``."""
    try:
        with opened(path, form.encoding) as file, out.open("w", encoding="utf-8") as copy:
            lines = file if form.encoding != "utf-8-sig" else _without_mark(file)
            rows = attributed_rows(lines) if form.attributed else fields(lines, form.separator)
            csv.writer(copy, lineterminator="\n").writerows(rows)
    except (ValueError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RequestError(f"cannot be read as a table ({error})", where=str(path)) from error
    return out


def is_aside(line: str) -> bool:
    """Whether a line is empty, or a comment."""
    return not line.strip() or bool(_COMMENT.match(line))


def is_number(word: str) -> bool:
    """Whether a word is a number, with a decimal comma or commas between thousands too."""
    return bool(_NUMBER.fullmatch(word.strip()))


def _without_mark(file: IO[str]) -> Iterator[str]:
    for line in file:
        yield line.lstrip("\ufeff")


def _head(path: Path, encoding: str) -> tuple[str, str, list[str]]:
    """Return whole lines from the start of the file, its encoding, and what to say about it."""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            raw = file.read(HEAD)
            if len(raw) == HEAD:
                raw += file.readline(64 * HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"cannot be read as a table ({error})", where=str(path)) from error
    if not encoding and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RequestError("is in UTF-16; give --encoding utf-16", where=str(path))
    if b"\0" in raw and not encoding.lower().replace("_", "-").startswith("utf-16"):
        raise RequestError("cannot be read as a table (it is no text)", where=str(path))
    if encoding and _is_utf8(raw, encoding):
        note = f"{path.name} is in UTF-8; --encoding {encoding} is for the other file"
        return raw.decode("utf-8-sig"), "utf-8-sig", [note]
    try:
        return raw.decode(encoding or "utf-8-sig"), (encoding or "utf-8-sig"), []
    except LookupError as error:
        raise RequestError(f"--encoding {encoding}: there is no such encoding") from error
    except UnicodeError as error:
        if encoding:
            raise RequestError(
                f"is not in {encoding} ({error}); leave out --encoding, or name another",
                where=str(path),
            ) from error
    raise RequestError(
        "is not in UTF-8; name its encoding: --encoding cp1252 if it comes from Windows, or "
        "--encoding latin-1",
        where=str(path),
    )


def _is_utf8(raw: bytes, encoding: str) -> bool:
    """Whether bytes are surely in UTF-8, though another encoding is given: for one of two files."""
    if encoding.lower().replace("_", "-").startswith("utf-8"):
        return False
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    try:
        # By chance no letters of Latin-1 and its like make UTF-8.
        return (not raw.isascii() or wide) and b"\0" not in raw and bool(raw.decode() or True)
    except UnicodeError:
        return False


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that cuts all lines into as many fields; else, most of them."""
    best, most = ",", 0.0
    for mark in _ORDER:
        try:
            widths = [len(row) for row in fields(lines, mark)]
        except csv.Error:
            continue
        width, number = Counter(widths[1:] or widths).most_common(1)[0]
        if width == 1 and widths[0] == 1:
            continue
        # R leaves out the name of the rows' names, so that its first line is one field shorter.
        share = (number + (widths[0] in (width, width - 1))) / (len(widths[1:] or widths) + 1)
        share = share if width > 1 else 0.0
        if share > most:
            best, most = mark, share
    return best


def _decimal_commas(rows: Sequence[Sequence[str]], mark: str) -> bool:
    """Whether a file that is not cut at commas has numbers such as 3,5."""
    words = {word for row in rows for word in row if "," in word}
    found = [word for word in words if _DECIMAL.fullmatch(word)]
    if mark == ";":
        return bool(found)
    return any(not _THOUSANDS.fullmatch(word) for word in found)
