"""Synaptic noise on the rates, in training (§3.4.2 (8))."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge
from torch import Tensor, nn

from bionic_core import UNIT, Layer, Mechanism, Stream, hookimpl


class GaussianNoise(nn.Module):
    """``h + η``, η ~ N(0, σ²) for each neuron of each image, BQ → BQ; in training only."""

    def __init__(self, sigma: float, stream: Stream) -> None:
        super().__init__()
        self.sigma = sigma
        self.stream = stream

    def forward(self, h: Tensor) -> Tensor:
        """Return the rates with noise, or as they are outside training."""
        return h + self.sigma * self.stream.normal(h) if self.training else h


@attrs.frozen(eq=False)
class Noise(Mechanism):
    """``h_noise = h + η``, η ~ N(0, σ²), added after the gain's ReLU and before the norm.

    Attributes:
        sigma: standard deviation σ; the paper's 0.06.
    """

    name = "noise"
    kind = "functional"
    source = "BioNIC §3.4.2 (8)"

    sigma: float = field(default=0.06, validator=ge(0), metadata={UNIT: "rate"})

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        return "sigma is 0" if self.sigma == 0 else ""

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return GaussianNoise(self.sigma, layer.stream())
