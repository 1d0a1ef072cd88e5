"""The files of a run's folder, by name: read as data, and checked against their sums and shapes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from bionic_core.base.checksums import from_sums, sha256
from bionic_core.base.files import present, read_own
from bionic_core.base.records import from_document
from bionic_core.errors import DamagedError, shorten
from bionic_core.runs.documents import Epoch, Failure, Manifest, Reached
from bionic_core.runs.result import Result, read_result

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

_KINDS = {MANIFEST: Manifest, METRICS: Epoch, FAILURE: Failure}
"""What each JSON file, or each line of one, must be."""


@attrs.frozen(eq=False)
class RunFiles:
    """What is in a run's folder."""

    folder: Path

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return present(self.folder / RESULT)

    def read(self, name: str) -> bytes:
        """Return what one of the run's files holds, checked against its sum if it is complete.

        Raises:
            DamagedError: it is missing, no file of its own, too large, or not what was written.
        """
        data = self._bytes(name)
        return self._checked(name, data, self.sums() if name in SUMMED and self.done else None)

    def _checked(self, name: str, data: bytes, sums: Mapping[str, str] | None) -> bytes:
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
        marked = self.parse(self._decode(self._bytes(MANIFEST), MANIFEST), MANIFEST)
        if "checksums" in marked:
            raise DamagedError(f"missing. {ANEW}", where=str(self.folder / SUMS))
        return None

    def verify(self) -> bool:
        """Check every file of a complete run; return whether there were sums to check against.

        Raises:
            DamagedError: files are missing, or not what was written; it names them all.
        """
        problems = []
        try:
            sums = self.sums()
        except DamagedError as error:
            raise self._together([error]) from error
        for name in SUMMED:
            try:
                self._checked(name, self._bytes(name), sums)
            except DamagedError as error:
                problems.append(error)
        if problems:
            raise self._together(problems)
        return sums is not None

    def _together(self, errors: Iterable[DamagedError]) -> DamagedError:
        """Return what is wrong with files as one error."""
        words = [str(error).removeprefix(f"{self.folder}/") for error in errors]
        return DamagedError(words, where=str(self.folder))

    def document(self, name: str) -> dict[str, Any]:
        """Return what one of the run's JSON files says.

        Raises:
            DamagedError: as :meth:`read`, or it is not what such a file says.
        """
        return self.parse(self.text(name), name)

    def result(self) -> Result:
        """Return what a complete run reached.

        Raises:
            DamagedError: as :meth:`read`, or it is not what such a file says.
        """
        return self._result(read_result)

    def reached(self) -> Reached:
        """Return of what a complete run reached the figures that a list of runs has.

        Raises:
            DamagedError: as :meth:`result`, as far as these are concerned.
        """
        return self._result(functools.partial(from_document, Reached))

    def _result(self, reading: Callable[..., T]) -> T:
        try:
            document = self._object(self.text(RESULT), RESULT)
            return reading(document, where=str(self.folder / RESULT))
        except DamagedError as error:
            problems = [f"{text.removesuffix(f'. {ANEW}')}. {ANEW}" for text in error.problems]
            raise DamagedError(problems, where=error.where) from error

    def parse(self, text: str, name: str) -> dict[str, Any]:
        """Return what JSON of one of the run's files says.

        Raises:
            DamagedError: it is not what such a file says.
        """
        document = self._object(text, name)
        checked(_KINDS[name], document, self.folder / name)
        return document

    def _object(self, text: str, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"damaged: {error}. {ANEW}", where=str(path)) from error
        if not isinstance(document, dict):
            raise DamagedError(f"damaged: expected a JSON object. {ANEW}", where=str(path))
        return document

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
