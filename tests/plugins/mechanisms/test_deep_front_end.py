"""What a deeper front end needs: strides, pools, normalisation, residual blocks, dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor

from bionic_core import RequestError, Stream
from bionic_core.conformance.judge import judge
from bionic_plugins.mechanisms.dropout import Dropout, RandomSilence
from bionic_plugins.mechanisms.residual_blocks import ResidualBlock
from tests.support import oracle, toys
from tests.support.gradients import check_gradient, close, random

STEM = {"filters": [4, 4], "kernels": [5, 3]}


def grouped(x: oracle.Array, groups: int, w: oracle.Array, b: oracle.Array) -> oracle.Array:
    """Each image's groups of channels, to mean 0 and variance 1; then w and b by channel."""
    parts = x.reshape(len(x), groups, -1)
    ones = np.ones(parts.shape[-1])
    level = oracle.normalise(parts, ones, 0 * ones).reshape(x.shape)
    return level * w[None, :, None, None] + b[None, :, None, None]


def randomised(module: torch.nn.Module) -> dict[str, Any]:
    """Give all parameters random values; return them as NumPy's."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(random(*parameter.shape))
    return {name: value.detach().numpy() for name, value in module.named_parameters()}


# --- convolution: a stride and a pool for each stage


def test_strides_take_every_second_place_and_pools_are_each_stages_own() -> None:
    network = toys.network({"convolution": STEM | {"strides": [2, 1], "pool": [1, 2]}})
    first, second = (stage.features.convolution for stage in network.stages)  # type: ignore[union-attr]
    x = toys.images(2)
    values = [p.detach().numpy() for m in (first, second) for p in (m.weight, m.bias)]  # type: ignore[union-attr,operator]
    every = oracle.relu(oracle.convolve(2 * x.numpy() - 1, *values[:2])[:, :, ::2, ::2])
    expected = oracle.pool(oracle.relu(oracle.convolve(every, *values[2:])))
    close(network.front(2 * x - 1), expected.reshape(2, -1))
    assert network.bridge.in_features == 4 * 2 * 2
    check_gradient(network, "stages.0.features.convolution.weight", [(0, 0, 2, 2), (2, 0, 0, 4)])


def test_one_number_is_that_of_every_stage() -> None:
    one = toys.network({"convolution": STEM | {"strides": 1, "pool": 2}})
    same = toys.network({"convolution": STEM | {"strides": [1, 1], "pool": [2, 2]}})
    assert torch.equal(one(toys.images()), same(toys.images()))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"pool": [2]}, ": filters has 2 stages and pool 1; give one side for each stage"),
        ({"strides": [1] * 3}, ": filters has 2 stages and strides 3; give one stride for each"),
        ({"strides": 0}, ".strides = 0: must be >= 1"),
        ({"strides": [1, 0]}, ".strides = [1, 0]: must be >= 1"),
        ({"strides": 1.5}, ".strides = 1.5: must be a whole number below 2^63 or a list"),
    ],
)
def test_wrong_strides_and_pools(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as caught:
        toys.spec({"convolution": STEM | keys})
    assert f"mechanisms.convolution{words}" in str(caught.value)


def test_what_a_stride_leaves_may_be_too_small_to_be_pooled() -> None:
    with pytest.raises(RequestError, match="too small to be pooled by 2 at lgn"):
        toys.network({"convolution": STEM | {"strides": [8, 1], "pool": [1, 2]}})
    shapes = toys.network({"convolution": STEM | {"strides": [8, 1], "pool": 1}})
    assert shapes.bridge.in_features == 4


# --- groupnorm


def test_groups_of_channels_are_normalised_before_the_relu() -> None:
    network = toys.network({"convolution": STEM | {"pool": 1}, "groupnorm": {"groups": 2}})
    stage = network.stages[0]
    values = randomised(stage)
    x = toys.images(3)
    convolved = oracle.convolve(
        x.numpy(), values["features.convolution.weight"], values["features.convolution.bias"]
    )
    level = grouped(
        convolved, 2, values["surround.groupnorm.weight"], values["surround.groupnorm.bias"]
    )
    close(stage(x), oracle.relu(level))
    alone = torch.cat([stage(image[None]) for image in x])
    torch.testing.assert_close(stage(x), alone, rtol=0, atol=1e-12)  # whatever stands beside it


# --- residual


def test_a_block_adds_two_convolutions_of_normalised_features() -> None:
    block = ResidualBlock(4, 2).double()
    h = random(3, 4, 6, 5)
    assert torch.equal(block(h), h)  # before it has learned, it adds nothing
    values = randomised(block)
    none = np.zeros(4)
    inner = oracle.relu(grouped(h.numpy(), 2, values["norm1.weight"], values["norm1.bias"]))
    inner = oracle.convolve(inner, values["conv1.weight"], none)
    inner = oracle.relu(grouped(inner, 2, values["norm2.weight"], values["norm2.bias"]))
    added = oracle.convolve(inner, values["conv2.weight"], values["conv2.bias"])
    close(block(h), h.numpy() + added, atol=1e-10)


def test_blocks_stand_in_the_stages_from_the_first_named_on() -> None:
    def blocks(**keys: int) -> list[int]:
        network = toys.network({"convolution": STEM, "residual_blocks": {"groups": 2} | keys})
        return [
            sum(isinstance(m, ResidualBlock) for m in stage.modules()) for stage in network.stages
        ]

    assert blocks() == [0, 1]
    assert blocks(first=0, blocks=2) == [2, 2]


def test_the_blocks_of_a_model_learn_as_differences_say() -> None:
    network = toys.network(
        {"convolution": STEM, "groupnorm": {"groups": 2}, "residual_blocks": {"groups": 2}}
    )
    randomised(network.stages[1])
    check_gradient(
        network, "stages.1.surround.residual_blocks.0.conv1.weight", [(0, 0, 1, 1), (3, 2, 0, 2)]
    )


@pytest.mark.parametrize("name", ["groupnorm", "residual_blocks"])
def test_channels_that_the_groups_do_not_divide(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        toys.network({"convolution": STEM, name: {"groups": 3}})
    words = f"mechanisms.{name}.groups = 3: {'retina' if name == 'groupnorm' else 'lgn'} has 4"
    assert words in str(caught.value)
    with pytest.raises(RequestError, match=f"{name}: requires 'convolution'"):
        toys.spec({name: {}})


def test_normalisation_and_blocks_have_an_order() -> None:
    """A block's own normalisations come first in it, so features are normalised before blocks."""
    network = toys.network(
        {"convolution": STEM, "groupnorm": {"groups": 2}, "residual_blocks": {"groups": 2}}
    )
    assert [list(stage.surround.mechanisms) for stage in network.stages] == [  # type: ignore[union-attr,arg-type]
        ["groupnorm"],
        ["groupnorm", "residual_blocks"],
    ]


