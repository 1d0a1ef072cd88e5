"""What is kept of a run for comparing readings: small enough to be handed on without its folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import torch

from bionic_core.base.files import check_file
from bionic_core.base.json_files import read_json
from bionic_core.base.records import from_document
from bionic_core.errors import DamagedError, RequestError
from bionic_core.runs.folder import Run
from bionic_core.statistics.designs import Level
from bionic_core.training.evaluation import divergence
from bionic_core.training.metrics import full_metrics
from bionic_core.training.recipe import recipe_of

LARGEST = 2**53
"""Whole numbers that a record has: beyond it, floating point skips some."""


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

    def agrees(self, levels: Mapping[str, Level]) -> bool:
        """Return whether levels are the record's, as far as both studies vary the same keys."""
        return all(levels[key] == level for key, level in self.levels.items() if key in levels)


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


def read_records(paths: Sequence[Path]) -> dict[str, Record]:
    """Return the records in JSON files that the command has written, by their runs' identities.

    Raises:
        RequestError: a file cannot be read, holds none, or one that no run can have left; or two
            records of one run disagree.
    """
    found: dict[str, tuple[Path, Record]] = {}
    for path in paths:
        check_file(path)
        document = read_json(path)
        rows = document.get("records") if isinstance(document, Mapping) else None
        if not isinstance(rows, Sequence) or isinstance(rows, str):
            raise RequestError(
                "it has no list 'records'; give a readings.json of 'bionic reproduce --readings'",
                where=str(path),
            )
        for place, row in enumerate(rows):
            where = f"records[{place}]"
            record = from_document(Record, row, where=str(path), path=where)
            if problems := wrong_with(record):
                raise DamagedError([f"{where}.{one}" for one in problems], where=str(path))
            other, same = found.setdefault(record.hash, (path, record))
            if not record.agrees(same.levels) or attrs.evolve(same, levels=record.levels) != record:
                raise DamagedError(
                    f"{where}: of the run {record.hash[:16]} there is another record, in {other}, "
                    "and they disagree; give the one that is right",
                    where=str(path),
                )
    return {name: record for name, (_, record) in found.items()}


def wrong_with(record: Record) -> list[str]:
    """Return what no run can have left, each with its key."""
    ranges: Mapping[str, tuple[float, float]] = {
        **dict.fromkeys(("loss", "kl", "kl_sd", "train_kl", "seconds"), (0, sys.float_info.max)),
        **dict.fromkeys(("epochs", "test_images"), (1, LARGEST)),
        **{"seed": (0, LARGEST), "train_accuracy": (0, 1)},
    }
    found = [
        f"{name}: {value!s:.30} is not in {low:g} to {high:g}"
        for name, (low, high) in ranges.items()
        if (value := getattr(record, name)) is not None and not low <= value <= high
    ]
    if not record.hash:
        found.append("hash: it is empty")
    names = [name.lower() for name in record.classes]
    if len({*names}) < len(names) or len(names) < 2:
        found.append("classes: at least two names are needed, none of them twice")
    rows = record.confusion
    if len(rows) != len(names) or any(len(row) != len(names) for row in rows):
        found.append(f"confusion: {len(names)} rows and columns are needed, as there are classes")
    elif any(count < 0 for row in rows for count in row):
        found.append("confusion: a count is negative")
    elif (total := sum(map(sum, rows))) != record.test_images:
        found.append(
            f"confusion: its counts add up to {total:,}, and test_images is {record.test_images:,}"
        )
    return found
