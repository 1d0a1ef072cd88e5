"""Processes that are measured, each with the environment that its user would have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[2]
UNSET = (
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_NUM_THREADS"),
    "PYTHONDONTWRITEBYTECODE",
)

BIONIC = Path(sys.executable).with_name("bionic")
"""The command, installed beside the interpreter."""


def plain_environment() -> dict[str, str]:
    """Return the environment of somebody who has set nothing about threads, nor bytecode."""
    return {name: value for name, value in os.environ.items() if name not in UNSET}


SETTLED = (
    "import runpy, sys; from bionic_core.base.process import configure_process, give_way; "
    "configure_process(); give_way(); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def settled(module: str, *arguments: str) -> list[str]:
    """Return the command of a module in a process that is set up as those that train are."""
    return [sys.executable, "-c", SETTLED, module, *arguments]


def outcome(module: str, *arguments: str) -> Any:
    """Run a module of the benchmarks in a process of its own; return the JSON that it prints."""
    done = subprocess.run(
        settled(module, *arguments),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=plain_environment(),
    )
    return json.loads(done.stdout.splitlines()[-1])


@attrs.frozen
class Ended:
    """A process that has ended: its wall time in seconds and its peak memory in bytes."""

    seconds: float
    memory: int


def run(*command: str, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    with tempfile.TemporaryFile("w+") as said:  # a pipe would be waited for beyond the command
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=plain_environment() if env is None else env,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            words = f"{' '.join(command)} ended with {process.returncode}"
            raise RuntimeError(f"{words}: {said.read()[-2000:]}")
    return Ended(seconds, usage.ru_maxrss * 1024)
