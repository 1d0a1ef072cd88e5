"""The code of the documentation's pages, taken out as it stands there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parents[2] / "docs"

UNWRITTEN = {"generated", "runs"}
"""Folders of what building the site leaves there."""

PAGES = [page for page in sorted(DOCS.rglob("*.md")) if not UNWRITTEN & {*page.parts}]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str = "") -> list[tuple[str, str]]:
    """Return the fenced blocks of a page, (language, text), in order."""
    found = FENCE.findall((DOCS / page).read_text(encoding="utf-8"))
    return [(kind, text) for kind, text in found if language in ("", kind)]


def module_of(page: str, folder: Path) -> ModuleType:
    """Run a page's Python blocks, verbatim and in order, as one module, and return it."""
    name = f"page_{Path(page).stem}"
    path = folder / f"{name}.py"
    path.write_text("".join(text for _, text in blocks(page, "python")), encoding="utf-8")
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module
