"""Sections as Markdown; of drawings, which are for pages only, the tables that stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bionic_core.reports import sections as shown


def render(sections: Iterable[shown.Section]) -> str:
    """Return sections as a Markdown text whose heading is the first one's title."""
    parts: list[str] = []
    for number, section in enumerate(sections):
        if section.title:
            parts.append(f"{'##' if number else '#'} {plain(section.title)}")
        parts += map(plain, section.text)
        parts += _blocks(section.blocks)
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Return text of one line that Markdown takes neither for markup nor for a cell's end."""
    return re.sub(r"[\\|*_<`]", r"\\\g<0>", text).replace("\n", " ")


def _blocks(blocks: Iterable[shown.Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case shown.Table():
                yield from _titled("" if block.quiet else block.title)
                yield "\n".join(_table(block))
                yield from [plain(block.note)] if block.note else []
            case shown.Row(inner):
                yield from _blocks(inner)
            case shown.Picture(table=shown.Table() as table):
                yield from _blocks([table])
            case shown.Points(lines, title):
                yield from _titled(title)
                yield from ["\n".join(f"- {plain(line)}" for line in lines)] if lines else []
            case shown.Facts(pairs):
                yield "\n".join(f"- {plain(name)}: {plain(value)}" for name, value in pairs)
            case shown.Code(text, title):
                yield from _titled(title)
                yield "\n".join(f"    {line}" for line in text.splitlines())
            case shown.Flow():
                yield "\n".join(_flow(block))


def _titled(title: str) -> Iterator[str]:
    if title:
        yield f"**{plain(title)}**"


def _table(table: shown.Table) -> Iterator[str]:
    sides = ("---" if table.of_words(n) else "---:" for n in range(len(table.columns)))
    yield f"| {' | '.join(map(plain, table.columns))} |"
    yield f"|{'|'.join(sides)}|"
    for row in table.rows:
        texts = (f"**{plain(c.text)}**" if c.strong and c.text else plain(c.text) for c in row)
        yield f"| {' | '.join(texts)} |"


def _flow(flow: shown.Flow) -> Iterator[str]:
    for number, step in enumerate(flow.steps, 1):
        note = f" ({plain(step.note)})" if step.note else ""
        yield f"{number}. {plain(step.name)}{note}"
        for name, shape, acting in step.lines:
            words = [plain(word) for word in (name, shape, *acting) if word]
            yield f"    - {', '.join(words)}"
