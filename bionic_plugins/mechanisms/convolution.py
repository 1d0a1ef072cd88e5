"""Convolutional stages, the front end (§3.4.2 (1))."""

from __future__ import annotations

from functools import reduce

import attrs
import torch
from attrs import field
from attrs.validators import deep_iterable, ge, min_len
from torch import Tensor, nn

from bionic_core import EARLIER, UNIT, Features, Mechanism, RequestError, Stage, hookimpl


def _odd(_: object, attribute: object, value: tuple[int, ...]) -> None:
    """Odd, each."""
    if any(size < 1 or size % 2 == 0 for size in value):
        raise ValueError("must be odd numbers, so that the padding keeps the image's size")


def _positive(_: object, attribute: object, value: int | tuple[int, ...]) -> None:
    """At least 1, each."""
    if any(size < 1 for size in (value if isinstance(value, tuple) else (value,))):
        raise ValueError("must be >= 1")


class MaxPool(nn.MaxPool2d):
    """Maxima of ``side`` × ``side`` pixels; BCHW → BCHW, what is left at the edges dropped.

    Where no gradient is wanted, maxima of rows, then of columns: the same numbers, on a CPU in half
    the time, because torch's own keeps where each maximum was.
    """

    def __init__(self, side: int) -> None:
        super().__init__(side)
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Return the maxima."""
        if torch.is_grad_enabled() or x.device.type != "cpu" or torch.compiler.is_compiling():
            maxima: Tensor = super().forward(x)
            return maxima
        height, width = (size - size % self.side for size in x.shape[-2:])
        rows = reduce(torch.maximum, (x[..., n : height : self.side, :] for n in range(self.side)))
        return reduce(torch.maximum, (rows[..., n : width : self.side] for n in range(self.side)))


@attrs.frozen(eq=False)
class Convolution(Mechanism):
    """Convolution, then (after the stage's ReLU) max pooling: ``h = Conv(x, W) + b``.

    BCHW → B × filters × ⌈H / stride⌉ × ⌈W / stride⌉, zero padding k // 2, pooled by ``pool``. The
    paper gives 8 and 16 filters; kernels 5 × 5 and 3 × 3 follow from Table 4, whose ablation is
    208 + 1,168 = 1,376 parameters smaller, and two poolings by 2 from 16·12·12 = 2,304 = 48·48
    features: the same figure with and without this mechanism (DESIGN reading 2).

    Attributes:
        filters: number of filters of each stage.
        kernels: side of each stage's square kernel in pixels, odd.
        pool: side of the max pooling of every stage, or a list with one for each; 1 for none.
        strides: step of the convolution in pixels at every stage, or a list with one for each.
    """

    name = "convolution"
    kind = "functional"
    source = "BioNIC §3.4.2 (1)"

    filters: tuple[int, ...] = field(
        default=(8, 16), validator=[min_len(1), deep_iterable(ge(1))], metadata={UNIT: "filters"}
    )
    kernels: tuple[int, ...] = field(default=(5, 3), validator=_odd, metadata={UNIT: "px"})
    pool: int | tuple[int, ...] = field(default=2, validator=_positive, metadata={UNIT: "px"})
    strides: int | tuple[int, ...] = field(
        default=1, validator=_positive, metadata={UNIT: "px", EARLIER: 1}
    )

    def __attrs_post_init__(self) -> None:
        for key, one in (("kernels", "kernel"), ("pool", "side"), ("strides", "stride")):
            values = getattr(self, key)
            if isinstance(values, tuple) and len(values) != len(self.filters):
                raise ValueError(
                    f"filters has {len(self.filters)} stages and {key} {len(values)}; "
                    f"give one {one} for each stage"
                )

    @hookimpl
    def features(self, stage: Stage) -> Features | None:
        """Answer for as many stages as there are filters."""
        if stage.index >= len(self.filters):
            return None
        kernel, filters = self.kernels[stage.index], self.filters[stage.index]
        pool, stride = (_of_stage(values, stage.index) for values in (self.pool, self.strides))
        if -(-min(stage.shape[1:]) // stride) < pool:
            raise RequestError(f"the image is too small to be pooled by {pool} at {stage.name}")
        return Features(
            nn.Conv2d(stage.shape[0], filters, kernel, stride=stride, padding=kernel // 2),
            MaxPool(pool) if pool > 1 else None,
        )


def _of_stage(values: int | tuple[int, ...], index: int) -> int:
    return values[index] if isinstance(values, tuple) else values
