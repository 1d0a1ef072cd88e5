"""Mechanisms that a recipe, or their own values, make void: a study would report no effect of them.

A mechanism says so itself by a method ``void(training) -> str``: why it does nothing beside such a
``[training]`` table, or an empty string. What the core owns of a recipe it judges itself: a
schedule that waits for a figure which always improves, and options that are torch's own defaults.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import torch
from torch.nn import functional

from bionic_core.errors import RequestError
from bionic_core.model.asking import Asking
from bionic_core.model.hooks import hooks_of
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import Training
from bionic_core.training.loss import training_loss
from bionic_core.training.recipe import Views


def voids(spec: Spec) -> dict[str, str]:
    """Return why mechanisms of a spec do nothing, by name; nothing of those that do something."""
    answers = dict(Asking(spec, 0).answers("recipe", "", kind=Mapping))
    hooks = hooks_of(spec)
    found: dict[str, str] = {}
    for name, mechanism in spec.mechanisms.items():
        own = getattr(mechanism, "void", None)
        why = own(spec.training) if callable(own) else ""
        if not why and name in answers and not hooks[name] - {"recipe"}:
            why = unheard(answers[name], spec.training)
        if not why and name in answers and _nil(answers[name], spec.training):
            why = "all that it sets is so without it"
        if why:
            found[name] = why
    return found


def unheard(answer: Mapping[str, Any], training: Training) -> str:
    """Return why a schedule never acts; an empty string where it may."""
    if answer.get("schedule.policy") == "plateau" and training.monitor == "epoch":
        return (
            "its schedule waits until the monitored figure stops improving, and training.monitor = "
            '"epoch" is a number that always does; set training.monitor to accuracy, loss or '
            "macro_f1, or leave the mechanism out"
        )
    return ""


def even(spec: Spec, counts: Sequence[int]) -> dict[str, str]:
    """Return why mechanisms do nothing on training images of which each class has so many."""
    if min(counts) < max(counts):
        return {}
    return {
        name: f"each class has {counts[0]:,} training images, so that their weights are all 1"
        for name, answer in Asking(spec, 0).answers("recipe", "", kind=Mapping)
        if answer.get("loss.weight") == "balanced"
        or any(key.startswith("weights.") for key in answer)
    }


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


def check_factors(spec: Spec, names: Iterable[str]) -> None:
    """Refuse to switch mechanisms on and off that do nothing where they are on.

    Raises:
        RequestError: with each of them, and why.
    """
    found = voids(spec)
    problems = [
        f"mechanism '{name}' does nothing, so that a study would find no effect of it: "
        f"{found[name]}"
        for name in names
        if name in found
    ]
    if problems:
        raise RequestError(problems, where=spec.where)


def _nil(answer: Mapping[str, Any], training: Training) -> bool:
    """Return whether everything that is set stands at its default anyway."""
    defaults = {f"views.{key}": value for key, value in attrs.asdict(Views()).items()}
    for function in (functional.cross_entropy, training_loss):
        defaults |= {f"loss.{key}": value for key, value in _defaults(function).items()}
    named = {name.lower(): name for name in dir(torch.optim)}
    if optimizer := getattr(torch.optim, named.get(training.optimizer, ""), None):
        defaults |= {f"optimizer.{key}": value for key, value in _defaults(optimizer).items()}
    return bool(answer) and all(
        key in defaults and value == defaults[key] for key, value in answer.items()
    )


def _defaults(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
