"""A run's folder, opened: whatever is in it is checked before it is used, and nothing is executed.

::

    <hash>/spec.toml          the resolved spec
           manifest.json      identity, versions, machine, threads, git
           metrics.jsonl      a line for each epoch
           state.safetensors  where training stands; gone when it is done
           model.safetensors  the weights of the selected epoch
           predictions.npz    logits and labels of what was selected and tested on
           result.json        the figures; its presence says that the run is complete
           SHA256SUMS         of the files of a complete run; those of older versions have none
           failure.json       why the run failed, until it is tried again
           .lock              held by the process that trains; gone when it is done

A folder may come from anybody. Files are read as data (TOML, JSON, safetensors, arrays without
pickle), by these names only, never through links, and up to a size; their checksums and their
shapes are compared before anything is made of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.checksums import from_sums, sha256
from bionic_core.base.files import present, read_arrays, read_own
from bionic_core.base.records import from_document
from bionic_core.errors import DamagedError, RequestError, listing, shorten
from bionic_core.registry import Registry
from bionic_core.runs.documents import Epoch, Failure, Manifest, Result
from bionic_core.runs.identity import check_numerics
from bionic_core.spec.find import parse
from bionic_core.spec.spec import Spec, compose

if TYPE_CHECKING:
    from bionic_core.connectome import Connectome
    from bionic_core.model.network import Network


T = TypeVar("T")

MANIFEST, SPEC, METRICS, RESULT = "manifest.json", "spec.toml", "metrics.jsonl", "result.json"
STATE, MODEL, PREDICTIONS = "state.safetensors", "model.safetensors", "predictions.npz"
SUMS, FAILURE, LOCK = "SHA256SUMS", "failure.json", ".lock"

SUMMED = (SPEC, MANIFEST, METRICS, MODEL, PREDICTIONS, RESULT)
"""The files of a complete run, as their sums are listed."""

TEXTS = (SPEC, MANIFEST, METRICS, RESULT, SUMS, FAILURE)
LARGEST_TEXT = 64 * 2**20
"""Bytes that a text file of a run may have: far more than any has."""

ANEW = "Remove the folder to train anew, or get another copy"

_KINDS = {MANIFEST: Manifest, RESULT: Result, METRICS: Epoch, FAILURE: Failure}
"""What each JSON file, or each line of one, must be."""


@attrs.frozen(eq=False)
class Run:
    """A run's folder.

    Attributes:
        reused: whether it was complete when it was asked for.
    """

    folder: Path
    reused: bool = False

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Return the run in a folder.

        Raises:
            RequestError: the folder is not one of a run.
        """
        if not folder.is_dir():
            raise RequestError("no such run folder", where=str(folder))
        missing = [name for name in (SPEC, MANIFEST) if not present(folder / name)]
        if missing:
            raise RequestError(
                f"not a run folder: it lacks {listing(missing)}. Give a folder that "
                "'bionic train' made, named by 16 hexadecimal digits",
                where=str(folder),
            )
        return cls(folder)

    @property
    def hash(self) -> str:
        """The run's identity, 16 hexadecimal digits."""
        return self.folder.name

    @property
    def manifest(self) -> dict[str, Any]:
        """What was written before training began."""
        return self._json(MANIFEST)

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return present(self.folder / RESULT)

    @property
    def result(self) -> dict[str, Any]:
        """The figures of a complete run.

        Raises:
            RequestError: the run is not complete.
        """
        if not self.done:
            raise RequestError(
                "this run is not finished; 'bionic train' with the same spec, seed and data "
                "goes on where it stopped",
                where=str(self.folder),
            )
        return self._json(RESULT)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The record of each epoch so far."""
        lines = self.text(METRICS).splitlines()
        return [self._document(line, METRICS) for line in lines]

    @property
    def failure(self) -> str | None:
        """Why the run failed when it was last tried; None where it did not."""
        if not present(self.folder / FAILURE):
            return None
        return str(self._json(FAILURE)["reason"])

    @property
    def predictions(self) -> dict[str, npt.NDArray[Any]]:
        """The logits and labels that a complete run left behind, and the names of its classes.

        ``validation_logits``, ``test_logits`` (N, C) and their ``…_labels`` (N,).
        """
        path = self.folder / PREDICTIONS
        try:
            arrays = read_arrays(self.read(PREDICTIONS), path)
        except DamagedError:
            raise
        except RequestError as error:
            raise DamagedError(f"{error.problems[0]}. {ANEW}", where=str(path)) from error
        if problem := _unlike_predictions(arrays):
            raise DamagedError(f"damaged: {problem}. {ANEW}", where=str(path))
        return arrays

    def spec(self, registry: Registry | None = None) -> Spec:
        """Return the spec that the run was trained with.

        Raises:
            RequestError: a plugin that it was trained with is not installed, or computes
                other numbers by now, or so does the core.
        """
        path, registry = self.folder / SPEC, registry or Registry.installed()
        manifest = self.manifest
        check_numerics(manifest, registry, where=str(self.folder))
        name = str(manifest.get("name", self.hash))
        tables = parse(self.text(SPEC), where=str(path))
        return compose(tables, name=name, where=str(path), registry=registry)

    def network(self, spec: Spec, connectome: Connectome | None) -> Network:
        """Return the trained network, in evaluation mode.

        Args:
            spec: the run's own.
            connectome: what the spec's ``[connectome]`` gives; None without one.

        Raises:
            RequestError: the run is not complete, its weights are damaged, or the connectome
                is not the one that it was trained with.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        from bionic_core.model.assembly import build

        _ = self.result
        trained_with = self.manifest["identity"]["connectome"]
        found = connectome.fingerprint if connectome is not None else None
        if found != trained_with:
            raise RequestError(
                f"trained with a connectome of fingerprint {_short(trained_with)}, but the "
                f"spec's [connectome] now gives {_short(found)}. Put the former back, or train "
                "anew",
                where=str(self.folder),
            )
        names = self.manifest["class_names"]
        if len(names) != spec.model.classes:
            raise DamagedError(
                f"damaged: it names {len(names)} classes, but the spec has {spec.model.classes} "
                f"classes. {ANEW}",
                where=str(self.folder / MANIFEST),
            )
        path = self.folder / MODEL
        try:
            weights = load(self.read(MODEL))
        except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
            raise DamagedError(f"damaged: {error}. {ANEW}", where=str(path)) from error
        try:
            network = build(spec, seed=int(self.manifest["seed"]), connectome=connectome)
        except (RuntimeError, MemoryError, OverflowError) as error:
            raise RequestError(
                f"the model of this spec cannot be built here: {error}",
                where=str(self.folder / SPEC),
            ) from error
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise DamagedError(f"of another model: {error}. {ANEW}", where=str(path)) from error
        if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
            raise DamagedError(f"damaged: not all weights are finite. {ANEW}", where=str(path))
        return network.eval()

    def read(self, name: str) -> bytes:
        """Return what one of the run's files holds, checked against its sum if it is complete.

        Raises:
            DamagedError: it is missing, no file of its own, too large, or not what was written.
        """
        data = self._bytes(name)
        sums = self.sums() if name in SUMMED and self.done else None
        if sums is not None and sums[name] != sha256(data):
            raise DamagedError(
                f"damaged: it is not what was written (its SHA-256 is not the one in {SUMS}). "
                f"Nothing of it has been used. {ANEW}",
                where=str(self.folder / name),
            )
        return data

    def text(self, name: str) -> str:
        """Return what one of the run's text files says, checked as :meth:`read` does.

        Raises:
            DamagedError: as :meth:`read`, or it is no UTF-8 text.
        """
        return self._decode(self.read(name), name)

    def sums(self) -> dict[str, str] | None:
        """Return the SHA-256 of each file of a complete run; None if it was made before them."""
        if present(self.folder / SUMS):
            text = self._decode(self._bytes(SUMS), SUMS)
            return from_sums(text, SUMMED, where=self.folder / SUMS)
        marked = self._document(self._decode(self._bytes(MANIFEST), MANIFEST), MANIFEST)
        if "checksums" in marked:
            raise DamagedError(f"missing. {ANEW}", where=str(self.folder / SUMS))
        return None

    def verify(self) -> bool:
        """Check every file of a complete run; return whether there were sums to check against.

        Raises:
            DamagedError: files are missing, or not what was written; it names them all.
        """
        problems = []
        for name in SUMMED:
            try:
                self.read(name)
            except DamagedError as error:
                problems.append(str(error).removeprefix(f"{self.folder}/"))
                if error.where.endswith(SUMS):
                    break
        if problems:
            raise DamagedError(problems, where=str(self.folder))
        return self.sums() is not None

    def _bytes(self, name: str) -> bytes:
        path = self.folder / name
        if not present(path):
            raise DamagedError(f"missing. {ANEW}", where=str(path))
        return read_own(path, LARGEST_TEXT if name in TEXTS else None)

    def _decode(self, data: bytes, name: str) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            path = self.folder / name
            raise DamagedError(f"damaged: {error}. {ANEW}", where=str(path)) from error

    def _json(self, name: str) -> dict[str, Any]:
        return self._document(self.text(name), name)

    def _document(self, text: str, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"damaged: {error}. {ANEW}", where=str(path)) from error
        if not isinstance(document, dict):
            raise DamagedError(f"damaged: expected a JSON object. {ANEW}", where=str(path))
        checked(_KINDS[name], document, path)
        return document


