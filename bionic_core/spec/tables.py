"""The core's tables of a spec, as attrs classes; their fields are the TOML keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import attrs
from attrs import field
from attrs.validators import ge, gt, in_, le, lt

from bionic_core.dataset import Protocol
from bionic_core.hookspecs import COMBINATION
from bionic_core.markers import EARLIER, NEUTRAL, UNIT
from bionic_core.spec.topology import LayerCells

SECTIONS = ("model", "connectome", "data", "training", "mechanisms")
STEPS = {NEUTRAL: True, UNIT: "iterations"}
Storage = Literal["auto", "dense", "packed", "sparse"]
Optimizer = Literal["adam", "adamw", "sgd", "rmsprop", "nadam", "muon", "ridge"]
Monitor = Literal["accuracy", "loss", "macro_f1", "epoch"]
Precision = Literal["float32", "tf32", "bfloat16"]
Orthogonal = Literal["matrices", "kernels"]


def _size(_: object, attribute: object, value: tuple[int, int, int]) -> None:
    """[1 or 3 channels, height, width], at least 8 × 8."""
    if value[0] not in (1, 3) or min(value[1:]) < 8:
        raise ValueError("must be [channels, height, width], 1 or 3 channels, at least 8 × 8")


def _hooks(_: object, attribute: object, value: Mapping[str, tuple[str, ...]]) -> None:
    unknown = sorted(set(value) - set(COMBINATION))
    if unknown:
        raise ValueError(f"there is no hook {unknown[0]}; hooks are {', '.join(COMBINATION)}")


@attrs.frozen
class Model:
    """``[model]``.

    Attributes:
        layers: cell types, or a number of neurons, by layer; the first takes the bridge, the
            last feeds the readout.
        projections: ``"A->B"``; together a feed-forward graph, in time any.
        classes: number of classes C.
        image: channels, height and width of the input.
        storage: of weights that are wired: ``dense``, a matrix with zeros where no pair exists;
            ``packed``, a value for each pair, put into a matrix for products; ``sparse``, a value
            for each pair and no matrix; ``auto``, dense, or sparse between wide layers. It changes
            no number but in the last digits, except that only matrices are wide ones to ``muon``.
        order: order of mechanisms within a hook, for those that name none themselves.
        steps: time steps T of the layers; 1 for one feed-forward pass. In time, ``"A->B"`` brings
            A's rates of the step before and may close a cycle, ``"A=>B"`` those of the same step.
        input: in time, the bridge is ``constant``, there at the first step (``onset``), or given
            a row of the front end's features a step (``rows``).
        readout: in time, from the ``last`` step's rates or from their ``mean`` over all.
    """

    layers: Mapping[str, LayerCells] = field(metadata={UNIT: "neurons"})
    projections: tuple[str, ...] = ()
    classes: int = field(default=7, validator=ge(2), metadata={UNIT: "classes"})
    image: tuple[int, int, int] = field(default=(1, 48, 48), validator=_size, metadata={UNIT: "px"})
    storage: Storage = field(
        default="auto", validator=in_(get_args(Storage)), metadata={NEUTRAL: True}
    )
    order: Mapping[str, tuple[str, ...]] = field(factory=dict, validator=_hooks)
    steps: int = field(default=1, validator=ge(1), metadata={EARLIER: 1, UNIT: "steps"})
    input: Literal["constant", "onset", "rows"] = field(
        default="constant",
        validator=in_(("constant", "onset", "rows")),
        metadata={EARLIER: "constant"},
    )
    readout: Literal["last", "mean"] = field(
        default="last", validator=in_(("last", "mean")), metadata={EARLIER: "last"}
    )


@attrs.frozen
class DataChoice:
    """The core's keys of ``[data]``; the others belong to the source.

    Attributes:
        source: a registered data source.
        protocol: ``honest`` selects on validation, ``paper`` on the test set.
        split_seed: seed of the validation split where the data has none of its own.
        validation_share: of train, what that split takes.
        drop_leaks: take out of train what occurs in validation or test, exactly or nearly.
    """

    source: str = "schematic"
    protocol: Protocol = field(default="honest", validator=in_(("honest", "paper")))
    split_seed: int = field(default=0, validator=ge(0), metadata={UNIT: "1"})
    validation_share: float = field(
        default=0.1, validator=[gt(0), le(0.5)], metadata={NEUTRAL: True, UNIT: "1"}
    )
    drop_leaks: bool = field(default=False, metadata={NEUTRAL: True})


@attrs.frozen
class ConnectomeChoice:
    """The core's key of ``[connectome]``; the others belong to the source.

    Attributes:
        source: a registered connectome source, or the path of an ``.npz`` file.
    """

    source: str


@attrs.frozen
class Training:
    """The spec's ``[training]`` table; defaults are the paper's (§3.6).

    Attributes:
        optimizer: a class of ``torch.optim``, in small letters; ``muon`` leaves all but wide
            matrices to Adam (:mod:`bionic_core.training.optimizers`), ``ridge`` solves the readout.
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
        orthogonal: whose steps ``muon`` makes orthogonal, of what is wide: ``matrices``, or
            ``kernels`` of convolutions too, as matrices of a row for each channel out.
        newton_schulz: iterations by which ``muon`` makes a step orthogonal; fewer are faster.
        compile: take steps through torch's compiler, the same but for rounding
            (:mod:`bionic_core.training.compiled`); ``auto``, where the time of a few says it pays.
    """

    optimizer: Optimizer = field(default="adam", validator=in_(get_args(Optimizer)))
    lr: float = field(default=6e-4, validator=gt(0), metadata={UNIT: "1"})
    batch_size: int = field(default=32, validator=ge(1), metadata={UNIT: "images"})
    max_epochs: int = field(default=400, validator=ge(1), metadata={UNIT: "epochs"})
    patience: int = field(default=40, validator=ge(0), metadata={UNIT: "epochs"})
    monitor: Monitor = field(default="accuracy", validator=in_(get_args(Monitor)))
    averaging: float = field(default=0.0, validator=[ge(0), lt(1)], metadata={UNIT: "1"})
    precision: Precision = field(default="float32", validator=in_(get_args(Precision)))
    orthogonal: Orthogonal = field(
        default="matrices", validator=in_(get_args(Orthogonal)), metadata={EARLIER: "matrices"}
    )
    newton_schulz: int = field(default=5, validator=[ge(1), le(20)], metadata=STEPS)
    draws: Literal["own", "shared"] = field(
        default="own", validator=in_(("own", "shared")), metadata={NEUTRAL: True}
    )
    compile: Literal["auto"] | bool = field(default=False, metadata={EARLIER: False})

    def __attrs_post_init__(self) -> None:
        for key in ("newton_schulz", "orthogonal"):
            plain = getattr(attrs.fields(Training), key).default
            if getattr(self, key) != plain and self.optimizer != "muon":
                raise ValueError(f"{key} is muon's, and optimizer = {self.optimizer!r}")

    def drawn_with(self, seed: int) -> int:
        """Return the seed of what is drawn while a run of this seed trains."""
        return 0 if self.draws == "shared" else seed
