"""All figures of a split: those of §3.6, Table 3 and Appendix A, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from torch import Tensor

from bionic_core.base.records import omitted
from bionic_core.errors import RequestError, nearest
from bionic_core.training.evaluation import metrics
from bionic_core.training.figures import ClassFigures, Figures

CALIBRATION_BINS = 15
PARTS = ("validation", "test", "train", "train_evaluated")
"""The parts of a run's result that hold figures."""


def full_metrics(
    logits: Tensor,
    labels: npt.NDArray[np.int64],
    class_names: Sequence[str],
    smoothing: float | None = None,
) -> Figures:
    """Return all figures of a split.

    Args:
        logits: (N, C).
        labels: (N,), indices into ``class_names``.
        class_names: C names.
        smoothing: of the labels in training; the divergence is unknown without it.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    predicted = logits.argmax(1).numpy()
    classes = list(range(len(class_names)))
    options: dict[str, Any] = {"labels": classes, "zero_division": 0}
    each = precision_recall_fscore_support(labels, predicted, **options)
    # A class in neither truth nor prediction says nothing, and would pull macro averages down.
    macro = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    weighted = precision_recall_fscore_support(labels, predicted, average="weighted", **options)
    probability = probabilities(logits)
    areas = [_area(labels == cls, probability[:, cls]) for cls in classes]
    known = [area for area in areas if area is not None]
    counts = confusion_matrix(labels, predicted, labels=classes).tolist()
    return Figures(
        **attrs.asdict(metrics(logits, labels, smoothing)),
        macro_precision=float(macro[0]),
        macro_recall=float(macro[1]),
        weighted_precision=float(weighted[0]),
        weighted_recall=float(weighted[1]),
        weighted_f1=float(weighted[2]),
        classes={
            name: ClassFigures(
                precision=float(each[0][cls]),
                recall=float(each[1][cls]),
                f1=float(each[2][cls]),
                support=int(each[3][cls]),
                auc=area,
            )
            for cls, (name, area) in enumerate(zip(class_names, areas, strict=True))
        },
        confusion=tuple(map(tuple, counts)),
        auc=float(np.mean(known)) if known else None,
        calibration_error=calibration_error(probability, labels),
        interval=wilson(int((predicted == labels).sum()), len(labels)),
    )


def probabilities(logits: Tensor) -> npt.NDArray[np.float64]:
    """Return the softmax of logits (N, C) as float64, so that near-certain ones stay apart."""
    return logits.double().softmax(1).numpy()


def _area(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float | None:
    """Return the area under the ROC curve, None where only one side has images."""
    from sklearn.metrics import roc_auc_score

    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, score))


def calibration_error(probability: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    """Return the expected calibration error of class probabilities (N, C), a fraction.

    ECE = Σ_m |B_m|/N · |accuracy(B_m) − confidence(B_m)|, over 15 equally wide bins B_m of
    the confidence, which is the probability of the predicted class; bins are closed above
    (Naeini, Cooper & Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017,
    doi:10.48550/arXiv.1706.04599).
    """
    confidence = probability.max(1)
    right = probability.argmax(1) == labels
    bins = np.ceil(confidence * CALIBRATION_BINS).astype(np.int64)
    gaps = np.bincount(bins, weights=right - confidence)  # |B_m| times the gap of each bin
    return float(np.abs(gaps).sum() / len(labels))


def wilson(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval [low, high] of an accuracy: the test set's own uncertainty.

    Wilson's score interval for ``right`` of ``images`` (1927,
    doi:10.1080/01621459.1927.10502953). It says how far the accuracy on other images of the
    same kind may lie; that other seeds train other networks is apart from it.
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(right, images, alpha=0.05, method="wilson")
    return float(low), float(high)


def figure_of(result: Any, name: str) -> float:
    """Return one figure of a run's result, such as ``test.recall.disgusted``.

    Args:
        result: of a run, a :class:`bionic_core.runs.result.Result`.
        name: ``PART.FIGURE`` (``test.accuracy``, ``validation.loss``, ``train.loss``),
            ``PART.FIGURE.CLASS`` (``test.auc.happy``), or a number of the run itself
            (``best_epoch``, ``seconds``).

    Raises:
        RequestError: there is no such figure, or it is undefined for this split.
    """
    figures = _figures(result)
    if name not in figures:
        raise RequestError(
            f"there is no figure '{name}'.{nearest(name, figures)} {_allowed(result)}"
        )
    value = figures[name]
    if value is None:
        raise RequestError(
            f"the figure '{name}' is undefined here: of the class that it is about, the split "
            "has no image, or no others; choose another figure, or a split with all classes"
        )
    return float(value)


def _figures(result: Any) -> dict[str, float | None]:
    """Return all figures by name, in the order of the result."""
    found = numbers_of(result)
    for part, figures in _parts(result):
        found |= {f"{part}.{key}": value for key, value in numbers_of(figures).items()}
        for cls, of_class in _classes(figures).items():
            values = numbers_of(of_class)
            if not of_class.support:  # what scikit-learn calls 0 would pass for a figure
                values |= dict.fromkeys(("precision", "recall", "f1"))
            found |= {f"{part}.{key}.{cls}": value for key, value in values.items()}
    return found


def _parts(result: Any) -> Iterator[tuple[str, Any]]:
    for part in PARTS:
        if (figures := getattr(result, part)) is not None:
            yield part, figures


def _classes(figures: Any) -> Mapping[str, ClassFigures]:
    return figures.classes if isinstance(figures, Figures) else {}


def numbers_of(record: Any) -> dict[str, float | None]:
    """Return a record's own numbers by their fields' names; None where one is undefined."""
    values = {
        field.name: getattr(record, field.name)
        for field in attrs.fields(type(record))
        if not omitted(record, field)
    }
    return {k: v for k, v in values.items() if v is None or isinstance(v, int | float)}


def _allowed(result: Any) -> str:
    """Say what there is; in braces, one of several."""
    phrases = list(numbers_of(result))
    for part, figures in _parts(result):
        phrases.append(f"{part}.{{{', '.join(numbers_of(figures))}}}")
        if classes := _classes(figures):
            of_class = ", ".join(numbers_of(next(iter(classes.values()))))
            phrases.append(f"{part}.{{{of_class}}}.{{{', '.join(classes)}}}")
    return f"Figures are {', '.join(phrases)}"
