"""A page as one HTML file that needs nothing else.

Every word is escaped where it is written. A policy in the page's head lets nothing be fetched, and
no script run but the page's own, which sorts tables and unfolds what is folded before printing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
from markupsafe import Markup

from bionic_core.reports.sections import Page

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """Return a page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    how: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, **how)
    environment.filters["kind"] = lambda block: type(block).__name__
    script, style = ((TEMPLATES / f"page.{n}").read_text(encoding="utf-8") for n in ("js", "css"))
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    parts = {"style": Markup(style), "script": Markup(script), "digest": digest}
    return environment.get_template("page.html").render(page=page, **parts)


def printable(value: Any) -> Any:
    """Return data whose words can be written: controls and halves of letters become �."""
    if isinstance(value, str):
        whole = value.encode("utf-8", "replace").decode("utf-8")
        return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in whole)
    if isinstance(value, Mapping):
        return {printable(key): printable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [printable(part) for part in value]
    if attrs.has(type(value)):
        fields = [field for field in attrs.fields(type(value)) if field.init]
        return type(value)(**{f.alias: printable(getattr(value, f.name)) for f in fields})
    return value
