"""What a finished run reached, as ``result.json`` in its folder tells it."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field

from bionic_core.base.records import OMITTED, from_document
from bionic_core.data.splits import Dropped
from bionic_core.training.figures import Figures, PlainFigures


@attrs.frozen
class Seen:
    """Figures of the training images in an epoch, as they were seen while it trained."""

    loss: float
    accuracy: float


@attrs.frozen(kw_only=True)
class Result:
    """What a finished run reached.

    Attributes:
        run: its folder, as it was named when it ended.
        hash: its identity.
        epochs, best_epoch: how many it trained, and the one whose weights were selected, from 1.
        selected_on: the split that chose that epoch, ``validation`` or ``test``.
        train: while the selected epoch trained.
        train_evaluated: of its weights; None in results of older versions.
        validation, test: of its weights; :class:`Figures` but in results of older versions.
        seconds: of training, all epochs together.
        images_per_second: in training.
        dropped: images taken out of train since they occur elsewhere; None if not asked for.
    """

    run: str = field(default="", metadata={OMITTED: True})
    hash: str = field(default="", metadata={OMITTED: True})
    epochs: int
    best_epoch: int
    selected_on: str
    train: Seen
    train_evaluated: PlainFigures | None = field(default=None, metadata={OMITTED: True})
    validation: PlainFigures
    test: PlainFigures
    seconds: float
    images_per_second: float
    dropped: Dropped | None = field(default=None, metadata={OMITTED: True})


def read_result(document: object, *, where: str) -> Result:
    """Return the result that a document holds.

    Raises:
        DamagedError: it is none.
    """
    result = from_document(Result, document, where=where)
    assert isinstance(document, dict)
    parts: dict[str, Any] = {
        part: from_document(Figures, document[part], where=where, path=part)
        for part in ("validation", "test")
        if "classes" in document[part]
    }
    return attrs.evolve(result, **parts)
