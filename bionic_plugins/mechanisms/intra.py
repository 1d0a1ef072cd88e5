"""Connections within a layer (§3.4.2 (4))."""

from __future__ import annotations

import attrs
from torch import nn

from bionic_core import Layer, Mechanism, hookimpl


@attrs.frozen(eq=False)
class Intra(Mechanism):
    """Neurons of a layer act on one another: ``h_intra = (U ⊙ N) h + c``, BQ → BQ.

    A projection of the layer to itself, so that masks and plasticity find it like any other.
    """

    name = "intra"
    kind = "structural"
    source = "BioNIC §3.4.2 (4), h_comb = h + (U ⊙ N)h + c"

    @hookimpl
    def current(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return layer.projection_to(layer)
