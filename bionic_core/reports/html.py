"""A page as one HTML file that needs nothing else.

Every word is escaped where it is written. A policy in the page's head lets nothing be fetched, and
no script run but the page's own, which sorts tables and unfolds what is folded before printing.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any

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
