"""A trained run on a split of its data, or of other data; alone, or paired with another run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch
from attrs import field
from torch import Tensor

from bionic_core.base.numbers import interval, number
from bionic_core.base.records import OMITTED, SPREAD
from bionic_core.base.strict import KEY
from bionic_core.dataset import Split
from bionic_core.errors import RequestError, listing
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.subject import subject
from bionic_core.statistics.comparisons import Difference
from bionic_core.statistics.comparisons import compare as paired
from bionic_core.statistics.crossed import Images, Over
from bionic_core.statistics.mcnemar import McNemar, mcnemar
from bionic_core.statistics.verdicts import margin_of
from bionic_core.training.evaluation import divergence, flip_averaged, logits_of, metrics
from bionic_core.training.figures import Figures, PlainFigures
from bionic_core.training.metrics import full_metrics
from bionic_core.training.recipe import recipe_of


@attrs.frozen(eq=False)
class Predicted:
    """What a run's network predicts on a split.

    Attributes:
        part: the images and labels.
        logits: (N, C), on the CPU.
        class_names: C names, in the order of the logits.
        data: the source's name.
        selected_on: the split that chose the run's epoch.
        unlike: whether the data is other than what the run was trained on.
        flip_averaged: log probabilities (N, C), averaged over each image and its mirror image;
            None where not asked for.
        smoothing: of the labels in training.
    """

    run: Run
    split: str
    part: Split
    logits: Tensor
    class_names: Sequence[str]
    data: str
    selected_on: str
    unlike: bool
    flip_averaged: Tensor | None = None
    smoothing: float = 0.0

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The true classes, (N,)."""
        return self.part.labels

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which images are classified rightly, (N,)."""
        right: npt.NDArray[np.bool_] = self.logits.argmax(1).numpy() == self.labels
        return right


def predict_split(
    run: Run,
    split: str,
    data: str | None = None,
    cache: InputCache | None = None,
    *,
    flip: bool = False,
    wirings: Sequence[Path] = (),
) -> Predicted:
    """Return a trained run's predictions on a split of its data, or of other data.

    Args:
        run: a complete run.
        split: train, validation or test.
        data: a registered data source or a path, instead of the run's own.
        cache: inputs that other runs have read already.
        flip: whether to average over each image and its mirror image as well.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    Raises:
        RequestError: there is no such split, the run is not complete or does not fit what is
            installed, its data cannot be read, or the classes differ.
    """
    selected_on = run.result.selected_on
    found = subject(run, split, data, cache, wirings)
    images = torch.as_tensor(found.part.images)
    logits = logits_of(found.network, images)
    averaged = flip_averaged(found.network, images, logits) if flip else None
    return Predicted(
        run,
        split,
        found.part,
        logits,
        found.class_names,
        found.data,
        selected_on,
        found.unlike,
        averaged,
        recipe_of(found.spec).smoothing,
    )


@attrs.frozen
class Designs:
    """Two designs, each trained with several seeds, on the same images.

    Attributes:
        seeds: that both were trained with, and that pair their runs.
        difference: accuracy of the first less that of the other, in percentage points.
        over: what its interval generalises over.
        margin: of its verdict, in points.
    """

    seeds: tuple[int, ...]
    difference: Difference
    over: Over
    margin: float

    @property
    def told(self) -> str:
        """The difference, its interval, and its verdict, in words."""
        one = self.difference
        if one.estimate is None or one.low is None or one.high is None or one.verdict is None:
            return f"{len(self.seeds)} seeds each, which tell no interval"
        return (
            f"{len(self.seeds)} seeds each, {number(one.estimate, signed=True)} points (95 % "
            f"interval {interval(one.low, one.high)}; against a margin of ±{self.margin:g}: "
            f"{one.verdict.alone})"
        )


@attrs.frozen
class Against:
    """McNemar's paired test of a run against another one on the same images.

    Attributes:
        run, hash, accuracy, selected_on: of the other run.
        outcome: of the test, the first run being the one that is compared.
        low, high: 95 % interval of its difference, a fraction, over new images.
        over: what that generalises over, in words.
        designs: of several runs a side, the difference of the designs, over seeds and images.
    """

    run: str
    hash: str
    accuracy: float
    selected_on: str
    outcome: McNemar = field(metadata={SPREAD: True})
    low: float
    high: float
    over: str
    designs: Designs | None = field(default=None, metadata={OMITTED: True})


@attrs.frozen(kw_only=True)
class Evaluation:
    """A run's figures on a split.

    Attributes:
        run: its folder.
        name: its spec's.
        data: the source's name.
        other_data: whether that is other data than it was trained on.
        selected_on: the split that chose its epoch.
        flip_averaged: figures of each image and its mirror image together, where asked for.
        against: another run on the same images, where asked for.
        drawn: paths of the figures that were written.
    """

    run: str
    hash: str
    name: str
    split: str
    data: str
    other_data: bool
    selected_on: str
    flip_averaged: PlainFigures | None = field(default=None, metadata={OMITTED: True})
    figures: Figures = field(metadata={SPREAD: True})
    against: Against | None = field(default=None, metadata={OMITTED: True})
    drawn: tuple[str, ...] | None = field(default=None, metadata={OMITTED: True, KEY: "figures"})


def evaluation_of(predicted: Predicted) -> Evaluation:
    """Return the figures of predictions, with what they are about."""
    averaged = predicted.flip_averaged
    return Evaluation(
        run=str(predicted.run.folder),
        hash=predicted.run.hash,
        name=str(predicted.run.manifest.get("name", predicted.run.hash)),
        split=predicted.split,
        data=predicted.data,
        other_data=predicted.unlike,
        selected_on=predicted.selected_on,
        flip_averaged=None
        if averaged is None
        else metrics(averaged, predicted.labels, predicted.smoothing),
        figures=full_metrics(
            predicted.logits, predicted.labels, predicted.class_names, predicted.smoothing
        ),
    )


def class_figures(run: Run) -> Figures:
    """Return a run's figures on its test images, with those of classes.

    Those of its result where that tells of classes, else those of the predictions it left behind.
    """
    test = run.result.test
    if isinstance(test, Figures):
        return test
    arrays = run.predictions
    names = [str(name) for name in arrays["class_names"]]
    return full_metrics(torch.as_tensor(arrays["test_logits"]), arrays["test_labels"], names)


def divergence_of(run: Run) -> float:
    """Return a run's divergence on its test images, of its predictions if its result is older."""
    if (known := run.result.test.kl) is not None:
        return known
    arrays = run.predictions
    logits, labels = torch.as_tensor(arrays["test_logits"]), arrays["test_labels"]
    return float(divergence(logits, labels, recipe_of(run.spec()).smoothing).mean())


