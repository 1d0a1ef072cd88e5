"""Reads the pages of reports, and asks of them what all must keep."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "$\\frac{$ _{x} \x00\x1b[31m \ud800 日本 & </svg></style>",
    "_" + "long" * 60,
)

VOID = {"meta", "img", "br", "hr"}


class Reader(HTMLParser):
    """Reads a page: its elements, its tables by title, and whether tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.words = ""
        self.said = ""
        self.script = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self.open.append(tag)
        if tag in ("caption", "h2", "th", "td"):
            self.words = ""
        if tag == "tr":
            self.tables[self.title].append([])

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
        if tag == "caption":
            self.title = self.words
            self.tables[self.title] = []
        if tag == "h2":
            self.headings.append(self.words)
        if tag in ("th", "td"):
            self.tables[self.title][-1].append(self.words)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.script += data
        elif not self.open or self.open[-1] != "style":
            self.words += data
            self.said += data

    def all(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [
            value or "" for _, found in self.elements for k, value in found.items() if k == name
        ]


def read(path: Path) -> Reader:
    text = path.read_text(encoding="utf-8")
    reader = Reader(text)
    assert not reader.wrong
    assert not reader.open
    return reader


def changed(path: Path, folder: Path, **keys: Any) -> Path:
    """A copy of a study's file with other keys."""
    copy = folder / path.name
    copy.write_text(json.dumps(json.loads(path.read_text()) | keys))
    return copy


def summed(folder: Path) -> None:
    """Write a run's checksums anew, if it has any, as who sends a crafted run would."""
    sums = folder / "SHA256SUMS"
    if sums.is_file():
        names = [line.split(maxsplit=1)[1].strip() for line in sums.read_text().splitlines()]
        lines = [f"{sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
        sums.write_text("".join(lines))


def alone(reader: Reader) -> None:
    """The page fetches nothing, acts by its own script only, and says what each figure shows."""
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("script") == 1
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(tags)
    assert not [name for _, found in reader.elements for name in found if name.startswith("on")]
    assert all(source.startswith("data:image/") for source in reader.all("src"))
    for href in reader.all("href"):
        assert href.startswith(("./", "#", "data:image/png;base64,"))
    policy = next(v for v in reader.all("content") if v.startswith("default-src"))
    digest = base64.b64encode(sha256(reader.script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    ids = reader.all("id")
    assert len(ids) == len(set(ids))
    used = {value[1:] for value in reader.all("href") if value.startswith("#")}
    used |= {found for value in reader.all("clip-path") for found in re.findall(r"#([^)]+)", value)}
    assert used <= set(ids)
    drawings = [found for tag, found in reader.elements if tag == "svg"]
    assert all(found["role"] == "img" and found["aria-label"] for found in drawings)
