"""k winners take all: in each layer the most active neurons alone stay active."""

from __future__ import annotations

import math

import attrs
import torch
from attrs import field
from attrs.validators import gt, le
from torch import Tensor, nn

from bionic_core import UNIT, Layer, Mechanism, hookimpl


class Winners(nn.Module):
    """``h`` of the k largest rates of each image, 0 elsewhere; BQ → BQ, and of equals the first."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, h: Tensor) -> Tensor:
        """Return the winners' rates."""
        order = h.argsort(dim=-1, descending=True, stable=True)
        rank = order.argsort(dim=-1)
        return torch.where(rank < self.k, h, 0)


@attrs.frozen(eq=False)
class KWinnersTakeAll(Mechanism):
    """The k = ⌈share · Q⌉ largest rates of a layer stay, the others are 0; rates BQ → BQ.

    Attributes:
        share: of a layer's neurons that win, in (0, 1]; Dasgupta's fly has 0.05.
    """

    name = "kwta"
    kind = "functional"
    source = (
        "Majani et al. 1989, NIPS; in the fly's mushroom body Dasgupta et al. 2017, "
        "doi:10.1126/science.aam9868"
    )
    after = ("noise",)

    share: float = field(default=0.1, validator=[gt(0), le(1)], metadata={UNIT: "1"})

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        return "share is 1, and so every neuron wins" if self.share == 1 else ""

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return Winners(max(1, math.ceil(self.share * layer.size - 1e-9)))
