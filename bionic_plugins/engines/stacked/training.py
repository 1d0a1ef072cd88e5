"""Training of stacked members: an epoch of all of them at a time.

What single training does for one run is done here for all members at once (images, forward and
backward passes, local rules), or for each by the very code of single training (optimiser, schedule,
average, selection), which finds its weights and gradients in the stack.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import attrs
import torch
from torch import Tensor

from bionic_core.errors import BionicError
from bionic_core.seeds import Stream
from bionic_core.training.evaluation import PlainFigures, metrics
from bionic_core.training.loop import Moment, check_loss, close_epoch
from bionic_core.training.precision import products_in
from bionic_core.training.views import ahead, vary
from bionic_plugins.engines.stacked.steps import Member, Steps
from bionic_plugins.engines.stacked.streams import Rows


@attrs.frozen(eq=False)
class Ended:
    """What an epoch brought a member: its record, or the error that ended it."""

    member: Member
    record: dict[str, Any] | None
    error: BionicError | None = None


def train_epoch(steps: Steps, watch: Callable[[Member, Moment], None] | None = None) -> list[Ended]:
    """Train all members for one epoch, evaluate them, and return what it brought each.

    A member's share of the time is what its record tells.
    """
    begun = time.perf_counter()
    members = steps.members
    with products_in(steps.precision):
        losses, accuracies = _pass(steps, watch)
    seconds = (time.perf_counter() - begun) / len(members)
    figures = _evaluate(steps)
    ended = []
    for member, loss, accuracy, selecting in zip(members, losses, accuracies, figures, strict=True):
        state, course = member.state, member.course
        try:
            check_loss(loss, state.epoch + 1)
            with ExitStack() as averaged:
                if state.average is not None:
                    averaged.enter_context(state.average.applied())
                record = close_epoch(state, course, loss, accuracy, selecting, seconds)
        except BionicError as error:
            ended.append(Ended(member, None, error))
        else:
            ended.append(Ended(member, record))
    return ended


def _evaluate(steps: Steps) -> list[PlainFigures]:
    """Return each member's figures on the images that are selected on."""
    members = steps.members
    split = members[0].course.splits.validation
    with ExitStack() as averaged:
        for member in members:
            if member.state.average is not None:
                averaged.enter_context(member.state.average.applied())
        images = torch.as_tensor(split.images).to(members[0].course.images.device)
        logits = steps.stack.logits(images)
    return [metrics(mine, split.labels) for mine in logits]


def _pass(
    steps: Steps, watch: Callable[[Member, Moment], None] | None
) -> tuple[list[float], list[float]]:
    """Go through all training images once; return each member's mean loss and accuracy."""
    members, course = steps.members, steps.members[0].course
    count, size = len(course.labels), course.recipe.training.batch_size
    device = course.images.device
    batches = math.ceil(count / size)
    feed = Feed(members)
    steps.stack.frame.train()
    total = torch.zeros(len(members), device=device)
    right = torch.zeros(len(members), device=device)
    for index in range(batches):
        now = [member.state.epoch * batches + index for member in members]
        images, labels = feed.batch(index, now)
        losses, logits = steps.take(images, labels, now)
        for member in members:
            member.state.schedule.after_step()
            if member.state.average is not None:
                member.state.average.update()
        total += losses * labels.shape[1]
        right += (logits.argmax(2) == labels).sum(1)
        if watch is not None:
            for member in members:
                training = member.course.recipe.training
                place = Moment(member.state.epoch + 1, training.max_epochs, index * size, count)
                watch(member, place)
    return (total / count).tolist(), (right / count).tolist()


class Feed:
    """The members' batches of an epoch: what several members see is made once."""

    def __init__(self, members: Sequence[Member]) -> None:
        course = members[0].course
        self.images, self.labels = course.images, course.labels
        self.size = course.recipe.training.batch_size
        self._members = members
        self._ahead: list[Tensor] = []
        self._order, self._view = Rows(), Rows()
        self._orders = {
            key: self._permutation(*key)
            for key in {(m.course.order.seed, m.state.epoch) for m in members}
        }

    def batch(self, index: int, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return batch ``index`` of each member: images NBCHW in [0, 1], varied, and labels NB.

        ``now`` are the members' training steps, which settle what their views draw. Batches come
        in order.
        """
        orders = [(m.course.order.seed, m.state.epoch) for m in self._members]
        part = slice(index * self.size, (index + 1) * self.size)
        labels = [self.labels[self._orders[key][part]] for key in self._order.find(orders)]
        if index % ahead(self.size) == 0:
            self._ahead = list(torch.split(self._views(orders, index, now), self.size, dim=1))
        return self._ahead.pop(0), self._order.spread(labels)

    def _views(self, orders: Sequence[tuple[int, int]], index: int, now: Sequence[int]) -> Tensor:
        """Return the views of this batch and those that are made with it, NBCHW."""
        part = slice(index * self.size, (index + ahead(self.size)) * self.size)
        plain = {key: self.images[rows[part]].float() / 255 for key, rows in self._orders.items()}
        wanted = [
            (key, m.course.recipe.views, None if m.course.recipe.views.identity else seed, step)
            for key, m, step in zip(orders, self._members, now, strict=True)
            for seed in [m.course.views.seed]
        ]
        varied = []
        for key, views, seed, step in self._view.find(wanted):
            stream = Stream(seed or 0)
            stream.seek(step)
            varied.append(vary(plain[key], views, stream))
        return self._view.spread(varied)

    def _permutation(self, seed: int, epoch: int) -> Tensor:
        stream = Stream(seed)
        stream.seek(epoch)
        return stream.permutation(len(self.labels)).to(self.labels.device)