def checked(kind: type[T], document: object, path: Path) -> T:
    """Return what a document says, as an object of this kind.

    Raises:
        DamagedError: it says something else; all that is wrong is named.
    """
    try:
        return from_document(kind, document, where=str(path))
    except DamagedError as error:
        *others, last = shorten(error.problems)
        raise DamagedError([*others, f"{last}. {ANEW}"], where=error.where) from error


def _short(fingerprint: str | None) -> str:
    return fingerprint[:16] if fingerprint else "none"


def _unlike_predictions(arrays: dict[str, npt.NDArray[Any]]) -> str | None:
    """Say what keeps arrays from being a run's predictions; None if nothing does."""
    splits = ("validation", "test")
    wanted = {f"{split}_{what}" for split in splits for what in ("logits", "labels")}
    missing = {*wanted, "class_names"} - set(arrays)
    if missing:
        return f"it lacks {listing(missing)}"
    names = arrays["class_names"]
    if names.ndim != 1 or names.dtype.kind != "U":
        return "class_names must be a list of text"
    for split in splits:
        logits, labels = arrays[f"{split}_logits"], arrays[f"{split}_labels"]
        if logits.dtype.kind != "f" or logits.shape != (len(labels), len(names)):
            return f"{split}_logits must be numbers, images × classes"
        if labels.dtype.kind != "i" or labels.ndim != 1 or not len(labels):
            return f"{split}_labels must be whole numbers"
        if not (np.isfinite(logits).all() and 0 <= labels.min() <= labels.max() < len(names)):
            return f"{split} has logits that are not finite, or labels of no class"
    return None
