"""Intervals over new images too: what the runs of a study left behind of each test image.

Every run keeps its logits. A figure that is a mean over images (accuracy, loss) has a value of
each image; one of the confusion matrix (recall, precision, F1, of a class or averaged) has its
jackknife pseudo-value, N θ − (N − 1) θ without the image (Efron & Stein 1981,
doi:10.1214/aos/1176345462), which depends on the image's true and predicted class alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import DamagedError, RequestError
from bionic_core.runs.files import ANEW, PREDICTIONS
from bionic_core.runs.folder import Run
from bionic_core.spec.spec import Spec
from bionic_core.statistics.comparisons import checked
from bionic_core.statistics.crossed import FEWEST_IMAGES, Images
from bionic_core.statistics.designs import Design
from bionic_core.statistics.looks import Looks
from bionic_core.statistics.power import sights
from bionic_core.statistics.verdicts import check_margin
from bionic_core.studies.cell import Cell
from bionic_core.training.metrics import figure_of

Values = npt.NDArray[np.float64]

KEPT = ("test", "validation")
"""The parts whose predictions a run keeps."""

MEANS = ("accuracy", "loss")
COUNTED = ("precision", "recall", "f1")
AVERAGES = ("macro", "weighted")

AGREE = 1e-5
"""How far a figure computed from predictions may lie from the one that the run wrote down."""

SEEDS, BOTH = "seeds", "seeds,images"


@attrs.frozen
class Judging:
    """How sure a study's estimates are, as it is asked for.

    Attributes:
        error: what tells it, by name, as for
            :func:`bionic_core.statistics.effects.estimate_effects`; the default if None.
        images: whether over new images too.
        margin: of the verdicts, in the effects' units; the default if None.
        looks: at a study that goes on until effects are decided; none if None.
    """

    error: str | None = None
    images: bool = False
    margin: float | None = None
    looks: Looks | None = None

    def seeds(self, asked: int) -> int:
        """Return the most seeds that a study may have: of its last look, else those asked for."""
        return asked if self.looks is None else self.looks.seeds[-1]


JUDGING = Judging()
"""What is not asked for otherwise."""


def over_images(asked: str) -> bool:
    """Return whether ``--over`` asks for new images too.

    Raises:
        RequestError: it asks for what there is not.
    """
    names = {name.strip() for name in asked.split(",")}
    if names == {"seeds"}:
        return False
    if names == {"seeds", "images"}:
        return True
    if names == {"images"}:
        raise RequestError(
            "--over images: a study compares designs, each trained with several seeds, so that "
            f"seeds are always part of its error; give --over {BOTH}. Two networks as they are, "
            "over images alone: bionic evaluate RUN --against RUN"
        )
    raise RequestError(f"--over {asked}: give {SEEDS} or {BOTH}")


def check_over_images(
    design: Design,
    specs: Sequence[Spec],
    response: str,
    order: int | None = None,
    error: str | None = None,
) -> None:
    """Check, before anything is trained, that a study can speak of new images.

    Raises:
        RequestError: the figure has no value of each image, runs will be tested on different
            images, or nothing will tell an error over seeds.
    """
    problems = []
    if _figure_of_images(response) is None:
        problems.append(
            f"{response} has no value of each image. It is offered for test. and validation. with "
            f"{', '.join(MEANS)}, {', '.join(f'{a}_f1' for a in AVERAGES)}, and precision, recall "
            "and f1, of a class or averaged; leave --over out for this figure"
        )
    choices = [spec.data_choice for spec in specs]
    if any(choice != choices[0] for choice in choices):
        problems.append(
            "a key of [data] is a factor, so that runs are tested on different images, and no "
            "image tells of two runs; leave --over out"
        )
    if sights(design, 1.0, order, error).method != "t":
        problems.append(
            "nothing will tell how far another seed would move an effect, and new images come on "
            "top of that: give --seeds 2 or more"
        )
    if problems:
        raise RequestError([f"--over {BOTH}: {problem}" for problem in problems])


def check_comparisons(design: Design, specs: Sequence[Spec], judging: Judging) -> Judging:
    """Return how differences from a control are to be judged, checked before anything is trained.

    Raises:
        RequestError: there is no such error or margin, or the runs will tell nothing of images.
    """
    checked(judging.error)
    check_margin(judging.margin)
    if judging.images:
        check_over_images(design, specs, "test.accuracy", error=judging.error)
    return judging


def images_of(cells: Sequence[Cell], response: str) -> Images:
    """Return how runs vary together over the images that all of them were tested on.

    Args:
        cells: finished runs, in the order of the analysis.
        response: the figure that is analysed.

    Raises:
        RequestError: the figure has no value of each image; a run left no predictions behind, or
            on other images than the first; there are too few images.
        DamagedError: a run's predictions do not give the figure that it wrote down.
    """
    found = _figure_of_images(response)
    runs = [cell.run for cell in cells if cell.run is not None]
    if found is None or not runs:
        raise RequestError(f"--over {BOTH}: {response} has no value of each image")
    part, figure = found
    first: tuple[Run, npt.NDArray[np.int64]] | None = None
    rows = []
    for run in runs:
        arrays = run.predictions
        labels = arrays[f"{part}_labels"]
        first = first or (run, labels)
        if not _same_images(first, (run, labels)):
            raise RequestError(
                f"--over {BOTH}: {first[0].hash} and {run.hash} were tested on different images, "
                "so that no image tells of both. Take runs with the same data, protocol and "
                "split_seed, or leave --over out",
                where=str(run.folder),
            )
        names = [str(name) for name in arrays["class_names"]]
        values = _values(figure, arrays[f"{part}_logits"], labels, names)
        told = figure_of(run.result, response)
        if abs(values.mean() - told) > AGREE * max(1.0, abs(told)):
            raise DamagedError(
                f"its predictions give a {response} of {values.mean():.6g}, result.json says "
                f"{told:.6g}. {ANEW}",
                where=str(run.folder / PREDICTIONS),
            )
        rows.append(values)
    count = rows[0].size
    if count < FEWEST_IMAGES:
        raise RequestError(
            f"--over {BOTH}: there are {count} {part} images, and fewer than {FEWEST_IMAGES} do "
            "not tell what others would do; leave --over out, or test on more"
        )
    return Images.of(np.stack(rows))


def about_images_left(response: str, judging: Judging) -> list[str]:
    """Say that new images can be asked about, where they can and are not."""
    if judging.images or judging.looks or _figure_of_images(response) is None:
        return []
    return [f"--over {BOTH} gives intervals over new images too, by the predictions of these runs"]


def tested_on(cells: Sequence[Cell], response: str) -> int | None:
    """Return how many images a figure of finished runs is about; None where it is about none."""
    runs = [cell.run for cell in cells if cell.run is not None]
    part = getattr(runs[0].result, response.partition(".")[0], None) if runs else None
    images: int | None = getattr(part, "images", None)
    return images


def _same_images(
    one: tuple[Run, npt.NDArray[np.int64]], other: tuple[Run, npt.NDArray[np.int64]]
) -> bool:
    """Say whether two runs were tested on the same images: by fingerprint, split and labels."""
    data = [run.manifest["identity"]["data"] for run, _ in (one, other)]
    return data[0] == data[1] and np.array_equal(one[1], other[1])


def _figure_of_images(response: str) -> tuple[str, str] | None:
    """Return the part and the figure of a response that has values of images."""
    part, _, figure = response.partition(".")
    name, _, of_class = figure.partition(".")
    average, _, counted = name.partition("_")
    known = (
        (name in MEANS and not of_class)
        or (average in AVERAGES and counted in COUNTED and not of_class)
        or (name in COUNTED and bool(of_class))
    )
    return (part, figure) if part in KEPT and known else None


def _values(figure: str, logits: Any, labels: npt.NDArray[np.int64], names: list[str]) -> Values:
    """Return a figure's value of each image (N,), whose mean is the figure."""
    predicted = logits.argmax(1)
    if figure == "accuracy":
        return np.asarray(predicted == labels, np.float64)
    if figure == "loss":
        from scipy.special import log_softmax

        each = log_softmax(logits.astype(np.float64), axis=1)
        return np.asarray(-each[np.arange(len(labels)), labels])
    classes = len(names)
    kind = labels * classes + predicted
    counts = np.bincount(kind, minlength=classes**2).astype(np.float64)
    whole = float(of_counts(figure, counts.reshape(classes, classes), names))
    # The figure without one image, for each kind that there is of true and predicted class.
    kinds = np.flatnonzero(counts)
    without = np.repeat(counts[None], len(kinds), axis=0)
    without[np.arange(len(kinds)), kinds] -= 1
    left = of_counts(figure, without.reshape(-1, classes, classes), names)
    pseudo = np.zeros(classes**2)
    pseudo[kinds] = len(labels) * whole - (len(labels) - 1) * left
    values = pseudo[kind]
    return np.asarray(values - values.mean() + whole)


def of_counts(figure: str, counts: Values, names: list[str]) -> Values:
    """Return a figure of confusion matrices (…, C, C), true × predicted; 0 where undefined."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    support, named = counts.sum(-1), counts.sum(-2)
    name, _, of_class = figure.partition(".")
    average, _, counted = name.partition("_")
    below = {"precision": named, "recall": support, "f1": (support + named) / 2}
    each = right / np.maximum(below[counted or name], 1e-300)
    if of_class:
        return np.asarray(each[..., names.index(of_class)])
    if average == "macro":
        return np.asarray(each.mean(-1))
    return np.asarray((each * support).sum(-1) / support.sum(-1))
