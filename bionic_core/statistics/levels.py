"""Levels as people write them: on and off, TOML values, bare words; and tables of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from bionic_core.base.files import check_file
from bionic_core.errors import RequestError
from bionic_core.statistics.designs import Level, same_level

SWITCHES = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
SIGNS = {"1": True, "+1": True, "+": True, "0": False, "-1": False, "-": False, "−1": False}


def switch(text: str) -> bool | None:
    """Return what turns a mechanism on or off, None where it is neither."""
    word = text.strip().lower()
    return SWITCHES.get(word, SIGNS.get(word))


def level_of(text: str) -> Level:
    """Return a cell of a table: on and off, a number, or the word as it stands."""
    word = text.strip()
    if word.lower() in SWITCHES:
        return SWITCHES[word.lower()]
    if word in ("+", "-", "−"):
        return 1 if word == "+" else -1
    try:
        number = float(word.replace("−", "-"))
    except ValueError:
        return word
    return int(number) if re.fullmatch(r"[+\-−]?\d+", word) else number


def in_order(values: Sequence[Level]) -> tuple[Level, ...]:
    """Return the different values: off before on, numbers by size, words as they first come."""
    different: list[Level] = []
    for value in values:
        if not any(same_level(value, other) for other in different):
            different.append(value)
    if all(not isinstance(value, str) for value in different):
        different.sort(key=lambda value: (not isinstance(value, bool), value))
    return tuple(different)


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header, every value as text.

    Comma, semicolon and tab are told apart by the header.

    Raises:
        RequestError: it cannot be read, has no header, a name twice, no rows, or a row of another
            length.
    """
    check_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot be read as text: {error}", where=str(path)) from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(text.splitlines(), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise RequestError(f"no valid CSV: {error}", where=str(path)) from error
    numbered = [(n, [v.strip() for v in line]) for n, line in enumerate(lines, 1) if any(line)]
    if not numbered:
        raise RequestError("is empty; the first line names the columns", where=str(path))
    (_, header), *rows = numbered
    problems = [f"column {n} has no name" for n, name in enumerate(header, 1) if not name]
    problems += [
        f"the column '{name}' is there twice"
        for name in sorted(set(header))
        if name and header.count(name) > 1
    ]
    problems += [
        f"line {n} has {len(line)} values, the header {len(header)}"
        for n, line in rows
        if len(line) != len(header)
    ][:5]
    if not rows:
        problems.append("has a header, but no rows")
    if problems:
        raise RequestError(problems, where=str(path))
    return [dict(zip(header, line, strict=True)) for _, line in rows]
