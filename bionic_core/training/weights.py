"""Weights of classes in the training loss, made of how many training images each class has."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from bionic_core.errors import RequestError


@attrs.frozen
class Weights:
    """What decides the weights; where neither is given there are none.

    Attributes:
        exponent: p of w_c ∝ n_c^−p.
        beta: β of w_c ∝ (1 − β) / (1 − β^n_c), the inverse of the effective number of n_c images
            (Cui et al. 2019, doi:10.1109/CVPR.2019.00949).
    """

    exponent: float | None = None
    beta: float | None = None

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return self.exponent is not None or self.beta is not None

    def of(self, counts: Sequence[int]) -> list[float]:
        """Return each class's weight, scaled so that the mean weight of an image is 1.

        A class without an image weighs 1, as an average image does: it is nobody's label, but
        label smoothing gives it a share of every image.

        Args:
            counts: training images of each class.

        Raises:
            RequestError: both ways to weigh are given.
        """
        if self.exponent is not None and self.beta is not None:
            raise RequestError(
                "the recipe's weights.exponent and weights.beta exclude each other: weights are by "
                "a power of the number of images, or by the effective number"
            )
        # Divided by what a class counts as, so that the exponent 1 is N / (C · n_c) to the bit.
        size = [self._size(count) for count in counts]
        scale = sum(count / own for count, own in zip(counts, size, strict=True) if count)
        total = sum(counts)
        return [total / (scale * own) if n else 1.0 for n, own in zip(counts, size, strict=True)]

    def _size(self, count: int) -> float:
        """Return what a class of so many images counts as; its weight is the inverse."""
        if not count:
            return 1.0
        if self.beta is None:
            return math.pow(count, self.exponent or 0.0)
        if self.beta == 0:
            return 1.0
        # expm1 keeps the digits where β is next to 1 and the effective number near n_c.
        return math.expm1(count * math.log(self.beta)) / math.expm1(math.log(self.beta))
