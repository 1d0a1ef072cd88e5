"""Projections: the weights from one layer to another, or of a layer to itself.

A projection's storage is its own affair. Mechanisms see its values and the two index tensors
``pre`` and ``post`` that broadcast against them, never its shape; another storage is another
subclass of :class:`Projection` and a line in :mod:`bionic_core.model.storage`. A checkpoint of one
loads into another.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bionic_core.model.combination import Gated, Pieces
from bionic_core.seeds import seeded
from bionic_core.sites import ProjectionSite, Wiring


class Projection(Gated):
    """Weights, pre → post, wired and with a bias; module BP → BQ.

    Attributes:
        site: the two layers.
        wiring: the pairs that exist, None where all do.
        wired_by: the mechanisms that say which pairs exist.
        values: the raw weights, in the shape of the storage; zero where no pair exists.
        bias: (Q,).
        storage: its name in a spec.
        chain: the weight hook's pieces, by mechanism.
    """

    storage: ClassVar[str]
    values: nn.Parameter
    bias: nn.Parameter

    def __init__(
        self, site: ProjectionSite, wirings: Mapping[str, Wiring], weights: Mapping[str, nn.Module]
    ) -> None:
        super().__init__()
        self.site = site
        self.wired_by: tuple[str, ...] = tuple(wirings)
        self.wiring: Wiring | None = combined(wirings, site.pre.size)
        self.chain: Pieces = Pieces("weight", site.name, weights)

    @property
    def label(self) -> str:
        """``A->B``, or ``A->A (mechanism)`` where a mechanism asked for it."""
        return f"{self.site.name} ({self.site.owner})" if self.site.owner else self.site.name

    @property
    def pairs(self) -> int:
        """The number of pairs that exist."""
        everything = self.site.pre.size * self.site.post.size
        return everything if self.wiring is None else len(self.wiring)

    @property
    def allocated(self) -> int:
        """The number of weights that a product goes through."""
        return self.values.numel()

    @property
    def masked(self) -> int:
        """The number of those that belong to no pair, and stay zero."""
        return self.allocated - self.pairs

    @property
    @abstractmethod
    def pre(self) -> Tensor:
        """Index of the pre neuron of each value, broadcasting against the values."""

    @property
    @abstractmethod
    def post(self) -> Tensor:
        """Index of the post neuron of each value, broadcasting against the values."""

    @abstractmethod
    def wired(self, values: Tensor) -> Tensor:
        """Return the values with zero where no pair exists."""

    @abstractmethod
    def correlate(self, pre: Tensor, post: Tensor) -> Tensor:
        """Return the batch mean of pre (BP) times post (BQ) in the shape of the values."""

    @abstractmethod
    def matrix(self, values: Tensor) -> Tensor:
        """Return values in the shape of the storage as the matrix post × pre (Q, P)."""

    @abstractmethod
    def restored(self, values: Tensor) -> Tensor:
        """Return the values of a checkpoint, of this storage or another, in the shape of this one.

        What fits neither comes back as it is, for torch to refuse.
        """

    def effective(self) -> Tensor:
        """Return the weights as they act: through the weight hook's chain, then the wiring."""
        values: Tensor = self.values
        for name in self.chain.mechanisms:
            values = self.chain.answer(name, values, values, self)
        return self.wired(values)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        key = f"{prefix}values"
        if key in state_dict:
            state_dict[key] = self.restored(state_dict[key])  # of whatever storage
        super()._load_from_state_dict(state_dict, prefix, *rest)


