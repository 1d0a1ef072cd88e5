"""What a report shows, as data: a page of sections, each of tables, figures and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import attrs
from markupsafe import Markup

Tone = Literal["", "good", "bad", "quiet"]


@attrs.frozen
class Cell:
    """A cell of a table.

    Attributes:
        text: what is read.
        value: what it is sorted by, where that is not the text.
        href: where it leads.
        strong: whether it stands out.
        share: between 0 and 1, how dark it is; None for no shade.
        tone: whether it is told as good or bad, or matters little.
    """

    text: str
    value: float | None = None
    href: str = ""
    strong: bool = False
    share: float | None = None
    tone: Tone = ""

    @property
    def sort(self) -> str:
        """What the cell is sorted by, as the page's script reads it."""
        return self.text if self.value is None else repr(float(self.value))


def cells(row: Iterable[Cell | str], *, strong: bool = False, tone: Tone = "") -> tuple[Cell, ...]:
    """Return a row of a table, its words as cells; all of them strong, or of a tone, if asked."""
    whole = (Cell(cell) if isinstance(cell, str) else cell for cell in row)
    if not (strong or tone):
        return tuple(whole)
    return tuple(
        attrs.evolve(cell, strong=strong or cell.strong, tone=tone or cell.tone) for cell in whole
    )


def _rows(rows: Iterable[Iterable[Cell | str]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(cells(row) for row in rows)


T = TypeVar("T")

Columns = dict[str, Callable[[T], Cell | str]]
"""Columns of a table, and what stands in them of a thing."""


@attrs.frozen
class Table:
    """A table; all columns but the first are numbers, right-aligned.

    Attributes:
        rows: cells, or words that become some.
        words: numbers of further columns that are words, from 0.
        ruled: numbers of rows, from 0, with a line above.
        sortable: whether its columns can be sorted by.
        note: a sentence below it.
        dense: whether its columns are many and narrow, as a matrix's.
        quiet: whether its title, being the section's, is for those only who hear the page.
    """

    shape: ClassVar[str] = "table"
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
    def of(cls, title: str, columns: Columns[T], things: Iterable[T], **more: Any) -> Table:
        """Return a table with a row for each thing; ``more`` are further attributes."""
        rows = [[cell(thing) for cell in columns.values()] for thing in things]
        return cls(title, tuple(columns), rows, **more)

    def of_words(self, column: int) -> bool:
        """Return whether a column is words, and so left-aligned."""
        return column == 0 or column in self.words


@attrs.frozen
class Drawing:
    """A figure: inline SVG that names what it shows, and the caption below it."""

    shape: ClassVar[str] = "drawing"
    svg: Markup
    title: str = ""
    caption: str = ""


@attrs.frozen
class Picture:
    """A figure of pixels: a data URI, what it shows, and its title.

    Attributes:
        table: what stands for it in a text; nothing if None.
    """

    shape: ClassVar[str] = "picture"
    source: str
    alt: str
    title: str
    table: Table | None = None


@attrs.frozen
class Row:
    """Blocks side by side where there is room, more of them if they are small."""

    shape: ClassVar[str] = "row"
    blocks: Sequence[Block]
    small: bool = False


@attrs.frozen
class Facts:
    """Names and what they are."""

    shape: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@attrs.frozen
class Points:
    """A list of sentences; in a terminal, a line each."""

    shape: ClassVar[str] = "points"
    lines: Sequence[str]
    title: str = ""


@attrs.frozen
class Code:
    """Text to be copied as it is; folded under a title where it is long."""

    shape: ClassVar[str] = "code"
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

    shape: ClassVar[str] = "flow"
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
    """A page.

    Attributes:
        title: of the browser's window.
        kicker: what kind of page it is.
        question: what it answers, in a sentence.
        answer: sentences that say it.
        warnings: what a reader must know before anything else.
        sections: in the order of reading.
        foot: what made it.
    """

    title: str
    kicker: str
    question: str
    answer: Sequence[str] = ()
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = ()
    foot: str = ""
