"""The network against plain NumPy: every named intermediate, with and without each mechanism."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import bionic_core as bionic
from bionic_core.spec.spec import compose
from tests.support import oracle, toys

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


# --- the paper's own model

FULL = bionic.load("full")


@pytest.fixture(scope="module")
def column() -> bionic.Connectome:
    assert FULL.connectome is not None
    return FULL.connectome.read()


@pytest.mark.parametrize("gone", [None, *FULL.mechanisms])
def test_the_full_model_is_the_equations(gone: str | None, column: bionic.Connectome) -> None:
    spec = FULL.without([gone] if gone else [])
    network = bionic.build(spec, seed=2, connectome=column).double().eval()
    with torch.no_grad():  # nothing that a step of learning may leave at 1 or 0 hides a mistake
        for name, parameter in network.named_parameters():
            if "layernorm" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64))
    pixels = torch.as_tensor(np.random.default_rng(5).random((2, 1, 48, 48)))
    found = network.trace(pixels)
    types = {name: cells for name, cells in spec.model.layers.items() if not isinstance(cells, int)}
    cells = {
        name: np.concatenate([column.of_type(t) for t in cell_types]).tolist()
        for name, cell_types in types.items()
    }
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    inputs: dict[str, list[str]] = {"A": [], "B": ["A"], "C": ["B"], "D": ["C"]}
    arguments = state, column, set(spec.mechanisms), pixels.numpy()
    expected = oracle.trace(*arguments, cells=cells, inputs=inputs)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].detach(), value, atol=1e-9, rtol=0, err_msg=name)


DENSE = bionic.load("full", set=["masks.init=dense"])  # which masks, but rescales nothing


@pytest.fixture(scope="module")
def network(column: bionic.Connectome) -> bionic.Network:
    return bionic.build(DENSE, seed=4, connectome=column)


@pytest.mark.parametrize("gone", list(FULL.mechanisms))
def test_removing_a_mechanism_changes_no_draw_of_another(
    gone: str, column: bionic.Connectome, network: bionic.Network
) -> None:
    spec, full = DENSE, network.state_dict()
    rest = bionic.build(spec.without([gone]), seed=4, connectome=column).state_dict()
    assert set(rest) <= set(full)
    masks = {
        f"{path}.values": projection.wired(torch.ones_like(projection.values))
        for path, projection in network.named_modules()
        if isinstance(projection, bionic.Projection)
    }
    for name, value in rest.items():
        drawn = value * masks[name] if gone == "masks" and name in masks else value
        assert torch.equal(drawn, full[name]), name
