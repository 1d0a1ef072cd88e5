"""Graded inhibition by the number of inhibitory synapses that a neuron receives (§3.4.2 (5))."""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np
import torch
from attrs import field
from attrs.validators import gt, in_, lt
from torch import Tensor, nn

from bionic_core import UNIT, Connectome, Layer, Mechanism, RequestError, hookimpl

EPSILON = 1e-8
"""Keeps the quotient finite in a layer that no inhibitory cell reaches."""


class GradedInhibition(nn.Module):
    """``s = 1 − α · I / (max I + ε)``, Q; α = σ(a) with a learned, so that 0 < α < 1.

    ``inputs`` is I: what each neuron receives from inhibitory cells, float (Q,).
    """

    def __init__(self, inputs: Tensor, alpha: float) -> None:
        super().__init__()
        self.inputs: Tensor
        self.register_buffer("inputs", inputs, persistent=False)
        self.greatest = float(inputs.max()) + EPSILON
        self.idle = ""
        self.logit = nn.Parameter(torch.tensor(math.log(alpha / (1 - alpha))))

    @property
    def alpha(self) -> Tensor:
        """The strength α, a scalar."""
        return torch.sigmoid(self.logit)

    def forward(self, h: Tensor) -> Tensor:
        """Return the gain of each neuron, (Q,); the same for every image."""
        return 1 - self.alpha * (self.inputs / self.greatest)


@attrs.frozen(eq=False)
class Inhibition(Mechanism):
    """Neurons with more incoming inhibition fire less: ``h ⊙ s``, one learned α a layer.

    I counts synapses from all inhibitory cells of the connectome, whether or not they are in a
    layer of the model.

    Attributes:
        weighting: ``count`` of synapses, or their summed ``size``.
        alpha: initial strength α, in (0, 1).
    """

    name = "inhibition"
    kind = "structural"
    source = "BioNIC §3.4.2 (5), s = 1 − α·I/(max I + ε)"

    weighting: Literal["count", "size"] = field(default="count", validator=in_(("count", "size")))
    alpha: float = field(default=0.5, validator=[gt(0), lt(1)], metadata={UNIT: "1"})

    @hookimpl
    def gain(self, layer: Layer, connectome: Connectome | None) -> nn.Module:
        """Answer for every layer."""
        if connectome is None:
            raise RequestError("there is no connectome; add a [connectome] table to the spec")
        block = connectome.block(connectome.of_broad_type("inhibitory"), layer.cells)
        amount = block.count if self.weighting == "count" else block.size
        inputs = np.bincount(block.post, weights=amount, minlength=layer.size)
        found = GradedInhibition(
            torch.as_tensor(inputs, dtype=torch.get_default_dtype()), self.alpha
        )
        if not inputs.any():
            found.idle = f"no neuron of layer '{layer.name}' has an inhibitory input"
        return found
