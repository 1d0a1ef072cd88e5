"""Numbers in words for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration for people: ``40 s``, ``12 min``, ``3.4 h``."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            number = seconds / size
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{seconds:.0f} s"
