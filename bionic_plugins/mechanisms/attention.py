"""Hierarchical attention: channels, then places (§3.4.2 (2))."""

from __future__ import annotations

import attrs
import torch
from attrs import field
from attrs.validators import ge
from torch import Tensor, nn

from bionic_core import UNIT, Mechanism, hookimpl


class HierarchicalAttention(nn.Module):
    """Channel attention, then spatial attention; BCHW → BCHW.

    ``s = σ(W₂ ReLU(W₁ GAP(x)))``, ``x_ca = x ⊙ s``, ``x_out = x_ca ⊙ σ(Conv₃ₓ₃(x_ca))``.
    W₁ (C/r × C) and W₂ (C × C/r) have no biases, as printed; the convolution has one.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)
        self.place = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attended features."""
        pooled = x.mean(dim=(2, 3))  # B C
        scale = torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled))))  # B C
        x = x * scale[:, :, None, None]
        return x * torch.sigmoid(self.place(x))


@attrs.frozen(eq=False)
class Attention(Mechanism):
    """Which feature types and which places matter, on the last features BCHW.

    16 → 2 → 16 channels (64 parameters) and one 3 × 3 convolution 16 → 1 with bias (145).

    It requires convolution: of pixels there is one channel, so that weighing channels against each
    other would be a gain for the whole image. The paper's ablation of convolution keeps these 209
    parameters (Table 4: 1,376 fewer, those of the two convolutions) and does not say on what they
    act, so it is not offered; leaving convolution out leaves attention out too.

    Attributes:
        reduction: channels are squeezed by this factor, to at least 1.
    """

    name = "attention"
    kind = "functional"
    source = "BioNIC §3.4.2 (2); Woo et al. 2018, doi:10.1007/978-3-030-01234-2_1"
    requires = ("convolution",)

    reduction: int = field(default=8, validator=ge(1), metadata={UNIT: "1"})

    @hookimpl
    def modulate(self, shape: tuple[int, int, int]) -> nn.Module:
        """Answer for the last features, ``shape`` = (C, H, W)."""
        return HierarchicalAttention(shape[0], self.reduction)
