"""Label smoothing: soft targets instead of one-hot ones (§3.6)."""

from __future__ import annotations

import attrs
from attrs import field
from attrs.validators import ge, lt

from bionic_core import Mechanism, hookimpl


@attrs.frozen(eq=False)
class LabelSmoothing(Mechanism):
    """``q = (1 − α) · one-hot + α / C``, the targets of the training loss; C classes.

    The reported loss stays plain cross entropy.

    Attributes:
        alpha: α, the paper's 0.1.
    """

    name = "label_smoothing"
    kind = "functional"
    source = "BioNIC §3.6; Szegedy et al. 2016, doi:10.1109/CVPR.2016.308"

    alpha: float = field(default=0.1, validator=[ge(0), lt(1)])

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the loss's option."""
        return {"loss.label_smoothing": self.alpha}
