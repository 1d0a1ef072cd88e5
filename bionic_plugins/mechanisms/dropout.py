"""Dropout: neurons that fall silent at random, in training (Srivastava et al. 2014)."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge, lt
from torch import Tensor, nn

from bionic_core import UNIT, Layer, Mechanism, Stream, hookimpl


class RandomSilence(nn.Module):
    """``h · m / (1 − p)``, m = 0 with probability p for each neuron of each image; BQ → BQ.

    In training only.
    """

    def __init__(self, share: float, stream: Stream) -> None:
        super().__init__()
        self.share = share
        self.stream = stream

    def forward(self, h: Tensor) -> Tensor:
        """Return the rates that are left, or as they are outside training."""
        if not self.training:
            return h
        kept = self.stream.uniform(*h.shape, device=h.device) >= self.share
        return h * kept.to(h.dtype) / (1 - self.share)


@attrs.frozen(eq=False)
class Dropout(Mechanism):
    """``h · m / (1 − p)``, m ~ Bernoulli(1 − p) for each neuron of each image, in training.

    After the gain's ReLU and before the norm, so that mean rates are those of evaluation.

    Attributes:
        share: p, the share of a layer's neurons that are silent, in [0, 1).
    """

    name = "dropout"
    kind = "functional"
    after = ("noise", "kwta")
    source = "Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html"

    share: float = field(default=0.1, validator=[ge(0), lt(1)], metadata={UNIT: "1"})

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        return "share is 0" if self.share == 0 else ""

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return RandomSilence(self.share, layer.stream())
