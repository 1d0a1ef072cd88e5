"""What is said of results, figures and tables: sentences, from one file that is easily edited."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from bionic_core.base.memory import gib
from bionic_core.reports import words
from bionic_core.reports.html import TEMPLATES
from bionic_core.reports.sections import Drawing, Points, Row, Section

SENTENCES = tomllib.loads((TEMPLATES / "reading.toml").read_text(encoding="utf-8"))
FORMS: Mapping[str, Callable[..., str]] = {
    **{form.__name__: form for form in (words.number, words.percent, words.count, gib)},
    "points": lambda value: words.number(value, signed=True),
    "p": words.p_words,
}
"""How a sentence asks for figures behind a colon: ``{share:percent 1}`` with one decimal."""


class _Sentence(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        form, *digits = format_spec.split(" ")
        if form in FORMS:
            return FORMS[form](value, *map(int, digits))
        return str(super().format_field(value, format_spec))


def said(what: str, **cases: object) -> list[str]:
    """Return what the file says of ``what``, a table of it, in which each sentence has a name.

    Cases are, by that name, whether it holds or what stands at its ``{}``; by others', at theirs.
    """
    return [
        _Sentence().format(sentence, cases.get(name), **cases)
        for name, sentence in SENTENCES[what].items()
        if cases.get(name, True)
    ]


def explained(title: str, drawing: Drawing, what: str, **cases: object) -> Section:
    """Return a section of a figure, and beside it how it is read; arguments as :func:`said`'s."""
    return Section(title, (), [Row([drawing, Points(said(what, **cases), "Reading it")])])
