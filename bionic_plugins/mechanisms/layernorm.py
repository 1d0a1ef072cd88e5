"""Layer normalisation, as homeostasis of firing rates (§3.4.2 (9))."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import gt
from torch import nn

from bionic_core import UNIT, Mechanism, NormSite, hookimpl


@attrs.frozen(eq=False)
class LayerNorm(Mechanism):
    """``(h − mean) / √(var + ε) · w + b`` over the units of each image, BQ → BQ.

    At the bridge, after every layer, and before the readout. Variance is the biased one.

    Attributes:
        epsilon: ε, added to the variance.
    """

    name = "layernorm"
    kind = "functional"
    source = "BioNIC §3.4.2 (9); Ba et al. 2016, doi:10.48550/arXiv.1607.06450"

    epsilon: float = field(default=1e-5, validator=gt(0), metadata={UNIT: "rate²"})

    @hookimpl
    def norm(self, site: NormSite) -> nn.Module:
        """Answer for every site."""
        return nn.LayerNorm(site.size, eps=self.epsilon)
