"""Sections for the eye in a terminal of 80 columns; drawings are for pages only.

Words from strangers' files are shown as they stand: no word is markup, an emoji or a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from shutil import get_terminal_size

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from rich.tree import Tree

from bionic_core.reports.sections import Block, Code, Facts, Flow, Points, Row, Section, Table

COLUMNS = 80
"""Letters of a line, at most."""

WHOLE = re.compile(r".+")
PIECES = {False: re.compile(r"\s*\S+"), True: re.compile(r"\s*[^\s:_/=,-]*[:_/=,-]+|\s*\S+")}
"""Where a cell is folded: numbers at blanks, words behind what joins the parts of a name too."""

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
    words = [table.of_words(number) for number in range(len(table.columns))]
    texts = [list(table.columns), *([cell.text for cell in row] for row in table.rows)]
    looks = [[f"{'bold ' * c.strong}{TONES[c.tone]}".strip() for c in row] for row in table.rows]
    columns = list(zip(*texts, strict=True))
    whole = [_widest(column, WHOLE) for column in columns]
    least = [_widest(c, PIECES[folds]) for c, folds in zip(columns, words, strict=True)]
    room = min(COLUMNS, get_terminal_size((COLUMNS, 24)).columns) - 1
    framed = not table.dense and sum(whole) + 3 * len(whole) <= room
    gap = next((g for g in (2, 1) if sum(least) + g * len(least) <= room), 0)
    if framed or gap:
        widths = whole if framed else _shared(least, whole, words, room - gap * len(whole))
        grid = Grid(box=HEAVY_HEAD) if framed else Grid(box=SIMPLE_HEAD, padding=(0, gap - 1, 0, 0))
        head, *rows = ([*map(_folded, row, widths, words)] for row in texts)
        for name, width, folds in zip(head, widths, words, strict=True):
            side: JustifyMethod = "left" if folds else "right"
            grid.add_column(Text(name), justify=side, width=width)
        for number, (row, look) in enumerate(zip(rows, looks, strict=True)):
            if number in table.ruled:
                grid.add_section()
            grid.add_row(*map(Text, row, look))
        yield grid
    else:
        yield from _stacked(texts, looks)
    yield from map(Text, filter(None, [table.note]))


def _stacked(texts: Sequence[Sequence[str]], looks: Sequence[Sequence[str]]) -> Iterator[Text]:
    """Give a table that is too wide, cell below cell: of each row its name, then the others."""
    names, *rows = texts
    for row, look in zip(rows, looks, strict=True):
        yield Text(row[0], look[0] or "bold")
        for name, text, style in zip(names[1:], row[1:], look[1:], strict=True):
            if text:
                yield Text(f"  {name}: ").append(text, style)


def _widest(column: Iterable[str], piece: re.Pattern[str]) -> int:
    """Return the width of the widest piece of a column's texts."""
    return max((cell_len(one.strip()) for text in column for one in piece.findall(text)), default=0)


def _shared(
    least: Sequence[int], whole: Sequence[int], words: Sequence[bool], room: int
) -> list[int]:
    """Return widths of columns that fill the room: numbers stand whole before words do."""
    widths = list(least)
    for folds in (False, True):
        for number in sorted(range(len(widths)), key=lambda n: whole[n] - least[n]):
            if words[number] is folds:
                more = min(whole[number] - widths[number], room - sum(widths))
                widths[number] += more
    return widths


def _folded(text: str, width: int, words: bool) -> str:
    """Return a cell's text in lines of a width, which no number and no word is cut by."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines.append("")
        for piece in PIECES[words].findall(line):
            if cell_len((lines[-1] + piece).strip()) > width and lines[-1]:
                lines.append("")
            lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


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
