"""What is kept of a run for comparing readings: small enough to be handed on without its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import torch

from bionic_core.base.files import read_own
from bionic_core.base.records import from_document
from bionic_core.errors import RequestError
from bionic_core.runs.folder import Run
from bionic_core.statistics.designs import Level
from bionic_core.training.evaluation import divergence
from bionic_core.training.metrics import full_metrics
from bionic_core.training.recipe import recipe_of


@attrs.frozen
class Record:
    """A finished run's figures.

    Attributes:
        levels: of the keys that readings differ in.
        hash: the run's identity.
        confusion: counts of test images, a row for each true class, by ``classes``.
        kl, kl_sd: divergence to the smoothed target, mean and SD over test images.
        train_accuracy, train_kl: of the unvaried training images; None in older runs.
    """

    levels: Mapping[str, Level]
    seed: int
    hash: str
    data: str
    selected_on: str
    epochs: int
    seconds: float
    test_images: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    loss: float
    kl: float
    kl_sd: float
    train_accuracy: float | None
    train_kl: float | None


def record_of(levels: Mapping[str, Level], run: Run) -> Record:
    """Return what is kept of a finished run."""
    result, arrays, manifest = run.result, run.predictions, run.manifest
    names = [str(name) for name in arrays["class_names"]]
    logits, labels = torch.as_tensor(arrays["test_logits"]), arrays["test_labels"]
    figures = full_metrics(logits, labels, names)
    each = divergence(logits, labels, recipe_of(run.spec()).smoothing)
    trained = result.train_evaluated
    return Record(
        levels=dict(levels),
        seed=int(manifest["seed"]),
        hash=run.hash,
        data=str(manifest["data"]),
        selected_on=result.selected_on,
        epochs=result.epochs,
        seconds=result.seconds,
        test_images=len(labels),
        classes=tuple(names),
        confusion=figures.confusion,
        loss=figures.loss,
        kl=float(each.mean()),
        kl_sd=float(each.std()),
        train_accuracy=None if trained is None else trained.accuracy,
        train_kl=None if trained is None else trained.kl,
    )


def read_records(path: Path) -> list[Record]:
    """Return the records in a JSON file that the command has written.

    Raises:
        RequestError: it cannot be read, or holds none.
    """
    try:
        document = json.loads(read_own(path).decode())
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot be read as JSON: {error}", where=str(path)) from error
    rows = document.get("records") if isinstance(document, Mapping) else None
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise RequestError(
            "it has no list 'records'; give a readings.json of 'bionic reproduce --readings'",
            where=str(path),
        )
    where = str(path)
    return [
        from_document(Record, row, where=where, path=f"records[{place}]")
        for place, row in enumerate(rows)
    ]
