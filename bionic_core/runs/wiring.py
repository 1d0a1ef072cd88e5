"""The wiring of a run: kept with it where it came from a file, found by its fingerprint later."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from bionic_core.base.files import present, write_atomically
from bionic_core.connectome import Connectome
from bionic_core.errors import RequestError, listing
from bionic_core.runs.folder import Run
from bionic_core.spec.connectome import ConnectomeFile
from bionic_core.spec.spec import Spec

WIRING = "connectome.npz"
"""The wiring as used, in the folder of a run; its fingerprint is in the run's manifest."""

STORE = "connectomes"
"""Beside the runs' folders: each wiring once, by fingerprint; the runs' files are links to it."""


def keep_wiring(folder: Path, spec: Spec, connectome: Connectome | None) -> None:
    """Keep in a run's folder the wiring that a file gave: it may be moved, or written anew.

    Raises:
        WriteError: the disk is full, or writing is not allowed there.
    """
    path = folder / WIRING
    if connectome is None or not isinstance(spec.connectome, ConnectomeFile) or present(path):
        return
    kept = folder.parent / STORE / f"{connectome.fingerprint[:16]}.npz"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        connectome.save(kept)
    with suppress(OSError):  # of file systems without hard links
        os.link(kept, path)
        return
    with write_atomically(path) as file, kept.open("rb") as source:
        shutil.copyfileobj(source, file)


def with_wiring(run: Run, spec: Spec, given: Sequence[Path] = ()) -> Spec:
    """Return a run's spec, its connectome read from where the wiring is by now.

    Of the files that are given the one whose fingerprint is the run's; else the run's own; else
    where its spec says, or the same below a folder above the run.

    Raises:
        RequestError: a given file is no connectome, or the wiring is nowhere.
    """
    wanted = run.manifest["identity"]["connectome"]
    if spec.connectome is None or wanted is None:
        return spec
    found = {path: Connectome.load(path).fingerprint for path in given}
    for path, fingerprint in found.items():
        if fingerprint == wanted:
            return _reading(spec, path)
    if (own := run.folder / WIRING).is_file():
        return _reading(spec, own)
    source = spec.connectome
    if not isinstance(source, ConnectomeFile) or Path(source.path).is_file():
        return spec
    for above in run.folder.resolve().parents if not Path(source.path).is_absolute() else ():
        if (there := above / source.path).is_file():
            return _reading(spec, there)
    tried = f"; {listing(map(str, found))} has another fingerprint" if found else ""
    raise RequestError(
        f"the wiring that the run was trained with, connectome.source = '{source.path}' of its "
        f"spec, is not there, and no file of the fingerprint {wanted[:16]} was given{tried}. Say "
        "where it is by now with --connectome FILE",
        where=str(run.folder),
    )


def _reading(spec: Spec, path: Path) -> Spec:
    return attrs.evolve(spec, connectome=ConnectomeFile(str(path)))
