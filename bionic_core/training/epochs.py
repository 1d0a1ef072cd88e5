"""Epochs of one network by itself, as its recipe has it learn."""

from __future__ import annotations

from typing import Any

from bionic_core.training.data import TrainingData
from bionic_core.training.loop import Single, State, Watch, train_members
from bionic_core.training.recipe import CLOSED


def train_epoch(state: State, course: TrainingData, watch: Watch | None = None) -> dict[str, Any]:
    """Train for one epoch, evaluate, and return the epoch's record.

    Raises:
        BionicError: the loss is no longer a number.
    """
    told = None if watch is None else lambda _, moment: watch(moment)
    (ended,) = train_members(learner_of(state, course), told)
    if ended.record is None:
        assert ended.error is not None
        raise ended.error
    return ended.record


def learner_of(state: State, course: TrainingData) -> Single:
    """Return what takes the steps of a network.

    Raises:
        RequestError: there is nothing to learn.
    """
    if course.recipe.training.optimizer != CLOSED:
        return Single(state, course)
    from bionic_core.training.ridge import Solved

    return Solved(state, course)
