"""Operations as torch dispatches them, below autograd and vectorising."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Watches the operations of a block; what to make of them is a subclass's affair."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def about_to(self, name: str) -> None:
        """Called before an operation, which it may refuse."""

    def done(self, name: str, call: Any, args: Any, kwargs: Any, results: list[Tensor]) -> None:
        """Called after an operation, with all tensors that it has returned."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, options = str(func).split(".")[1], dict(kwargs or {})
        self.about_to(name)
        found = func(*args, **options)
        results = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
        self.done(name, func, args, options, results)
        return found
