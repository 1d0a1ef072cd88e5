"""The training recipe: the spec's ``[training]`` table and what the mechanisms put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs import field
from attrs.validators import ge, gt, in_, instance_of, le, lt

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import NEUTRAL


@attrs.frozen
class Training:
    """The spec's ``[training]`` table; defaults are the paper's (§3.6).

    Attributes:
        optimizer: a class of ``torch.optim``, in small letters; ``muon`` leaves all but wide
            matrices to Adam (see :mod:`bionic_core.training.optimizers`).
        lr: learning rate.
        batch_size: images in a step.
        max_epochs: at most so many passes.
        patience: stop after so many epochs without improvement; 0 for never.
        monitor: what the best epoch is chosen by, on the images that the protocol selects on;
            ``epoch`` for the latest, so that nothing is selected and nothing stops early.
        averaging: decay, per step, of an exponential moving average of the weights, which is
            then what is evaluated, selected and kept; 0 for none. It goes over about 1 / (1 −
            decay) steps, but no more than about the last third of those taken.
        precision: of products and convolutions in training; sums, weights and evaluation stay
            in float32. ``tf32`` rounds their factors to 10 bits on GPUs that can, ``bfloat16`` to 7
            on processors and GPUs that can; both are float32 elsewhere.
        draws: what is drawn while training (the order of images, their views, and what mechanisms
            draw): each seed's ``own``, or ``shared`` by all seeds, which then differ in what is
            drawn while the model is built, initial weights above all.
        newton_schulz: iterations by which ``muon`` makes a step orthogonal; fewer are faster.
    """

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "nadam", "muon"] = field(
        default="adam", validator=in_(("adam", "adamw", "sgd", "rmsprop", "nadam", "muon"))
    )
    lr: float = field(default=6e-4, validator=gt(0))
    batch_size: int = field(default=32, validator=ge(1))
    max_epochs: int = field(default=400, validator=ge(1))
    patience: int = field(default=40, validator=ge(0))
    monitor: Literal["accuracy", "loss", "macro_f1", "epoch"] = field(
        default="accuracy", validator=in_(("accuracy", "loss", "macro_f1", "epoch"))
    )
    averaging: float = field(default=0.0, validator=[ge(0), lt(1)])
    precision: Literal["float32", "tf32", "bfloat16"] = field(
        default="float32", validator=in_(("float32", "tf32", "bfloat16"))
    )
    newton_schulz: int = field(default=5, validator=[ge(1), le(20)], metadata={NEUTRAL: True})
    draws: Literal["own", "shared"] = field(
        default="own", validator=in_(("own", "shared")), metadata={NEUTRAL: True}
    )

    def __attrs_post_init__(self) -> None:
        if self.newton_schulz != 5 and self.optimizer != "muon":
            raise ValueError(f"newton_schulz is muon's, and optimizer = {self.optimizer!r}")

    def drawn_with(self, seed: int) -> int:
        """Return the seed of what is drawn while a run of this seed trains."""
        return 0 if self.draws == "shared" else seed


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
    torch.optim class), ``loss.<option>`` (of ``torch.nn.functional.cross_entropy``; the class
    weights may be the word ``balanced``, resolved from the training counts),
    ``views.<attribute of Views>``, and ``schedule.policy`` with ``schedule.<option>`` (see
    :mod:`bionic_core.training.schedules`).
    """

    training: Training
    optimizer: Mapping[str, float] = field(factory=dict)
    loss: Mapping[str, float | str] = field(factory=dict)
    views: Views = field(factory=Views, validator=instance_of(Views))
    schedule: Mapping[str, Any] = field(factory=dict)


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
            elif table == "views" and option not in attrs.fields_dict(Views):
                allowed = attrs.fields_dict(Views)
                problems.append(
                    f"mechanism '{mechanism}' sets the recipe's {name}, which does not exist."
                    f"{nearest(option, allowed)} Allowed are {listing(allowed)}"
                )
            else:
                owner[name] = mechanism
                tables[table][option] = value
    if problems:
        raise RequestError(problems)
    views = Views(**tables["views"])
    return Recipe(training, tables["optimizer"], tables["loss"], views, tables["schedule"])
