"""An exponential moving average of the weights over the steps of training.

With decay d, ``average ← d · average + (1 − d) · weights`` after every step; the first step's
weights begin it (Polyak & Juditsky 1992, doi:10.1137/0330046; Izmailov et al. 2018,
doi:10.48550/arXiv.1803.05407).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """The moving average of a network's parameters, and of nothing else."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.names = [name for name, _ in network.named_parameters()]
        self.parameters = list(network.parameters())
        self.averages = [weight.clone() for weight in self.weights]
        self.begun = False
        self._update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

    @property
    def weights(self) -> list[Tensor]:
        """The network's weights, wherever they are kept by now."""
        return [parameter.detach() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        if self.begun:
            self._update(self.averages, self.weights, 1)
        else:
            torch._foreach_copy_(self.averages, self.weights)
            self.begun = True

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the network for the block, and the weights back after it."""
        kept = [weight.clone() for weight in self.weights]
        with torch.no_grad():
            torch._foreach_copy_(self.weights, self.averages)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.weights, kept)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averages by parameter name; empty before the first step."""
        return dict(zip(self.names, self.averages, strict=True)) if self.begun else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go to where another average stood."""
        if not state:
            return
        with torch.no_grad():
            torch._foreach_copy_(self.averages, [state[name] for name in self.names])
        self.begun = True
