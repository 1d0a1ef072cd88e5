"""Sections for the eye in a terminal of 80 columns; drawings are for pages only.

Words from strangers' files are shown as they stand: no word is markup, an emoji or a style.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from rich.tree import Tree

from bionic_core.reports.sections import Block, Cell, Code, Facts, Flow, Points, Row, Section, Table

COLUMNS = 80
NARROWEST = 8
"""Letters that a column of words keeps, whatever the numbers beside it need."""

TONES = {"": "", "good": "green", "bad": "red", "quiet": "dim"}


def render(sections: Section | Iterable[Section]) -> RenderableType:
    """Return what a console prints of sections, in their order."""
    shown: list[RenderableType] = []
    for section in [sections] if isinstance(sections, Section) else sections:
        if section.title:
            shown += [Text()] if shown else []
            shown.append(Text(section.title, style="bold"))
        shown += map(Text, section.text)
        shown += _blocks(section.blocks)
    return Group(*shown)


def _blocks(blocks: Iterable[Block]) -> Iterator[RenderableType]:
    for block in blocks:
        match block:
            case Table():
                yield from _table(block)
            case Row(inner):
                yield from _blocks(inner)
            case Points(lines, title):
                yield from (*_titled(title), *map(Text, lines))
            case Facts(pairs):
                yield from (Text(f"{name}: {value}") for name, value in pairs)
            case Code(text, title):
                yield from _titled(title)
                yield Padding(Text(text), (0, 0, 0, 4))
            case Flow():
                yield _flow(block)


def _titled(title: str) -> Iterator[Text]:
    if title:
        yield Text(title, style="italic")


def _table(table: Table) -> Iterator[RenderableType]:
    if not table.quiet:
        yield from _titled(table.title)
    columns = zip(table.columns, *([c.text for c in row] for row in table.rows), strict=True)
    widths = [max(cell_len(line) for text in c for line in text.split("\n")) for c in columns]
    close = table.dense or sum(widths) + 3 * len(widths) + 1 > COLUMNS
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0)) if close else Grid(box=HEAVY_HEAD)
    whole = _whole(table, widths, 1 if close else 3)
    for number, name in enumerate(table.columns):
        words = table.of_words(number)
        side: JustifyMethod = "left" if words else "right"
        grid.add_column(Text(name), justify=side, overflow="fold", no_wrap=whole and not words)
    for number, row in enumerate(table.rows):
        if number in table.ruled:
            grid.add_section()
        grid.add_row(*map(_cell, row))
    yield grid
    if table.note:
        yield Text(table.note)


def _whole(table: Table, widths: list[int], between: int) -> bool:
    """Return whether all numbers can stand unbroken, the words beside them being folded."""
    words = [table.of_words(number) for number in range(len(widths))]
    least = [min(w, NARROWEST) if folds else w for w, folds in zip(widths, words, strict=True)]
    return sum(least) + between * (len(widths) + 1) <= COLUMNS


def _cell(cell: Cell) -> Text:
    return Text(cell.text, style=f"{'bold ' * cell.strong}{TONES[cell.tone]}".strip())


def _flow(flow: Flow) -> Tree:
    tree = Tree(Text(flow.title, style="bold"), hide_root=not flow.title)
    for step in flow.steps:
        head = Text(step.name, style="bold")
        if step.note:
            head.append(f"  {step.note}", style="not bold cyan")
        branch = tree.add(head)
        for name, note, acting in step.lines:
            line = Text(name)
            if note:
                line.append(f"  {note}", style="cyan")
            if acting:
                line.append(f"  {', '.join(acting)}", style="green")
            branch.add(line)
    return tree
