"""Measured numbers as people write them: a column is read by one convention that all of it keeps.

Decimal points and commas, thousands, the minus of typesetters, per cent and units are read
where one reading fits every value. What none fits, or what two fit that disagree, is refused with
its line: a value that is dropped, or is a thousand times too large, shows in no figure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from bionic_core.errors import RequestError, shorten
from bionic_core.statistics.levels import MISSING

NINES = (99.0, 999.0, 9999.0, 99999.0)
"""What people write for a value that there is not, with either sign."""

INFINITE = frozenset({"inf", "infinity", "∞"})

DASHES = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
BLANKS = "\u00a0\u2007\u2008\u2009\u202f"
SAME = str.maketrans(
    dict.fromkeys(DASHES, "-")
    | dict.fromkeys(BLANKS, " ")
    | {"\uff0b": "+", "\u2019": "'", "\uff0e": ".", "\uff0c": ",", "\uff05": "%"}
    | {"\u066b": ".", "\u066c": ",", "\u066a": "%"}
)
"""What is written in several ways and means one thing; a dash only stands for minus here."""

WRITTEN = re.compile(
    r"([+-]?) ?([^\w\s.,+\-()]?) ?([+-]?)([\d.,][\d., ']*?(?:[eE][+-]?\d+)?) ?"
    r"((?:(?![eE]?\d)[^\d\s.,'+\-()<>≤≥~≈±*]).*)?"
)
"""A sign, a currency, a sign, a number, a unit."""

UNIT = re.compile(r"(?:[^\W\d_](?:\^?-?[1-3](?!\d))?|[%‰°/²³·$€£¥ -])*")
"""What a unit may consist of: letters, and powers behind them."""

Convention = tuple[str, str]
"""What stands between thousands, and what before decimals."""

PLAIN: Convention = ("", ".")
CONVENTIONS: tuple[Convention, ...] = (
    PLAIN,
    *((group, ".") for group in " ',"),
    *((group, ",") for group in ("", " ", "'", ".")),
)
GROUPS = {" ": "blanks", "'": "apostrophes", ",": "commas", ".": "points"}


@attrs.frozen
class Measured:
    """A column of measured numbers.

    Attributes:
        values: one for each row, None where there is none; what is written in per cent as shares.
        unit: what stands beside every number, ``%`` for one.
        convention: how the numbers are written, in words; empty where they are plain.
        missing: what stands for no number, and how often.
    """

    values: tuple[float | None, ...]
    unit: str = ""
    convention: str = ""
    missing: Mapping[str, int] = attrs.field(factory=dict)

    @property
    def codes(self) -> tuple[float, ...]:
        """Values that may stand for no number, being nines and far from all others."""
        there = [value for value in self.values if value is not None]
        return tuple(
            code
            for code in sorted({*there} & {sign * nines for nines in NINES for sign in (-1, 1)})
            if all(abs(value) < abs(code) / 3 for value in there if value != code)
        )


@attrs.frozen
class Text:
    """A value that is text: as given, its number, and what stands around that."""

    given: str
    number: str = ""
    around: tuple[str, str] | None = None

    @classmethod
    def of(cls, given: str) -> Text:
        """Take a text apart; one of another form has nothing around."""
        found = WRITTEN.fullmatch("".join(map(_ascii, given)).translate(SAME))
        if not found:
            return cls(given)
        sign, currency, inner, number, unit = found.groups("")
        odd = currency and unicodedata.category(currency) != "Sc"
        if odd or (sign and inner) or not UNIT.fullmatch(unit) or (currency and unit):
            return cls(given)
        return cls(given, sign + inner + number.strip(), (currency, unit.strip()))

    def read(self) -> dict[Convention, float]:
        """Return what the number is by each convention that it keeps."""
        return {
            convention: float(self.number.replace(group, "").replace(decimal, "."))
            for convention, shape in SHAPES.items()
            if shape.fullmatch(self.number)
            for group, decimal in [convention]
        }


def _ascii(letter: str) -> str:
    return str(unicodedata.decimal(letter, letter))


def _shape(group: str, decimal: str) -> re.Pattern[str]:
    part, point = re.escape(group), re.escape(decimal)
    thousands = rf"[1-9]\d{{0,2}}(?:{part}\d{{3}})+|" if group else ""
    return re.compile(rf"[+-]?(?:(?:{thousands}\d+)(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?")


SHAPES = {convention: _shape(*convention) for convention in CONVENTIONS}


def measured(
    values: Sequence[Any], column: str, places: Sequence[str], *, commas: bool = False
) -> Measured:
    """Return the numbers of a column.

    Args:
        values: of each row: a number, or text.
        column: its name, for messages.
        places: of each row, as ``line 3``.
        commas: whether the table has decimal commas elsewhere, so that 1.234 may be a thousand.

    Raises:
        RequestError: no row has a number, or some have what is infinite, no number, or a number
            by two conventions.
    """
    found: list[float | None] = [None] * len(values)
    texts: dict[int, Text] = {}
    missing: Counter[str] = Counter()
    wrong: list[str] = []
    for row, value in enumerate(map(_plain, values)):
        if isinstance(value, float):
            found[row] = value
        elif value.lower() in MISSING:
            missing[value] += 1
        else:
            texts[row] = Text.of(value)
        if value in (math.inf, -math.inf) or str(value).lstrip("+-−").lower() in INFINITE:
            wrong.append(
                f"{places[row]}: column '{column}' has '{value}', which is infinite; no mean has "
                "such a number in it: give what was measured, or leave the cell empty"
            )
            texts.pop(row, None)
    if missing.total() == len(values):
        raise RequestError(f"column '{column}' has no number in any row")
    alone = len(texts) + missing.total() == len(values)
    around = Counter(text.around for text in texts.values() if text.around)
    usual = around.most_common(1)[0][0] if around and alone else ("", "")
    readings = {r: text.read() if text.around == usual else {} for r, text in texts.items()}
    convention = _convention(list(readings.values()))
    example = next((texts[row].given for row, read in readings.items() if convention in read), "")
    as_others = f" as '{example}' is" if example else ""
    for row, read in readings.items():
        found[row] = read.get(convention)
        if found[row] is None or math.isinf(found[row] or 0):
            given = texts[row].given
            wrong.append(f"{places[row]}: '{given}' in column '{column}' is no number{as_others}")
    if wrong:
        raise RequestError(_refusal(wrong, column, found))
    _check_one_reading(readings, convention, texts, (column, places), commas)
    unit = usual[0] or usual[1]
    if unit == "%":
        found = [None if value is None else value / 100 for value in found]
    return Measured(tuple(found), unit, _in_words(convention, texts.values()), dict(missing))


def _plain(value: Any) -> float | str:
    """Return a number as a float, text without blanks around it, and nothing as empty text."""
    if isinstance(value, str):
        return value.strip()
    if value is None or str(value) in ("<NA>", "NaT"):
        return ""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    return "" if math.isnan(number) else number


def _fitting(readings: Sequence[Mapping[Convention, float]]) -> list[Convention]:
    """Return the conventions that all texts keep."""
    return [c for c in CONVENTIONS if all(c in read for read in readings)]


def _convention(readings: Sequence[Mapping[Convention, float]]) -> Convention:
    """Return the first convention that all texts keep, or else the one that most do."""
    fits = _fitting(readings)
    return fits[0] if fits else max(CONVENTIONS, key=lambda c: sum(c in r for r in readings))


def _check_one_reading(
    readings: Mapping[int, Mapping[Convention, float]],
    convention: Convention,
    texts: Mapping[int, Text],
    place: tuple[str, Sequence[str]],
    commas: bool,
) -> None:
    """Refuse a column that two conventions fit, if they mean other numbers.

    A decimal point is one, unless the table has decimal commas elsewhere.
    """
    column, places = place
    rivals = _fitting(list(readings.values()))
    if convention == PLAIN:
        rivals = [(".", ",")] if commas and (".", ",") in rivals else []
    for row, read in readings.items():
        for rival in rivals:
            if read[rival] != read[convention]:
                one, other = sorted((read[convention], read[rival]))
                raise RequestError(
                    f"{places[row]}: '{texts[row].given}' in column '{column}' may be {one:g} or "
                    f"{other:g}, and no other value there tells which; write it without marks "
                    "between thousands, and with a decimal point"
                )


def _refusal(wrong: Sequence[str], column: str, found: Sequence[float | None]) -> list[str]:
    advice = "write all of a column in one way, as 1234.5, and leave a cell without number empty"
    if all(value is None for value in found):
        return [f"column '{column}' has no number in any row: {wrong[0]}; {advice}"]
    first, *others = shorten(wrong)
    return [first if "infinite" in first else f"{first}; {advice}", *others]


def _in_words(convention: Convention, texts: Iterable[Text]) -> str:
    """Return how numbers are written, as far as the texts show it."""
    group, decimal = convention
    numbers = [text.number for text in texts]
    told = []
    if decimal == "," and any("," in number for number in numbers):
        told.append("decimal commas")
    if group and any(group in number for number in numbers):
        told.append(f"{GROUPS[group]} between thousands")
    return " and ".join(told)
