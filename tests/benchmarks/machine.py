"""The machine: what it is, how busy it is, and how fast its arithmetic and its memory are."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return date, processor, cores, threads, load and versions."""
    import torch

    from bionic_core.training.precision import has_bfloat16

    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": has_bfloat16("cpu"),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def seconds_of(action: Callable[[], object], *, readings: int = 7, least: float = 0.05) -> float:
    """Return the median seconds of a call, each reading being of so many that it takes a while."""
    action()
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < least:
        action()
        calls += 1
    found = []
    for _ in range(readings):
        begun = time.perf_counter()
        for _ in range(calls):
            action()
        found.append((time.perf_counter() - begun) / calls)
    return statistics.median(found)


def speeds(side: int = 1536, megabytes: int = 256) -> dict[str, float]:
    """Return the rates that bound any program here, with torch's present number of threads.

    ``gemm_float32`` and ``gemm_bfloat16``: floating-point operations a second in the product of
    two square matrices; ``copy``: bytes a second, read and written, of a copy that fits no cache;
    ``call``: seconds of the smallest operation that torch can be asked for.
    """
    import torch

    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        one, other = (torch.randn(side, side).to(dtype) for _ in range(2))
        out = torch.empty(side, side, dtype=dtype)
        seconds = seconds_of(lambda: torch.mm(one, other, out=out))  # noqa: B023
        found[f"gemm_{str(dtype).removeprefix('torch.')}"] = 2 * side**3 / seconds
    source = torch.ones(megabytes * 2**20, dtype=torch.uint8)
    target = torch.empty_like(source)
    found["copy"] = 2 * source.nbytes / seconds_of(lambda: target.copy_(source))
    scalar = torch.ones(1)
    found["call"] = seconds_of(lambda: scalar + scalar)
    return found