class DenseProjection(Projection):
    """Stored as a matrix, post × pre (Q, P), with a mask where not all pairs exist."""

    storage = "dense"

    def __init__(
        self,
        site: ProjectionSite,
        wirings: Mapping[str, Wiring],
        weights: Mapping[str, nn.Module],
        seed: int,
    ) -> None:
        super().__init__(site, wirings, weights)
        self.wirings = dict(wirings)
        pre, post = site.pre.size, site.post.size
        bound = bound_of(site)
        with seeded(seed):
            # For all pairs, whatever the wiring: variants start from the same weights.
            values = torch.empty(post, pre).uniform_(-bound, bound)
            self.bias = nn.Parameter(torch.empty(post).uniform_(-bound, bound))
        if self.wiring is not None:
            scale = torch.zeros(post, pre)
            scale[self.wiring.post, self.wiring.pre] = factors(self.wiring).to(scale.dtype)
            values.mul_(scale)
            # Not kept in checkpoints: the spec and the connectome say it again.
            self.register_buffer("mask", _mask(self.wiring, values), False)
        self.values = nn.Parameter(values)

    def add_mask(self) -> None:
        """Have a mask, if there is none, that leaves all pairs."""
        if "mask" not in self._buffers:
            self.register_buffer("mask", torch.ones_like(self.values, requires_grad=False), False)

    def add_gates(self, mechanisms: Iterable[str]) -> None:
        """Keep the mask of each wiring mechanism apart, each behind its gate."""
        names = [name for name in mechanisms if name in self.wirings]
        super().add_gates(names)
        for name in names:
            self.register_buffer(f"mask_{name}", _mask(self.wirings[name], self.values), False)
        rest = {name: wiring for name, wiring in self.wirings.items() if name not in names}
        if names and rest:
            kept = combined(rest, self.site.pre.size)
            assert kept is not None
            self.get_buffer("mask").copy_(_mask(kept, self.values))
        elif names:
            del self._buffers["mask"]

    @property
    def pre(self) -> Tensor:
        """Index of each column, (1, P)."""
        return torch.arange(self.site.pre.size, device=self.values.device)[None, :]

    @property
    def post(self) -> Tensor:
        """Index of each row, (Q, 1)."""
        return torch.arange(self.site.post.size, device=self.values.device)[:, None]

    def wired(self, values: Tensor) -> Tensor:
        """Return values · mask, (Q, P)."""
        mask = self._buffers.get("mask")
        if mask is not None:
            values = values * mask
        for name in self.wirings:
            gate = self.gate(name)
            if gate is not None:
                values = torch.where(gate, values * self.get_buffer(f"mask_{name}"), values)
        return values

    def correlate(self, pre: Tensor, post: Tensor) -> Tensor:
        """Return postᵀ · pre / B, (Q, P)."""
        return (post / len(pre)).T @ pre

    def matrix(self, values: Tensor) -> Tensor:
        """Return the values, (Q, P)."""
        return values

    def restored(self, values: Tensor) -> Tensor:
        """Put the values of the pairs (S,), from a sparse checkpoint, into a matrix (Q, P)."""
        if self.wiring is None or values.shape != (len(self.wiring),):
            return values
        matrix = torch.zeros_like(self.values, dtype=values.dtype, device=values.device)
        wiring = self.wiring.by_post()
        matrix[wiring.post, wiring.pre] = values
        return matrix

    def forward(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return x · Wᵀ + b, BP → BQ; W as it acts may be given."""
        return functional.linear(x, self.effective() if weights is None else weights, self.bias)


def _mask(wiring: Wiring, values: Tensor) -> Tensor:
    """Return 1 where a pair exists, else 0, like the values; products with booleans take longer."""
    mask = torch.zeros_like(values, requires_grad=False)
    mask[wiring.post, wiring.pre] = 1
    return mask


def combined(wirings: Mapping[str, Wiring], size: int) -> Wiring | None:
    """Return the pairs that all of the wirings have; None where there is no wiring."""
    return reduce(lambda a, b: a.intersect(b, size), wirings.values()) if wirings else None


def bound_of(site: ProjectionSite) -> float:
    """Return the greatest initial weight, 1/√P, before any wiring's scale."""
    return 1 / math.sqrt(site.pre.size)


def factors(wiring: Wiring) -> Tensor:
    """Return the factor on each pair's initial weight, float64 (E,)."""
    return torch.as_tensor(np.ones(len(wiring)) if wiring.scale is None else wiring.scale)
