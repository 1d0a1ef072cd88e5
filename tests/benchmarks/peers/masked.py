"""A masked layer, forward and backward, 4 % of its pairs being there, batches of 32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bionic_core.model.projection import DenseProjection
from bionic_core.model.wired import storage_of
from bionic_core.sites import Layer, ProjectionSite, Wiring
from tests.benchmarks.peers.duel import Contest, Peer, Work

BATCH, DENSITY = 32, 0.04


def contests(*, quick: bool) -> Iterator[Contest]:
    """Give the column's size and larger ones."""
    for size in (64,) if quick else (383, 1_000, 4_000):
        yield _contest(size)


class _Given:
    """The same layer for all: mask, weights, what comes in, what comes back."""

    def __init__(self, size: int) -> None:
        rng = np.random.default_rng(1)
        self.size = size
        keys = np.flatnonzero(rng.random(size * size) < DENSITY)
        self.post, self.pre = np.divmod(keys, size)  # ordered by post
        draw = torch.Generator().manual_seed(2)
        self.values = torch.randn(len(keys), generator=draw) / size**0.5
        self.x = torch.rand(BATCH, size, generator=draw)
        self.back = torch.randn(BATCH, size, generator=draw)

    @property
    def matrix(self) -> Tensor:
        """The weights as they act, post × pre."""
        return self.matrix_of(self.values)

    def matrix_of(self, values: Tensor) -> Tensor:
        """Return values of the pairs as a matrix, post × pre."""
        matrix = torch.zeros(self.size, self.size)
        matrix[self.post, self.pre] = values
        return matrix

    def of(self, matrix: Tensor) -> Tensor:
        """Return what a matrix has at the pairs."""
        return matrix[self.post, self.pre]

    def work(self, forward: Callable[[Tensor], Tensor], values: Callable[[], Tensor]) -> Work:
        """Return a pass both ways, which gives output, gradient of x, and of the pairs' weights.

        ``values`` gives the latter, in whatever form it is; it is asked for when it is compared.
        """
        x = self.x.clone().requires_grad_()

        def once() -> Any:
            x.grad = None
            out = forward(x)
            torch.autograd.backward(out, self.back)
            return lambda: (out.detach(), x.grad, values())

        return once


def _contest(size: int) -> Contest:
    given = _Given(size)
    wirings = {"masks": Wiring(pre=given.pre, post=given.post)}
    builder: Any = None
    one, other = (Layer(name, size, (), None, builder) for name in "AB")
    site = ProjectionSite(one, other)
    kind = storage_of(site, wirings, "auto", ())[0]

    def ours() -> Work:
        projection = kind(site, wirings, {}, 0)  # type: ignore[call-arg]
        dense = kind is DenseProjection
        with torch.no_grad():
            projection.values.copy_(given.matrix if dense else given.values)
            projection.bias.zero_()

        def gradient() -> Tensor:
            assert projection.values.grad is not None
            return given.of(projection.values.grad) if dense else projection.values.grad

        return _fresh(projection, given.work(projection, gradient))

    peers = [
        Peer("torch.nn.utils.prune", "torch", lambda: _pruned(given)),
        Peer("torch.sparse, COO", "torch", lambda: _coo(given)),
        Peer("torch.sparse, CSR", "torch", lambda: _csr(given)),
    ]
    words = f"{size:,} × {size:,}, {kind.storage}"
    return Contest("masked layer", words, ours, peers, _check)


def _check(mine: Any, theirs: Any, name: str) -> None:
    for one, other in zip(mine(), theirs(), strict=True):
        torch.testing.assert_close(
            other, one, rtol=1e-4, atol=1e-5, msg=lambda text: f"{name}: {text}"
        )


def _fresh(module: nn.Module, once: Work) -> Work:
    def work() -> Any:
        module.zero_grad(set_to_none=True)
        return once()

    return work


def _pruned(given: _Given) -> Work:
    from torch.nn.utils import prune

    layer = nn.Linear(given.size, given.size)
    with torch.no_grad():
        layer.weight.copy_(given.matrix)
        layer.bias.zero_()
    mask = given.matrix_of(torch.ones(len(given.pre)))
    prune.custom_from_mask(layer, "weight", mask)  # type: ignore[no-untyped-call]
    original = layer.weight_orig
    assert isinstance(original, Tensor)

    def gradient() -> Tensor:
        assert original.grad is not None
        return given.of(original.grad)

    return _fresh(layer, given.work(layer, gradient))


def _coo(given: _Given) -> Work:
    places = torch.as_tensor(np.stack([given.post, given.pre]))
    shape = (given.size, given.size)
    values, bias = (nn.Parameter(t) for t in (given.values.clone(), torch.zeros(given.size)))

    def forward(x: Tensor) -> Tensor:
        weights = torch.sparse_coo_tensor(places, values, shape, is_coalesced=True)
        product: Tensor = torch.sparse.mm(weights, x.T)
        return product.T + bias

    return _of_values(values, bias, given, forward)


def _csr(given: _Given) -> Work:
    rows = np.concatenate([[0], np.cumsum(np.bincount(given.post, minlength=given.size))])
    crow, column = torch.as_tensor(rows), torch.as_tensor(given.pre)
    shape = (given.size, given.size)
    values, bias = (nn.Parameter(t) for t in (given.values.clone(), torch.zeros(given.size)))

    def forward(x: Tensor) -> Tensor:
        weights = torch.sparse_csr_tensor(crow, column, values, shape)
        product: Tensor = torch.sparse.mm(weights, x.T)
        return product.T + bias

    return _of_values(values, bias, given, forward)


def _of_values(
    values: nn.Parameter, bias: nn.Parameter, given: _Given, forward: Callable[[Tensor], Tensor]
) -> Work:
    def gradient() -> Tensor:
        assert values.grad is not None
        return values.grad

    once = given.work(forward, gradient)

    def work() -> Any:
        values.grad = bias.grad = None
        return once()

    return work
