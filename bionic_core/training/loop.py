"""Training: functions over a small state, an epoch at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional

from bionic_core.base.records import to_document
from bionic_core.data.splits import Splits
from bionic_core.errors import BionicError, RequestError
from bionic_core.model.network import Network
from bionic_core.seeds import Stream, derive
from bionic_core.training.averaging import WeightAverage
from bionic_core.training.evaluation import PlainFigures, evaluate
from bionic_core.training.optimizers import Muon, make_optimizer
from bionic_core.training.precision import lowered, products_in
from bionic_core.training.recipe import Recipe
from bionic_core.training.schedules import Schedule
from bionic_core.training.views import ahead, vary


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


@attrs.frozen
class Moment:
    """A place in training, for showing progress: image ``done`` of ``total`` in ``epoch``."""

    epoch: int
    max_epochs: int
    done: int
    total: int


Watch = Callable[[Moment], None]


def start(network: Network, recipe: Recipe, images: int = 1) -> State:
    """Return the state before the first epoch of so many training images.

    Raises:
        RequestError: the optimiser or the schedule has no such option.
    """
    training = recipe.training
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = make_optimizer(parameters, training, recipe.optimizer)
    steps = math.ceil(images / training.batch_size) * training.max_epochs
    schedule = Schedule(optimizer, recipe.schedule, lr=training.lr, steps=steps)
    average = WeightAverage(network, training.averaging) if training.averaging else None
    return State(network, optimizer, schedule, average)


def finished(state: State, recipe: Recipe) -> bool:
    """Whether all epochs are done, or patience has run out."""
    training = recipe.training
    waited = state.epoch - state.best_epoch
    return state.epoch >= training.max_epochs or 0 < training.patience <= waited


@attrs.frozen(eq=False)
class Course:
    """What stays the same from epoch to epoch: the images on their device, and the draws."""

    recipe: Recipe
    splits: Splits
    images: Tensor
    labels: Tensor
    loss: Mapping[str, Any]
    order: Stream
    views: Stream

    @classmethod
    def prepare(
        cls,
        recipe: Recipe,
        splits: Splits,
        seed: int,
        device: torch.device,
        like: Course | None = None,
    ) -> Course:
        """Put the training images on the device, and settle the loss.

        Args:
            recipe, splits: of the run.
            seed: of the run.
            device: where it trains.
            like: a course of the same splits there, whose images serve this one too.

        Raises:
            RequestError: the loss has no such option.
        """
        if like is not None:
            images, labels = like.images, like.labels
        else:
            images = torch.as_tensor(splits.train.images).to(device)
            labels = torch.as_tensor(splits.train.labels).to(device)
        seed = recipe.training.drawn_with(seed)
        loss: dict[str, Any] = dict(recipe.loss)
        if loss.get("weight") == "balanced":
            counts = torch.bincount(labels).clamp(min=1)
            loss["weight"] = len(labels) / (len(counts) * counts.float())
        try:
            functional.cross_entropy(
                torch.zeros(2, int(labels.max()) + 1, device=device), labels[:2], **loss
            )
        except (TypeError, ValueError, RuntimeError) as error:
            raise RequestError(f"the loss does not take its options: {error}") from error
        return cls(
            recipe,
            splits,
            images,
            labels,
            loss,
            Stream(derive(seed, "order")),
            Stream(derive(seed, "views")),
        )

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield each batch of an epoch: its rows of the training images, and views of those."""
        self.order.seek(epoch)
        rows = self.order.permutation(len(self.labels)).to(self.labels.device)
        size = self.recipe.training.batch_size
        step = epoch * math.ceil(len(rows) / size)
        for part in torch.split(rows, size * ahead(size)):
            self.views.seek(step)
            views = vary(self.images[part].float() / 255, self.recipe.views, self.views)
            yield from zip(torch.split(part, size), torch.split(views, size), strict=True)
            step += ahead(size)


def train_epoch(state: State, course: Course, watch: Watch | None = None) -> dict[str, Any]:
    """Train for one epoch, evaluate, and return the epoch's record.

    Raises:
        BionicError: the loss is no longer a number.
    """
    begun = time.perf_counter()
    with products_in(course.recipe.training.precision):
        loss, accuracy = _pass(state, course, watch)
    seconds = time.perf_counter() - begun
    check_loss(loss, state.epoch + 1)
    with state.average.applied() if state.average else nullcontext():
        _, selecting = evaluate(state.network, course.splits.validation)
        return close_epoch(state, course, loss, accuracy, selecting, seconds)


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
    state: State,
    course: Course,
    loss: float,
    accuracy: float,
    selecting: PlainFigures,
    seconds: float,
) -> dict[str, Any]:
    """Close an epoch whose images have been learned, and return its record.

    The weights are kept if they are the best, and the schedule goes on.

    Args:
        state: with the weights that are to be kept in the network.
        course: of the run.
        loss, accuracy: on the training images, as seen.
        selecting: the figures of the images that are selected on.
        seconds: that the epoch took.

    Raises:
        BionicError: the figure to select by is no longer a number.
    """
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


def _select(state: State, course: Course, figures: PlainFigures) -> None:
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


def _pass(state: State, course: Course, watch: Watch | None) -> tuple[float, float]:
    """Go through all training images once; return their mean loss and accuracy as seen."""
    network, recipe = state.network, course.recipe
    device, count, size = course.images.device, len(course.labels), recipe.training.batch_size
    steps = math.ceil(count / size)
    network.train()
    total = torch.zeros((), device=device)
    right = torch.zeros((), device=device)
    for index, (rows, images) in enumerate(course.batches(state.epoch)):
        network.seek(state.epoch * steps + index)
        loss, logits = step_once(
            network,
            state.optimizer,
            images,
            course.labels[rows],
            course.loss,
            precision=recipe.training.precision,
        )
        state.schedule.after_step()
        if state.average is not None:
            state.average.update()
        total += loss * len(rows)
        right += (logits.argmax(1) == course.labels[rows]).sum()
        if watch is not None:
            watch(Moment(state.epoch + 1, recipe.training.max_epochs, index * size, count))
    return float(total) / count, float(right) / count


def step_once(
    network: Network,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    loss_options: Mapping[str, Any],
    *,
    precision: str = "float32",
) -> tuple[Tensor, Tensor]:
    """Take one step of the optimiser, then of the local rules; return the loss and the logits."""
    record: dict[str, Tensor] | None = {} if network.plastic else None
    with lowered(precision, images.device, cached=True):
        logits = network(images, record)
    logits = logits.to(network.readout.weight.dtype)
    loss = functional.cross_entropy(logits, labels, **loss_options)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    if isinstance(optimizer, Muon):
        network.keep_wiring()
    if record is not None:
        network.learn_locally(record)
    return loss.detach(), logits.detach()


def parameter_count(module: nn.Module) -> int:
    """Return the number of parameters, masked ones included."""
    return sum(parameter.numel() for parameter in module.parameters())
