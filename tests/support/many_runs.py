"""Folders of runs by the thousand: copies of one that was trained, each with a seed of its own.

``python -m tests.support.many_runs RUN FOLDER COUNT`` makes them to be listed by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bionic_core.base.checksums import to_sums
from bionic_core.runs.files import MANIFEST, RESULT, SPEC, SUMMED, SUMS
from bionic_core.spec.spec import digest

RATES = 8
"""Learning rates among the copies, as in a study of eight cells."""


def copy_runs(run: Path, folder: Path, count: int) -> list[Path]:
    """Copy a complete run so often; identity, name and checksums are each copy's own."""
    contents = {name: (run / name).read_bytes() for name in SUMMED}
    manifest, result = (json.loads(contents[name]) for name in (MANIFEST, RESULT))
    written = next(x for x in contents[SPEC].decode().splitlines() if x.startswith("lr = "))
    made = []
    for number in range(count):
        rate = 1e-3 * (1 + number % RATES)
        identity = manifest["identity"] | {"seed": number}
        identity["training"] = identity["training"] | {"lr": rate}
        place = folder / digest(identity)
        place.mkdir(parents=True)
        here = contents | {
            MANIFEST: _json(manifest | {"seed": number, "identity": identity}),
            RESULT: _json(result | {"run": str(place), "hash": place.name}),
            SPEC: contents[SPEC].replace(written.encode(), f"lr = {rate}".encode()),
        }
        for name, data in here.items():
            (place / name).write_bytes(data)
        (place / SUMS).write_text(to_sums(here))
        made.append(place)
    return made


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1).encode()


if __name__ == "__main__":
    copy_runs(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
