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
        labels: B; or BC, the share of each class in an image, which then stands for its one label:
            where weights multiply or divide by that of its class, it is their mean by these shares.
        by_image: with class weights and label smoothing together, what weights multiply. False:
            each class's share of an image's target, as torch does, so that
            ``Σ_i Σ_c w_c q_ic (−log p_ic) / Σ_i w_{y_i}``. True: the whole image by its own class,
            ``Σ_i w_{y_i} Σ_c q_ic (−log p_ic) / Σ_i w_{y_i}``.
        options: of ``torch.nn.functional.cross_entropy``.
    """
    weight = options.get("weight")
    if labels.is_floating_point():
        return _towards_shares(logits, labels, by_image, options)
    if not by_image or weight is None:
        return functional.cross_entropy(logits, labels, **options)
    own: Tensor = weight[labels]
    rest = {key: value for key, value in options.items() if key != "weight"}
    losses = functional.cross_entropy(logits, labels, reduction="none", **rest)
    return torch.dot(own, losses) / own.sum()


def _towards_shares(
    logits: Tensor, shares: Tensor, by_image: bool, options: dict[str, Any]
) -> Tensor:
    weight = options.get("weight")
    if weight is None:
        return functional.cross_entropy(logits, shares, **options)
    own: Tensor = shares @ weight
    rest = {key: value for key, value in options.items() if key != "weight"}
    if not by_image:
        rest["weight"] = weight
    losses = functional.cross_entropy(logits, shares, reduction="none", **rest)
    return (torch.dot(own, losses) if by_image else losses.sum()) / own.sum()
