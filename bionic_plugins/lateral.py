"""Lateral inhibition between neighbours in the image, as in retina and dLGN (§3.4.2 (1))."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge, gt, le
from torch import Tensor, nn
from torch.nn import functional

from bionic_core import Mechanism, Stage, hookimpl


def _odd(_: object, attribute: object, value: int) -> None:
    if value % 2 == 0:
        raise ValueError("must be an odd number of pixels, so that there is a centre")


class SurroundInhibition(nn.Module):
    """``h − α · AvgPool(h)``, BCHW → BCHW; stride 1, zero padding counted in the average."""

    def __init__(self, alpha: float, kernel: int) -> None:
        super().__init__()
        self.alpha = alpha
        self.kernel = kernel

    def forward(self, h: Tensor) -> Tensor:
        """Return the inhibited features."""
        mean = functional.avg_pool2d(h, self.kernel, stride=1, padding=self.kernel // 2)
        return h - self.alpha * mean


@attrs.frozen(eq=False)
class Lateral(Mechanism):
    """Each feature is inhibited by the mean of its neighbourhood: ``h − α · AvgPool(h)``.

    On the first stage's features BCHW, before their ReLU. The paper calls α "the inhibition
    strength" and gives neither it nor the neighbourhood; α is fixed here, not learned.

    Attributes:
        alpha: strength α, in (0, 1].
        kernel: side of the square neighbourhood in pixels, odd.
    """

    name = "lateral"
    kind = "structural"
    source = "BioNIC §3.4.2 (1), h_inh = h − α·AvgPool(h)"
    requires = ("convolution",)

    alpha: float = field(default=0.5, validator=[gt(0), le(1)])
    kernel: int = field(default=5, validator=[ge(3), _odd])

    @hookimpl
    def surround(self, stage: Stage) -> nn.Module | None:
        """Answer for the first stage only."""
        return SurroundInhibition(self.alpha, self.kernel) if stage.index == 0 else None
