"""Sections as Markdown; of drawings, which are for pages only, the tables that stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
        for block in section.blocks:
            parts += _block(block)
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Return text of one line that Markdown does not take for markup."""
    for sign in SIGNS:
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _titled("" if block.quiet else block.title)
        yield "\n".join(_table(block))
        if block.note:
            yield plain(block.note)
    elif isinstance(block, Row):
        for part in block.blocks:
            yield from _block(part)
    elif isinstance(block, Picture) and block.table:
        yield from _block(block.table)
    elif isinstance(block, Points):
        yield from _titled(block.title)
        if block.lines:
            yield "\n".join(f"- {plain(line)}" for line in block.lines)
    elif isinstance(block, Facts):
        yield "\n".join(f"- {plain(name)}: {plain(value)}" for name, value in block.pairs)
    elif isinstance(block, Code):
        yield from _titled(block.title)
        yield "\n".join(f"    {line}" for line in block.text.splitlines())
    elif isinstance(block, Flow):
        yield "\n".join(_flow(block))


def _titled(title: str) -> Iterator[str]:
    if title:
        yield f"**{plain(title)}**"


def _table(table: Table) -> Iterator[str]:
    yield _line(table.columns)
    sides = ("---" if table.of_words(n) else "---:" for n in range(len(table.columns)))
    yield f"|{'|'.join(sides)}|"
    for row in table.rows:
        texts = [plain(cell.text) for cell in row]
        yield _joined(
            f"**{text}**" if cell.strong and text else text
            for cell, text in zip(row, texts, strict=True)
        )


def _line(cells: Sequence[str]) -> str:
    return _joined(map(plain, cells))


def _joined(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _flow(flow: Flow) -> Iterator[str]:
    for number, step in enumerate(flow.steps, 1):
        note = f" ({plain(step.note)})" if step.note else ""
        yield f"{number}. {plain(step.name)}{note}"
        for name, shape, acting in step.lines:
            words = [plain(word) for word in (name, shape, *acting) if word]
            yield f"    - {', '.join(words)}"
