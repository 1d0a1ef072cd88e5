"""Residual blocks within the stages of the front end (He et al. 2016)."""

from __future__ import annotations

import attrs
import torch
from attrs import field
from attrs.validators import ge
from torch import Tensor, nn

from bionic_core import UNIT, Mechanism, RequestError, Stage, hookimpl


class ResidualBlock(nn.Module):
    """``h + Conv₂(ReLU(GN₂(Conv₁(ReLU(GN₁(h))))))``, BCHW → BCHW; 3 × 3, zero padded.

    The convolutions before a normalisation have no bias; Conv₂ has one, and begins at zero, so
    that an untrained block changes nothing.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(groups, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, h: Tensor) -> Tensor:
        """Return the features and what the block adds to them."""
        inner = self.conv1(torch.relu(self.norm1(h)))
        added: Tensor = self.conv2(torch.relu(self.norm2(inner)))
        return h + added


@attrs.frozen(eq=False)
class ResidualBlocks(Mechanism):
    """Each stage's features go through ``blocks`` residual blocks before their ReLU and pooling.

    ``h ← h + Conv₂(ReLU(GN₂(Conv₁(ReLU(GN₁(h))))))``, BCHW → BCHW: the block with the
    normalisation before the weights (He et al. 2016b), group instead of batch normalisation, and
    its last convolution zero at the start (Zhang et al. 2019, doi:10.48550/arXiv.1901.09321). A
    convolutional stage whose features change size or number stays what it is; blocks follow it.

    Attributes:
        blocks: number of blocks in each stage from ``first`` on.
        first: index of the first stage that has them; 0 is the one of the image's size.
        groups: number of groups into which channels are divided evenly to be normalised.
    """

    name = "residual_blocks"
    kind = "functional"
    source = "He et al. 2016, doi:10.1007/978-3-319-46493-0_38"
    requires = ("convolution",)
    after = ("lateral", "groupnorm")

    blocks: int = field(default=1, validator=ge(1), metadata={UNIT: "blocks"})
    first: int = field(default=1, validator=ge(0), metadata={UNIT: "stage"})
    groups: int = field(default=8, validator=ge(1), metadata={UNIT: "groups"})

    @hookimpl
    def surround(self, stage: Stage) -> nn.Module | None:
        """Answer for the stages from ``first`` on.

        Raises:
            RequestError: the stage's channels cannot be divided evenly.
        """
        channels = stage.shape[0]
        if stage.index < self.first:
            return None
        if channels % self.groups:
            raise RequestError(
                f"mechanisms.residual_blocks.groups = {self.groups}: {stage.name} has {channels} "
                "channels; give a number of groups that divides those of every stage"
            )
        return nn.Sequential(*(ResidualBlock(channels, self.groups) for _ in range(self.blocks)))
