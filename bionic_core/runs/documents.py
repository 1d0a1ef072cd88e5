"""What a run's JSON files say, as far as something is made of it; other keys are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field

from bionic_core.runs.result import Seen

NUMBERS = Mapping[str, int | float]


@attrs.frozen
class Fingerprint:
    """Of the data that a run was trained on."""

    fingerprint: str


@attrs.frozen
class Identity:
    """What decided a run's numbers, see :func:`bionic_core.runs.identity.identity`."""

    connectome: str | None = None
    data: Fingerprint = Fingerprint("")
    numerics: Mapping[str, int] = field(factory=dict)


@attrs.frozen
class Manifest:
    """``manifest.json``: what was written before training began."""

    name: str
    seed: int
    data: str
    class_names: tuple[str, ...]
    identity: Identity
    connectome: str = ""
    versions: Mapping[str, str | None] | None = None
    plugins: Mapping[str, str | None] | None = None


@attrs.frozen
class Epoch:
    """A line of ``metrics.jsonl``."""

    epoch: int
    train: Seen
    validation: NUMBERS = field(factory=dict)
    test: NUMBERS = field(factory=dict)
    lr: float = 0.0


@attrs.frozen
class Failure:
    """``failure.json``."""

    reason: str


def _numbered(_: object, attribute: object, value: tuple[Mapping[str, Any], ...]) -> None:
    for place, record in enumerate(value):
        if type(record.get("epoch")) is not int:
            raise ValueError(f"must have a whole number as the epoch of record {place}")


@attrs.frozen(kw_only=True)
class Counters:
    """The header of a checkpoint: where training stands, beside the tensors.

    Attributes:
        epoch: epochs done.
        best, best_epoch: the figure that selects, and the epoch that had it.
        history: the record of each epoch.
        optimizer: what the optimiser keeps that is no tensor, by parameter.
        lr: of each group of parameters.
        schedule: the schedule's own state.
        threads: of torch; sums differ between thread counts.
        device: cpu or cuda; None in files of older versions.
        files: the checksums that the files beside the checkpoint may have.
    """

    epoch: int
    best: float
    best_epoch: int
    history: tuple[Mapping[str, Any], ...] = field(validator=_numbered)
    optimizer: NUMBERS
    lr: tuple[float, ...]
    schedule: NUMBERS
    threads: int
    device: str | None = None
    files: Mapping[str, tuple[str, ...]] = field(factory=dict)


@attrs.frozen
class Accuracy:
    """Of a split."""

    accuracy: float


@attrs.frozen
class Reached:
    """``result.json``, as far as a list of runs shows it."""

    epochs: int
    seconds: float
    test: Accuracy
