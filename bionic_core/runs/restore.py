"""What a run's folder gives back: the spec that it was trained with, and the trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bionic_core.errors import DamagedError, RequestError
from bionic_core.registry import Registry
from bionic_core.runs.files import ANEW, MANIFEST, MODEL, SPEC, RunFiles
from bionic_core.runs.identity import check_numerics, said_before
from bionic_core.spec.find import parse
from bionic_core.spec.spec import Spec, compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from bionic_core.connectome import Connectome
    from bionic_core.model.network import Network


def restored_spec(files: RunFiles, registry: Registry | None = None) -> Spec:
    """Return the spec that a run was trained with; what keys mean that it is older than is added.

    Raises:
        RequestError: a plugin that it was trained with is not installed, or computes other numbers
            by now, or so does the core.
    """
    path, registry = files.folder / SPEC, registry or Registry.installed()
    manifest = files.document(MANIFEST)
    check_numerics(manifest, registry, where=str(files.folder))
    name = str(manifest.get("name", files.folder.name))
    tables = parse(files.text(SPEC), where=str(path))
    spec = compose(tables, name=name, where=str(path), registry=registry)
    if said_before(tables, spec):
        spec = compose(tables, name=name, where=str(path), registry=registry)
    return spec


def restored_network(files: RunFiles, spec: Spec, connectome: Connectome | None) -> Network:
    """Return a complete run's trained network, in evaluation mode.

    Args:
        files: of the run.
        spec: the run's own.
        connectome: what the spec's ``[connectome]`` gives; None without one.

    Raises:
        RequestError: its weights are damaged, or the connectome is not the one that it was trained
            with.
    """
    from bionic_core.model.assembly import build

    manifest = files.document(MANIFEST)
    _check_fit(files, manifest, spec, connectome)
    weights = _weights(files)
    try:
        network = build(spec, seed=int(manifest["seed"]), connectome=connectome)
    except (RuntimeError, MemoryError, OverflowError) as error:
        raise RequestError(
            f"the model of this spec cannot be built here: {error}",
            where=str(files.folder / SPEC),
        ) from error
    path = str(files.folder / MODEL)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise DamagedError(f"of another model: {error}. {ANEW}", where=path) from error
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise DamagedError(f"damaged: not all weights are finite. {ANEW}", where=path)
    return network.eval()


def _check_fit(
    files: RunFiles, manifest: Mapping[str, Any], spec: Spec, connectome: Connectome | None
) -> None:
    """Check that a run was trained with this wiring, and with as many classes."""
    trained_with = manifest["identity"]["connectome"]
    found = connectome.fingerprint if connectome is not None else None
    if found != trained_with:
        raise RequestError(
            f"trained with a connectome of fingerprint {_short(trained_with)}, but the "
            f"spec's [connectome] now gives {_short(found)}. Put the former back, say where it is "
            "with --connectome FILE, or train anew",
            where=str(files.folder),
        )
    names = manifest["class_names"]
    if len(names) != spec.model.classes:
        raise DamagedError(
            f"damaged: it names {len(names)} classes, but the spec has {spec.model.classes} "
            f"classes. {ANEW}",
            where=str(files.folder / MANIFEST),
        )


def _weights(files: RunFiles) -> dict[str, Tensor]:
    from bionic_core.base.arrays import load_tensors

    data, path = files.read(MODEL), files.folder / MODEL
    try:
        return load_tensors(data, path)
    except DamagedError as error:
        raise DamagedError(f"{error.problems[0]}. {ANEW}", where=str(path)) from error


def _short(fingerprint: str | None) -> str:
    return fingerprint[:16] if fingerprint else "none"
