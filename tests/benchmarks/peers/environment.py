"""The environment that other libraries are installed into; never this project's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_path

from tests.benchmarks.processes import ROOT

PINNED = (
    "bctpy==0.6.1",
    "duckdb==2.0.1",
    "flyconn==0.4.0",
    "flydnet==0.1.20",
    "igraph==1.0.0",
    "networkx==3.6.1",
    "numpy==2.2.6",
    "pandas==2.3.3",
    "polars==2.1.0",
    "statsmodels==0.15.0",
    "torch==2.15.0",
)
"""Each a peer, or what peers and we share."""

WIRED = "wiretorch==0.1.0b1"
"""It needs Python 3.13, and is left out, with a sentence, where there is none."""


def python_of_peers() -> str:
    """Return the interpreter of an environment that has them; it is made, with this tree in it."""
    base = _newer()
    wanted = [*PINNED, *([WIRED] if base else [])]
    key = hashlib.sha256("\n".join([str(base), *wanted]).encode()).hexdigest()[:12]
    folder = user_cache_path("bionic", appauthor=False) / "peers" / key
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.exists() and done.read_text() == str(ROOT):
        return str(python)
    print(f"— installing peers into {folder}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    names = [*wanted, "-e", str(ROOT)]
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "-q", "--python", base or sys.executable, folder], check=True)
        _install(["uv", "pip", "install", "-q", "--python", str(python), *names])
    else:
        subprocess.run([base or sys.executable, "-m", "venv", folder], check=True)
        _install([str(python), "-m", "pip", "install", "-q", *names])
    done.write_text(str(ROOT))
    return str(python)


def _install(command: list[str]) -> None:
    subprocess.run(command, check=True, cwd=ROOT)


def _starts(python: str) -> bool:
    found = subprocess.run([python, "-I", "-c", ""], check=False, capture_output=True)
    return found.returncode == 0


def _newer() -> str | None:
    """Return a Python 3.13 that starts, if there is one."""
    if sys.version_info[:2] == (3, 13):
        return sys.executable
    kept = Path.home().glob(".pyenv/versions/3.13*/bin/python3.13")
    for found in (shutil.which("python3.13"), *map(str, sorted(kept))):
        if found and _starts(found):
            return found
    return None
