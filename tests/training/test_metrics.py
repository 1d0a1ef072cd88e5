"""Figures of predictions, against independent NumPy and published examples."""

from __future__ import annotations

import json
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
import torch

from bionic_core import RequestError
from bionic_core.base.records import to_document
from bionic_core.runs.result import Result, Seen
from bionic_core.statistics.mcnemar import McNemar, mcnemar
from bionic_core.training.evaluation import macro_f1, metrics
from bionic_core.training.figures import ClassFigures, PlainFigures
from bionic_core.training.metrics import (
    calibration_error,
    figure_of,
    full_metrics,
    probabilities,
    wilson,
)

NAMES = ("cat", "dog", "owl", "rat")


def drawn(
    count: int = 400, classes: int = 4, seed: int = 0
) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
    """Return logits that know something of the labels, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes)) * 1.5 + 1.5 * np.eye(classes)[labels]
    return torch.as_tensor(logits, dtype=torch.float32), labels


def test_the_macro_f1_of_epochs_is_scikit_learns_to_the_bit() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    for count, classes in ((1, 1), (1, 7), (9, 3), (60, 7), (400, 9)) * 10:
        labels, guessed = rng.integers(0, classes, (2, count))
        guessed = np.where(rng.random(count) < 0.5, labels, guessed)
        theirs = f1_score(labels, guessed, average="macro", zero_division=0)
        assert macro_f1(labels, guessed) == theirs


def test_figures_are_those_of_independent_numpy() -> None:
    logits, labels = drawn()
    found = full_metrics(logits, labels, NAMES)
    z = logits.numpy().astype(np.float64)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    guess = z.argmax(1)
    confusion = np.zeros((4, 4), int)
    for true, seen in zip(labels, guess, strict=True):
        confusion[true, seen] += 1
    assert [list(row) for row in found.confusion] == confusion.tolist()
    right = np.diag(confusion)
    precision, recall = right / confusion.sum(0), right / confusion.sum(1)
    f1 = 2 * precision * recall / (precision + recall)
    share = confusion.sum(1) / len(labels)
    for kind, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [getattr(c, kind) for c in found.classes.values()] == pytest.approx(values)
        assert getattr(found, f"macro_{kind}") == pytest.approx(values.mean())
        assert getattr(found, f"weighted_{kind}") == pytest.approx((values * share).sum())
    assert [c.support for c in found.classes.values()] == confusion.sum(1).tolist()
    assert found.accuracy == pytest.approx(right.sum() / len(labels))
    assert found.loss == pytest.approx(-np.log(p[np.arange(len(z)), labels]).mean(), abs=1e-6)
    assert found.images == len(labels)
    areas = [_area(p[labels == c, c], p[labels != c, c]) for c in range(4)]
    assert [c.auc for c in found.classes.values()] == pytest.approx(areas)
    assert found.auc == pytest.approx(np.mean(areas))
    assert found.calibration_error == pytest.approx(_calibration(p, labels))
    assert list(found.classes) == list(NAMES)
    json.dumps(to_document(found), allow_nan=False)


def _area(inside: npt.NDArray[Any], outside: npt.NDArray[Any]) -> float:
    """The chance that one of the class scores above another (Fawcett 2006, §7); ties half."""
    above = inside[:, None] > outside
    tied = inside[:, None] == outside
    return float((above + tied / 2).mean())


def _calibration(p: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    confidence, right = p.max(1), p.argmax(1) == labels
    total = 0.0
    for m in range(15):
        inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            total += inside.sum() / len(labels) * gap
    return total


def test_calibration_of_known_cases() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert calibration_error(sure, np.array([0, 0, 0, 1])) == pytest.approx(0.25)
    assert calibration_error(sure, np.zeros(4, np.int64)) == 0
    even = np.full((4, 2), 0.5)
    assert calibration_error(even, np.array([0, 1, 0, 1])) == 0


def test_a_class_that_is_absent_alone_or_never_predicted() -> None:
    logits = torch.tensor([[3.0, 1.0, 0.0], [2.0, 1.5, 0.0], [0.0, 0.5, 0.0]])
    found = full_metrics(logits, np.array([0, 0, 1]), ("a", "b", "c"))
    assert found.classes["c"] == ClassFigures(0.0, 0.0, 0.0, 0, None)
    assert found.auc == pytest.approx(1.0)
    assert (found.macro_f1, found.macro_precision, found.macro_recall) == (1.0, 1.0, 1.0)
    assert metrics(logits, np.array([0, 0, 1])).macro_f1 == 1.0
    assert found.weighted_f1 == pytest.approx(1.0)
    # predicted, but without images: it counts, as in scikit-learn
    other = full_metrics(logits.roll(1, 1), np.array([1, 1, 1]), ("a", "b", "c"))
    assert [other.macro_recall, other.macro_precision] == pytest.approx([1 / 3, 1 / 2])
    alone = full_metrics(logits, np.zeros(3, np.int64), ("a", "b", "c"))
    assert [c.auc for c in alone.classes.values()] == [None, None, None]
    assert alone.auc is None


def test_probabilities_keep_near_certain_images_apart() -> None:
    rows = probabilities(torch.tensor([[40.0, 0.0], [41.0, 0.0]]))
    assert rows[0, 1] > rows[1, 1] > 0


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_as_published(right: int, images: int, low: float, high: float) -> None:
    """Newcombe 1998, Stat. Med. 17:857, table I, method 3 (score, no continuity correction)."""
    assert wilson(right, images) == pytest.approx([low, high], abs=5e-5)


def pairs(both: int, one: int, other: int, none: int) -> McNemar:
    first = np.repeat([True, True, False, False], [both, one, other, none])
    second = np.repeat([True, False, True, False], [both, one, other, none])
    return mcnemar(first, second)


def test_mcnemar_of_a_textbook() -> None:
    """Agresti 1990, p. 350: approval of the prime minister, 794, 150, 86, 570; χ² = 17.36."""
    found = pairs(794, 150, 86, 570)
    assert found.test == "chi-square with continuity correction"
    assert found.statistic == pytest.approx((abs(150 - 86) - 1) ** 2 / (150 + 86))
    assert found.statistic == pytest.approx(16.82, abs=0.005)
    assert found.p == pytest.approx(4.115e-05, rel=1e-3)
    assert found.difference == pytest.approx((150 - 86) / 1600)
    assert (found.only_this_right, found.only_other_right) == (150, 86)
    assert (found.both_right, found.both_wrong) == (794, 570)


def test_mcnemar_with_few_discordant_images_is_exact() -> None:
    found = pairs(10, 5, 1, 10)
    assert found.test == "exact binomial"
    assert found.p == pytest.approx(2 * (1 + 6) / 2**6)
    assert pairs(10, 12, 12, 3).test == "exact binomial"
    assert pairs(10, 12, 13, 3).test.startswith("chi-square")
    assert pairs(10, 12, 12, 3).p == 1
    assert pairs(10, 0, 0, 3).p == 1


FIGURES = full_metrics(*drawn(), NAMES)
RESULT = Result(
    run="runs/0123",
    epochs=3,
    best_epoch=2,
    selected_on="validation",
    train=Seen(1.5, 0.25),
    train_evaluated=PlainFigures(0.5, 1.25, 0.5, 10),
    validation=PlainFigures(0.5, 1.25, 0.5, 10),
    test=attrs.evolve(
        FIGURES,
        accuracy=0.75,
        auc=0.875,
        classes={
            "disgusted": ClassFigures(0.5, 0.125, 0.25, 8, None),
            "very.happy": ClassFigures(0.5, 0.5, 0.25, 4, 0.9),
        },
    ),
    seconds=1.0,
    images_per_second=10.0,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test.accuracy", 0.75),
        ("test.auc", 0.875),
        ("test.recall.disgusted", 0.125),
        ("test.auc.very.happy", 0.9),
        ("test.support.disgusted", 8),
        ("train.loss", 1.5),
        ("train_evaluated.loss", 1.25),
        ("epochs", 3),
    ],
)
def test_a_figure_by_name(name: str, value: float) -> None:
    found = figure_of(RESULT, name)
    assert found == value
    assert type(found) is float


@pytest.mark.parametrize("name", ["test.recal.disgusted", "test", "", "test.interval", "run"])
def test_a_figure_that_there_is_not(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        figure_of(RESULT, name)
    said = str(caught.value)
    assert f"there is no figure '{name}'" in said
    assert "epochs, best_epoch, seconds, images_per_second, validation.{accuracy" in said
    assert "test.{precision, recall, f1, support, auc}.{disgusted, very.happy}, train" in said
    assert "train.{loss, accuracy}, train_evaluated.{accuracy, loss, macro_f1, images}" in said
    if "recal" in name:
        assert "Did you mean 'test.recall.disgusted'?" in said


def test_a_figure_that_is_undefined() -> None:
    with pytest.raises(RequestError, match=r"'test.auc.disgusted' is undefined here"):
        figure_of(RESULT, "test.auc.disgusted")


def test_figures_of_a_real_result_have_names() -> None:
    result = attrs.evolve(RESULT, test=FIGURES)
    for name in ("calibration_error", "macro_precision", "weighted_f1", "images", "f1.owl"):
        assert figure_of(result, f"test.{name}") >= 0
