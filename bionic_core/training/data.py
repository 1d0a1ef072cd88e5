"""What a run is trained on: its images on their device, in the order and the views of each step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from bionic_core.data.splits import Splits
from bionic_core.errors import RequestError
from bionic_core.seeds import Stream, derive
from bionic_core.training.loss import training_loss
from bionic_core.training.recipe import Recipe
from bionic_core.training.views import ahead, unit_range, vary
from bionic_core.training.weights import Weights


@attrs.frozen(eq=False)
class TrainingData:
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
        like: TrainingData | None = None,
    ) -> TrainingData:
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
        classes = recipe.classes or int(labels.max()) + 1
        if recipe.weighted:
            weights = recipe.weights if recipe.weights.given else Weights(exponent=1.0)
            counts = torch.bincount(labels, minlength=classes).tolist()
            loss["weight"] = torch.tensor(weights.of(counts), device=device)
        try:
            training_loss(torch.zeros(2, classes, device=device), labels[:2], **loss)
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
        size = self.recipe.training.batch_size
        step = epoch * self.steps
        for part in torch.split(self.rows(epoch), size * ahead(size)):
            views = self.varied(unit_range(self.images[part]), step)
            yield from zip(torch.split(part, size), torch.split(views, size), strict=True)
            step += ahead(size)

    @property
    def steps(self) -> int:
        """The number of an epoch's steps."""
        return math.ceil(len(self.labels) / self.recipe.training.batch_size)

    def rows(self, epoch: int) -> Tensor:
        """Return the rows of the training images in the order of an epoch."""
        self.order.seek(epoch)
        return self.order.permutation(len(self.labels)).to(self.labels.device)

    def varied(self, images: Tensor, step: int) -> Tensor:
        """Return views of images in [0, 1], drawn with a training step."""
        self.views.seek(step)
        return vary(images, self.recipe.views, self.views)
