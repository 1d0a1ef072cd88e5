"""Convolution, lateral and attention against their equations, written again in NumPy."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.spec.spec import compose
from bionic_core.studies.publication import open_publication
from bionic_plugins.mechanisms.attention import HierarchicalAttention
from bionic_plugins.mechanisms.convolution import MaxPool
from bionic_plugins.mechanisms.lateral import SurroundInhibition
from tests.support import oracle, toys
from tests.support.gradients import check_gradient, close, random

# --- convolution


def test_convolution_is_correlation_with_zero_padding_relu_and_maximum() -> None:
    network = toys.network({"convolution": {"filters": [3, 2], "kernels": [5, 3]}})
    x = toys.images(2)
    weights = [(s.features.convolution.weight, s.features.convolution.bias) for s in network.stages]  # type: ignore[union-attr]
    expected = 2 * x.numpy() - 1
    for w, b in weights:
        parameters = w.detach().numpy(), b.detach().numpy()  # type: ignore[operator]
        expected = oracle.pool(oracle.relu(oracle.convolve(expected, *parameters)))
    close(network.front(2 * x - 1), expected.reshape(2, -1))
    check_gradient(network, "stages.0.features.convolution.weight", [(0, 0, 2, 2), (2, 0, 0, 4)])


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_maxima_are_those_of_torch_with_and_without_a_gradient(
    side: int, layout: torch.memory_format
) -> None:
    """To the bit, with edges that no window reaches, ties, infinities and what is no number."""
    images = random(2, 3, 11, 7).round(decimals=1)
    images[0, 0, :4, :4] = torch.tensor([torch.inf, -torch.inf, 0.0, torch.nan])
    images = images.to(memory_format=layout)
    expected = torch.nn.functional.max_pool2d(images, side)
    pool = MaxPool(side)
    with torch.no_grad():
        found = pool(images)
    assert found.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
    leaf = images.clone().requires_grad_()
    torch.testing.assert_close(pool(leaf), expected, rtol=0, atol=0, equal_nan=True)
    gradients = [
        torch.autograd.grad(way(leaf).nan_to_num(0, 0, 0).square().sum(), leaf)[0]
        for way in (pool, torch.nn.MaxPool2d(side))
    ]
    torch.testing.assert_close(*gradients, rtol=0, atol=0, equal_nan=True)


def test_the_papers_front_end_has_as_many_features_as_pixels() -> None:
    document = toys.document({"convolution": {}}, image=[1, 48, 48])
    spec = compose(document, name="toy", registry=toys.REGISTRY)
    network = bionic.build(spec)
    assert network.bridge.in_features == 2304
    assert sum(p.numel() for p in network.stages.parameters()) == 1376


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"filters": []}, "filters = []"),
        ({"filters": [0, 2]}, "filters = [0, 2]: must be >= 1"),
        ({"kernels": [4, 3]}, "kernels = [4, 3]: must be odd numbers"),
        ({"filters": [8]}, "filters has 1 stages and kernels 2"),
        ({"pool": 0}, "pool = 0: must be >= 1"),
    ],
)
def test_convolution_refuses(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as caught:
        toys.spec({"convolution": keys})
    assert f"mechanisms.convolution{'.' if '=' in words else ': '}{words}" in str(caught.value)


def test_an_image_too_small_for_its_pools_is_refused() -> None:
    many = {"filters": [1] * 5, "kernels": [1] * 5}
    with pytest.raises(RequestError, match="too small to be pooled by 2 at stage4"):
        toys.network({"convolution": many})


# --- lateral


@pytest.mark.parametrize("kernel", [3, 5, 9])
@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 2, 7, 12)])
def test_lateral_takes_the_neighbourhoods_mean_borders_included(
    kernel: int, shape: tuple[int, ...]
) -> None:
    h = random(*shape)
    module = SurroundInhibition(0.7, kernel, shape[1]).double()
    close(module(h), h.numpy() - 0.7 * oracle.neighbourhood_mean(h.numpy(), kernel))
    pooled = torch.nn.functional.avg_pool2d(h, kernel, stride=1, padding=kernel // 2)
    torch.testing.assert_close(module(h), h - 0.7 * pooled, rtol=0, atol=1e-12)


def test_laterals_gradient_is_that_of_average_pooling() -> None:
    module = SurroundInhibition(0.7, 5, 3).double()
    one = random(2, 3, 8, 8).requires_grad_()
    other = one.detach().clone().requires_grad_()
    weight = random(2, 3, 8, 8)
    torch.autograd.backward((module(one) * weight).sum())
    pooled = torch.nn.functional.avg_pool2d(other, 5, stride=1, padding=2)
    torch.autograd.backward(((other - 0.7 * pooled) * weight).sum())
    assert one.grad is not None
    assert other.grad is not None
    torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 2, 5, 5), (2, 3, 8, 11)])
def test_laterals_gradient_is_right_as_torch_checks_it(shape: tuple[int, ...]) -> None:
    module = SurroundInhibition(0.7, 5, shape[1]).double()
    h = random(*shape).requires_grad_()
    assert torch.autograd.gradcheck(module, (h,), atol=1e-10, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(module, (h,), atol=1e-10)
    many = random(3, *shape)
    together = torch.vmap(torch.func.grad(lambda one: (module(one) ** 2).sum()))(many)
    apart = [torch.func.grad(lambda one: (module(one) ** 2).sum())(one) for one in many]
    torch.testing.assert_close(together, torch.stack(apart), rtol=0, atol=1e-12)


def test_laterals_gradient_keeps_the_lower_precision_of_its_input() -> None:
    module = SurroundInhibition(0.5, 5, 3)
    h = random(2, 3, 8, 8).float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        low = module(h.bfloat16())
    assert low.dtype == torch.bfloat16
    low.float().sum().backward()
    found = h.grad
    h.grad = None
    module(h).sum().backward()
    assert found is not None
    assert h.grad is not None
    torch.testing.assert_close(found, h.grad, rtol=0, atol=0.02)


def test_lateral_acts_on_the_first_stage_only_and_has_no_parameters() -> None:
    with_it = toys.network(("convolution", "lateral"))
    assert [list(stage.surround.mechanisms) for stage in with_it.stages] == [["lateral"], []]  # type: ignore[union-attr,arg-type]
    without = toys.network(("convolution",))
    assert list(with_it.state_dict()) == list(without.state_dict())


# --- attention


@pytest.mark.parametrize("channels", [16, 4])
def test_attention_weighs_channels_then_places(channels: int) -> None:
    module = HierarchicalAttention(channels, 8).double()
    x = random(3, channels, 5, 6)
    names = ("squeeze.weight", "excite.weight", "place.weight", "place.bias")
    weights = [dict(module.named_parameters())[name].detach().numpy() for name in names]
    close(module(x), oracle.attend(x.numpy(), *weights))


def test_attention_has_the_printed_number_of_parameters() -> None:
    assert sum(p.numel() for p in HierarchicalAttention(16, 8).parameters()) == 64 + 145


def test_attention_on_pixels_is_refused_and_the_papers_number_explained() -> None:
    """The paper's ablation keeps these 209 parameters; beside its number the report says so."""
    attention = HierarchicalAttention(16, 8)
    assert sum(p.numel() for p in attention.parameters()) == 64 + 145
    document = toys.document({"attention": {}})
    with pytest.raises(RequestError, match=r"mechanisms\.attention: requires 'convolution'"):
        compose(document, name="toy", registry=toys.REGISTRY)
    paper = open_publication("bionic2025", bionic.Registry.installed())
    (row,) = [row for row in paper.rows if row.without == "convolution"]
    assert "1,376 parameters smaller" in row.note
    assert "1,585 fewer" in row.note
    assert paper.whole.parameters - row.parameters == 1376 == 1585 - 209
