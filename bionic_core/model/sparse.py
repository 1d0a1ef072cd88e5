"""Projections between wide layers: one weight for each pair that exists, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from bionic_core.model.projection import Projection, bound_of, factors
from bionic_core.model.sparse_product import Index, index_of, sampled, weighted
from bionic_core.seeds import seeded
from bionic_core.sites import ProjectionSite, Wiring

BLOCK = 2**22
"""Numbers that are drawn at a time while looking for those of the pairs."""


class SparseProjection(Projection):
    """Stored as one value for each pair, (S,), sorted by post neuron, then by pre.

    The values, what becomes of them, and what comes out equal those of the dense storage, but for
    the order in which floating-point sums are taken: also the initial weights, which are the draws
    that a dense matrix would have taken. Products are in the dtype of the values, under autocast
    as well: lower precision would save little, since it is the indices that take the time.

    Raises:
        ValueError: there is no wiring.
    """

    storage = "sparse"

    def __init__(
        self,
        site: ProjectionSite,
        wirings: Mapping[str, Wiring],
        weights: Mapping[str, nn.Module],
        seed: int,
    ) -> None:
        super().__init__(site, wirings, weights)
        if self.wiring is None:
            raise ValueError("a projection without a wiring has all pairs, and is dense")
        wiring = self.wiring = self.wiring.by_post()
        index = index_of(wiring.pre, wiring.post, site.pre.size, site.post.size)
        for name, tensor in index._asdict().items():
            self.register_buffer(f"at_{name}", tensor, persistent=False)
        bound = bound_of(site)
        with seeded(seed):
            values = self._draw(bound)
            self.bias = nn.Parameter(torch.empty(site.post.size).uniform_(-bound, bound))
        self.values = nn.Parameter(values * factors(wiring).to(values.dtype))

    @property
    def index(self) -> Index:
        """Where the pairs are."""
        return Index(*(self.get_buffer(f"at_{name}") for name in Index._fields))

    @property
    def pre(self) -> Tensor:
        """Index of the pre neuron of each value, (S,)."""
        return self.get_buffer("at_pre").long()

    @property
    def post(self) -> Tensor:
        """Index of the post neuron of each value, (S,)."""
        return self.get_buffer("at_post").long()

    def add_gates(self, mechanisms: Iterable[str]) -> None:
        """Add none: where a wiring can be switched off, all pairs may come to exist."""

    def wired(self, values: Tensor) -> Tensor:
        """Return the values as they are, (S,): there are none but of pairs that exist."""
        return values

    def correlate(self, pre: Tensor, post: Tensor) -> Tensor:
        """Return postᵀ · pre / B at the pairs, (S,)."""
        return sampled(post.t().contiguous(), pre.t().contiguous(), self.index) / len(pre)

    def matrix(self, values: Tensor) -> Tensor:
        """Return values (S,) as the matrix post × pre (Q, P), zero where no pair exists."""
        matrix = values.new_zeros(self.site.post.size, self.site.pre.size)
        return matrix.index_put((self.post, self.pre), values)

    def restored(self, values: Tensor) -> Tensor:
        """Take the pairs' values out of a dense matrix (Q, P), from a checkpoint of one."""
        if values.shape != (self.site.post.size, self.site.pre.size):
            return values
        return values[self.post.to(values.device), self.pre.to(values.device)]

    def forward(self, x: Tensor) -> Tensor:
        """Return x · Wᵀ + b, BP → BQ, in the dtype of the values."""
        with torch.autocast(x.device.type, enabled=False):
            values = self.effective()
            turned = x.to(values.dtype).t().contiguous()
            return weighted(values, turned, self.index).t().contiguous() + self.bias

    def _draw(self, bound: float) -> Tensor:
        """Return what a dense matrix would have drawn for the pairs, without holding it."""
        assert self.wiring is not None
        pre, post = self.site.pre.size, self.site.post.size
        pairs = torch.as_tensor(self.wiring.key(pre))
        values = torch.empty(len(pairs))
        rows = max(1, BLOCK // pre)
        begun = 0
        for first in range(0, post, rows):  # block by block: the matrix may not fit
            block = torch.empty(min(rows, post - first), pre).uniform_(-bound, bound)
            end = int(torch.searchsorted(pairs, (first + len(block)) * pre))
            values[begun:end] = block.flatten()[pairs[begun:end] - first * pre]
            begun = end
        return values
