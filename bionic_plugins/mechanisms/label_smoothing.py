"""Label smoothing: soft targets instead of one-hot ones (§3.6)."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import field
from attrs.validators import ge, in_, lt

from bionic_core import EARLIER, UNIT, Mechanism, hookimpl


@attrs.frozen(eq=False)
class LabelSmoothing(Mechanism):
    """``q = (1 − α) · one-hot + α / C``, the targets of the training loss; C classes.

    The reported ``loss`` stays plain cross entropy; ``kl`` is the Kullback–Leibler divergence to q.

    With ``class_weights`` the two are no separate factors in torch's form, which multiplies each
    class's share of the target by that class's weight, so that an image of class y has the loss

        −(1 − α) w_y log p_y − α/C · Σ_c w_c log p_c,

    least at p_c ∝ (1 − α) w_y [c = y] + α w_c / C: a heavy class takes much of the smoothing. Under
    FER-2013's weights (9.4 for disgusted, 0.57 for happy; 28,709 training images) and α = 0.1 the
    best answer to a happy image is happy .716, disgusted .185, where smoothing alone, weights
    taken by image, would have .914 and .014. So an effect of label smoothing is one with these
    weights, or one without them, and their interaction is what it measures. The form ``image``
    weighs an image by its own class only: −w_y Σ_c q_c log p_c. Without class weights both are one.

    Attributes:
        alpha: α, the paper's 0.1.
        form: ``torch`` or ``image``.
    """

    name = "label_smoothing"
    kind = "functional"
    source = "BioNIC §3.6; Szegedy et al. 2016, doi:10.1109/CVPR.2016.308"

    alpha: float = field(default=0.1, validator=[ge(0), lt(1)], metadata={UNIT: "1"})
    form: Literal["torch", "image"] = field(
        default="torch", validator=in_(("torch", "image")), metadata={EARLIER: "torch"}
    )

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the loss's options."""
        options: dict[str, object] = {
            "loss.label_smoothing": self.alpha,
            "target.smoothing": self.alpha,
        }
        if self.form == "image" and self.alpha > 0:
            options["loss.by_image"] = True
        return options
