"""Balanced class weights in the training loss (§3.6)."""

from __future__ import annotations

import attrs

from bionic_core import Mechanism, hookimpl


@attrs.frozen(eq=False)
class ClassWeights(Mechanism):
    """``w_c = N / (C · n_c)``, from the N training images, n_c of them in class c of C.

    Rare classes weigh more in the training loss, which is the weighted mean over a batch; the
    reported loss stays plain cross entropy. They weigh label smoothing's shares too: see
    :class:`bionic_plugins.mechanisms.label_smoothing.LabelSmoothing`.
    """

    name = "class_weights"
    kind = "functional"
    source = "BioNIC §3.6; King & Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868"

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the loss's option; the counts are the training split's."""
        return {"loss.weight": "balanced"}
