"""Weight decay: an L2 penalty in the optimiser (§3.4.2 (7))."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge

from bionic_core import Mechanism, hookimpl


@attrs.frozen(eq=False)
class WeightDecay(Mechanism):
    """``grad + λ·w`` for every parameter, the L2 penalty of Krogh & Hertz (1991).

    Attributes:
        strength: λ, the paper's 1e-4 (§3.6).
    """

    name = "weight_decay"
    kind = "functional"
    source = "BioNIC §3.4.2 (7), §3.6"

    strength: float = field(default=1e-4, validator=ge(0))

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the optimiser's option."""
        return {"optimizer.weight_decay": self.strength}
