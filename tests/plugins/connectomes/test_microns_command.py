"""``bionic connectome fetch microns`` as a process: killed, interrupted, and going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cave import home
from tests.support.cave_server import TOKEN, CaveServer, Handler, serving, status

__all__ = ["home"]  # a fixture that every test uses


@pytest.fixture
def server() -> Iterator[CaveServer]:
    with serving(CaveServer()) as state:
        yield state


def command(server: CaveServer, *words: str) -> list[str]:
    options = ["--server", server.address, "--chunk", "2", "--wait", "0", "--out", "column.npz"]
    program = [sys.executable, "-m", "bionic_core", *words]
    return [*program, "connectome", "fetch", "microns", *options]


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 1)])
def test_a_stopped_process_goes_on_where_it_was(
    server: CaveServer, tmp_path: Path, kind: signal.Signals, code: int
) -> None:
    reached, over = threading.Event(), threading.Event()

    def hang(handler: Handler) -> None:
        reached.set()
        over.wait(60)
        handler.close_connection = True

    passes = [("count=True", lambda _: False)] * 3
    server.faults = [*passes, ("count=True", hang)]
    process = subprocess.Popen(
        command(server),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        # A shell that runs the tests in the background has them, and this, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert reached.wait(60)
    process.send_signal(kind)
    _, err = process.communicate(timeout=60)
    over.set()
    assert process.returncode == code, err
    assert {path.name for path in tmp_path.iterdir()} == {"column.npz.parts"}
    if kind == signal.SIGINT:
        assert "stopped; what is finished is kept in column.npz.parts" in err
    server.requests.clear()
    done = subprocess.run(
        [*command(server), "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["synapses"] == 12
    assert server.chunks() == [2]
    assert {path.name for path in tmp_path.iterdir()} == {"column.npz"}
    assert "synapses of cells: 6 of 6" in done.stderr


def test_a_traceback_does_not_show_the_token(server: CaveServer, tmp_path: Path) -> None:
    quote = {"message": f"Authorization: Bearer {TOKEN}"}
    server.faults = [("/datastack/full/", status(401, quote))]
    done = subprocess.run(
        command(server, "--traceback"), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "Authorization: Bearer (hidden)" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
