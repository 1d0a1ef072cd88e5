"""A terminal that shows text from strangers' files as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bionic_core.base.words import printable

WIDTH = 80
"""Letters of a line where the terminal says that it has none."""


class PlainConsole(Console):
    """A rich console for which no text is markup, and that prints no control characters in text.

    A class may be named ``[/red]``, and a spec ``\\x1b]0;title``: both are shown, not done.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of rich's own console."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        if self.width < 1:  # COLUMNS = 0, by which nothing would be printed
            self.width = WIDTH

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Give the segments of something, those of text being printable."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
