"""What a report shows, as data: a page of sections, each of tables, figures and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import attrs
from markupsafe import Markup

Tone = Literal["", "good", "bad", "quiet"]


@attrs.frozen
class Cell:
    """A cell of a table: its text, what it is sorted by if not that, where it leads, and looks."""

    text: str
    value: float | None = None
    href: str = ""
    strong: bool = False
    share: float | None = None
    tone: Tone = ""


def cells(row: Iterable[Cell | str], *, strong: bool = False, tone: Tone = "") -> tuple[Cell, ...]:
    """Return a row of a table, its words as cells; all of them strong, or of a tone, if asked."""
    whole = (Cell(cell) if isinstance(cell, str) else cell for cell in row)
    return tuple(attrs.evolve(c, strong=strong or c.strong, tone=tone or c.tone) for c in whole)


def _rows(rows: Iterable[Iterable[Cell | str]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(map(cells, rows))


T = TypeVar("T")

Columns = dict[str, Callable[[T], Cell | str]]
"""Columns of a table, and what stands in them of a thing."""


@attrs.frozen
class Table:
    """A table; all columns but the first are numbers, right-aligned.

    Attributes:
        words, ruled: numbers of further columns that are words, and of rows with a line above.
        dense: whether its columns are many and narrow, as a matrix's.
        quiet: whether its title, being the section's, is for those only who hear the page.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]] = attrs.field(converter=_rows)
    words: Sequence[int] = ()
    ruled: Sequence[int] = ()
    sortable: bool = True
    note: str = ""
    dense: bool = False
    quiet: bool = False

    @classmethod
    def of(
        cls,
        title: str,
        columns: Columns[T],
        things: Iterable[T],
        bad: Callable[[T], bool] = lambda _: False,
        **more: Any,
    ) -> Table:
        """Return a table with a row for each thing, told which are bad; ``more`` are attributes."""
        rows = [
            cells((cell(thing) for cell in columns.values()), tone="bad" if bad(thing) else "")
            for thing in things
        ]
        return cls(title, tuple(columns), rows, **more)

    def of_words(self, column: int) -> bool:
        """Return whether a column is words, and so left-aligned."""
        return column == 0 or column in self.words


@attrs.frozen
class Drawing:
    """A figure: inline SVG that names what it shows, and the caption below it."""

    svg: Markup
    title: str = ""
    caption: str = ""


@attrs.frozen
class Picture:
    """A figure of pixels: a data URI, what it shows, its title, and a table for readers of text."""

    source: str
    alt: str
    title: str
    table: Table | None = None


@attrs.frozen
class Row:
    """Blocks side by side where there is room, more of them if they are small."""

    blocks: Sequence[Block]
    small: bool = False


@attrs.frozen
class Facts:
    """Names and what they are."""

    pairs: Sequence[tuple[str, str]]


@attrs.frozen
class Points:
    """A list of sentences; in a terminal, a line each."""

    lines: Sequence[str]
    title: str = ""


@attrs.frozen
class Code:
    """Text to be copied as it is; folded under a title where it is long."""

    text: str
    title: str = ""
    folded: bool = False


@attrs.frozen
class Step:
    """A part of a pipeline: its lines are a name, its shape, and what acts there."""

    name: str
    note: str
    lines: Sequence[tuple[str, str, Sequence[str]]]


@attrs.frozen
class Flow:
    """A drawing of a pipeline, its steps in order; its title is for the terminal's tree."""

    steps: Sequence[Step]
    alt: str
    title: str = ""


Block = Table | Drawing | Picture | Row | Facts | Points | Code | Flow


@attrs.frozen
class Section:
    """A heading, if any, sentences, and blocks under them."""

    title: str
    text: Sequence[str] = ()
    blocks: Sequence[Block] = ()


@attrs.frozen
class Page:
    """A page: its window's title, its kind, what it asks and answers, its sections, its maker."""

    title: str
    kicker: str
    question: str
    answer: Sequence[str] = ()
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = ()
    foot: str = ""
