"""Positions as exports write them: lists, tuples, arrays, mappings, WKT points, vectors."""

from __future__ import annotations

import re

import attrs

Point = tuple[float, float, float]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"

_TOKEN = re.compile(
    rf"""\s*(?:(?P<number>{_NUMBER}|[-+]?nan\b|None\b|null\b)(?![\w.])
    |(?P<word>[A-Za-z_][\w.]*)
    |(?P<mark>[\[\](){{}}:=,;'"]))""",
    re.VERBOSE,
)

_SYSTEM = re.compile(r"""['"]?crs['"]?\s*[:=]\s*\{[^}]*\}""")
"""A mapping of its own that neuPrint gives with each point."""

_ABOUT = ("dtype", "srid", "crs")
"""Names whose values are no part of the position."""

_CALLS = re.compile(
    r"(np|numpy)?\.?(u?int(8|16|32|64)?|float(16|32|64)?|array|asarray|double|ndarray)"
    r"|list|tuple|coordinates|type|Decimal|POINT|POINTZ|point|Point|Z|vec3|Vector3?|Coordinate"
)
"""Names that may stand before brackets and mean nothing for the numbers."""


def parse(text: str) -> Point | None:
    """Return the three numbers that a text holds, or None where it holds something else."""
    found = _Found()
    place, text = 0, _SYSTEM.sub("", text).strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        place = match.end()
        if match["word"] is not None:
            known = found.take_word(match["word"], text[place:])
        elif match["number"] is not None:
            # 12-3 is no two numbers
            known = text[place : place + 1] not in ("+", "-") and found.take_number(match["number"])
        else:
            known = True
            found.ignored &= match["mark"] not in ")]},;"
        if not known:
            return None
    return found.point()


@attrs.define
class _Found:
    """What has been read of a text: numbers by axis, or in order."""

    axes: dict[str, float] = attrs.field(factory=dict)
    numbers: list[float] = attrs.field(factory=list)
    axis: str = ""
    ignored: bool = False

    def take_word(self, word: str, rest: str) -> bool:
        """Take a name; False where it means something else than a position."""
        if word.lower() in _ABOUT:
            self.ignored = True
        elif word.lower() in ("x", "y", "z"):
            if not (word == "Z" and not self.numbers and not self.axes and "(" in rest):
                self.axis = word.lower()  # and not that of POINT Z (1 2 3)
        else:
            return self.ignored or bool(_CALLS.fullmatch(word))
        return True

    def take_number(self, word: str) -> bool:
        """Take a number; False where its axis has one already."""
        value = float("nan") if word.lower() in ("none", "null") else float(word)
        if self.ignored:
            return True
        if not self.axis:
            self.numbers.append(value)
            return True
        new = self.axis not in self.axes
        self.axes[self.axis], self.axis = value, ""
        return new

    def point(self) -> Point | None:
        """Return the three numbers, if they are that."""
        if self.axes:
            whole = len(self.axes) == 3 and not self.numbers
            return (self.axes["x"], self.axes["y"], self.axes["z"]) if whole else None
        if len(self.numbers) != 3:
            return None
        return (self.numbers[0], self.numbers[1], self.numbers[2])
