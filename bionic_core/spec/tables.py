"""The core's tables of a spec, as attrs classes; their fields are the TOML keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import attrs
from attrs import field
from attrs.validators import ge, gt, in_, le

from bionic_core.data.splits import Protocol
from bionic_core.hookspecs import COMBINATION
from bionic_core.plugin import NEUTRAL
from bionic_core.spec.topology import LayerCells

SECTIONS = ("model", "connectome", "data", "training", "mechanisms")

Storage = Literal["auto", "dense", "packed", "sparse"]


def _image(_: object, attribute: object, value: tuple[int, int, int]) -> None:
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
        projections: ``"A->B"``; together a feed-forward graph.
        classes: number of classes C.
        image: channels, height and width of the input.
        storage: of weights that are wired: ``dense``, a matrix with zeros where no pair exists;
            ``packed``, a value for each pair, put into a matrix for products; ``sparse``, a value
            for each pair and no matrix; ``auto``, dense, or sparse between wide layers. It changes
            no number but in the last digits, except that only matrices are wide ones to ``muon``.
        order: order of mechanisms within a hook, for those that name none themselves.
    """

    layers: Mapping[str, LayerCells]
    projections: tuple[str, ...] = ()
    classes: int = field(default=7, validator=ge(2))
    image: tuple[int, int, int] = field(default=(1, 48, 48), validator=_image)
    storage: Storage = field(
        default="auto", validator=in_(get_args(Storage)), metadata={NEUTRAL: True}
    )
    order: Mapping[str, tuple[str, ...]] = field(factory=dict, validator=_hooks)


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
    split_seed: int = field(default=0, validator=ge(0))
    validation_share: float = field(
        default=0.1, validator=[gt(0), le(0.5)], metadata={NEUTRAL: True}
    )
    drop_leaks: bool = field(default=False, metadata={NEUTRAL: True})


@attrs.frozen
class ConnectomeChoice:
    """The core's key of ``[connectome]``; the others belong to the source.

    Attributes:
        source: a registered connectome source, or the path of an ``.npz`` file.
    """

    source: str
