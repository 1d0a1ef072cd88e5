"""What a process prints to: streams that may be closed, or know few characters."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import TextIO

REPLACED = "replaced"
"""The name of the handler of characters that an encoding lacks."""

ASCII = "replaced_ascii"
"""ASCII by another name: libraries take its own for a mistake, and print UTF-8 instead."""

PLAIN = {
    **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011", "-"),
    **dict.fromkeys("\u201c\u201d\u201e", '"'),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u2022\u00b7", "*"),
    **{"\u2026": "...", "\u00d7": "x", "\u00b1": "+-", "\u2192": "->", "\u00b5": "u"},
    **{"\u2264": "<=", "\u2265": ">=", "\u2248": "~", "\u00b2": "2", "\u00b3": "3"},
    **{"\u03b1": "alpha", "\u03c3": "sigma", "\u03bb": "lambda", "\u00a0": " ", "\u202f": " "},
}
"""What stands for characters that mean something; a minus that became ? would be lost."""


def configure_output() -> None:
    """Make standard streams ones that every character and every end can be written to.

    A stream that is closed leads nowhere, so that no file of a run takes its number.
    """
    codecs.register_error(REPLACED, _replaced)
    codecs.register(_ascii)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            place = os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, os.fdopen(place, "w" if number else "r", encoding="utf-8"))
        elif number and hasattr(stream, "reconfigure"):
            bare = codecs.lookup(stream.encoding or "ascii").name == "ascii"
            stream.reconfigure(encoding=ASCII if bare else None, errors=REPLACED)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    """Return what stands for a character: a letter for the same with an accent."""
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return PLAIN.get(character) or base or "?"


def _ascii(name: str) -> codecs.CodecInfo | None:
    if name != ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        ASCII,
    )
