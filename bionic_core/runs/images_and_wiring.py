"""What runs read: images and wiring, loaded once and shared by the runs of a study."""

from __future__ import annotations

from typing import Any

import attrs

from bionic_core.connectome import Connectome
from bionic_core.data.splits import Splits, split
from bionic_core.dataset import Dataset
from bionic_core.errors import RequestError
from bionic_core.spec.connectome import checked
from bionic_core.spec.spec import Spec, digest


@attrs.frozen(eq=False)
class Inputs:
    """The images, split as the spec's protocol says, and the wiring."""

    data: Dataset
    splits: Splits
    connectome: Connectome | None


def load_inputs(spec: Spec) -> Inputs:
    """Read what a spec names.

    Raises:
        RequestError: a file is missing or damaged.
    """
    data = spec.data.read(spec.model.image)
    if not isinstance(data, Dataset):
        raise RequestError(
            f"data.source: '{spec.data.name}' gives {type(data).__name__}; expected a Dataset",
            where=spec.where,
        )
    choice = spec.data_choice
    splits = split(
        data,
        choice.protocol,
        choice.split_seed,
        share=choice.validation_share,
        drop_leaks=choice.drop_leaks,
    )
    connectome = None
    if spec.connectome is not None:
        connectome = checked(spec.connectome.read(), spec.where)
    return Inputs(data, splits, connectome)


def check_inputs(spec: Spec, data: Dataset) -> None:
    """Check that the data is what the model is for.

    Raises:
        RequestError: it has another number of classes, or another shape of images.
    """
    if len(data.class_names) != spec.model.classes:
        raise RequestError(
            f"model.classes = {spec.model.classes}, but {data.name} has "
            f"{len(data.class_names)} classes ({', '.join(data.class_names)})",
            where=spec.where,
        )
    if data.train.images.shape[1:] != spec.model.image:
        raise RequestError(
            f"model.image = {list(spec.model.image)}, but {data.name} gives "
            f"{list(data.train.images.shape[1:])}",
            where=spec.where,
        )


class InputCache:
    """Inputs by the tables that they come from, so that a study reads each but once."""

    def __init__(self) -> None:
        self._known: dict[str, Inputs] = {}
        self._of: dict[Spec, Inputs] = {}

    def get(self, spec: Spec) -> Inputs:
        """Return the inputs of a spec, read at the first time."""
        if spec not in self._of:
            key = _key(spec)
            if key not in self._known:
                self._known[key] = load_inputs(spec)
            check_inputs(spec, self._known[key].data)
            self._of[spec] = self._known[key]
        return self._of[spec]

    def put(self, spec: Spec, inputs: Inputs) -> None:
        """Take the inputs of a spec that were read elsewhere."""
        self._known[_key(spec)] = inputs


def _key(spec: Spec) -> str:
    tables: dict[str, Any] = {key: spec.tables.get(key) for key in ("data", "connectome")}
    return digest(tables | {"image": spec.tables["model"]["image"]})
