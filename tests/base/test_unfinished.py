"""What is written beside its name: whole or absent, and gone when a signal ends the process."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from bionic_core import RequestError, WriteError
from bionic_core.base.files import write_atomically
from bionic_core.base.unfinished import folder_beside, made_beside, refused, removed_at_the_end
from tests.support.killing import at_each_step_of_writing, ended, forked, needs_fork


def file(out: Path) -> None:
    with write_atomically(out) as opened:
        opened.write(b"new" * 1000)
        here()


def folder(out: Path) -> None:
    with made_beside(out) as made:
        made.mkdir()
        (made / "a").write_text("new")
        here()
        (made / "b").write_text("new")


def here() -> None:
    """Where a signal comes; each test says what happens."""


def before(write: Any, out: Path) -> None:
    if write is file:
        out.write_bytes(b"old")
    else:
        out.mkdir()
        (out / "a").write_text("old")


def texts(out: Path) -> dict[str, str]:
    paths = [out] if out.is_file() else sorted(out.rglob("*"))
    return {path.name: path.read_text()[:3] for path in paths}


@needs_fork
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("write", [file, folder])
def test_a_signal_in_the_middle(
    write: Any, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there is kept; only SIGKILL leaves something beside, and the next one works."""
    out = tmp_path / "out"
    before(write, out)
    was = texts(out)
    monkeypatch.setattr(f"{__name__}.here", lambda: os.kill(os.getpid(), number))
    code = ended(forked(lambda: write(out)))
    assert code == (1 if number == signal.SIGINT else -number)  # Python's own word for Ctrl-C
    assert texts(out) == was
    assert len(list(tmp_path.iterdir())) == (2 if number == signal.SIGKILL else 1)
    monkeypatch.setattr(f"{__name__}.here", lambda: None)
    write(out)
    assert set(texts(out).values()) == {"new"}


@needs_fork
@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("step", range(4))
def test_a_folder_is_the_old_or_the_new_one(
    step: int, exchanges: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before and after each renaming; without the system's exchange the old one is beside"""
    out = tmp_path / "out"
    before(folder, out)
    if not exchanges:
        monkeypatch.setattr(ctypes, "CDLL", lambda _: None)

    def killed() -> None:
        with at_each_step_of_writing(
            lambda now: os.kill(os.getpid(), signal.SIGKILL) if now == step else None
        ):
            folder(out)

    code = ended(forked(killed))
    steps = 0 if exchanges else 4
    assert code == (-signal.SIGKILL if step < steps else 0)
    kept = [texts(path) for path in (out, *tmp_path.glob(".out.*/*")) if path.is_dir()]
    assert {"a": "old"} in kept or texts(out) == {"a": "new", "b": "new"}
    if exchanges or step in (0, 3):
        assert out.is_dir()


def test_signals_are_as_before(tmp_path: Path) -> None:
    mine = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with removed_at_the_end(tmp_path / "a"), removed_at_the_end(tmp_path / "b"):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup's
            assert callable(signal.getsignal(signal.SIGTERM))
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, mine)


def test_another_thread_writes_too(tmp_path: Path) -> None:
    thread = threading.Thread(target=folder, args=(tmp_path / "out",))
    thread.start()
    thread.join()
    assert set(texts(tmp_path / "out").values()) == {"new"}


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, WriteError, 1),
        (errno.EIO, WriteError, 1),
        (errno.EDQUOT, WriteError, 1),
        (errno.EACCES, RequestError, 2),
        (errno.EROFS, RequestError, 2),
        (errno.ENOTDIR, RequestError, 2),
    ],
)
def test_who_is_to_blame(number: int, kind: type, code: int, tmp_path: Path) -> None:
    """A full disk is no wrong request, whichever file is written."""
    error = refused(OSError(number, os.strerror(number)), tmp_path, "--figures", "another folder")
    assert (type(error), error.exit_code) == (kind, code)


def filled(
    place: AbstractContextManager[Path], error: BaseException, act: Callable[[], object] = bool
) -> None:
    with place as path:
        path.mkdir(exist_ok=True)
        (path / "x").touch()
        act()
        raise error


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    out = tmp_path / "out"
    before(folder, out)
    with pytest.raises(WriteError, match="No space left"):
        filled(made_beside(out), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(KeyError):
        filled(folder_beside(out), KeyError())
    assert (texts(out), len(list(tmp_path.iterdir()))) == ({"a": "old"}, 1)


def test_a_library_that_still_writes_leaves_nothing(tmp_path: Path) -> None:
    """As zarr's threads do when Ctrl-C has come."""
    threads = []

    def begin() -> None:
        threads.append(threading.Thread(target=written, args=[*tmp_path.iterdir()]))
        threads[0].start()

    with pytest.raises(KeyboardInterrupt):
        filled(folder_beside(tmp_path / "out"), KeyboardInterrupt(), begin)
    threads[0].join()
    assert list(tmp_path.iterdir()) == []


def written(place: Path) -> None:
    """Write a few more files, into the folder that was there, made anew if it is gone."""
    for number in range(5):
        with suppress(OSError):
            place.mkdir(exist_ok=True)
            (place / str(number)).touch()
        time.sleep(0.005)
