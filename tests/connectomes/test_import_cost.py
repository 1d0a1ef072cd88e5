"""What an import takes, beside polars, by turns, in processor time and memory."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

POLARS = """
import sys, polars as pl
edges = pl.read_csv(sys.argv[1])
found = edges.group_by("pre_root_id", "post_root_id").agg(pl.col("syn_count").sum())
assert len(found) > 4_000_000
"""
"""Read, and sum each pair; ours also looks up the cells, counts what is not as it should be, sorts,
and writes the connectome."""

MATRIX = """
import sys, numpy as np, polars as pl
matrix = pl.read_csv(sys.argv[1], has_header=False).to_numpy()
row, column = np.nonzero(matrix)
np.savez_compressed(sys.argv[3], row=row, column=column, value=matrix[row, column])
"""

CELLS = 4100


METER = """
import os, subprocess, sys
quiet = subprocess.DEVNULL
process = subprocess.Popen(sys.argv[1:], stdout=quiet, stderr=quiet)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
"""In a small process of its own: the peak of a process is at least that of the one it began in."""


def used(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of processor and peak MiB of a process."""
    meter = [sys.executable, "-S", "-c", METER, *command]
    said = subprocess.run(meter, check=True, capture_output=True, text=True).stdout
    code, seconds, peak = map(float, said.split())
    assert code == 0, command
    return seconds, peak


def edges(path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ("pre_root_id", "post_root_id")
    table = {name: 864691135000000000 + rng.integers(0, CELLS, 5_000_000) * 7919 for name in names}
    with gzip.open(path, "wb", 1) as file:
        pyarrow.csv.write_csv(pa.table(table | {"syn_count": rng.geometric(0.4, 5_000_000)}), file)


def matrix(path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(1, 60, (CELLS, CELLS)) * (rng.random((CELLS, CELLS)) < 0.03)
    np.fill_diagonal(values, 0)
    np.savetxt(path, values, fmt="%d", delimiter=",")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["edges.csv.gz", "matrix.csv"])
def test_an_import_takes_at_most_twice_what_polars_takes(tmp_path: Path, kind: str) -> None:
    path, cells, out = tmp_path / kind, tmp_path / "cells.csv", tmp_path / "out.npz"
    (edges if kind.startswith("edges") else matrix)(path)
    ids = (f"{864691135000000000 + k * 7919},t,excitatory\n" for k in range(CELLS))
    cells.write_text("root_id,cell_type,ei\n" + "".join(ids))
    env = tmp_path / "peer"
    python = str(env / "bin" / "python")
    subprocess.run(["uv", "venv", "--quiet", str(env)], check=True)
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--python", python, "polars", "numpy"], check=True
    )
    ours = [sys.executable, "-m", "bionic_core", "connectome", "import", str(path), "--json"]
    ours += ["--cells", str(cells), "--out", str(out), "--overwrite"]
    ours += ["--matrix"] if kind.startswith("matrix") else []
    peer = [python, "-c", POLARS if kind.startswith("edges") else MATRIX]
    peer += [str(path), str(cells), str(tmp_path / "peer.npz")]
    turns = [(used(ours), used(peer)) for _ in range(4)][1:]  # the first fills caches
    print(kind, *turns, sep="\n")
    assert median(one[0] / other[0] for one, other in turns) <= 2
    assert median(one[1] / other[1] for one, other in turns) <= 2
