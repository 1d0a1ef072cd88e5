"""The training loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def training_loss(
    logits: Tensor, labels: Tensor, *, by_image: bool = False, **options: Any
) -> Tensor:
    """Return the weighted mean of the cross entropy over a batch, a scalar.

    Args:
        logits: BC.
        labels: B.
        by_image: with class weights and label smoothing together, what weights multiply. False:
            each class's share of an image's target, as torch does, so that
            ``Σ_i Σ_c w_c q_ic (−log p_ic) / Σ_i w_{y_i}``. True: the whole image by its own class,
            ``Σ_i w_{y_i} Σ_c q_ic (−log p_ic) / Σ_i w_{y_i}``.
        options: of ``torch.nn.functional.cross_entropy``.
    """
    weight = options.get("weight")
    if not by_image or weight is None:
        return functional.cross_entropy(logits, labels, **options)
    own: Tensor = weight[labels]
    rest = {key: value for key, value in options.items() if key != "weight"}
    losses = functional.cross_entropy(logits, labels, reduction="none", **rest)
    return torch.dot(own, losses) / own.sum()
