"""Random values, and gradients against differences."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bionic_core.model.network import Network
from tests.support import oracle, toys

RNG = np.random.default_rng(11)
LABELS = torch.tensor([0, 1, 2, 0])


def random(*shape: int) -> Tensor:
    return torch.as_tensor(RNG.normal(size=shape))


def close(found: Tensor, expected: oracle.Array, atol: float = 1e-12) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=atol, rtol=0)


def loss_of(network: Network) -> Tensor:
    return torch.nn.functional.cross_entropy(network(toys.images()), LABELS)


def check_gradient(network: Network, name: str, places: list[tuple[int, ...]]) -> None:
    """The gradient of the loss by single parameters, to six digits of central differences."""
    network.zero_grad()
    torch.autograd.backward(loss_of(network))
    parameter = dict(network.named_parameters())[name]
    assert parameter.grad is not None
    analytic = [parameter.grad[place].item() for place in places]
    slopes = toys.finite_difference(lambda: loss_of(network), parameter, places)
    np.testing.assert_allclose(analytic, slopes, rtol=1e-6, atol=1e-9)
    assert any(abs(slope) > 1e-7 for slope in slopes), "the places chosen do not matter"
