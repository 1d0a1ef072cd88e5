"""How much of its past inputs a network in time holds, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError, listing
from bionic_core.model.network import StageModule
from bionic_core.runs.activity import Recording, recording
from bionic_core.runs.folder import Run
from bionic_core.statistics.capacity import FEWEST, Capacity, memory_capacity

Matrix = npt.NDArray[np.float64]


@attrs.frozen
class LayerCapacity:
    """The memory of a layer, or of ``all`` layers together, when the last row has arrived."""

    layer: str
    capacity: Capacity


@attrs.frozen
class Capacities:
    """A run's memory.

    Attributes:
        train, test: sequences that readouts were fitted to, and scored on.
        steps: of each sequence, the present one included.
    """

    run: str
    hash: str
    name: str
    data: str
    train: int
    test: int
    steps: int
    layers: tuple[LayerCapacity, ...]


def capacities(run: Run, data: str | None = None, wirings: Sequence[Path] = ()) -> Capacities:
    """Return the memory capacity of each layer of a run's network, and of all.

    Args:
        run: a complete run of a network that is given the rows of an image in turn.
        data: sequences, a registered source or a path, instead of the run's own.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    Raises:
        RequestError: rows do not come in turn, or they are not one number each that varies.
    """
    found = [recording(run, split, data=data, wirings=wirings) for split in ("train", "test")]
    inputs = [_inputs(one) for one in found]
    steps = inputs[0].shape[1]
    states = [_states(one, steps - 1) for one in found]
    labels = found[0].neurons.labels["layer"]
    groups = {name: labels == name for name in found[0].network.order}
    if len(groups) > 1:
        groups["all"] = np.ones(len(labels), np.bool_)
    layers = [
        LayerCapacity(
            name,
            memory_capacity((states[0][:, own], states[1][:, own]), (inputs[0], inputs[1])),
        )
        for name, own in groups.items()
    ]
    return Capacities(
        run=str(run.folder),
        hash=run.hash,
        name=str(run.manifest["name"]),
        data=found[1].shown.source.removesuffix(", test"),
        train=len(inputs[0]),
        test=len(inputs[1]),
        steps=steps,
        layers=tuple(layers),
    )


def _inputs(found: Recording) -> Matrix:
    """Return the number that each row of each image is, (N, H)."""
    model, where = found.spec.model, str(found.run.folder)
    height = getattr(found.network, "features", (0, 0, 0))[1]
    if model.input != "rows" or height != model.image[1]:
        stages = [one for one in found.network.stages if isinstance(one, StageModule)]
        front = dict.fromkeys(name for one in stages for name in one.features.mechanisms)
        raise RequestError(
            "memory capacity is of networks that are given the rows of an image in turn: "
            + (
                f"the run's front end makes other rows of them; leave out {listing(front)}"
                if model.input == "rows"
                else f'set model.input = "rows" and model.steps; they are "{model.input}" and '
                f"{model.steps}. bionic train memory is such a run"
            ),
            where=where,
        )
    images = found.shown.images
    assert images is not None  # they are a split's
    rows = images[:, :1, :, :1]
    told = "" if (images == rows).all() else "rows of these images are not one value each"
    if len(images) < FEWEST:
        told = f"there are {len(images)} of these sequences, and {FEWEST} are the fewest"
    elif not told and (np.ptp(rows, axis=0) == 0).any():
        told = "there is a row that is the same in all of these images"
    if told:
        raise RequestError(
            f"memory capacity is of one number a step, that varies: {told} ({found.shown.source}); "
            'see data.source = "sequences" with form = "values", or say --data sequences',
            where=where,
        )
    return np.asarray(rows[:, 0, :, 0], np.float64)


def _states(found: Recording, step: int) -> Matrix:
    """Return what all neurons give out at a step, (N, Q)."""
    return np.concatenate([rates[:, step] for _, rates in found.batches()]).astype(np.float64)
