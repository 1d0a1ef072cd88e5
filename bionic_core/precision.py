"""How exactly a GPU multiplies float32 numbers: a spec's choice, not whatever torch's default is.

By default torch lets convolutions, but not products of matrices, round their factors to TF32. On
the CPU nothing of this has an effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

IEEE, TF32 = "ieee", "tf32"


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Multiply and convolve float32 numbers exactly for the block, unless ``tf32`` is asked for."""
    wanted = TF32 if precision == "tf32" else IEEE
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
    before = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = wanted
    try:
        yield
    finally:
        for place, kept in zip(places, before, strict=True):
            place.fp32_precision = kept
