"""A run's files on their way between machines that share no folder.

They arrive as they were written: in an order in which a process may be killed between any two of
them (see :mod:`bionic_core.runs.train`), each whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bionic_core.base.checksums import to_sums
from bionic_core.base.files import present, read_own, write_atomically
from bionic_core.base.strict_json import json_text
from bionic_core.runs.files import MANIFEST, METRICS, RESULT, SPEC, STATE, SUMMED, SUMS

UNFINISHED = (STATE, SPEC, MANIFEST, METRICS)
"""What a run that is not complete goes on from: the state before what it has the sums of."""


def unfinished_files(folder: Path) -> dict[str, bytes]:
    """Return what is in the folder of a run that is not complete, by file name.

    Raises:
        DamagedError: a file of it is a link, or no file.
    """
    return {name: read_own(folder / name) for name in UNFINISHED if present(folder / name)}


def write_unfinished(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write what is newer of a run that is not complete.

    Raises:
        WriteError: the disk is full, or writing is not allowed there.
    """
    for name in UNFINISHED:
        path = folder / name
        if name in files and not (path.is_file() and path.read_bytes() == files[name]):
            _write(path, files[name])


def finished_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a complete run, by name; their sums are made where they arrive.

    Raises:
        DamagedError: one is missing, a link, or no file.
    """
    return {name: read_own(folder / name) for name in SUMMED}


def write_finished(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a complete run; its result says the folder that it is in now.

    Raises:
        WriteError: the disk is full, or writing is not allowed there.
    """
    result = json.loads(files[RESULT]) | {"run": str(folder)}
    contents = {name: files[name] for name in SUMMED}
    contents[RESULT] = json_text(result, indent=1).encode()
    contents[SUMS] = to_sums(contents).encode()
    contents[RESULT] = contents.pop(RESULT)  # last: its presence says that the run is complete
    for name, data in contents.items():
        _write(folder / name, data)
    (folder / STATE).unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with write_atomically(path) as file:
        file.write(data)
