"""Training: functions over a small state, an epoch at a time.

One loop serves a network by itself and several that train as one model: a :class:`Learner` takes
the steps, and the loop does for each of its members what is the member's own.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import torch
from torch import Tensor

from bionic_core.base.records import to_document
from bionic_core.errors import BionicError
from bionic_core.model.network import Network
from bionic_core.training.averaging import WeightAverage
from bionic_core.training.data import TrainingData
from bionic_core.training.evaluation import logits_of, metrics
from bionic_core.training.figures import PlainFigures
from bionic_core.training.loss import training_loss
from bionic_core.training.optimizers import optimizer_of
from bionic_core.training.plasticity import learn_locally, rule_rates
from bionic_core.training.precision import lowered, products_in
from bionic_core.training.recipe import Recipe
from bionic_core.training.schedules import Schedule


@attrs.define(eq=False)
class State:
    """Where a training run stands, at the end of an epoch.

    Attributes:
        epoch: epochs done.
        best: the best value of the monitored figure so far, higher being better.
        best_epoch: the epoch that had it, from 1.
        best_weights: the network's state dict then.
        history: a record for each epoch, as in ``metrics.jsonl``.
        average: of the weights, None where the recipe asks for none.
        compiled: whether steps are compiled; None where the spec does not ask for it.
        step: how one is taken, :func:`step_once` or what does as it does.
    """

    network: Network
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    average: WeightAverage | None = None
    epoch: int = 0
    best: float = -math.inf
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = attrs.field(factory=dict)
    history: list[dict[str, Any]] = attrs.field(factory=list)
    compiled: bool | None = None
    step: Callable[..., tuple[Tensor, Tensor]] = attrs.field(factory=lambda: step_once)

    def after_step(self) -> None:
        """Go on with what follows each step of the optimiser."""
        self.schedule.after_step()
        if self.average is not None:
            self.average.update()


@attrs.frozen
class Progress:
    """A place in training, for showing progress: image ``done`` of ``total`` in ``epoch``."""

    epoch: int
    max_epochs: int
    done: int
    total: int


Watch = Callable[[Progress], None]


def start(network: Network, recipe: Recipe, images: int = 1) -> State:
    """Return the state before the first epoch of so many training images.

    Raises:
        RequestError: the optimiser or the schedule has no such option.
    """
    training = recipe.training
    optimizer = optimizer_of(network, training, recipe.optimizer)
    steps = math.ceil(images / training.batch_size) * training.max_epochs
    schedule = Schedule(optimizer, recipe.schedule, lr=training.lr, steps=steps)
    average = WeightAverage(network, training.averaging) if training.averaging else None
    return State(network, optimizer, schedule, average)


def finished(state: State, recipe: Recipe) -> bool:
    """Whether all epochs are done, or patience has run out."""
    training = recipe.training
    waited = state.epoch - state.best_epoch
    return state.epoch >= training.max_epochs or 0 < training.patience <= waited


@attrs.define(eq=False)
class Member:
    """A run under way: where it stands, and its course."""

    state: State
    course: TrainingData


class Learner(ABC):
    """What takes the steps of its members: of one network, or of several as one model.

    Members share images, batch size and precision; all else may be their own.

    Attributes:
        members: N of them.
        network: what is switched to training.
    """

    members: tuple[Member, ...]
    network: Network

    @abstractmethod
    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's batches: images (N)BCHW in [0, 1], varied, and labels (N)B."""

    @abstractmethod
    def take(self, images: Tensor, labels: Tensor, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Take a step of each member; return the losses (N) and the logits (N)BC.

        Args:
            images, labels: as :meth:`batches` gives them.
            now: the number of each member's step, which settles what it draws.
        """

    def closed(
        self, losses: list[float], accuracies: list[float]
    ) -> tuple[list[float], list[float]]:
        """Go on with what follows an epoch's steps; return its losses and accuracies, N."""
        return losses, accuracies

    @abstractmethod
    def means(self, sums: Tensor, count: int) -> list[float]:
        """Return each member's mean over so many images, N."""

    @abstractmethod
    def logits(self, images: Tensor) -> Sequence[Tensor]:
        """Return each member's logits (images, classes) of uint8 images NCHW, on the CPU."""


class Single(Learner):
    """One network by itself."""

    def __init__(self, state: State, course: TrainingData) -> None:
        self.state, self.course = state, course
        self.members = (Member(state, course),)
        self.network = state.network

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's batches: images BCHW and labels B."""
        for rows, images in self.course.batches(self.state.epoch):
            self.wanted = self.course.wanted(rows)
            yield images, self.course.labels[rows]

    def take(self, images: Tensor, labels: Tensor, now: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Take a step towards what a batch wants; return the loss, a scalar, and logits BC."""
        self.network.seek(now[0])
        return self.state.step(
            self.network,
            self.state.optimizer,
            images,
            labels if self.course.targets is None else self.wanted,
            self.course.loss,
            precision=self.course.recipe.training.precision,
            rates=rule_rates(self.course.recipe, self.state.optimizer),
        )

    def means(self, sums: Tensor, count: int) -> list[float]:
        """Return the mean."""
        return [float(sums) / count]

    def logits(self, images: Tensor) -> Sequence[Tensor]:
        """Return the logits of images."""
        return [logits_of(self.network, images)]


@attrs.frozen(eq=False)
class Ended:
    """What an epoch brought a member: its record, or the error that ended it."""

    member: Member
    record: dict[str, Any] | None
    error: BionicError | None = None


def train_members(
    learner: Learner, watch: Callable[[Member, Progress], None] | None = None
) -> list[Ended]:
    """Train all members for one epoch, evaluate them, and return what it brought each.

    A member's share of the time is what its record tells.
    """
    begun = time.perf_counter()
    members = learner.members
    with products_in(members[0].course.recipe.training.precision):
        losses, accuracies = learner.closed(*pass_once(learner, watch))
    seconds = (time.perf_counter() - begun) / len(members)
    # Nobody asks for the figures of weights that are no numbers.
    learned = any(map(math.isfinite, losses))
    figures = _selecting(learner) if learned else [None] * len(members)
    ended = []
    for member, loss, accuracy, selecting in zip(members, losses, accuracies, figures, strict=True):
        try:
            check_loss(loss, member.state.epoch + 1)
            assert selecting is not None
            with _averaged([member]):
                record = close_epoch(member, loss, accuracy, selecting, seconds)
        except BionicError as error:
            ended.append(Ended(member, None, error))
        else:
            ended.append(Ended(member, record))
    return ended


def pass_once(
    learner: Learner, watch: Callable[[Member, Progress], None] | None = None
) -> tuple[list[float], list[float]]:
    """Go through all training images once; return each member's mean loss and accuracy as seen."""
    members, course = learner.members, learner.members[0].course
    device, count, size = (
        course.images.device,
        len(course.labels),
        course.recipe.training.batch_size,
    )
    learner.network.train()
    total = torch.zeros(len(members), device=device)
    right = torch.zeros(len(members), device=device)
    for index, (images, labels) in enumerate(learner.batches()):
        now = [member.state.epoch * course.steps + index for member in members]
        losses, logits = learner.take(images, labels, now)
        total += losses * labels.shape[-1]
        right += (logits.argmax(-1) == labels).sum(-1)
        for member in members:
            member.state.after_step()
            if watch is not None:
                epochs = member.course.recipe.training.max_epochs
                watch(member, Progress(member.state.epoch + 1, epochs, index * size, count))
    return learner.means(total, count), learner.means(right, count)


@contextmanager
def _averaged(members: Sequence[Member]) -> Iterator[None]:
    """Put the averages, of members that have one, into their networks for the block."""
    with ExitStack() as averaged:
        for member in members:
            if member.state.average is not None:
                averaged.enter_context(member.state.average.applied())
        yield


def _selecting(learner: Learner) -> Sequence[PlainFigures | None]:
    """Return each member's figures on the images that are selected on."""
    course = learner.members[0].course
    split = course.splits.validation
    with _averaged(learner.members):
        logits = learner.logits(torch.as_tensor(split.images).to(course.images.device))
    smoothings = [member.course.recipe.smoothing for member in learner.members]
    pairs = zip(logits, smoothings, strict=True)
    return [metrics(mine, split.labels, smoothing) for mine, smoothing in pairs]


def check_loss(loss: float, epoch: int) -> None:
    """Check that an epoch's loss is a number.

    Raises:
        BionicError: it is not.
    """
    if not math.isfinite(loss):
        raise BionicError(
            f"the loss is {loss} in epoch {epoch}: training diverged. "
            "A smaller training.lr may help"
        )


def close_epoch(
    member: Member,
    loss: float,
    accuracy: float,
    selecting: PlainFigures,
    seconds: float,
) -> dict[str, Any]:
    """Close an epoch whose images have been learned, and return its record.

    The weights are kept if they are the best, and the schedule goes on.

    Args:
        member: with the weights that are to be kept in its network.
        loss, accuracy: on the training images, as seen.
        selecting: the figures of the images that are selected on.
        seconds: that the epoch took.

    Raises:
        BionicError: the figure to select by is no longer a number.
    """
    state, course = member.state, member.course
    state.epoch += 1
    rate = state.optimizer.param_groups[0]["lr"]
    _select(state, course, selecting)
    record = {
        "epoch": state.epoch,
        "lr": rate,
        "train": {"loss": loss, "accuracy": accuracy},
        course.splits.selected_on: to_document(selecting),
        "seconds": seconds,
        "images_per_second": len(course.labels) / seconds,
    }
    state.history.append(record)
    return record


def _select(state: State, course: TrainingData, figures: PlainFigures) -> None:
    """Keep the weights if they are the best by what is monitored."""
    monitor = course.recipe.training.monitor
    selecting = to_document(figures) | {"epoch": float(state.epoch)}
    figure = -selecting[monitor] if monitor == "loss" else selecting[monitor]
    if not math.isfinite(figure):
        raise BionicError(
            f"the {monitor} to select by is {selecting[monitor]} in epoch {state.epoch}: training "
            "diverged. A smaller training.lr may help"
        )
    if figure > state.best:
        state.best, state.best_epoch = figure, state.epoch
        state.best_weights = {k: v.clone() for k, v in state.network.state_dict().items()}
    state.schedule.after_epoch(figure)


def step_once(
    network: Network,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    loss_options: Mapping[str, Any],
    *,
    precision: str = "float32",
    rates: Mapping[str, float] | None = None,
) -> tuple[Tensor, Tensor]:
    """Take one step of the optimiser, then of the local rules; return the loss and the logits.

    ``rates`` are factors on what local rules change, by mechanism; 1 where none is given.
    """
    rounding = lowered(precision, images.device, cached=True)
    loss, logits, record = passed(network, images, labels, loss_options, rounding)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    if record is not None:
        learn_locally(network, record, rates)
    return loss.detach(), logits.detach()


def passed(
    network: Network,
    images: Tensor,
    labels: Tensor,
    loss_options: Mapping[str, Any],
    rounding: torch.autocast,
) -> tuple[Tensor, Tensor, dict[str, Tensor] | None]:
    """Return the loss, the logits BC, and the activity if local rules read it."""
    record: dict[str, Tensor] | None = {} if network.plastic else None
    with rounding:
        logits = network(images, record)
    logits = logits.to(network.readout.weight.dtype)
    return training_loss(logits, labels, **loss_options), logits, record
