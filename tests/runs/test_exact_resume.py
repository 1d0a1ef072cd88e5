"""Runs that are killed, or find the disk full, at any moment go on to the same numbers."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import bionic_core as bionic
from bionic_core.base.unwritten import WriteError
from bionic_core.runs.files import LOCK, MANIFEST, METRICS, RESULT, SPEC, STATE, SUMS
from bionic_core.runs.folder import Run
from bionic_core.runs.task import Task
from tests.support.killing import (
    assert_same,
    at_each_step_of_writing,
    ended,
    everything,
    forked,
    kill,
    needs_fork,
    trained,
)
from tests.support.observers import told


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, float]:
    """The run that nobody disturbs, and the seconds that it takes."""
    trained(everything(max_epochs=1), tmp_path_factory.mktemp("warm"))
    begun = time.monotonic()
    run = trained(everything(), tmp_path_factory.mktemp("whole"))
    assert len({record["lr"] for record in run.history}) > 1, "the schedule has acted"
    assert run.result.epochs < 6, "training has stopped early"
    return run, time.monotonic() - begun


def killed_at_random(whole: tuple[Run, float], root: Path, kills: int, seed: int) -> None:
    """Kill a run so many times, each at a moment of its own, and compare where it ends."""
    run, seconds = whole
    moments = random.Random(seed)
    epochs = 0
    for number in range(kills):
        if list(root.glob(f"*/{RESULT}")):
            break
        child = forked(lambda: trained(everything(), root))
        time.sleep(moments.uniform(0.1, 0.9) * seconds / (1 + number % 3))
        kill(child)
        kept = [
            len(Run(folder).history) for folder in root.glob("*") if (folder / METRICS).exists()
        ]
        assert sum(kept) >= epochs, "finished epochs are kept"
        epochs = sum(kept)
    end = trained(everything(), root)
    assert_same(run, end)
    left = {path.name for path in end.folder.iterdir()}
    assert left == {path.name for path in run.folder.iterdir()}, "and no litter"


@needs_fork
def test_killed_at_three_random_moments(whole: tuple[Run, float], tmp_path: Path) -> None:
    killed_at_random(whole, tmp_path, kills=3, seed=int(time.time()))


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_twenty_random_moments(
    whole: tuple[Run, float], tmp_path: Path, seed: int
) -> None:
    killed_at_random(whole, tmp_path, kills=20, seed=seed)


def killed_at_steps(whole: tuple[Run, float], root: Path, steps: list[int]) -> None:
    """Kill a run, and the one that goes on with it, each time at that step of its writing."""
    for step in steps:

        def strike(now: int, step: int = step) -> None:
            if now == step:
                os.kill(os.getpid(), signal.SIGKILL)

        def work() -> None:
            with at_each_step_of_writing(strike):
                trained(everything(), root)

        code = ended(forked(work))
        assert code in (-signal.SIGKILL, 0)
    assert_same(whole[0], trained(everything(), root))


@needs_fork
def test_killed_between_any_two_files(whole: tuple[Run, float], tmp_path: Path) -> None:
    """Before and after each file of the beginning, of an epoch, and of the end gets its name."""
    killed_at_steps(whole, tmp_path, [*range(8), 8, 9, 11])


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("step", range(60))
def test_killed_once_at_each_step(whole: tuple[Run, float], tmp_path: Path, step: int) -> None:
    killed_at_steps(whole, tmp_path, [step])


@needs_fork
def test_killed_at_each_step_of_the_end(whole: tuple[Run, float], tmp_path: Path) -> None:
    run = whole[0]
    spec = everything(max_epochs=1)
    done = trained(spec, tmp_path / "done")
    done_after: list[int] = []
    steps = (3, 7, 9, 11, 12, 13)  # after each file has its name, and before the last has
    for number in steps:
        root = tmp_path / str(number)

        def strike(now: int, number: int = number) -> None:
            if now == 8 + number:  # after spec, manifest, state and metrics
                os.kill(os.getpid(), signal.SIGKILL)

        def work(root: Path = root) -> None:
            with at_each_step_of_writing(strike):
                trained(spec, root)

        assert ended(forked(work)) == -signal.SIGKILL
        (folder,) = root.iterdir()
        done_after += [number] * Run(folder).done
        assert (folder / STATE).exists()
        assert_same(done, trained(spec, root))
        assert {path.name for path in folder.iterdir()} == {p.name for p in run.folder.iterdir()}
    assert done_after == [13]


def test_the_thread_count_of_the_beginning_is_kept(tmp_path: Path) -> None:
    """Sums over two threads round otherwise than over one."""
    spec, before = everything(max_epochs=3), torch.get_num_threads()
    said: list[str] = []

    def stop(task: Task, record: Mapping[str, Any]) -> None:
        if record["epoch"] == 1:
            raise InterruptedError

    try:
        torch.set_num_threads(2)
        two = trained(spec, tmp_path / "two")
        with pytest.raises(InterruptedError):
            trained(spec, tmp_path / "cut", observer=told(epoch=stop))
        torch.set_num_threads(1)
        resumed = trained(
            spec, tmp_path / "cut", observer=told(note=lambda task, words: said.append(words))
        )
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert said == [
        "goes on with 2 threads, as it began, not with 1: numbers differ between thread counts"
    ]
    assert_same(two, resumed)
    manifest = resumed.manifest
    assert manifest["threads"] == 2
    assert [entry["after_epoch"] for entry in manifest["resumed"]] == [1]


SYNC = os.fsync


def full(after: int) -> Any:
    """Let so many files be written, then have the disk full."""
    count = 0

    def filled(handle: int) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        SYNC(handle)

    return filled


def test_a_full_disk_at_each_file_leaves_a_run_that_goes_on(
    whole: tuple[Run, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = everything(max_epochs=1)
    done = trained(spec, tmp_path / "done")
    failed = 0
    for after in range(30):
        monkeypatch.setattr(os, "fsync", full(after))
        try:
            run = trained(spec, tmp_path / "full")
            break
        except WriteError as error:
            words = str(error)
        failed += 1
        assert "cannot be written (No space left on device)" in words
        assert "make room there, and give the same command again" in words
        (folder,) = (tmp_path / "full").iterdir()
        assert not (folder / RESULT).exists()
        assert not [p for p in folder.iterdir() if p.name[0] == "." and p.name != LOCK]
    assert failed >= 10
    assert_same(done, run)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte, where the system lets tests mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk cannot be mounted here; that takes root on Linux")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_really_full(tiny_disk: Path, tmp_path: Path) -> None:
    spec = everything(max_epochs=2)
    ballast = tiny_disk / "ballast"
    space = os.statvfs(tiny_disk)
    ballast.write_bytes(bytes(space.f_bavail * space.f_frsize - 40_000))
    with pytest.raises(WriteError, match="No space left on device"):
        trained(spec, tiny_disk / "runs")
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(tiny_disk)], check=True)
    assert_same(trained(spec, tmp_path / "whole"), trained(spec, tiny_disk / "runs"))


# --- damage


def flipped(path: Path, place: int, bit: int) -> bytes:
    """Flip a bit of a file; return what it held."""
    before = path.read_bytes()
    after = bytearray(before)
    after[place % len(after)] ^= 1 << bit
    path.write_bytes(bytes(after))
    return before


def test_a_flipped_bit_in_any_file_of_a_complete_run_is_found(
    whole: tuple[Run, float], tmp_path: Path
) -> None:
    done = trained(everything(max_epochs=1), tmp_path)
    places = random.Random(1)
    for path in sorted(done.folder.iterdir()):
        for _ in range(12):
            before = flipped(path, places.randrange(2**40), places.randrange(8))
            with pytest.raises(bionic.RequestError, match="damaged") as caught:
                trained(everything(max_epochs=1), tmp_path)
            assert path.name in str(caught.value)
            path.write_bytes(before)
    assert trained(everything(max_epochs=1), tmp_path).reused
    (done.folder / SUMS).unlink()
    with pytest.raises(bionic.RequestError, match="SHA256SUMS: missing"):
        trained(everything(max_epochs=1), tmp_path)


def test_a_flipped_bit_in_any_file_of_an_interrupted_run_is_found(tmp_path: Path) -> None:
    def stop(task: Task, record: Mapping[str, Any]) -> None:
        if record["epoch"] == 2:
            raise InterruptedError

    spec = everything(max_epochs=3)
    with pytest.raises(InterruptedError):
        trained(spec, tmp_path, observer=told(epoch=stop))
    (folder,) = tmp_path.iterdir()
    places = random.Random(2)
    for name, times in ((SPEC, 3), (MANIFEST, 3), (METRICS, 3), (STATE, 8)):
        for _ in range(times):
            before = flipped(folder / name, places.randrange(2**40), places.randrange(8))
            with pytest.raises(bionic.RequestError, match="damaged") as caught:
                trained(spec, tmp_path)
            assert f"{name}: " in str(caught.value)
            assert "Remove the folder to train anew" in str(caught.value)
            (folder / name).write_bytes(before)
    assert trained(spec, tmp_path).result.epochs == 3
