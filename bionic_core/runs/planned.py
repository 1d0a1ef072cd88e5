"""Runs before they are trained: each is planned once, and what it reads is read once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache, Inputs
from bionic_core.spec.spec import Spec, digest


@attrs.frozen(eq=False)
class PlannedRun:
    """A run that is to be trained, or is trained already; it holds no images and no wiring.

    Attributes:
        identity: everything that decides its numbers, JSON-ready.
        hash: of that, 16 hexadecimal digits.
        folder: the run's own, named by the hash.
    """

    spec: Spec
    seed: int
    identity: Mapping[str, Any]
    hash: str
    folder: Path

    @classmethod
    def of(cls, spec: Spec, seed: int, inputs: Inputs, root: Path) -> PlannedRun:
        """Return the run of a spec and a seed, in a folder of runs."""
        decides = identity(spec, seed, inputs)
        name = digest(decides)
        return cls(spec, seed, decides, name, root / name)


class Plans:
    """The runs of a folder, by spec and seed, and the inputs that they share.

    Specs are told apart as objects: one that is loaded again is planned again.
    """

    def __init__(self, root: Path, inputs: InputCache | None = None) -> None:
        self.root = root
        self.inputs: InputCache = inputs if inputs is not None else InputCache()
        self._known: dict[tuple[Spec, int], PlannedRun] = {}

    def of(self, spec: Spec, seed: int) -> PlannedRun:
        """Return a run, planned at the first time.

        Raises:
            RequestError: its inputs cannot be read, or do not fit the spec.
        """
        key = (spec, seed)
        if key not in self._known:
            self._known[key] = PlannedRun.of(spec, seed, self.inputs.get(spec), self.root)
        return self._known[key]
