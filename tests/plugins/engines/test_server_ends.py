"""The server of workers and its study: each is killed, really, and the other ends with words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bionic_plugins.engines.local import server

pytestmark = pytest.mark.skipif(not server.FORKED, reason="workers are spawned here")

DRIVER = """
import time
from multiprocessing import forkserver
from bionic_plugins.engines.local import server
server.expect()
print(forkserver._forkserver._forkserver_pid, flush=True)
time.sleep(60)
"""

STUDY = (
    *("factorial", "demo", "--mechanisms", "masks", "--seeds", "1", "--jobs", "2", "--epochs", "1"),
    *("--set", "data.train=70", "--set", "data.test=35", "--out", "runs"),
)


def gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


@pytest.mark.slow
def test_a_server_that_still_imports_ends_with_its_study() -> None:
    """It would go on importing for as long as that takes, 24 s on a slow machine."""
    with subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        process = int(driver.stdout.readline())
        time.sleep(1)
        driver.kill()
    begin = time.monotonic()
    while not gone(process):
        assert time.monotonic() - begin < 30
        time.sleep(0.05)


@pytest.mark.slow
def test_a_study_whose_server_is_killed_says_so_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "bionic_core", *STUDY]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as study:
        begin, servers = time.monotonic(), list[int]()
        while not servers and study.poll() is None:
            assert time.monotonic() - begin < 120
            servers = [
                int(path.name)
                for path in Path("/proc").iterdir()
                if path.name.isdecimal() and _is_server(path, study.pid)
            ]
        os.kill(servers[0], signal.SIGKILL)
        _, said = study.communicate(timeout=240)
    assert "Aborted" not in said
    if study.returncode:  # else there was nothing to hire yet, and another server was started
        assert study.returncode == 1, said
        assert "was killed" in said
        assert "the same command goes on" in said
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def _is_server(path: Path, parent: int) -> bool:
    try:
        above = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        return above == parent and b"forkserver" in (path / "cmdline").read_bytes()
    except (OSError, ValueError):
        return False
