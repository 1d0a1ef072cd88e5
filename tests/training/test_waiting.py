"""A step of training never waits for the device: nothing is read back, nothing copied to it.

There is no GPU here, so what torch dispatches is watched instead: reading a number, or finding how
many there are of something, waits on a GPU whatever the kernel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from bionic_core.runs.train import prepare
from bionic_core.seeds import Stream
from bionic_core.training import epochs
from bionic_core.training import loop as training
from bionic_core.training.loop import Single
from bionic_core.training.precision import products_in
from bionic_core.training.recipe import Views
from bionic_core.training.views import vary
from bionic_plugins.engines.stacked.groups import group
from bionic_plugins.engines.stacked.steps import Steps
from tests.support.operations import Operations
from tests.support.stacks import CACHE, CPU, PLANS, lacking, spec, stacked, tasks_of

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal", "is_nonzero")


class Watching(Operations):  # type: ignore[no-untyped-call]
    """Counts operations by name."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def about_to(self, name: str) -> None:
        self.seen[name] += 1


def waits(watching: Watching) -> int:
    return sum(watching.seen[name] for name in WAITING)


def test_what_waits_is_seen() -> None:
    with Watching() as watching:
        float(torch.ones(3).sum())
        torch.ones(3).nonzero()
    assert waits(watching) == 2


@pytest.mark.parametrize("keys", [{}, {"optimizer": "sgd", "averaging": 0.9}])
def test_single_runs_read_two_sums_an_epoch(keys: dict[str, Any]) -> None:
    one = spec(train=70, **keys)
    state, course = prepare(one, 0, CACHE.get(one), CPU)
    training.pass_once(Single(state, course))  # what is made once is made
    state.epoch += 1
    with Watching() as watching:
        training.pass_once(Single(state, course))
    assert watching.seen["native_layer_norm"] >= 5, "it has seen the steps"
    assert waits(watching) == 2


def test_stacks_read_no_more_with_more_steps() -> None:
    counts = []
    for batch in (12, 24):
        tasks = tasks_of([spec(train=70, batch_size=batch), lacking("noise")][:1], (0, 1))
        stack, members, _ = stacked(group(tasks, PLANS))
        with Watching() as watching:
            training.pass_once(Steps(stack, members))
        assert watching.seen["convolution"] >= 2
        counts.append(waits(watching))
    assert counts[0] == counts[1]


def test_views_of_colour_images_copy_their_weights_once() -> None:
    views, images = Views(contrast=0.2, flip=0.5), torch.rand(4, 3, 8, 8)
    vary(images, views, Stream(1))
    with Watching() as watching:
        vary(images, views, Stream(2))
    assert not watching.seen["lift_fresh"], "no tensor is made of Python's numbers"
    assert waits(watching) == 0


# --- how exactly products are taken


@contextmanager
def kept() -> Iterator[list[str]]:
    """What torch's settings are, before and after."""
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
    before = [place.fp32_precision for place in places]
    yield before
    assert [place.fp32_precision for place in places] == before


@pytest.mark.parametrize(
    ("precision", "wanted"), [("float32", "ieee"), ("bfloat16", "ieee"), ("tf32", "tf32")]
)
def test_products_on_gpus_are_as_exact_as_the_spec_says(precision: str, wanted: str) -> None:
    found: list[str] = []
    one = spec({"layernorm": {}}, train=70, precision=precision)
    state, course = prepare(one, 0, CACHE.get(one), CPU)

    def look(moment: object) -> None:
        found.append(torch.backends.cuda.matmul.fp32_precision)
        found.append(torch.backends.cudnn.conv.fp32_precision)  # type: ignore[attr-defined]

    with kept():
        epochs.train_epoch(state, course, look)
    assert set(found) == {wanted}
    with kept(), pytest.raises(InterruptedError), products_in(precision):
        raise InterruptedError
