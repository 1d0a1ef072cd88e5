"""The batches of an epoch: every image once, in an order of its own, each with a view."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from bionic_core.runs.train import prepare
from bionic_core.training import views
from bionic_core.training.data import TrainingData
from bionic_core.training.views import ahead, vary
from tests.support.stacks import CACHE, CPU, spec


def course(batch_size: int) -> TrainingData:
    one = spec(batch_size=batch_size)
    return prepare(one, 0, CACHE.get(one), CPU)[1]


def test_an_epoch_has_every_image_once_and_the_next_another_order() -> None:
    one = course(batch_size=12)
    epochs = [[rows for rows, _ in one.batches(epoch)] for epoch in (0, 1, 0)]
    count = len(one.labels)
    assert count % 12, "the last batch is a short one"
    for rows in epochs:
        assert [len(batch) for batch in rows] == [*[12] * (count // 12), count % 12]
        assert torch.equal(torch.cat(rows).sort().values, torch.arange(count))
    first, second, again = (torch.cat(rows) for rows in epochs)
    assert not torch.equal(first, second)
    assert torch.equal(first, again)


@pytest.mark.parametrize("together", [1, 2, 3, 100])
def test_views_are_drawn_with_the_first_step_of_those_made_together(
    monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(views, "AHEAD", 12 * together + 11)
    one = course(batch_size=12)
    batches = list(one.batches(1))
    for begun in range(0, len(batches), together):
        rows = torch.cat([rows for rows, _ in batches[begun : begun + together]])
        one.views.seek(len(batches) + begun)  # the steps of the epoch before, and of this one
        expected = vary(one.images[rows].float() / 255, one.recipe.views, one.views)
        seen = torch.cat([images for _, images in batches[begun : begun + together]])
        assert torch.equal(seen, expected)
    plain = [one.images[rows].float() / 255 for rows, _ in batches]
    assert not any(torch.equal(p, seen) for p, (_, seen) in zip(plain, batches, strict=True))
    assert not any(torch.equal(a[:1], b[:1]) for (_, a), (_, b) in pairwise(batches))


@pytest.mark.parametrize(("batch", "batches"), [(1, 256), (32, 8), (256, 1), (257, 1), (4096, 1)])
def test_so_many_batches_are_viewed_at_once(batch: int, batches: int) -> None:
    assert ahead(batch) == batches
