"""The network against plain NumPy: every named intermediate, with and without each mechanism."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import bionic_core as bionic
from bionic_core.spec import compose
from tests import oracle, toys

REQUIRES = {"lateral": "convolution", "attention": "convolution"}


def subsets() -> list[tuple[str, ...]]:
    """All of the structure, each mechanism left out, each alone, and nothing."""
    everything = toys.STRUCTURE
    found = [everything, ()]
    for gone in everything:
        found.append(tuple(n for n in everything if n != gone and REQUIRES.get(n) != gone))
        found.append((gone, REQUIRES[gone]) if gone in REQUIRES else (gone,))
    return found


@pytest.mark.parametrize("mechanisms", subsets(), ids="+".join)
def test_every_intermediate_is_the_equations(mechanisms: tuple[str, ...]) -> None:
    network = toys.network(mechanisms)
    pixels = toys.images()
    found = network.trace(pixels)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    expected = oracle.trace(state, toys.column(), set(mechanisms), pixels.numpy())
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].detach(), value, atol=1e-9, rtol=0, err_msg=name)
    torch.testing.assert_close(network(pixels), found["readout"])


def test_the_trace_changes_neither_mode_nor_numbers() -> None:
    network = toys.network()
    for training in (True, False):
        network.train(training)
        network.seek(5)
        first = network(toys.images())
        network.seek(5)
        assert torch.equal(network.trace(toys.images())["readout"], first)
        assert network.training is training


def test_integer_layers_need_no_connectome() -> None:
    document = toys.document({}, layers={"H": 6, "K": 5}, projections=["H->K"])
    del document["connectome"]
    spec = compose(document, name="toy", registry=toys.REGISTRY)
    network = bionic.build(spec)
    assert network.layer("H").size == 6
    assert network(torch.rand(2, 1, 8, 8)).shape == (2, 3)
    assert sum(p.numel() for p in network.parameters()) == 64 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3


def test_layers_are_the_cells_of_their_types_in_order() -> None:
    network = toys.network(("masks",), layers={"A": ["c", "a"], "B": ["b"]}, projections=["A->B"])
    (projection,) = network.projections
    assert projection.site.pre.cells.tolist() == [*range(9, 15), *range(5)]
    wanted = oracle.mask(toys.column(), [*range(9, 15), *range(5)], [5, 6, 7, 8])
    assert ((projection.values != 0).numpy() == wanted).all()


@pytest.mark.parametrize("names", list(itertools.combinations(("masks", "intra", "noise"), 2)))
def test_gradients_reach_every_parameter(names: tuple[str, ...]) -> None:
    network = toys.network((*names, "convolution")).train()
    network(toys.images(16)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
