"""Products with a matrix of which only some pairs exist, one value for each pair.

With W post × pre (Q, P) and S pairs, in ``Index`` order::

    weighted    y = W x      PB → QB    y[q, b] = Σ_s values[s] · x[pre s, b] over s with post s = q
    transposed  z = Wᵀ g     QB → PB    the same with pre and post changed over
    sampled     g xᵀ         → S        Σ_b g[post s, b] · x[pre s, b]

Each is the gradient of the other two, so that they can be differentiated any number of times.
Neurons come first and the batch last: a synapse then reads one contiguous row. The first two are
torch's ``embedding_bag``, whose bags are the neurons summed into, the last its ``sampled_addmm``;
torch has both for the CPU and for CUDA. ``docs/results/sparse.md`` says what else was measured.
``torch.vmap`` goes through the variants one by one. Only eager execution on the CPU has been
tried: neither ``torch.compile`` nor CUDA.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

CACHED = 2**19
"""Numbers of a layer's activity that stay in a core's cache; larger batches go in parts."""

NARROW = 32
"""No part of a batch is narrower, however wide the layer."""


class Index(NamedTuple):
    """Where the pairs are: in the order of the values, by (post, pre), and also by (pre, post).

    Attributes:
        pre, post: int32 (S,), neurons of each pair.
        starts: int32 (Q + 1,), where the pairs of each post neuron begin; the last is S.
        turned: int32 (S,), the place among the values of each pair in the order by (pre, post).
        turned_post: int32 (S,), post neurons in that order.
        turned_starts: int32 (P + 1,), where the pairs of each pre neuron begin in that order.
    """

    pre: Tensor
    post: Tensor
    starts: Tensor
    turned: Tensor
    turned_post: Tensor
    turned_starts: Tensor


def index_of(
    pre: npt.NDArray[np.int64], post: npt.NDArray[np.int64], pre_size: int, post_size: int
) -> Index:
    """Return the index of S pairs that are sorted by (post, pre), no pair twice."""
    turned = np.lexsort((post, pre))
    return Index(
        *(
            torch.as_tensor(array.astype(np.int32))
            for array in (
                pre,
                post,
                _starts(post, post_size),
                turned,
                post[turned],
                _starts(pre, pre_size),
            )
        )
    )


def weighted(values: Tensor, x: Tensor, index: Index) -> Tensor:
    """Return W x, (Q, B), of values (S,) and x (P, B)."""
    return _call(_Weighted, values, x, index)


def transposed(values: Tensor, g: Tensor, index: Index) -> Tensor:
    """Return Wᵀ g, (P, B), of values (S,) and g (Q, B)."""
    return _call(_Transposed, values, g, index)


def sampled(g: Tensor, x: Tensor, index: Index) -> Tensor:
    """Return g xᵀ where there is a pair, (S,), of g (Q, B) and x (P, B)."""
    return _call(_Sampled, g, x, index)


def _starts(neurons: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.bincount(neurons, minlength=size).cumsum()])


def _call(function: type[Function], one: Tensor, other: Tensor, index: Index) -> Tensor:
    result: Tensor = function.apply(one, other, index)
    return result


def _sums(values: Tensor, neurons: Tensor, starts: Tensor, x: Tensor) -> Tensor:
    """Return for each bag of pairs the sum of its neurons' rows of x, weighted by the values."""
    width = max(NARROW, CACHED // max(1, len(x)))
    parts = [
        functional.embedding_bag(
            neurons,
            part.contiguous(),
            starts,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )
        for part in torch.split(x, width, dim=1)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


class _Sparse(Function):
    """What the three have in common: they are linear in two tensors, and keep both."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        one, other, ctx.index = inputs
        ctx.save_for_backward(one, other)

    @classmethod
    def _each(cls, info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        *pair, index = inputs
        results = []
        for variant in range(info.batch_size):
            one, other = (
                tensor if dim is None else tensor.select(dim, variant)
                for tensor, dim in zip(pair, in_dims, strict=False)
            )
            results.append(_call(cls, one, other, index))
        return torch.stack(results), 0


class _Weighted(_Sparse):
    @staticmethod
    def forward(values: Tensor, x: Tensor, index: Index) -> Tensor:
        return _sums(values, index.pre, index.starts, x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        values, x = ctx.saved_tensors
        (grad,), (for_values, for_x, _) = grads, ctx.needs_input_grad
        return (
            sampled(grad, x, ctx.index) if for_values else None,
            transposed(values, grad, ctx.index) if for_x else None,
            None,
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        return _Weighted._each(info, in_dims, *inputs)


class _Transposed(_Sparse):
    @staticmethod
    def forward(values: Tensor, g: Tensor, index: Index) -> Tensor:
        by_pre = values.index_select(0, index.turned)
        return _sums(by_pre, index.turned_post, index.turned_starts, g)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        values, g = ctx.saved_tensors
        (grad,), (for_values, for_g, _) = grads, ctx.needs_input_grad
        return (
            sampled(g, grad, ctx.index) if for_values else None,
            weighted(values, grad, ctx.index) if for_g else None,
            None,
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        return _Transposed._each(info, in_dims, *inputs)


class _Sampled(_Sparse):
    @staticmethod
    def forward(g: Tensor, x: Tensor, index: Index) -> Tensor:
        accept_beta()
        width = max(2 * NARROW, CACHED // max(1, len(x)))
        nothing = torch.zeros(len(index.pre), dtype=g.dtype, device=g.device)
        found = torch.sparse_csr_tensor(
            index.starts, index.pre, nothing, (len(g), len(x)), check_invariants=False
        )
        for rows, columns in zip(torch.split(g, width, 1), torch.split(x, width, 1), strict=True):
            found = torch.sparse.sampled_addmm(found, rows.contiguous(), columns.contiguous().t())
        return found.values()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        g, x = ctx.saved_tensors
        (grad,), (for_g, for_x, _) = grads, ctx.needs_input_grad
        return (
            weighted(grad, x, ctx.index) if for_g else None,
            transposed(grad, g, ctx.index) if for_x else None,
            None,
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        return _Sampled._each(info, in_dims, *inputs)


@cache
def accept_beta() -> None:
    """Take note, once and in silence, that torch calls its compressed matrices a beta."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse")
        torch.sparse_csr_tensor([0, 1], [0], [0.0], (1, 1), check_invariants=False)
