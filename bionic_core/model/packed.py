"""Projections between small layers: a weight for each pair that exists, multiplied as a matrix."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from bionic_core.model.sparse import SparseProjection
from bionic_core.sites import ProjectionSite, Wiring


class PackedProjection(SparseProjection):
    """Stored as one value for each pair, (S,), which are put into their places in every product.

    Between some hundred neurons a dense product takes less time than looking up a few percent of
    the pairs. What is saved is all else that would go through the matrix: masking, the optimiser's
    step, the local rules, checkpoints. Values and initial weights are those of
    :class:`SparseProjection`; products are in autocast's precision, as the dense storage's are.
    """

    storage = "packed"

    def __init__(
        self,
        site: ProjectionSite,
        wirings: Mapping[str, Wiring],
        weights: Mapping[str, nn.Module],
        seed: int,
    ) -> None:
        super().__init__(site, wirings, weights, seed)
        self.at_place: Tensor
        self.register_buffer("at_place", self.post * site.pre.size + self.pre, persistent=False)

    @property
    def allocated(self) -> int:
        """The number of weights of the matrix."""
        return self.site.pre.size * self.site.post.size

    def correlate(self, pre: Tensor, post: Tensor) -> Tensor:
        """Return postᵀ · pre / B at the pairs, (S,)."""
        return ((post / len(pre)).T @ pre).flatten().index_select(0, self.at_place)

    def matrix(self, values: Tensor) -> Tensor:
        """Return values (S,) as the matrix post × pre (Q, P), zero where no pair exists."""
        size = (self.site.post.size, self.site.pre.size)
        return values.new_zeros(size[0] * size[1]).scatter(0, self.at_place, values).view(size)

    def forward(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return x · Wᵀ + b, BP → BQ; W as it acts may be given."""
        made = self.matrix(self.effective()) if weights is None else weights
        return functional.linear(x, made, self.bias)
