"""Intervals over new images too, from what runs keep; what is refused; what plans say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch

from bionic_core.errors import DamagedError, RequestError
from bionic_core.runs.folder import Run
from bionic_core.runs.result import Result, Seen
from bionic_core.statistics.designs import Factor
from bionic_core.studies.cell import Cell
from bionic_core.studies.image_plan import about_images, planned_images
from bionic_core.studies.over_images import images_of, over_images
from bionic_core.training.metrics import full_metrics
from tests.cli.test_cli import SMALL, Bionic, bionic, refused

__all__ = ["bionic"]

NAMES = ["angry", "happy", "sad"]


class Kept:
    """What a finished run keeps, without the run."""

    def __init__(self, logits: npt.NDArray[np.float64], labels: Any, data: str = "x") -> None:
        self.folder, self.hash = Path(f"runs/{data}"), data
        self.manifest: Mapping[str, Any] = {"identity": {"data": {"fingerprint": data}}}
        self.predictions: dict[str, Any] = {"class_names": np.array(NAMES)}
        for part in ("validation", "test"):
            self.predictions |= {f"{part}_logits": logits, f"{part}_labels": labels}
        figures = full_metrics(torch.as_tensor(logits), labels, NAMES)
        self.result = Result(
            epochs=1,
            best_epoch=1,
            selected_on="validation",
            train=Seen(0.0, 1.0),
            validation=figures,
            test=figures,
            seconds=1.0,
            images_per_second=1.0,
        )


def cells(kept: list[Kept]) -> list[Cell]:
    return [
        Cell({"a": bool(place % 2)}, place // 2, cast(Run, run)) for place, run in enumerate(kept)
    ]


@pytest.fixture
def kept() -> list[Kept]:
    """Three seeds of two cells on 300 images, the second cell better on some of them."""
    rng = np.random.default_rng(5)
    labels = rng.choice(3, 300, p=[0.5, 0.3, 0.2])
    truth, help_ = np.eye(3)[labels], np.clip(rng.normal(1, 1, (300, 1)), 0, None)
    found = []
    for place in range(6):
        noise = rng.normal(size=(300, 3))
        found.append(Kept(truth * (0.8 + help_ * (place % 2)) + noise, labels))
    return found


Counts = Callable[[npt.NDArray[np.float64]], float]


def f1(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(2 * np.diag(counts) / (counts.sum(0) + counts.sum(1)))


FIGURES: Mapping[str, Counts] = {
    "test.accuracy": lambda counts: np.trace(counts) / counts.sum(),
    "test.macro_f1": lambda counts: f1(counts).mean(),
    "test.weighted_precision": lambda counts: float(
        np.diag(counts) / counts.sum(0) @ counts.sum(1) / counts.sum()
    ),
    "validation.recall.sad": lambda counts: counts[2, 2] / counts[2].sum(),
    "test.f1.angry": lambda counts: f1(counts)[0],
}
"""Figures, of confusion matrices."""


@pytest.mark.parametrize("response", FIGURES)
def test_images_move_figures_as_far_as_a_bootstrap_says(response: str, kept: list[Kept]) -> None:
    """The covariance of runs, against figures of images drawn anew; F1 by the jackknife too."""
    found = images_of(cells(kept[:2]), response)
    rng, drawn = np.random.default_rng(6), []
    labels = kept[0].predictions["test_labels"]
    kinds = [3 * labels + run.predictions["test_logits"].argmax(1) for run in kept[:2]]
    for _ in range(1000):
        chosen = rng.integers(0, 300, 300)
        counts = [np.bincount(kind[chosen], minlength=9).reshape(3, 3) for kind in kinds]
        drawn.append([FIGURES[response](one.astype(float)) for one in counts])
    told = np.sqrt(np.diag(found.covariance))
    assert told == pytest.approx(np.std(drawn, axis=0), rel=0.1)
    wanted = np.corrcoef(np.transpose(drawn))[0, 1]
    assert found.covariance[0, 1] / told.prod() == pytest.approx(wanted, abs=0.1)


def test_losses_of_images_are_those_of_their_logits(kept: list[Kept]) -> None:
    found = images_of(cells(kept[:2]), "test.loss")
    labels = torch.as_tensor(kept[0].predictions["test_labels"])
    each = [
        torch.nn.functional.cross_entropy(
            torch.as_tensor(run.predictions["test_logits"]), labels, reduction="none"
        ).numpy()
        for run in kept[:2]
    ]
    np.testing.assert_allclose(found.covariance, np.cov(each) / 300, rtol=1e-9)


def test_accuracy_has_the_share_of_images_that_runs_differ_on(kept: list[Kept]) -> None:
    """Of a difference of two runs: √(share/N), the 0.70 points of 17.8 % of 3,589 images."""
    images = images_of(cells(kept[:2]), "test.accuracy")
    right = [k.predictions["test_logits"].argmax(1) == k.predictions["test_labels"] for k in kept]
    apart = np.array([1.0, -1.0])
    share, mean = (right[0] != right[1]).mean(), right[0].mean() - right[1].mean()
    expected = (share - mean**2) / 299
    assert apart @ images.covariance @ apart == pytest.approx(expected)


def test_runs_that_cannot_be_crossed_with_images_are_refused(kept: list[Kept]) -> None:
    logits, labels = kept[0].predictions["test_logits"], kept[0].predictions["test_labels"]
    for other in (Kept(logits, labels, "y"), Kept(logits[::-1].copy(), labels[::-1].copy())):
        with pytest.raises(RequestError, match="tested on different images"):
            images_of(cells([kept[0], other]), "test.accuracy")
    few = [Kept(logits[:29], labels[:29]) for _ in range(2)]
    with pytest.raises(RequestError, match="29 test images, and fewer than 30"):
        images_of(cells(few), "test.accuracy")
    for figure in ("test.auc", "epochs", "test.calibration_error", "train.accuracy"):
        with pytest.raises(RequestError, match="no value of each image"):
            images_of(cells(kept), figure)
    kept[1].predictions["test_logits"] = np.roll(logits, 1, axis=1)
    with pytest.raises(DamagedError, match=r"predictions give a test\.accuracy of"):
        images_of(cells(kept[:2]), "test.accuracy")


def test_over_takes_seeds_or_both() -> None:
    assert not over_images("seeds")
    assert over_images("seeds,images")
    assert over_images("images, seeds")
    with pytest.raises(RequestError, match="evaluate RUN --against RUN"):
        over_images("images")
    with pytest.raises(RequestError, match="give seeds or seeds,images"):
        over_images("subjects")


def test_plans_know_images_from_predictions_and_before_from_a_stated_share(
    kept: list[Kept],
) -> None:
    factors = [Factor("a")]
    assumed = planned_images(factors, [], "test.accuracy", 3589)
    assert assumed is not None
    assert assumed.error == pytest.approx(0.70, abs=0.005)
    assert assumed.bound
    assert planned_images(factors, [], "test.macro_f1", 3589) is None
    measured = planned_images(factors, cells(kept), "test.accuracy", 300)
    assert measured is not None
    assert not measured.bound
    assert "predictions of 6 finished runs" in measured.source
    assert measured.error < 100 * np.sqrt(0.5 / 300)
    far, near = (" ".join(about_images(assumed, size, 4, "points")) for size in (0.2, 1.4))
    assert "at most ±1.4 points" in far
    assert "images are what is missing; test on more" in far
    assert "from about 16 seeds on, images are what is missing" in near


def test_a_study_over_images_from_the_command_line(bionic: Bionic) -> None:
    """Wider than over seeds alone, of the same runs, in words wherever intervals are shown."""
    study = ("factorial", "--mechanisms", "noise", *SMALL, "--seeds", "3")
    here, new = (bionic(*study, *o, "--json").document for o in ((), ("--over", "seeds,images")))
    assert here["over"]["words"] == "over seeds, on these 70 images"
    assert new["over"] == {
        "words": "over seeds and over new images like these 70",
        "new_images": True,
        "runs": 3,
        "images": 70,
    }
    assert here["margin"] == new["margin"] == 0.5
    assert any("--over seeds,images gives intervals over new" in n for n in here["notes"])
    for one, other in zip(here["effects"], new["effects"], strict=True):
        assert one["estimate"] == other["estimate"]
        assert one["image_error"] is None
        if one["low"] is None:
            continue
        assert other["image_error"] >= 0
        assert other["high"] - other["low"] >= one["high"] - one["low"]
        assert other["verdict"]["alone"] in ("larger than", "within", "undecided")
    said = " ".join(bionic(*study, "--over", "seeds,images", "--margin", "3").out.split())
    assert "over seeds and over new images like these 70" in said
    assert "Against a margin of ±3 percentage points" in said
    plan = bionic(*study, "--plan", "--probe", "0", "--json").document
    assert any("70 images alone leave ±" in note for note in plan["notes"])
    assert all(e["over_images"] >= e["half_width"] for e in plan["effects"])
    assert all(e["margin"] > 0 for e in plan["effects"])
    bionic("report", "runs")
    (page,) = Path("runs").glob("factorial-*.html")
    assert "over seeds and over new images like these 70" in page.read_text()
    (Path(new["cells"][0]["run"]) / "predictions.npz").unlink()
    damaged = bionic(*study, "--over", "seeds,images")
    assert damaged.code == 1
    assert "predictions.npz" in damaged.out.replace("\n", " ")
    assert "1 of 6 runs failed" in damaged.err


def test_leave_one_out_over_images(bionic: Bionic) -> None:
    study = ("ablate", "demo", "--mechanisms", "layernorm", *SMALL, "--seeds", "2")
    found = bionic(*study, "--over", "seeds,images", "--json").document
    assert found["over"]["new_images"]
    known = [row["difference"] for row in found["rows"][1:] if row["difference"]["low"] is not None]
    assert all(one["image_error"] is not None and one["verdict"] for one in known)
    plan = bionic(*study, "--plan", "--json").document
    (images,) = (note for note in plan["notes"] if "70 images alone leave" in note)
    assert "measured on the predictions of 4 finished runs" in images
    (said,) = (note for note in plan["notes"] if note.startswith("an effect of nil"))
    assert "too wide for the margin of 0.5" in said
    wide = bionic(*study, "--plan", "--margin", "500", "--json").document
    assert any("so the margin of 500 can be decided" in note for note in wide["notes"])


def test_requests_that_are_wrong(bionic: Bionic) -> None:
    many = ("factorial", "--mechanisms", "noise", *SMALL)
    both = ("--over", "seeds,images")
    refused(bionic(*many, "--seeds", "1", *both), "--over seeds,images", "give --seeds 2 or more")
    refused(bionic(*many, *both, "--response", "test.auc"), "test.auc has no value of each image")
    refused(bionic(*many, *both, "--factor", "data.split_seed=0,1"), "tested on different images")
    refused(bionic(*many, "--over", "images"), "evaluate RUN --against RUN")
    refused(bionic(*many, "--margin", "-1"), "--margin -1: give a positive number")
