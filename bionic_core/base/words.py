"""Words for people: durations, and text that a terminal does not obey."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration for people: ``40 s``, ``12 min``, ``3.4 h``."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            number = seconds / size
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{seconds:.0f} s"


UNPRINTABLE = dict.fromkeys(
    (
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),  # halves of letters, which no output takes
    ),
    "\N{REPLACEMENT CHARACTER}",
)
"""Control characters, which move cursors and set titles and colours, and those that turn text."""


def printable(text: str) -> str:
    """Return text with nothing in it that a terminal would obey; lines and tabs stay."""
    return text.translate(UNPRINTABLE)
