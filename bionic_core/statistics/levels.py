"""Levels as people write them: on and off, numbers, words; each column by what all of it holds."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

import attrs

from bionic_core.statistics.designs import Level, identity

SWITCHES = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
MARKS = {"1": True, "+1": True, "+": True, "0": False, "-1": False, "-": False, "−1": False}
CODED = {"+": 1, "-": -1, "−": -1, "0": 0}
"""The levels of a two-level design and of its centre points, as books write them."""

MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "n.a.", "<na>", "null", "none", "nil", "#n/a", "#na"}
    | {"-", "–", "—", ".", "?", "missing", "nat"}
)
"""What stands for a value that there is not, in small letters."""

NUMBER = re.compile(r"[+\-−]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+\-−]?[0-9]+)?")


def switch(text: str) -> bool | None:
    """Return what turns a mechanism on or off, None where it is neither."""
    word = text.strip().lower()
    return SWITCHES.get(word, MARKS.get(word))


def number_of(text: str) -> int | float | None:
    """Return the number that a level is, None where it is a word.

    It is a number only if the number says all that the text does: ``007``, ``1_000``, ``0x10``,
    ``inf`` and digits beyond a float's stay words, which nothing merges.
    """
    if not NUMBER.fullmatch(text):
        return None
    plain = text.replace("−", "-")
    try:
        exact = Decimal(plain)
        value = float(plain)
        if not math.isfinite(value) or Decimal(repr(value)) != exact:
            return None
    except (InvalidOperation, OverflowError):
        return None
    return int(plain) if re.fullmatch(r"[+-]?[0-9]+", plain) else value


@attrs.frozen
class Levels:
    """A column as levels.

    Attributes:
        values: one for each row, None where there is none.
        kind: ``switch``, ``number`` or ``word``.
        merged: spellings that are one level, those of each such level.
    """

    values: tuple[Level | None, ...]
    kind: str
    merged: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def different(self) -> tuple[Level, ...]:
        """The levels, in order."""
        return in_order([value for value in self.values if value is not None])

    @property
    def alike(self) -> tuple[tuple[str, ...], ...]:
        """Words that are levels of their own, and that hardly anybody would tell apart."""
        same: dict[str, list[str]] = {}
        for level in self.different:
            if isinstance(level, str):
                same.setdefault(_bare(level), []).append(level)
        return tuple(tuple(words) for words in same.values() if len(words) > 1)


def levels_of(values: Sequence[Any]) -> Levels:
    """Return what the values of a column are as levels: all switches, all numbers, or all words.

    ``NO`` beside ``SE`` is a country, and only beside ``yes`` is it off. ``NA`` and the like are
    no level beside numbers and switches, and a word among words.
    """
    given = [_plain(value) for value in values]
    there = [value for value in given if value is not None]
    if all(isinstance(value, bool) for value in there):
        return Levels(tuple(given), "switch")
    if not any(isinstance(value, bool | str) for value in there) and all(map(_exact, there)):
        return Levels(tuple(given), "number")
    texts = [None if value is None else str(value) for value in given]
    for kind, read in (("switch", _switch), ("number", number_of), ("number", _coded)):
        found = _all(texts, read)
        if found is not None and (kind != "switch" or len(set(found) - {None}) == 2):
            return Levels(tuple(found), kind, _merged(texts, found))
    return Levels(tuple(texts), "word")


def _bare(word: str) -> str:
    """Return a word without what the eye passes over: capitals, blanks, how accents are stored."""
    seen = (c for c in unicodedata.normalize("NFKC", word) if unicodedata.category(c) != "Cf")
    return " ".join("".join(seen).casefold().split())


def _plain(value: Any) -> Level | None:
    """Return a value without blanks around it or NumPy's dress; None for one that is missing."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or (str(value) in ("<NA>", "NaT", "nan") and not isinstance(value, str)):
        return None
    if isinstance(value, str):
        return value.strip() or None
    return value if isinstance(value, bool | int | float) else str(value)


def _exact(value: Any) -> bool:
    return math.isfinite(value) and float(value) == value


def _switch(text: str) -> bool | None:
    return SWITCHES.get(text.lower())


def _coded(text: str) -> int | None:
    return CODED.get(text)


def _all(texts: Sequence[str | None], read: Any) -> list[Level | None] | None:
    """Return what every text is read as, those that stand for nothing as None; or None if not."""
    known: dict[str | None, Level | None] = {None: None}
    for text in {text for text in texts if text is not None}:
        known[text] = read(text)
        if known[text] is None and text.lower() not in MISSING:
            return None
    found = [known[text] for text in texts]
    return found if any(value is not None for value in found) else None


def _merged(
    texts: Sequence[str | None], found: Sequence[Level | None]
) -> tuple[tuple[str, ...], ...]:
    spellings: dict[Level, dict[str, None]] = {}
    for text, value in zip(texts, found, strict=True):
        if text is not None and value is not None:
            spellings.setdefault(value, {})[text] = None
    return tuple(tuple(texts) for texts in spellings.values() if len(texts) > 1)


def in_order(values: Sequence[Level]) -> tuple[Level, ...]:
    """Return the different values: off before on, numbers by size, words as they first come."""
    first: dict[object, Level] = {}
    for value in values:
        first.setdefault(identity(value), value)
    different = list(first.values())
    if all(not isinstance(value, str) for value in different):
        different.sort(key=lambda value: (not isinstance(value, bool), value))
    return tuple(different)
