"""Adaptation: neurons that were active become less so."""

from __future__ import annotations

from typing import Literal

import attrs
import torch
from attrs import field
from attrs.validators import ge, gt, in_
from torch import Tensor, nn
from torch.nn import functional

from bionic_core import UNIT, Layer, Mechanism, hookimpl


class Adapting(nn.Module):
    """``a(t) = a(t − 1) + (h(t − 1) − a(t − 1)) / τ``; h(t) is x(t) less what a(t) takes of it.

    (BQ, BQ, B1Q) → (BQ, B1Q): x, h before and a before give h and a. ``subtractive``:
    ``h = ReLU(x − β a)``; ``threshold``: ``h = x`` where ``x > β a``, else 0.
    """

    variables = 1

    def __init__(self, strength: float, tau: float, *, threshold: bool) -> None:
        super().__init__()
        self.strength = strength
        self.tau = tau
        self.threshold = threshold

    def forward(self, h: Tensor, before: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rates, and the adaptation that they meet at the next step."""
        level = kept[:, 0] + (before - kept[:, 0]) / self.tau
        bar = self.strength * level
        rates = torch.where(h > bar, h, 0) if self.threshold else functional.relu(h - bar)
        return rates, level[:, None]


@attrs.frozen(eq=False)
class Adaptation(Mechanism):
    """Spike-frequency adaptation, or an adapting threshold, of each neuron; rates BQ → BQ.

    Attributes:
        strength: β, what a neuron's recent rate takes from its present one.
        tau: time constant τ of what counts as recent, in steps, at least 1.
        form: ``subtractive``, a current against the neuron (spike-frequency adaptation), or
            ``threshold``, below which it is silent and above which it is as it would be.
    """

    name = "adaptation"
    kind = "functional"
    source = (
        "Benda & Herz 2003, doi:10.1162/089976603322385063; thresholds: Bellec et al. 2018, "
        "arXiv:1803.09574"
    )
    after = ("leak",)

    strength: float = field(default=0.5, validator=gt(0), metadata={UNIT: "1"})
    tau: float = field(default=4.0, validator=ge(1), metadata={UNIT: "steps"})
    form: Literal["subtractive", "threshold"] = field(
        default="subtractive", validator=in_(("subtractive", "threshold"))
    )

    @hookimpl
    def state(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return Adapting(self.strength, self.tau, threshold=self.form == "threshold")
