"""What the engine of studies costs beside the training that it is for."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import plain_environment, run

FACTORS = ("lateral", "intra", "inhibition", "noise", "layernorm")
JOBS = 2


def measure(*, quick: bool) -> dict[str, Any]:
    """Run a factorial study of 2⁵ = 32 short runs, on drawn faces, with its two jobs clocked."""
    factors = FACTORS[:2] if quick else FACTORS
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "accounts"
        options = ["--mechanisms", ",".join(factors), "--seeds", "1", "--jobs", str(JOBS)]
        if quick:
            options += ["--epochs", "1", "--set", "data.train=300"]
        command = ["factorial", "demo", *options, "--out", str(Path(folder) / "runs"), "--json"]
        ended = run(
            sys.executable,
            "-m",
            "tests.benchmarks.accounts",
            *command,
            env=plain_environment() | {"BIONIC_ACCOUNTS": str(file)},
        )
        lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {"runs": 2 ** len(factors)} | accounted(lines, ended.seconds, JOBS)


def accounted(lines: Iterable[Mapping[str, Any]], wall: float, jobs: int) -> dict[str, Any]:
    """Return the overhead: how much longer the study took than its training.

    What is needed is each epoch with the evaluation that ends it, and the evaluation of the trained
    network. All else is the engine's: processes, imports, planning, data, folders and checkpoints,
    analysis, and a worker that waits for the other's last run.
    """
    totals: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)
    for line in lines:
        totals[line["what"]] += line["seconds"]
        calls[line["what"]] += 1
    training = (totals["training"] + totals.get("last evaluation", 0.0)) / jobs
    return {
        "jobs": jobs,
        "wall": wall,
        "training": training,
        "seconds": dict(totals),
        "calls": dict(calls),
        "figures": {"overhead": wall / training - 1},
    }