def evaluate_run(run: Run, split: str, data: str | None = None) -> Evaluation:
    """Return a trained run's figures on a split of its data, or of other data.

    Raises:
        RequestError: as :func:`predict_split`.
    """
    return evaluation_of(predict_split(run, split, data))


def check_same_images(one: Predicted, other: Predicted) -> None:
    """Check that two runs predicted the same images.

    Raises:
        RequestError: they did not, or labels differ.
    """
    same = np.array_equal(one.part.images, other.part.images)
    if not same or not np.array_equal(one.labels, other.labels):
        raise RequestError(
            f"a paired test needs two runs on the same images, but {one.split} of "
            f"{one.run.hash} ({_about(one)}) and of {other.run.hash} ({_about(other)}) differ. "
            "Take runs with the same data, protocol and split_seed, or name one set of images "
            "for both with --data",
            where=str(other.run.folder),
        )


def compare(one: Predicted, other: Predicted) -> Against:
    """Return McNemar's paired test of two runs' predictions on the same images.

    Raises:
        RequestError: they did not predict the same images with the same labels.
    """
    check_same_images(one, other)
    from scipy.special import stdtrit

    apart = one.right.astype(np.float64) - other.right
    error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else np.nan
    half = float(stdtrit(len(apart) - 1, 0.975)) * error
    return Against(
        run=str(other.run.folder),
        hash=other.run.hash,
        accuracy=float(other.right.mean()),
        selected_on=other.selected_on,
        outcome=mcnemar(one.right, other.right),
        low=float(apart.mean()) - half,
        high=float(apart.mean()) + half,
        over=f"over new images like these {len(apart):,}, for these two networks as they are: "
        "other seeds would train others",
    )


def compare_sides(
    ours: Sequence[Predicted], theirs: Sequence[Predicted], margin: float | None = None
) -> Against:
    """Compare the first runs of two sides, and where there are more, the sides' designs.

    Raises:
        RequestError: as :func:`compare` and :func:`compare_designs`.
    """
    found = compare(ours[0], theirs[0])
    if len(ours) == len(theirs) == 1:
        return found
    return attrs.evolve(found, designs=compare_designs(ours, theirs, margin))


def compare_designs(
    ones: Sequence[Predicted], others: Sequence[Predicted], margin: float | None = None
) -> Designs:
    """Return how two designs differ, over seeds and over new images too.

    Runs are paired by seed; see :mod:`bionic_core.statistics.crossed`.

    Args:
        ones, others: the runs of each design, on the same images.
        margin: of the verdict, in points; the default if None.

    Raises:
        RequestError: fewer than two seeds are on both sides, a side has two runs of a seed, or the
            images differ.
    """
    sides = [{run.run.manifest["seed"]: run for run in side} for side in (ones, others)]
    if len(sides[0]) < len(ones) or len(sides[1]) < len(others):
        raise RequestError("two runs of a side have the same seed; give one run for each seed")
    seeds = tuple(sorted(set(sides[0]) & set(sides[1])))
    left = len(sides[0]) + len(sides[1]) - 2 * len(seeds)
    if len(seeds) < 2 or left:
        raise RequestError(
            "runs of two designs are paired by their seeds, so that both sides need the same "
            f"seeds, two or more; they have {' and '.join(listing(map(str, s)) for s in sides)}"
        )
    for seed in seeds:
        check_same_images(ones[0], sides[0][seed])
        check_same_images(ones[0], sides[1][seed])
    right = np.array([[side[seed].right for seed in seeds] for side in sides], np.float64)
    images = Images.of(100 * right.reshape(2 * len(seeds), -1))
    size = margin_of("percentage points", margin)
    found = paired(100 * right.mean(2), images=images, margin=size)
    over = Over.of(len(seeds), right.shape[2], new=True)
    return Designs(seeds, found.differences[0], over, float(size or 0.0))


def _about(predicted: Predicted) -> str:
    fingerprint = predicted.run.manifest["identity"]["data"]["fingerprint"]
    return (
        f"{predicted.data}, {len(predicted.part):,} images, trained on data {fingerprint[:16]}, "
        f"selected on {predicted.selected_on}"
    )