# --- dropout


def silenced(h: Tensor, share: float, seed: int = 5, step: int = 0) -> Tensor:
    module = RandomSilence(share, Stream(seed))
    module.stream.seek(step)
    result: Tensor = module(h)
    return result


def test_a_share_is_silent_and_the_rest_makes_up_for_it() -> None:
    h = random(200, 50).abs() + 0.1
    found = silenced(h, 0.3)
    kept = found != 0
    torch.testing.assert_close(found[kept], h[kept] / 0.7, rtol=0, atol=1e-12)
    assert binomtest(int((~kept).sum()), kept.numel(), 0.3).pvalue > 0.001
    assert found.dtype == h.dtype
    assert torch.equal(found, silenced(h, 0.3))
    assert not torch.equal(found, silenced(h, 0.3, step=1))
    assert not torch.equal(found, silenced(h, 0.3, seed=6))


def test_nothing_is_silent_outside_training_or_by_a_share_of_0() -> None:
    network, plain = toys.network(("dropout",)), toys.network(())
    images = toys.images()
    assert torch.equal(network(images), plain(images))
    assert Dropout(share=0.0).void(None) == "share is 0"
    assert list(network.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(RequestError, match=r"mechanisms\.dropout\.share"):
        toys.spec({"dropout": {"share": share}})


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_what_draws_rarely_is_judged_by_many_steps(share: float) -> None:
    """Two seeds that silence the same few neurons in one step are no broken law."""
    (verdict,) = judge(Dropout(share=share), "seeds")
    assert verdict.state == "kept", verdict
