"""Class weights in the training loss (§3.6)."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import field
from attrs.validators import ge, in_, le, lt

from bionic_core import EARLIER, UNIT, Mechanism, hookimpl


@attrs.frozen(eq=False)
class ClassWeights(Mechanism):
    """``w_c ∝ n_c^−p`` from the training images, n_c of them in class c; an image's mean is 1.

    The exponent 1 is the paper's "balanced", ``w_c = N / (C · n_c)`` of N images in C classes; 0
    weighs nothing. The form ``effective`` is ``w_c ∝ (1 − β) / (1 − β^n_c)``, the inverse of the
    effective number of images (Cui et al. 2019): β = 0 weighs nothing, β → 1 is balanced. A class
    without a training image weighs 1, as an average image does.

    Rare classes weigh more in the training loss, which is the weighted mean over a batch; the
    reported losses are unweighted. They weigh label smoothing's shares too, or not: see
    :class:`bionic_plugins.mechanisms.label_smoothing.LabelSmoothing`. What the published tables
    tell of the exponent: ``docs/results/readings.md``.

    Attributes:
        exponent: p, from 0 to 1.5; form ``power`` only.
        form: ``power`` or ``effective``.
        beta: β, from 0 to below 1; form ``effective`` only.
    """

    name = "class_weights"
    kind = "functional"
    source = (
        "BioNIC §3.6; King & Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868; effective number: "
        "Cui et al. 2019, doi:10.1109/CVPR.2019.00949"
    )

    exponent: float = field(
        default=1.0, validator=[ge(0), le(1.5)], metadata={UNIT: "1", EARLIER: 1.0}
    )
    form: Literal["power", "effective"] = field(
        default="power", validator=in_(("power", "effective")), metadata={EARLIER: "power"}
    )
    beta: float = field(
        default=0.999, validator=[ge(0), lt(1)], metadata={UNIT: "1", EARLIER: 0.999}
    )

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        key = "exponent" if self.form == "power" else "beta"
        return f"{key} is 0, so that all weights are 1" if getattr(self, key) == 0 else ""

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set how classes weigh; the counts are the training split's."""
        if self.form == "power":
            return {"weights.exponent": self.exponent}
        return {"weights.beta": self.beta}
