"""How exactly numbers are multiplied: a spec's choice, as far as a device can make use of it.

``tf32`` and ``bfloat16`` let the factors of products and convolutions be rounded, for speed. Where
a device has no instructions for that, products are taken in float32, exact and faster there: on a
CPU without them, torch multiplies bfloat16 numbers up to eighty times slower.

By default torch lets a GPU's convolutions, but not products of matrices, round their factors to
TF32. On the CPU nothing of this has an effect.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

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


@cache
def has_bfloat16(device: str) -> bool:
    """Whether the devices of a type, ``cpu`` or ``cuda``, have instructions for bfloat16."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if platform.machine().lower() in ("x86_64", "amd64"):  # oneDNN's word includes emulation here
        supported = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, name, lambda: False)() for name in supported)
    found = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    return bool(found())


def taken_in(precision: str, device: torch.device) -> str:
    """Return what products are taken in on a device, where a spec allows so little precision."""
    if precision == "bfloat16" and has_bfloat16(device.type):
        return precision
    if precision == "tf32" and device.type == "cuda":
        return precision if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    return "float32"


def lowered(precision: str, device: torch.device, *, cached: bool) -> torch.autocast:
    """Take products in bfloat16 for the block, if that is allowed and the device has it.

    Args:
        precision: what a spec allows.
        device: where.
        cached: keep what weights are rounded to until the end of the block.
    """
    lower = taken_in(precision, device) == "bfloat16"
    return torch.autocast(
        device.type, torch.bfloat16, enabled=lower, cache_enabled=cached and lower
    )


def in_words(precision: str, device: torch.device) -> str:
    """Say that products are more exact than a spec asks for; an empty string where they are not."""
    if precision != "bfloat16" or taken_in(precision, device) == precision:
        return ""
    what = "GPU" if device.type == "cuda" else "processor"
    return (
        "products are taken in float32 here, not in bfloat16, for which this "
        f"{what} has no instructions"
    )
