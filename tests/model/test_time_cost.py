"""Memory of a network in time is linear in its steps: what autograd keeps, exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bionic_core.model.network import Network
from tests.model.test_timed import MECHANISMS, built


def kept(model: Network, images: Tensor) -> int:
    """Bytes that are kept for the backward pass, each storage once."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    found: dict[int, Tensor] = {}  # alive, or a place would be used for two tensors

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(images)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


@pytest.mark.parametrize("storage", ["dense", "packed", "sparse"])
def test_each_step_keeps_as_much_as_the_one_before(storage: str) -> None:
    images = torch.rand(64, 1, 8, 8).double()
    order = {"rate": ["noise", "kwta"]}
    sizes = [
        kept(built(MECHANISMS, steps=steps, storage=storage, order=order), images)
        for steps in (4, 5, 6, 12)
    ]
    step = sizes[1] - sizes[0]
    assert step > 0
    assert sizes[2] - sizes[1] == step
    assert sizes[3] - sizes[0] == 8 * step
