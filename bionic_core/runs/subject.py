"""What a trained run is looked at with: its network, and the images that it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from bionic_core.connectome import Connectome
from bionic_core.dataset import SPLITS, Split
from bionic_core.errors import RequestError
from bionic_core.model.network import Network
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache, Inputs
from bionic_core.runs.wiring import with_wiring
from bionic_core.spec.sources import open_data
from bionic_core.spec.spec import Spec


@attrs.frozen(eq=False)
class Subject:
    """A run's trained network, and labelled images.

    Attributes:
        spec: the run's own; with other data where that was named.
        connectome: what its layers are made of, if of cells.
        network: in evaluation mode.
        part: the images and labels.
        class_names: in the order of the logits.
        data: the source's name.
        unlike: whether the data is other than what the run was trained on.
    """

    run: Run
    spec: Spec
    connectome: Connectome | None
    network: Network
    part: Split
    class_names: Sequence[str]
    data: str
    unlike: bool


def subject(
    run: Run,
    split: str,
    data: str | None = None,
    cache: InputCache | None = None,
    wirings: Sequence[Path] = (),
) -> Subject:
    """Return a trained network, and a split of its data or of other data.

    Args:
        run: a complete run.
        split: train, validation or test.
        data: a registered data source or a path, instead of the run's own.
        cache: inputs that other runs have read already.
        wirings: files in which the run's own wiring may be, where it is not with the run.

    Raises:
        RequestError: there is no such split, the run is not complete or does not fit what is
            installed, its data cannot be read, or the classes differ.
    """
    if split not in SPLITS:
        raise RequestError(f"--split {split}: must be one of {', '.join(SPLITS)}")
    _ = run.result
    spec = with_wiring(run, run.spec(), wirings)
    if data is not None:
        spec = attrs.evolve(spec, data=open_data(data))
    cache = cache or InputCache()
    inputs = cache.get(spec) if data is not None else own_inputs(run, spec, cache)
    manifest = run.manifest
    names = list(inputs.data.class_names)
    if names != manifest["class_names"]:
        raise RequestError(
            f"{inputs.data.name} has the classes {', '.join(names)}; the run was trained on "
            f"{', '.join(manifest['class_names'])}",
            where=str(run.folder),
        )
    network = run.network(spec, inputs.connectome)
    unlike = inputs.data.fingerprint != manifest["identity"]["data"]["fingerprint"]
    part: Split = getattr(inputs.splits, split)
    return Subject(run, spec, inputs.connectome, network, part, names, inputs.data.name, unlike)


def own_inputs(run: Run, spec: Spec, cache: InputCache) -> Inputs:
    """Return the inputs that a run was trained on.

    A path of its data is relative to the folder in which it was trained, which is mostly one that
    the run's own lies in.

    Raises:
        RequestError: they are not where the run's spec has them.
    """
    given = getattr(spec.data, "path", "")
    if not given or Path(given).exists():
        return cache.get(spec)
    for above in run.folder.resolve().parents if not Path(given).is_absolute() else ():
        if (found := above / given).exists():
            source: Any = spec.data
            moved = attrs.evolve(spec, data=attrs.evolve(source, path=str(found)))
            inputs = cache.get(moved)
            if inputs.data.fingerprint == run.manifest["identity"]["data"]["fingerprint"]:
                return inputs
    raise RequestError(
        f"the data that the run was trained on, data.path = '{given}' of its spec, is not there"
        + ("" if Path(given).is_absolute() else ", seen from here or from a folder above the run")
        + "; say where it is by now with --data PATH",
        where=str(run.folder),
    )
