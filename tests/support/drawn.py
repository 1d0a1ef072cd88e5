"""Schematic faces, drawn once for each process of the tests: drawing takes longer than training."""

from __future__ import annotations

import functools

from bionic_core import Split
from bionic_core.pictures import Shape, check_room
from bionic_plugins.data import faces

draw_split = faces.drawn_split
"""What draws them, for tests of the drawing itself."""

_kept = functools.lru_cache(maxsize=64)(draw_split)


def drawn_once(count: int, seed: tuple[int, int], image: Shape) -> Split:
    """Return copies of what was drawn before, or draw; what memory cannot hold is refused."""
    check_room(count, (1, faces.SIDE, faces.SIDE))
    check_room(count, image)
    known = _kept(count, seed, tuple(image))
    return Split(known.images.copy(), known.labels.copy())
