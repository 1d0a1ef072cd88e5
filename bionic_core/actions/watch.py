"""Progress for Python's callers: bars in a notebook and in a terminal, nothing elsewhere."""

from __future__ import annotations

import io
import sys
import time
from collections import deque
from html import escape
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.progress import Progress as Bars

from bionic_core.actions.console import PlainConsole
from bionic_core.actions.notices import warn
from bionic_core.actions.progress import Display, RunDisplay

EVERY = 0.25
"""Seconds between two drawings in a notebook."""

LINES, WIDTH = 6, 100
"""Lines that stay below a notebook's bars, and letters of one."""

PRE = "<pre style='margin:0;line-height:1.35;white-space:pre-wrap'>{code}</pre>"


def in_notebook() -> bool:
    """Whether what this process shows goes to a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


class NotebookBars(Bars):
    """rich's bars as an output of a cell that is drawn anew in its place, and lines below them.

    What stays in the notebook is how the work ended.
    """

    def __init__(self, *columns: Any, **options: Any) -> None:
        super().__init__(*columns, **options)
        self._lines: deque[str] = deque(maxlen=LINES)
        self._handle: Any = None
        self._drawn = 0.0

    def keep(self, line: str) -> None:
        """Show a line below the bars."""
        self._lines.append(line)
        self.refresh()

    def conclude(self, line: str) -> None:
        """Show a line instead of all others."""
        self._lines.clear()
        self._lines.append(line)

    def start(self) -> None:
        """Begin an output of the cell."""
        display = import_module("IPython.display").display  # the notebook's own, and loaded
        self._handle = display(self._shown(bars=True), raw=True, display_id=True)

    def update(self, *arguments: Any, **options: Any) -> None:
        """Take in how far a task is."""
        super().update(*arguments, **options)
        self.refresh()

    def refresh(self) -> None:
        """Draw, if it has not been drawn just now."""
        if self._handle is not None and time.monotonic() - self._drawn > EVERY:
            self._drawn = time.monotonic()
            self._handle.update(self._shown(bars=True), raw=True)

    def stop(self) -> None:
        """Leave the lines that stay."""
        if self._handle is not None:
            self._handle.update(self._shown(bars=False), raw=True)
            self._handle = None

    def _shown(self, *, bars: bool) -> dict[str, str]:
        page = Console(file=io.StringIO(), record=True, width=WIDTH, force_terminal=True)
        page.is_jupyter = False
        if bars:
            page.print(self.get_renderable())
        drawn = page.export_html(inline_styles=True, code_format=PRE, clear=False) if bars else ""
        lines = "\n".join(self._lines)
        text = page.export_text(styles=False) if bars else ""
        kept = PRE.format(code=escape(lines)) if lines else ""
        return {"text/html": drawn + kept, "text/plain": f"{text}{lines}"}


class Told(Display):
    """Shows bars; what a reader must know is a warning."""

    def tell(self, words: str) -> None:
        """Warn the caller."""
        warn(words)

    def say(self, line: str) -> None:
        """Show a line that stays."""
        if isinstance(self.bars, NotebookBars):
            self.bars.keep(line)
        else:
            super().say(line)

    def __exit__(self, *error: Any) -> None:
        """Leave in a notebook how a study ended."""
        if self.runs > 1 and isinstance(self.bars, NotebookBars):
            self.bars.conclude(str(self.tally))
        super().__exit__(*error)


class ToldRun(Told, RunDisplay):
    """Shows one run that is no study; what a reader must know is a warning."""


def display_for(progress: bool | None, runs: int = 1, *, alone: bool = False) -> Display:
    """Return what shows a study's runs, or a run that is alone, where this process shows things.

    Args:
        progress: None for bars in a notebook or a terminal, and nothing elsewhere; True for lines
            elsewhere; False for nothing anywhere.
        runs: how many there are.
        alone: whether it is one run and no study.
    """
    kind = ToldRun if alone else Told
    if progress is not False and in_notebook():
        hidden = PlainConsole(file=io.StringIO(), force_terminal=True)
        hidden.is_jupyter = False
        return kind(hidden, runs=runs, bars=NotebookBars)
    console = PlainConsole(file=sys.stderr, stderr=True)
    return kind(
        console, runs=runs, quiet=not (console.is_terminal if progress is None else progress)
    )
