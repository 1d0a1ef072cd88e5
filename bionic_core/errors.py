"""Errors for people: what is wrong, where, what was found, what is allowed, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class BionicError(Exception):
    """Something failed while running; the command line exits with code 1."""

    exit_code = 1


class RequestError(BionicError):
    """The request itself is wrong (spec, option, file); the command line exits with code 2.

    Attributes:
        problems: one sentence or two for each thing that is wrong, all found at once.
        where: the file, table or folder that they are in, or an empty string.
    """

    exit_code = 2

    def __init__(self, problems: str | Sequence[str], *, where: str = "") -> None:
        self.problems: tuple[str, ...] = (
            (problems,) if isinstance(problems, str) else tuple(problems)
        )
        self.where = where
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        if len(self.problems) == 1:
            return head + self.problems[0]
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        return f"{head}{len(self.problems)} problems\n{lines}"

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the words alone, since it is the request that is wrong."""
        return [f"{type(self).__name__}: {self}"]


class DamagedError(RequestError):
    """A file is not what was written, or nothing that could have been; it has not been used."""


class BusyError(BionicError):
    """Another process trains this run now."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest allowed name, else an empty string."""
    lowered = {word.lower(): word for word in allowed}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    # Half alike is a typing error; less would be a guess.
    return f" Did you mean '{lowered[close[0]]}'?" if close else ""


def listing(names: Iterable[str]) -> str:
    """Return names as a sorted, comma-separated phrase, ``none`` when there are none."""
    return ", ".join(sorted(names)) or "none"


def shorten(problems: Sequence[str], shown: int = 5) -> list[str]:
    """Return the first problems, and how many more there are."""
    more = [f"and {len(problems) - shown:,} more like these"] if len(problems) > shown else []
    return [*problems[:shown], *more]
