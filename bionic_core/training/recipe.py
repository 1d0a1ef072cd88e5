"""The training recipe: the spec's ``[training]`` table and what the mechanisms put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field
from attrs.validators import ge, instance_of

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.model.asking import Asking
from bionic_core.spec.spec import Spec
from bionic_core.spec.tables import Training
from bionic_core.training.weights import Weights


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@attrs.frozen
class Views:
    """How a training image is varied, drawn anew for each image in each epoch (§3.4.2 (6)).

    Attributes:
        scale: range of the area of the crop, as a share of the image; resized back.
        ratio: range of the crop's aspect ratio.
        rotation: largest angle in degrees, either way.
        flip: probability of a left-right flip.
        brightness, contrast: largest relative change, either way.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    ratio: tuple[float, float] = (1.0, 1.0)
    rotation: float = field(default=0.0, validator=ge(0))
    flip: float = field(default=0.0, validator=ge(0))
    brightness: float = field(default=0.0, validator=ge(0))
    contrast: float = field(default=0.0, validator=ge(0))

    @property
    def identity(self) -> bool:
        """Whether every image stays as it is."""
        return self == Views()


@attrs.frozen
class Recipe:
    """Everything that training needs to know, as data.

    A mechanism's ``recipe`` hook returns fields by dotted name: ``optimizer.<option>`` (of the
    torch.optim class), ``loss.<option>`` (of :func:`bionic_core.training.loss.training_loss`; the
    class weights may be the word ``balanced``, resolved from the training counts),
    ``weights.<attribute of Weights>``, ``views.<attribute of Views>``, ``schedule.policy`` with
    ``schedule.<option>`` (see :mod:`bionic_core.training.schedules`), and ``scheduled.<mechanism>``
    = true, where the rates of that mechanism's local rule follow the learning rate's schedule;
    and ``target.smoothing``, towards which target an image is learned, for the reported divergence.

    Attributes:
        classes: how many; 0 where that is not known.
    """

    training: Training
    optimizer: Mapping[str, float] = field(factory=dict)
    loss: Mapping[str, float | str] = field(factory=dict)
    views: Views = field(factory=Views, validator=instance_of(Views))
    schedule: Mapping[str, Any] = field(factory=dict)
    weights: Weights = field(factory=Weights)
    scheduled: Mapping[str, Any] = field(factory=dict)
    target: Mapping[str, Any] = field(factory=dict)
    classes: int = 0

    @property
    def smoothing(self) -> float:
        """What of its target an image gives to all classes alike; 0 where it is one-hot."""
        return float(self.target.get("smoothing", 0.0))

    @property
    def weighted(self) -> bool:
        """Whether the loss weighs classes by how many training images they have."""
        return self.weights.given or self.loss.get("weight") == "balanced"


CLOSED = "ridge"
"""The optimiser that is none: :mod:`bionic_core.training.ridge` solves the readout alone."""

OBJECTS: Mapping[str, type[Any]] = {"views": Views, "weights": Weights}
"""Tables of a recipe whose options are an object's attributes."""


def merge(training: Training, answers: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """Return the recipe of a spec: its ``[training]`` and the mechanisms' answers, by name.

    Raises:
        RequestError: an unknown field, or one that two mechanisms set.
    """
    owner: dict[str, str] = {}
    tables: dict[str, dict[str, Any]] = {
        "optimizer": {},
        "loss": {},
        "views": {},
        "schedule": {},
        "weights": {},
        "scheduled": {},
        "target": {},
    }
    problems = []
    for mechanism, fields in answers.items():
        for name, value in fields.items():
            table, _, option = name.partition(".")
            if name in owner:
                problems.append(
                    f"mechanisms '{owner[name]}' and '{mechanism}' both set the recipe's {name}; "
                    "leave one of them out"
                )
            elif table not in tables or not option:
                problems.append(
                    f"mechanism '{mechanism}' sets the recipe's {name}, which does not exist. "
                    f"Allowed are {listing(f'{key}.…' for key in tables)}"
                )
            elif table in OBJECTS and option not in attrs.fields_dict(OBJECTS[table]):
                allowed = attrs.fields_dict(OBJECTS[table])
                problems.append(
                    f"mechanism '{mechanism}' sets the recipe's {name}, which does not exist."
                    f"{nearest(option, allowed)} Allowed are {listing(allowed)}"
                )
            else:
                owner[name] = mechanism
                tables[table][option] = value
    if problems:
        raise RequestError(problems)
    objects = {name: cls(**tables.pop(name)) for name, cls in OBJECTS.items()}
    parts: dict[str, Any] = {**tables, **objects}
    return Recipe(training, **parts)


def recipe_of(spec: Spec) -> Recipe:
    """Return the training recipe of a spec.

    Raises:
        RequestError: two mechanisms set the same field, or one sets a field that is not there.
    """
    asking = Asking(spec, 0)
    recipe = merge(spec.training, dict(asking.answers("recipe", "", kind=Mapping)))
    if spec.training.optimizer == CLOSED and (problems := _not_closed(recipe)):
        raise RequestError(problems, where=spec.where)
    return attrs.evolve(recipe, classes=spec.model.classes)


def _not_closed(recipe: Recipe) -> list[str]:
    """Say what a readout in closed form has no use for."""
    training = recipe.training
    tables = {"optimizer": recipe.optimizer, "schedule": recipe.schedule, "loss": recipe.loss}
    found = [f"a mechanism sets the recipe's {t}.{key}" for t in tables for key in tables[t]]
    found += ["a mechanism weighs classes"] if recipe.weights.given else []
    found += [f"training.averaging is {training.averaging:g}"] if training.averaging else []
    problems = [
        f'training.optimizer = "{CLOSED}" solves the readout at once, and {one}; leave it out'
        for one in found
    ]
    if training.max_epochs > 1:
        problems.append(
            f'training.optimizer = "{CLOSED}" solves the readout after one pass, and '
            f"training.max_epochs is {training.max_epochs}; set it to 1"
        )
    return problems
