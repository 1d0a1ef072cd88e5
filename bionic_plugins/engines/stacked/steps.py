"""Steps of stacked members: passes and local rules of all at once, each with its own optimiser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bionic_core.training import Learner, Member, lowered
from bionic_plugins.engines.stacked.feed import Feed
from bionic_plugins.engines.stacked.stack import Stack, stacked_cross_entropy


class Loss:
    """The members' training losses, each with its own options."""

    def __init__(self, members: Sequence[Member], stack: Stack) -> None:
        readout = stack.frame.readout.weight
        plain = torch.ones(len(readout), device=readout.device)
        options = [member.course.loss for member in members]
        self.weight = torch.stack([option.get("weight", plain) for option in options])
        smoothing = [float(option.get("label_smoothing", 0.0)) for option in options]
        self.smoothing = torch.tensor(smoothing, device=readout.device)
        by_image = [bool(option.get("by_image")) for option in options]
        self.by_image = torch.tensor(by_image, device=readout.device)

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the losses, N, of logits NBC and labels NB."""
        weight, smoothing = self.weight.to(logits.dtype), self.smoothing.to(logits.dtype)
        return stacked_cross_entropy(logits, labels, weight, smoothing, self.by_image)


class Steps(Learner):
    """Takes the steps of a stack's members, in the stack's order.

    Attributes:
        stack: what is trained.
        precision: of products.
    """

    def __init__(self, stack: Stack, members: Sequence[Member]) -> None:
        self.stack = stack
        self.members = tuple(members)
        self.network = stack.frame
        self.precision = members[0].course.recipe.training.precision
        self.loss = Loss(members, stack)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's batches: images NBCHW and labels NB."""
        feed = Feed(self.members)
        for index in range(self.members[0].course.steps):
            yield feed.batch(index)

    def take(self, images: Tensor, labels: Tensor, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Take a step of each member; return their losses N and logits NBC.

        Args:
            images: NBCHW in [0, 1].
            labels: NB.
            now: the number of each member's step, which settles what it draws.
        """
        self.stack.seek(now)
        return self.step(images, labels)

    def step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Take a step of all optimisers, then of the local rules, where the streams stand."""
        stack = self.stack
        with lowered(self.precision, images.device, cached=False):
            logits, record = stack(images)
        logits = logits.to(stack.frame.readout.weight.dtype)
        losses = self.loss(logits, labels)
        stack.clear_gradients()
        torch.autograd.backward(losses.sum())
        for member in self.members:
            member.state.optimizer.step()
        stack.learn_locally(record)
        return losses.detach(), logits.detach()

    def means(self, sums: Tensor, count: int) -> list[float]:
        """Return the means, N; in float32, as records of stacks have them."""
        means: list[float] = (sums / count).tolist()
        return means

    def logits(self, images: Tensor) -> Sequence[Tensor]:
        """Return each member's logits of images."""
        return list(self.stack.logits(images))
