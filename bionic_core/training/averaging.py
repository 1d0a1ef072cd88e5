"""An exponential moving average of the weights over the steps of training.

``average ← d · average + (1 − d) · weights`` after every step, with the decay d that is asked for
once it is no greater than (n − 1) / (n − 1 + :data:`SHARE`) after n steps, and with the latter
before: the average is then over about the last third of the steps, so that weights from the
beginning of a run do not stay in it, however short the run (Polyak & Juditsky 1992,
doi:10.1137/0330046; Izmailov et al. 2018, doi:10.48550/arXiv.1803.05407; averages whose length
grows with the steps: Karras et al. 2024, doi:10.48550/arXiv.2312.02696).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

SHARE = 3
"""At its longest an average goes over about one in so many of the steps taken."""

STEPS = "steps"
"""The key of their number in an average's state; no parameter's name is without a dot."""


class WeightAverage:
    """The moving average of a network's parameters, and of nothing else."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.names: list[str] = [name for name, _ in network.named_parameters()]
        self.parameters: list[nn.Parameter] = list(network.parameters())
        self.averages: list[Tensor] = [weight.clone() for weight in self.weights]
        self.decay = decay
        self.steps = 0

    @property
    def weights(self) -> list[Tensor]:
        """The network's weights, wherever they are kept by now."""
        return [parameter.detach() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, self.steps / (self.steps + SHARE))
        torch._foreach_lerp_(self.averages, self.weights, 1 - decay)
        self.steps += 1

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
        """Return the averages by parameter name, and ``steps``; empty before the first step."""
        if not self.steps:
            return {}
        averages = dict(zip(self.names, self.averages, strict=True))
        return averages | {STEPS: torch.tensor(self.steps)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go to where another average stood."""
        if not state:
            return
        with torch.no_grad():
            torch._foreach_copy_(self.averages, [state[name] for name in self.names])
        self.steps = int(state[STEPS])
