"""How long a run will take, from a few seconds of real training steps."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from bionic_core.base.words import duration
from bionic_core.model.assembly import build
from bionic_core.runs.images_and_wiring import Inputs
from bionic_core.runs.train import device_of
from bionic_core.spec.spec import Spec
from bionic_core.training.data import TrainingData
from bionic_core.training.epochs import train_epoch
from bionic_core.training.evaluation import EVALUATION_BATCH, evaluate, logits_of
from bionic_core.training.loop import Progress, start
from bionic_core.training.recipe import recipe_of

PROBE = 3.0
"""Seconds of training steps that a forecast is made from."""


class _EnoughError(Exception):
    """The probe has seen enough steps."""


def probe(
    spec: Spec, inputs: Inputs, *, device: str = "auto", jobs: int = 1, seconds: float | None = None
) -> float:
    """Return the seconds that a run will take if it trains for all its epochs.

    From :data:`PROBE` seconds of steps where not told otherwise. With several jobs, on the share of
    the threads that each of them would have.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // jobs))
    try:
        return _probe(spec, inputs, device, PROBE if seconds is None else seconds)
    finally:
        torch.set_num_threads(threads)


def _probe(spec: Spec, inputs: Inputs, device: str, seconds: float) -> float:
    """Time real steps.

    Real steps on the real images, for about ``seconds``, the first step left out (it allocates);
    then the evaluation of a batch, scaled to the images that the run selects on. Nothing is
    written, and nothing of it enters a run.
    """
    place = device_of(device)
    network = build(spec, seed=0, connectome=inputs.connectome)
    network = network.to(place).to(memory_format=torch.channels_last)
    recipe = recipe_of(spec)
    state = start(network, recipe, len(inputs.splits.train))
    course = TrainingData.prepare(recipe, inputs.splits, 0, place)
    few = inputs.splits.validation.take(np.arange(min(8, len(inputs.splits.validation))))
    evaluate(network, few)  # imports what evaluation needs, for seconds
    marks: list[tuple[float, int]] = []

    def watch(moment: Progress) -> None:
        now = time.perf_counter()
        marks.append((now, (moment.epoch - 1) * moment.total + moment.done))
        if len(marks) > 2 and now - marks[0][0] > seconds:
            raise _EnoughError

    begun = time.perf_counter()
    try:
        while time.perf_counter() - begun < seconds or len(marks) < 3:
            train_epoch(state, course, watch)
    except _EnoughError:
        pass
    (first, seen), (last, done) = marks[0], marks[-1]
    each = (last - first) / max(done - seen, 1)
    images = inputs.splits.validation.images[:EVALUATION_BATCH]
    begun = time.perf_counter()
    logits_of(network, torch.as_tensor(images).to(place))
    evaluated = (time.perf_counter() - begun) / len(images)
    training, splits = recipe.training, inputs.splits
    epoch = each * len(splits.train) + evaluated * len(splits.validation)
    return training.max_epochs * epoch + evaluated * (len(splits.test) + len(splits.train))


words = duration
"""A duration for people, as here it is told: ``40 s``, ``12 min``, ``3.4 h``."""


def in_all(total: float, left: int, jobs: int) -> float:
    """Return the seconds of runs that take ``total`` one by one, ``jobs`` of them at a time."""
    return total / max(1, min(jobs, left))


def told(each: Mapping[str, float], total: float, left: int, jobs: int) -> str:
    """Say how long runs take that are left, and how that was found: in a line, for plans.

    Args:
        each: seconds of a run, by what was timed.
        total: seconds of all, one by one.
        left: how many there are.
        jobs: how many are trained at a time.
    """
    found = ", ".join(f"{what} {words(seconds)}" for what, seconds in each.items())
    return (
        f"about {words(in_all(total, left, jobs))} for the {left} runs that are left, {jobs} at a "
        f"time, from a timed probe: real training steps, here, and what they make of a run with "
        f"all its epochs ({found}); early stopping makes it less"
    )
