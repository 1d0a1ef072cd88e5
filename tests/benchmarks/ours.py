"""This package's training, an epoch at a time, as ``bionic train`` does it."""

from __future__ import annotations

import numpy as np
import torch

import bionic_core as bionic
from bionic_core.data.splits import Splits
from bionic_core.runs.images_and_wiring import load_inputs
from bionic_core.training.data import TrainingData
from bionic_core.training.epochs import train_epoch
from bionic_core.training.loop import start
from bionic_core.training.recipe import recipe_of
from tests.benchmarks.reference import Column


def column_of(spec: bionic.Spec) -> Column:
    """Return the reference's column of a spec's connectome."""
    assert spec.connectome is not None
    read = spec.connectome.read()
    return Column.of(read.cell_type, read.broad_type, read.pre, read.post, read.count)


def some(splits: Splits, images: int) -> Splits:
    """Return so many training images, and validation in proportion, drawn once and for all.

    The splits may be in the order of their classes.
    """
    rng = np.random.default_rng(0)
    kept = rng.permutation(len(splits.train))[:images]
    share = round(len(kept) * len(splits.validation) / len(splits.train))
    validation = splits.validation.take(rng.permutation(len(splits.validation))[: max(share, 7)])
    return Splits(splits.train.take(kept), validation, splits.test, splits.selected_on)


class Training:
    """A spec in training on some of its images.

    Attributes:
        train_loss, loss, accuracy: of the last epoch, as in the reference.
    """

    def __init__(self, spec: bionic.Spec, splits: Splits, seed: int = 0) -> None:
        place = torch.device("cpu")
        network = bionic.build(spec, seed=seed).to(memory_format=torch.channels_last)
        recipe = recipe_of(spec)
        self.splits = splits
        self.state = start(network, recipe, len(splits.train))
        self.course = TrainingData.prepare(recipe, splits, seed, place)

    def epoch(self) -> None:
        """Train for an epoch, and evaluate."""
        record = train_epoch(self.state, self.course)
        self.train_loss = record["train"]["loss"]
        selecting = record[self.splits.selected_on]
        self.loss, self.accuracy = selecting["loss"], selecting["accuracy"]


def inputs_of(spec: bionic.Spec, images: int) -> Splits:
    """Return some of a spec's images."""
    return some(load_inputs(spec).splits, images)
