"""How long a user waits: for the help, and for training to begin; and how much memory it takes."""

from __future__ import annotations

import statistics
import sys
import tempfile
from typing import Any

from tests.benchmarks.processes import BIONIC, run


def measure(data: str, *, rounds: int) -> dict[str, Any]:
    """Time processes, interleaved: help, the bare import of torch, training to its first step."""
    python = sys.executable
    times: dict[str, list[float]] = {"help": [], "import torch": [], "first step": []}
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as out:
            training = ("train", "full", "--data", data, "--out", out)
            commands = {
                "help": (str(BIONIC), "--help"),
                "import torch": (python, "-c", "import torch"),
                "first step": (python, "-m", "tests.benchmarks.begin", *training),
            }
            for name, command in commands.items():
                seconds = run(*command).seconds
                if number:
                    times[name].append(seconds)
                    print(f"{name}: {seconds:.2f} s", file=sys.stderr, flush=True)
    typical = {name: statistics.median(found) for name, found in times.items()}
    return {
        "rounds": rounds,
        "seconds": typical,
        "samples": times,
        "figures": {
            "help": typical["help"],
            "first step": typical["first step"] - typical["import torch"],
        },
    }


def memory(data: str) -> dict[str, Any]:
    """Train the full model for an epoch, and return the process's peak memory."""
    with tempfile.TemporaryDirectory() as out:
        ended = run(
            str(BIONIC), "train", "full", "--data", data, "--epochs", "1", "--out", out, "--json"
        )
    return {"seconds": ended.seconds, "figures": {"memory": ended.memory / 2**30}}
