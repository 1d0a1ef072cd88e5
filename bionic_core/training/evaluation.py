"""Predictions on a split, and the figures that are made of them (§3.6)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bionic_core.dataset import Split
from bionic_core.model.network import Network
from bionic_core.training.figures import PlainFigures
from bionic_core.training.precision import products_in
from bionic_core.training.views import unit_range

EVALUATION_BATCH = 256
"""On a CPU, twice as many take nearly twice as long an image: activity leaves the cache."""


@torch.inference_mode()
def logits_of(network: Network, images: Tensor) -> Tensor:
    """Return the logits (N, classes) of uint8 images NCHW, in evaluation mode, on the CPU."""
    training = network.training
    network.eval()
    with products_in("float32"):
        parts = [network(batch) for batch in _batches(images)]
    network.train(training)
    return torch.cat(parts).float().cpu()


def flip_averaged(network: Network, images: Tensor, logits: Tensor) -> Tensor:
    """Return log probabilities (N, classes), averaged over uint8 images NCHW and their mirrors.

    Args:
        logits: of the images as they are, from :func:`logits_of`.
    """
    both = torch.stack([logits, logits_of(network, images.flip(-1))]).log_softmax(-1)
    return both.logsumexp(0) - math.log(2)


def _batches(images: Tensor) -> Iterator[Tensor]:
    for start in range(0, len(images), EVALUATION_BATCH):
        yield unit_range(images[start : start + EVALUATION_BATCH])


def metrics(
    logits: Tensor, labels: npt.NDArray[np.int64], smoothing: float | None = None
) -> PlainFigures:
    """Return the figures of logits (N, C) with labels (N,); ``smoothing`` is that of training."""
    predicted = logits.argmax(1).numpy()
    return PlainFigures(
        accuracy=float((predicted == labels).mean()),
        loss=float(functional.cross_entropy(logits, torch.as_tensor(labels))),
        macro_f1=macro_f1(labels, predicted),
        images=len(labels),
        kl=None if smoothing is None else float(divergence(logits, labels, smoothing).mean()),
    )


def macro_f1(labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> float:
    """Return the mean of 2·TP / (true + predicted) over the classes that occur in either (N,).

    As ``sklearn.metrics.f1_score`` has it (``average="macro"``, ``zero_division=0``), whose import
    takes longer than many an epoch.
    """
    size = int(max(labels.max(), predicted.max())) + 1
    right = np.bincount(labels[labels == predicted], minlength=size)
    true, chosen = (np.bincount(each, minlength=size) for each in (labels, predicted))
    there = true + chosen > 0
    return float(np.average(2 * right[there] / (true + chosen)[there]))


def divergence(logits: Tensor, labels: npt.NDArray[np.int64], smoothing: float) -> Tensor:
    """Return the Kullback–Leibler divergence of each image to its smoothed target, (N,), in nats.

    Σ_c q_c log(q_c / p_c), q = (1 − α) · one-hot + α/C, in float64, whatever class weights: the
    cross entropy to q less q's entropy, which for α = 0.1 and 7 classes is 0.446, so that one that
    has learned all that it is told reaches 0. For α = 0 it is the plain cross entropy. The
    published losses of BioNIC are this (``docs/results/readings.md``).

    Args:
        logits: (N, C).
        labels: (N,).
        smoothing: α of the training.
    """
    classes = logits.shape[1]
    target = torch.full((classes,), smoothing / classes, dtype=torch.float64)
    target[0] += 1 - smoothing
    surprise = -logits.double().log_softmax(1)
    own = surprise.gather(1, torch.as_tensor(labels)[:, None])[:, 0]
    crossed: Tensor = (1 - smoothing) * own + smoothing * surprise.mean(1)
    entropy: Tensor = -torch.special.xlogy(target, target).sum()
    return crossed - entropy


def evaluate(
    network: Network, split: Split, smoothing: float | None = None
) -> tuple[Tensor, PlainFigures]:
    """Return the logits (N, classes) of a split, and its figures; ``smoothing`` is training's."""
    device = next(network.parameters()).device
    logits = logits_of(network, torch.as_tensor(split.images).to(device))
    return logits, metrics(logits, split.labels, smoothing)
