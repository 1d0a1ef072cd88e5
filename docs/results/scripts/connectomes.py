"""Measure imports of 1, 10 and 100 million generated synapses between 100,000 cells.

``python docs/results/scripts/connectomes.py FOLDER`` generates the tables in FOLDER (3 GB, and as
much again while it works), runs ``bionic connectome import`` in a process of its own, and writes
``docs/results/data/connectomes.json``: wall and processor seconds, peak memory, and the machine's
load, which moves wall seconds. The tables stay for the next time; delete FOLDER afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

CELLS = 100_000
PAIRS = 0.735
"""Connections drawn from, for each synapse: those hit then have 1.86 synapses, as the MICrONS
column has (146,711 / 78,928), since λ = 1.36 = 1 / PAIRS and λ / (1 − e^−λ) = 1.86."""

SYNAPSES = """
COPY (
    SELECT (i * 2654435761) % (1::BIGINT << 28) AS id,
        864691135000000000 + (hash(c) % {cells})::BIGINT * 7919 AS pre_pt_root_id,
        864691135000000000 + (hash(c + 1000000007) % {cells})::BIGINT * 7919 AS post_pt_root_id,
        exp(8.5 + 1.2 * ((hash(i) % 1000003) / 1000003.0 * 4 - 2))::INTEGER AS size
    FROM (SELECT i, (hash(i * 31 + 7) % {pairs})::BIGINT AS c FROM range({rows}) AS t(i))
) TO '{path}' (FORMAT parquet)
"""
"""Synapses fall on ``pairs`` connections at random."""

CELL_TABLE = """
COPY (
    SELECT 864691135000000000 + i * 7919 AS pt_root_id,
        CASE WHEN i % 8 = 0 THEN 'inhibitory' ELSE 'excitatory' END AS broad_type,
        CASE WHEN i % 8 = 0 THEN 'BC' WHEN i % 3 = 0 THEN '23P' WHEN i % 3 = 1 THEN '4P'
            ELSE '5P-IT' END AS cell_type
    FROM range({cells}) AS t(i)
) TO '{path}' (HEADER)
"""


def generate(folder: Path, rows: int) -> Path:
    """Return a table of synapses, generated unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"synapses-{rows}.parquet"
    settings: dict[str, Any] = {"memory_limit": "3GB", "temp_directory": str(folder / "spill")}
    with duckdb.connect(config=settings) as database:
        database.execute(CELL_TABLE.format(cells=CELLS, path=folder / "cells.csv")).fetchall()
        if not path.exists():
            pairs = int(rows * PAIRS)
            query = SYNAPSES.format(cells=CELLS, rows=rows, pairs=pairs, path=path)
            database.execute(query).fetchall()
    return path


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Return what an import takes; the summary that the command prints is part of it."""
    path = generate(folder, rows)
    out = folder / "out.npz"
    command = [sys.executable, "-m", "bionic_core", "connectome", "import", str(path)]
    command += ["--cells", str(folder / "cells.csv"), "--out", str(out), "--overwrite", "--json"]
    load, start = os.getloadavg()[0], time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    document = json.loads(process.stdout.read())
    _, _, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    return {
        "synapses": rows,
        "connections": document["connections"],
        "seconds": round(seconds, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_gib": round(used.ru_maxrss / 2**20, 2),
        "parquet_mib": path.stat().st_size >> 20,
        "npz_mib": out.stat().st_size >> 20,
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


def main() -> None:
    """Measure and write."""
    found = [measure(Path(sys.argv[1]), rows) for rows in (10**6, 10**7, 10**8)]
    document = {"cores": os.cpu_count(), "cells": CELLS, "imports": found}
    text = json.dumps(document, indent=1) + "\n"
    (Path(__file__).parents[1] / "data" / "connectomes.json").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
