"""The answers to one hook at one site, combined: a chain, a sum or a product, with gates.

A gate is a boolean buffer that switches one mechanism's answer off, for engines that train many
variants as one stacked model. Its law: with the same parameters loaded, off equals built without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from bionic_core.errors import RequestError

Record = dict[str, Tensor]
"""Every named intermediate of a forward pass, filled where one is given."""


def harmless(like: Tensor) -> Tensor:
    """Return an input that a switched-off piece may see: distinct positive numbers.

    ``torch.where`` multiplies the gradient of the branch not taken by zero, and zero times
    infinity is not a number; here no root, logarithm, quotient or variance is at its pole.
    """
    ramp = torch.linspace(0.5, 1.5, like.shape[-1], dtype=like.dtype, device=like.device)
    return ramp.expand_as(like)


class Gated(nn.Module):
    """Something with parts by mechanism, of which some can be switched off."""

    def add_gates(self, mechanisms: Iterable[str]) -> None:
        """Put a gate, switched on, before the parts of each of these mechanisms."""
        for name in mechanisms:
            # No part of a checkpoint, so that gated and plain models load each other's.
            self.register_buffer(f"gate_{name}", torch.tensor(True), persistent=False)

    def gate(self, mechanism: str) -> Tensor | None:
        """Return the mechanism's gate, None where it has none."""
        return self._buffers.get(f"gate_{mechanism}")


class Pieces(Gated):
    """Modules by mechanism, in order.

    Raises:
        RequestError: a mechanism has a name that a torch module needs for itself.
    """

    def __init__(self, hook: str, site: str, pieces: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.hook = hook
        self.site = site
        self.mechanisms: tuple[str, ...] = tuple(pieces)
        for name, piece in pieces.items():
            add_part(self, name, piece)

    @property
    def label(self) -> str:
        """The name of the signal after this step, for example ``A.rate``."""
        return f"{self.site}.{self.hook}" if self.site else self.hook

    def answer(self, name: str, x: Tensor, neutral: Tensor, *extra: object) -> Tensor:
        """Return the mechanism's answer to ``x``, or ``neutral`` where its gate is off."""
        piece = self.get_submodule(name)
        gate = self.gate(name)
        if gate is None:
            result: Tensor = piece(x, *extra)
            return result
        return torch.where(gate, piece(torch.where(gate, x, harmless(x)), *extra), neutral)


def add_part(module: nn.Module, name: str, part: nn.Module) -> None:
    """Add a submodule under a user's name.

    Raises:
        RequestError: a torch module needs the name for itself.
    """
    if hasattr(module, name):
        raise RequestError(f"the name '{name}' is taken by torch; choose another")
    module.add_module(name, part)


class Chain(Pieces):
    """Each piece is given what the one before it returned."""

    def forward(self, x: Tensor, record: Record | None = None) -> Tensor:
        """Return the signal after all pieces, and record it."""
        for name in self.mechanisms:
            x = self.answer(name, x, x)
        if record is not None:
            record[self.label] = x
        return x


class Sum(Pieces):
    """Each piece is given the same signal; the answers add up."""

    def forward(self, x: Tensor, record: Record | None = None) -> Tensor | None:
        """Return the sum of the answers, None where there is no piece; record each."""
        total: Tensor | None = None
        for name in self.mechanisms:
            term = self.answer(name, x, torch.zeros_like(x))
            total = term if total is None else total + term
            if record is not None:
                record[f"{self.label}.{name}"] = term
        return total


class Product(Pieces):
    """Each piece is given the same signal; the answers multiply."""

    def forward(self, x: Tensor, record: Record | None = None) -> Tensor | None:
        """Return the product of the answers, None where there is no piece; record each."""
        product: Tensor | None = None
        for name in self.mechanisms:
            factor = self.answer(name, x, torch.ones((), dtype=x.dtype, device=x.device))
            product = factor if product is None else product * factor
            if record is not None:
                record[f"{self.label}.{name}"] = factor
        return product
