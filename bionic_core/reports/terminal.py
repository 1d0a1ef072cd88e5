"""Sections for the eye in a terminal of 80 columns; drawings are for pages only.

Words from strangers' files are shown as they stand: no word is markup, an emoji or a style.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shutil import get_terminal_size

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from rich.tree import Tree

from bionic_core.reports.sections import Block, Code, Facts, Flow, Points, Row, Section, Table

COLUMNS, NARROWEST = 80, 8
"""Letters of a line, and those that a column of words keeps whatever numbers beside it need."""

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
    room = min(COLUMNS, get_terminal_size((COLUMNS, 24)).columns)
    close = table.dense or sum(widths) + 3 * len(widths) + 1 > room
    words = [table.of_words(number) for number in range(len(widths))]
    # Numbers stand unbroken if there is room once the words beside them are folded.
    least = [min(w, NARROWEST) if folds else w for w, folds in zip(widths, words, strict=True)]
    whole = sum(least) + (1 if close else 3) * (len(widths) + 1) <= room
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0)) if close else Grid(box=HEAVY_HEAD)
    for name, folds in zip(table.columns, words, strict=True):
        side: JustifyMethod = "left" if folds else "right"
        grid.add_column(Text(name), justify=side, overflow="fold", no_wrap=whole and not folds)
    for number, row in enumerate(table.rows):
        if number in table.ruled:
            grid.add_section()
        looks = (f"{'bold ' * cell.strong}{TONES[cell.tone]}".strip() for cell in row)
        grid.add_row(*(Text(cell.text, look) for cell, look in zip(row, looks, strict=True)))
    yield Group(grid, *map(Text, filter(None, [table.note])))


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
