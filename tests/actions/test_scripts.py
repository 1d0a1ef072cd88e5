"""Scripts of users: without a guard, with several jobs, and typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs.test_runs import small

SCRIPT = Path(__file__).with_name("user_script.py")


UNGUARDED = """
import multiprocessing, os, sys
from bionic_plugins.engines.local import server
print("once", flush=True)
server.expect()
context = multiprocessing.get_context("forkserver" if server.FORKED else "spawn")
with server.without_interrupts():
    process = context.Process(target=os.getpid)
    process.start()
process.join()
sys.exit(process.exitcode)
"""


def test_a_worker_does_not_carry_out_the_script_again(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")


@pytest.mark.slow
def test_a_script_without_a_guard_trains_side_by_side(tmp_path: Path) -> None:
    """The whole script; the test above is quick, and test_workers trains two runs at a time."""
    (tmp_path / "small.toml").write_text(small(epochs=1).to_toml())
    done = subprocess.run(
        [sys.executable, SCRIPT, "small.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "seed: must be a whole number, 0 or more; it is -1 (int)",
        "4 23 True ['noise']",
    ]
    assert done.stderr == ""


@pytest.mark.slow
def test_a_script_of_somebody_elses_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.read_text() + "reveal_type(best.test.accuracy)\nbest.tset\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    assert 'Revealed type is "float"' in said[0] or '"builtins.float"' in said[0]
    assert '"Run" has no attribute "tset"' in said[1]
    assert said[-1].startswith("Found 1 error")
