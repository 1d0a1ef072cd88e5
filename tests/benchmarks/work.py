"""What a training step costs: floating-point operations, bytes moved, operations called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

PER_ELEMENT = {
    "_fused_adam_": 4,  # of four tensors, gradient and moments among them: 16 a parameter
    "grid_sampler_2d": 15,  # of the grid, which has two numbers a pixel
    "native_layer_norm": 8,
    "native_layer_norm_backward": 14,
    "_log_softmax": 20,
    "_log_softmax_backward_data": 20,
    "sigmoid": 12,
    "exp": 10,
    "cos": 15,
    "sin": 15,
    "randn": 20,
    "normal_": 20,
    "rand": 5,
    "uniform_": 5,
    "max_pool2d_with_indices": 4,
    "copy_": 0,
    "_to_copy": 0,
    "clone": 0,
    "empty": 0,
    "ones_like": 0,
    "empty_like": 0,
    "zeros": 0,
    "zero_": 0,
    "fill_": 0,
    "stack": 0,
    "cat": 0,
    "index": 0,
    "gather": 0,
}
"""Operations for each element of the largest tensor, estimated; 1 for what is not named here.

Products and convolutions are counted by torch.utils.flop_counter."""


class Count(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that reach the kernels, forward, backward and optimiser.

    Attributes:
        calls: of kernels; views cost none.
        bytes: of all their arguments and results, as if nothing stayed in a cache.
        elementwise: floating-point operations outside products and convolutions.
        by_name: bytes by operation.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = 0
        self.bytes = 0
        self.elementwise = 0
        self.by_name: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation, and count it."""
        result = func(*args, **(kwargs or {}))
        returns = func._schema.returns
        if returns and all(r.alias_info and not r.alias_info.is_write for r in returns):
            return result
        name = func.overloadpacket.__name__
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        results = [t for t in tree_leaves(result) if isinstance(t, torch.Tensor)]
        size = sum(_bytes(t) for t in {id(t): t for t in (*tensors, *results)}.values())
        self.calls += 1
        self.bytes += size
        self.by_name[name] += size
        if func not in _PRODUCTS:
            inputs = [t.numel() for t in tensors]
            most = max(inputs, default=0) if results else sum(inputs)  # a sum has many for one
            elements = max(most, sum(t.numel() for t in results))
            self.elementwise += elements * PER_ELEMENT.get(name, 1)
        return result


def _bytes(tensor: torch.Tensor) -> int:
    return min(tensor.nbytes, tensor.untyped_storage().nbytes())  # one that is expanded is small


_PRODUCTS = {
    torch.ops.aten.mm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.bmm.default,
    torch.ops.aten.convolution.default,
    torch.ops.aten.convolution_backward.default,
}


def counted(step: Callable[[], object]) -> dict[str, Any]:
    """Return what one call of a step costs."""
    count = Count()
    with FlopCounterMode(display=False) as flops, count:
        step()
    return {
        "products": flops.get_total_flops(),
        "elementwise": count.elementwise,
        "bytes": count.bytes,
        "calls": count.calls,
        "most_bytes": dict(count.by_name.most_common(6)),
    }
