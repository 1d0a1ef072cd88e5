"""Weight decay: an L2 penalty in the optimiser (§3.4.2 (7))."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge, optional

from bionic_core import NEUTRAL, UNIT, Mechanism, hookimpl


@attrs.frozen(eq=False)
class WeightDecay(Mechanism):
    """``grad + λ·w`` for every parameter, the L2 penalty of Krogh & Hertz (1991).

    Optimisers that decay apart from the gradient (``adamw``, and ``muon`` its wide matrices) take
    ``w ← (1 − lr·λ)·w`` instead, which is another unit: 1e-4 is next to nothing there.

    Attributes:
        strength: λ, the paper's 1e-4 (§3.6).
        wide: λ of the wide matrices of ``muon``, and of no other optimiser; as ``strength`` if not
            given. Usual is 0.1 (Liu et al. 2025, arXiv:2502.16982).
    """

    name = "weight_decay"
    kind = "functional"
    source = "BioNIC §3.4.2 (7), §3.6"

    strength: float = field(default=1e-4, validator=ge(0), metadata={UNIT: "1"})
    wide: float | None = field(
        default=None, validator=optional(ge(0)), metadata={UNIT: "1", NEUTRAL: True}
    )

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the optimiser's options."""
        found: dict[str, object] = {"optimizer.weight_decay": self.strength}
        return found if self.wide is None else found | {"optimizer.wide_decay": self.wide}
