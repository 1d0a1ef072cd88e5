"""How figures and tables are read: fixed sentences, from one file that is easily edited."""

from __future__ import annotations

import tomllib
from functools import cache

from bionic_core.reports.html import TEMPLATES
from bionic_core.reports.sections import Drawing, Points, Row, Section

FILE = TEMPLATES / "reading.toml"


@cache
def _sentences() -> dict[str, dict[str, str]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def said(what: str, **cases: object) -> list[str]:
    """Return what the file says of a figure or a table.

    Args:
        what: a table of the file, in which each sentence has a name.
        cases: by a sentence's name, whether it holds here, or what stands at its ``{}``.
    """
    return [
        sentence.format(cases.get(name))
        for name, sentence in _sentences()[what].items()
        if cases.get(name, True)
    ]


def explained(title: str, drawing: Drawing, what: str, **cases: object) -> Section:
    """Return a section of a figure, and beside it how it is read; arguments as :func:`said`'s."""
    return Section(title, (), [Row([drawing, Points(said(what, **cases), "Reading it")])])
