"""Mechanisms and settings that a recipe, or their own values, make void.

A study would report no effect of them. A mechanism says so itself by a method
``void(training) -> str``: why it does nothing beside such a ``[training]`` table, or an empty
string. What the core owns of a recipe it judges itself: schedules that cannot act within the run,
options that are torch's own defaults, a patience that cannot end a run. Two specs that
:func:`acting` says the same of train the same model.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch.nn import functional

from bionic_core.base.strict import plain
from bionic_core.errors import RequestError
from bionic_core.model.asking import Asking
from bionic_core.model.hooks import hooks_of
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import Training
from bionic_core.training.averaging import SHARE
from bionic_core.training.loss import training_loss
from bionic_core.training.recipe import Views

COUNTED = ("training.batch_size", "training.averaging")
"""Keys whose values may come to the same, depending on how many training images there are."""

FIRST = 3
"""Epochs that a plateau schedule of patience 0 needs: one to be the best, one that is not, and one
with the lower rate."""


def voids(spec: Spec) -> dict[str, str]:
    """Return why mechanisms of a spec do nothing, by name; nothing of those that do something."""
    answers = dict(Asking(spec, 0).answers("recipe", "", kind=Mapping))
    hooks = hooks_of(spec)
    found: dict[str, str] = {}
    for name, mechanism in spec.mechanisms.items():
        own = getattr(mechanism, "void", None)
        why = own(spec.training) if callable(own) else ""
        alone = name in answers and not hooks[name] - {"recipe"}
        if not why and alone:
            answer = answers[name]
            why = unheard(answer, spec.training) or _late(answer, spec.training)
        if not why and alone and _nil(answers[name], spec.training):
            why = "all that it sets is so without it"
        if why:
            found[name] = why
    return found


def unheard(answer: Mapping[str, Any], training: Training) -> str:
    """Return why a schedule never acts, however long the run; an empty string where it may."""
    if answer.get("schedule.policy") == "plateau" and training.monitor == "epoch":
        return (
            "its schedule waits until the monitored figure stops improving, and training.monitor = "
            '"epoch" is a number that always does; set training.monitor to accuracy, loss or '
            "macro_f1, or leave the mechanism out"
        )
    return ""


def _late(answer: Mapping[str, Any], training: Training) -> str:
    """Return why a schedule does not act before the run ends; an empty string where it may."""
    if answer.get("schedule.policy") != "plateau":
        return ""
    waits, epochs = answer.get("schedule.patience", 10), training.max_epochs
    if epochs < waits + FIRST:
        remedy = f"a patience of {epochs - FIRST} or less" if epochs >= FIRST else "more epochs"
        return (
            f"its schedule lets {waits} epochs pass without improvement, so that it changes "
            f"nothing before epoch {waits + FIRST}, and training.max_epochs is {epochs}; give it "
            f"{remedy}, or leave the mechanism out"
        )
    # The schedule overlooks improvements below 1e-4, which accuracies of few images do not have.
    if training.monitor == "accuracy" and 0 < training.patience <= waits + 1:
        return (
            f"its schedule lets {waits} epochs pass without improvement, and training.patience = "
            f"{training.patience} ends the run before; give the schedule a smaller patience, or "
            "leave the mechanism out"
        )
    return ""


def idle(training: Training) -> dict[str, str]:
    """Return why keys of ``[training]`` do nothing beside the others, by name."""
    waits = training.patience
    if waits and training.monitor == "epoch":
        return {"patience": 'training.monitor = "epoch" always improves, so nothing stops early'}
    if waits and waits + 1 >= training.max_epochs:
        return {"patience": f"the run ends with epoch {training.max_epochs}, before it can"}
    return {}


def acting(spec: Spec) -> tuple[object, ...]:
    """Return what a spec trains, less all that does nothing; the same for runs that are the same.

    Of mechanisms that set the recipe alone it is what they set, of others their values.
    """
    gone = voids(spec)
    hooks = hooks_of(spec)
    answers = dict(Asking(spec, 0).answers("recipe", "", kind=Mapping))
    recipe = {
        key: value
        for name, answer in answers.items()
        if name not in gone
        for key, value in _beyond(answer, spec.training).items()
    }
    modules = {
        name: plain(mechanism)
        for name, mechanism in spec.mechanisms.items()
        if name not in gone and (name not in answers or hooks[name] - {"recipe"})
    }
    never: dict[str, Any] = dict.fromkeys(idle(spec.training), 0)
    training = attrs.evolve(spec.training, **never)
    tables = {key: spec.tables.get(key) for key in ("model", "connectome", "data")}
    return training, recipe, modules, tables


def effective(training: Training, images: int) -> Training:
    """Return the ``[training]`` table that does the same with so many training images.

    No batch has more images than there are, and an average is over no more steps than are taken.
    """
    batch = min(training.batch_size, images)
    taken = math.ceil(images / batch) * training.max_epochs - 1
    average = min(training.averaging, taken / (taken + SHARE))
    return attrs.evolve(training, batch_size=batch, averaging=average)


def even(spec: Spec, counts: Sequence[int]) -> dict[str, str]:
    """Return why mechanisms do nothing on training images of which each class has so many."""
    if min(counts) < max(counts):
        return {}
    why = f"each class has {counts[0]:,} training images, so that their weights are all 1"
    return dict.fromkeys(weighing(spec), why)


def of_classes(spec: Spec, counts: Sequence[int]) -> list[str]:
    """Return sentences on what such numbers of training images make of weights of classes."""
    empty = ", ".join(str(place) for place, count in enumerate(counts) if not count)
    return [
        *(f"mechanism '{n}' does nothing here: {why}" for n, why in even(spec, counts).items()),
        *(
            f"mechanism '{name}': without a training image there is no weight to compute for class "
            f"{empty} (counted from 0); it weighs 1, as an average image does"
            for name in weighing(spec)
            if empty
        ),
    ]


def weighing(spec: Spec) -> list[str]:
    """Return the mechanisms that weigh classes by their numbers of training images."""
    answers = Asking(spec, 0).answers("recipe", "", kind=Mapping)
    return [
        name
        for name, answer in answers
        if answer.get("loss.weight") == "balanced"
        or any(key.startswith("weights.") for key in answer)
    ]


def check_heard(spec: Spec) -> None:
    """Refuse a spec whose schedule waits for what never comes.

    Raises:
        RequestError: with the mechanism, and what to set.
    """
    problems = [
        f"mechanism '{name}' does nothing: {why}"
        for name, answer in Asking(spec, 0).answers("recipe", "", kind=Mapping)
        if (why := unheard(answer, spec.training))
    ]
    if problems:
        raise RequestError(problems, where=spec.where)


def said(spec: Spec) -> list[str]:
    """Return sentences on what a spec has and does not use: mechanisms, and settings of its own."""
    own = {name: why for name, why in idle(spec.training).items() if _chosen(spec.training, name)}
    return [
        *(f"mechanism '{name}' does nothing here: {why}" for name, why in voids(spec).items()),
        *(f"training.{name} does nothing here: {why}" for name, why in own.items()),
    ]


def _chosen(training: Training, name: str) -> bool:
    """Return whether somebody set a key: to another value than that of those who are silent."""
    return bool(getattr(training, name) != attrs.fields_dict(Training)[name].default)


def _nil(answer: Mapping[str, Any], training: Training) -> bool:
    """Return whether everything that is set stands at its default anyway."""
    return bool(answer) and not _beyond(answer, training)


def _beyond(answer: Mapping[str, Any], training: Training) -> dict[str, Any]:
    """Return what an answer sets that is not so without it."""
    defaults = {f"views.{key}": value for key, value in attrs.asdict(Views()).items()}
    defaults["target.smoothing"] = 0.0
    for function in (functional.cross_entropy, training_loss):
        defaults |= {f"loss.{key}": value for key, value in _defaults(function).items()}
    named = {name.lower(): name for name in dir(torch.optim)}
    # All of muon's options are Adam's by default, as far as it has them.
    chosen = "adam" if training.optimizer == "muon" else training.optimizer
    if optimizer := getattr(torch.optim, named.get(chosen, ""), None):
        defaults |= {f"optimizer.{key}": value for key, value in _defaults(optimizer).items()}
    return {k: v for k, v in answer.items() if k not in defaults or v != defaults[k]}


def _defaults(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
