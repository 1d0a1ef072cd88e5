"""An index that sends too much, too slowly, or something else: pip is ended, and nothing is kept.

One pip for each of the faults: its own start takes most of the time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bionic_core import BionicError
from bionic_core.connectomes.fetch import sha256
from bionic_core.connectomes.roles import Unwatched
from bionic_plugins.connectomes.published import wheels
from tests.plugins.connectomes.test_published import larval
from tests.support.file_server import FileHandler, FileServer, serving


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """An index on loopback, that pip is configured for."""
    with serving(FileServer()) as server:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.chdir(tmp_path)
        yield server


def offered(server: FileServer, folder: Path) -> wheels.Wheel:
    """Put a wheel into the index, and return what it is."""
    found = larval(folder)
    (path,) = folder.glob("*.whl")
    page = f'<!DOCTYPE html><html><body><a href="/{found.file}">{found.file}</a></body></html>'
    server.files = {"": page.encode(), found.file: path.read_bytes()}
    path.unlink()
    return found


def endless(handler: FileHandler, body: bytes) -> None:
    handler.send(200, body, length=2**40)
    try:
        while True:
            handler.wfile.write(bytes(1 << 20))
    except OSError:
        pass


def dripping(handler: FileHandler, body: bytes) -> None:
    handler.send(200, b"", length=len(body))
    try:
        while True:
            handler.wfile.write(body[:1])
            time.sleep(0.05)
    except OSError:
        pass


def other(handler: FileHandler, body: bytes) -> None:
    handler.send(200, body[::-1])


@pytest.mark.parametrize(
    ("fault", "limit", "most", "words"),
    [
        (endless, 60, 2**22, "has more than 4,194,304 bytes; nothing of it is kept"),
        (dripping, 3, 2**22, "pip did not bring graspologic 3.4.4 in 3 s"),
        (other, 60, 2**22, "pip could not download graspologic 3.4.4"),
    ],
)
def test_a_hostile_index_is_given_up_and_a_healthy_one_then_heeded(
    index: FileServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[FileHandler, bytes], None],
    limit: float,
    most: int,
    words: str,
) -> None:
    wheel = offered(index, tmp_path)
    monkeypatch.setattr(wheels, "PATIENCE", limit)
    monkeypatch.setattr(wheels, "LARGEST_WHEEL", most)
    index.faults.append((wheel.file, fault))
    parts, victim = tmp_path / "parts", tmp_path / "victim"
    parts.mkdir()
    victim.write_text("mine")
    for name in (wheel.file, "requirements.txt"):
        (parts / name).symlink_to(victim)
    begin = time.monotonic()
    with pytest.raises(BionicError, match=words) as refused:
        wheel.get(parts, Unwatched())
    assert refused.value.exit_code == 1
    assert time.monotonic() - begin < 30
    assert victim.read_text() == "mine"
    assert not [path for path in parts.iterdir() if path.name != "requirements.txt"]
    if fault is other:  # the healthy server succeeds after the hostile one; and what then is
        monkeypatch.setattr(wheels, "PATIENCE", 60.0)  # poisoned where it is kept comes again
        path = wheel.get(parts, Unwatched())
        path.write_bytes(b"poison")
        assert sha256(wheel.get(parts, Unwatched())) == wheel.sha256
        asked = len(index.requests)
        wheel.get(parts, Unwatched())
        assert len(index.requests) == asked
