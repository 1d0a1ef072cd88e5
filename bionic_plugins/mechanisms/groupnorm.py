"""Group normalisation of the front end's features (Wu & He 2018)."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge, gt
from torch import nn

from bionic_core import UNIT, Mechanism, RequestError, Stage, hookimpl


@attrs.frozen(eq=False)
class GroupNorm(Mechanism):
    """``(h − mean) / √(var + ε) · w + b`` of each image's groups of channels, before the ReLU.

    BCHW → BCHW; mean and biased variance are over a group's channels and all places, w and b of
    each channel. Unlike batch normalisation nothing depends on the other images of a batch, so
    training and evaluation compute the same, and a run resumes exactly.

    Attributes:
        groups: number of groups into which a stage's channels are divided evenly; 1 for all
            channels together.
        epsilon: ε, added to the variance.
    """

    name = "groupnorm"
    kind = "functional"
    source = "Wu & He 2018, doi:10.1007/978-3-030-01261-8_1"
    requires = ("convolution",)
    after = ("lateral",)

    groups: int = field(default=8, validator=ge(1), metadata={UNIT: "groups"})
    epsilon: float = field(default=1e-5, validator=gt(0), metadata={UNIT: "1"})

    @hookimpl
    def surround(self, stage: Stage) -> nn.Module:
        """Answer for every stage.

        Raises:
            RequestError: the stage's channels cannot be divided evenly.
        """
        channels = stage.shape[0]
        if channels % self.groups:
            raise RequestError(
                f"mechanisms.groupnorm.groups = {self.groups}: {stage.name} has {channels} "
                "channels; give a number of groups that divides those of every stage"
            )
        return nn.GroupNorm(self.groups, channels, eps=self.epsilon)
