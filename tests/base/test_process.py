"""How a process ends: as Python ends one, without taking its modules apart."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bionic_core import cli
from bionic_core.base.interrupts import deferred_interrupts

PROGRAM = """
import atexit, sys, threading, time
from bionic_core.base.interrupts import deferred_interrupts
from bionic_core.base.process import leave
class Apart:
    def __del__(self): sys.stderr.write("taken apart\\n")
apart = Apart()
atexit.register(print, "registered", end="")
print("written")
def late():
    time.sleep(0.3)
    sys.stderr.write("late\\n")
{thread}
leave(3)
sys.exit(4)
"""


def ended(thread: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    program = PROGRAM.format(thread=thread)
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=False, text=True, timeout=60, **streams)


@pytest.mark.parametrize("daemon", [None, True])
def test_a_process_that_leaves_does_what_is_registered(daemon: bool | None) -> None:
    thread = "threading.Thread(target=late, daemon=True).start()" if daemon else ""
    process = ended(thread)
    assert process.returncode == 3
    assert process.stdout == "written\nregistered"
    assert process.stderr == ""


def test_other_threads_are_waited_for() -> None:
    process = ended("threading.Thread(target=late).start()")
    assert process.returncode == 4
    assert process.stdout == "written\nregistered"
    assert process.stderr == "late\ntaken apart\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_output_that_does_not_arrive_is_no_success() -> None:
    with Path("/dev/full").open("w") as full:
        process = ended(stdout=full)
    assert process.returncode not in (0, 3)
    assert "No space left on device" in process.stderr


@pytest.mark.parametrize("torch", [True, False])
@pytest.mark.parametrize("code", [0, 2])
def test_the_command_leaves_where_torch_is_loaded(
    monkeypatch: pytest.MonkeyPatch, code: int, torch: bool
) -> None:
    left: list[int] = []
    modules = {name: module for name, module in sys.modules.items() if name != "torch"}
    monkeypatch.setattr(sys, "modules", modules | ({"torch": sys} if torch else {}))
    monkeypatch.setattr(cli, "leave", left.append)
    monkeypatch.setattr(cli, "main", lambda: sys.exit(code))
    with pytest.raises(SystemExit) as end:
        cli.script()
    assert end.value.code == code
    assert left == [code] * torch


def test_a_library_is_imported_beside() -> None:
    program = (
        "import sys, time\nfrom bionic_core.base.process import import_beside\n"
        "assert 'wave' not in sys.modules\nimport_beside('wave')\n"
        "end = time.monotonic() + 20\n"
        "while 'wave' not in sys.modules and time.monotonic() < end: time.sleep(0.01)\n"
        "print('wave' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, text=True, stdout=subprocess.PIPE
    )
    assert done.stdout == "True\n"


def test_a_first_interrupt_waits_and_a_second_stops() -> None:
    done = []

    def written(interrupts: int) -> None:
        with deferred_interrupts():
            for _ in range(interrupts):
                signal.raise_signal(signal.SIGINT)
            done.append(interrupts)

    # A shell starts what runs in the background with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            written(1)
        with pytest.raises(KeyboardInterrupt):
            written(2)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        written(0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == [1, 0]
