"""Sections as Markdown; of drawings, which are for pages only, the tables that stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bionic_core.reports.sections import (
    Block,
    Code,
    Facts,
    Flow,
    Picture,
    Points,
    Row,
    Section,
    Table,
)

SIGNS = ("\\", "|", "*", "_", "<", "`")
"""What Markdown would take for markup, or for a cell's end."""


def render(sections: Iterable[Section]) -> str:
    """Return sections as a Markdown text whose heading is the first one's title."""
    parts: list[str] = []
    for number, section in enumerate(sections):
        if section.title:
            parts.append(f"{'##' if number else '#'} {plain(section.title)}")
        parts += map(plain, section.text)
        parts += _blocks(section.blocks)
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Return text of one line that Markdown does not take for markup."""
    for sign in SIGNS:
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")


def _blocks(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Table():
                yield from _titled("" if block.quiet else block.title)
                yield "\n".join(_table(block))
                yield from [plain(block.note)] if block.note else []
            case Row(inner):
                yield from _blocks(inner)
            case Picture(table=Table() as table):
                yield from _blocks([table])
            case Points(lines, title):
                yield from _titled(title)
                yield from ["\n".join(f"- {plain(line)}" for line in lines)] if lines else []
            case Facts(pairs):
                yield "\n".join(f"- {plain(name)}: {plain(value)}" for name, value in pairs)
            case Code(text, title):
                yield from _titled(title)
                yield "\n".join(f"    {line}" for line in text.splitlines())
            case Flow():
                yield "\n".join(_flow(block))


def _titled(title: str) -> Iterator[str]:
    if title:
        yield f"**{plain(title)}**"


def _table(table: Table) -> Iterator[str]:
    yield _joined(map(plain, table.columns))
    sides = ("---" if table.of_words(n) else "---:" for n in range(len(table.columns)))
    yield f"|{'|'.join(sides)}|"
    for row in table.rows:
        marks = ("**" if cell.strong and cell.text else "" for cell in row)
        yield _joined(f"{m}{plain(cell.text)}{m}" for m, cell in zip(marks, row, strict=True))


def _joined(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _flow(flow: Flow) -> Iterator[str]:
    for number, step in enumerate(flow.steps, 1):
        note = f" ({plain(step.note)})" if step.note else ""
        yield f"{number}. {plain(step.name)}{note}"
        for name, shape, acting in step.lines:
            words = [plain(word) for word in (name, shape, *acting) if word]
            yield f"    - {', '.join(words)}"
