"""What mechanisms answer with, tried once while building: a wrong shape is found before training.

A module that is tried is in evaluation mode, without gradients, and is given small positive
numbers; nothing of it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bionic_core.base.memory import Budget
from bionic_core.errors import BionicError, RequestError
from bionic_core.model.combination import harmless

if TYPE_CHECKING:
    from bionic_core.model.projection import Projection

SAMPLES = 2
"""A batch of more than one, so that one that is averaged away is seen."""

LARGE = 10**7
"""Neurons, or features, beyond which nothing is tried: whether they fit is for others to say."""


class Watched(TorchFunctionMode):
    """Refuses a tensor that does not fit into this machine's memory, before it is allocated."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn) and args:
            there = torch.empty(*args, dtype=(kwargs or {}).get("dtype"), device="meta")
            if there.nbytes >= 2**26:  # less is not worth asking the machine
                Budget().take(there.nbytes, f"a tensor of {tuple(there.shape)}", "Smaller ones fit")
        return func(*args, **(kwargs or {}))


def try_module(name: str, hook: str, site: str, module: nn.Module, shape: tuple[int, ...]) -> None:
    """Try a module on samples of a shape that it must keep; a product's answer may broadcast.

    Raises:
        RequestError: it fails, or returns something else.
    """
    if math.prod(shape) > LARGE:
        return
    given = harmless(torch.empty(SAMPLES, *shape))
    try_answer(name, hook, site, lambda: _evaluated(module, given), given, broadcast=hook == "gain")


def try_weights(projection: Projection) -> None:
    """Try the modules that act on a projection's weights; each must keep the values' shape.

    Raises:
        RequestError: one fails, or returns something else.
    """
    values = projection.values.detach()
    for name in projection.chain.mechanisms:
        piece = projection.chain.get_submodule(name)

        def answer(piece: nn.Module = piece) -> object:
            return _evaluated(piece, values, projection)

        try_answer(name, "weight", projection.site.name, answer, values)


def try_answer(
    name: str,
    hook: str,
    site: str,
    answer: Callable[[], object],
    like: Tensor,
    *,
    broadcast: bool = False,
) -> None:
    """Take an answer; it must have the shape of ``like``, or broadcast to it.

    Raises:
        RequestError: it fails, or is something else.
    """
    where = f"mechanisms.{name}: what its hook '{hook}' answered" + (
        f" at '{site}'" if site else ""
    )
    try:
        found = answer()
    except BionicError:
        raise
    except Exception as error:
        from bionic_core.base.failures import of_the_machine, reason

        if of_the_machine(error):
            raise
        raise RequestError(
            f"{where} fails when it is given {tuple(like.shape)}: {reason(error)}"
        ) from error
    if not isinstance(found, Tensor):
        raise RequestError(f"{where} returns {type(found).__name__}; expected a Tensor")
    if found.shape != like.shape and not (broadcast and _fits(found, like)):
        raise RequestError(
            f"{where} returns {tuple(found.shape)} when it is given {tuple(like.shape)}; expected "
            + ("a shape that broadcasts to it" if broadcast else "the same shape")
        )


def _fits(found: Tensor, like: Tensor) -> bool:
    try:
        return found.expand(like.shape).shape == like.shape
    except RuntimeError:
        return False


def _evaluated(module: nn.Module, *given: Any) -> object:
    """Return what a module makes of its input in evaluation mode; its mode is as before."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            return module(*given)
    finally:
        for part, training in modes:
            part.training = training
