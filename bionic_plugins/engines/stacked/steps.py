"""Steps of stacked members: passes and local rules of all at once, each with its own optimiser."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from bionic_core.training.loop import Course, State
from bionic_core.training.optimizers import Muon
from bionic_core.training.precision import lowered
from bionic_plugins.engines.stacked.stack import Stack, stacked_cross_entropy


@attrs.define(eq=False)
class Member:
    """A run in a stack: where it stands, and its course."""

    state: State
    course: Course


class Loss:
    """The members' training losses, each with its own options."""

    def __init__(self, members: Sequence[Member], stack: Stack) -> None:
        readout = stack.frame.readout.weight
        plain = torch.ones(len(readout), device=readout.device)
        options = [member.course.loss for member in members]
        self.weight = torch.stack([option.get("weight", plain) for option in options])
        smoothing = [float(option.get("label_smoothing", 0.0)) for option in options]
        self.smoothing = torch.tensor(smoothing, device=readout.device)

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the losses, N, of logits NBC and labels NB."""
        weight, smoothing = self.weight.to(logits.dtype), self.smoothing.to(logits.dtype)
        return stacked_cross_entropy(logits, labels, weight, smoothing)


class Steps:
    """Takes the steps of a stack's members.

    Attributes:
        stack, members: what is trained; the members in the stack's order.
        precision: of products.
    """

    def __init__(self, stack: Stack, members: Sequence[Member]) -> None:
        self.stack = stack
        self.members = tuple(members)
        self.precision = members[0].course.recipe.training.precision
        self.loss = Loss(members, stack)

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
            optimizer = member.state.optimizer
            optimizer.step()
            if isinstance(optimizer, Muon):
                member.state.network.keep_wiring()
        stack.learn_locally(record)
        return losses.detach(), logits.detach()
