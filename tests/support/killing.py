"""Runs in processes that are killed: forked from this one, so that nothing is imported again."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

import bionic_core as bionic
from bionic_core.runs.files import MODEL
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

CACHE = InputCache()

EVERYTHING: dict[str, dict[str, Any]] = {
    "convolution": {"filters": [4, 4]},
    "lateral": {},
    "attention": {},
    "masks": {},
    "intra": {},
    "inhibition": {},
    "noise": {},
    "layernorm": {},
    "hebbian": {},
    "augmentation": {},
    "weight_decay": {},
    "label_smoothing": {},
    "class_weights": {},
    "lr_schedule": {"policy": "plateau", "patience": 0, "factor": 0.5},
}


def everything(**training: Any) -> bionic.Spec:
    """All that is built in, on a few images: small enough to be trained dozens of times."""
    document = {
        "model": {"layers": {"A": ["5P-NP"], "B": ["6P-CT"]}, "projections": ["A->B"]},
        "connectome": {"source": "column"},
        "data": {"source": "schematic", "train": 70, "test": 35},
        "training": {"max_epochs": 6, "lr": 3e-3, "patience": 2, "batch_size": 16, "averaging": 0.9}
        | training,
        "mechanisms": EVERYTHING,
    }
    return compose(document, name="everything", registry=bionic.Registry.installed())


def trained(spec: bionic.Spec, root: Path, **options: Any) -> Run:
    return train(spec, root=root, device="cpu", cache=CACHE, **options)


def forked(work: Callable[[], object]) -> int:
    """Do work in a child process, which starts its own server of workers; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that other threads exist, which the child does not use
        child = os.fork()
    if child == 0:
        code = 1
        try:
            for number in (signal.SIGHUP, signal.SIGTERM):  # as a terminal has them, not nohup
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            # this process's server is not a child of that one, which so cannot wait for it
            forkserver._forkserver.__init__()  # type: ignore[misc]
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int, seconds: float = 60.0) -> int:
    """Wait for a child; return its exit code, negative for a signal."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    kill(child)
    raise AssertionError(f"the child has not ended in {seconds} s")


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@contextmanager
def at_each_step_of_writing(act: Callable[[int], None]) -> Iterator[None]:
    """Call with a running number before each file is renamed to its name, and after it is."""
    count = 0
    replace = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        nonlocal count
        act(count)
        renamed = replace(self, target)
        act(count + 1)
        count += 2
        return renamed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replaced)
        yield


def numbers(run: Run) -> dict[str, npt.NDArray[Any]]:
    """All numbers that a run left behind, but how long it took."""
    found = {f"weights {key}": value for key, value in load_file(run.folder / MODEL).items()}
    found |= {f"predictions {key}": value for key, value in run.predictions.items()}
    for record in run.history:
        for name in ("train", "validation"):
            for figure, value in record[name].items():
                found[f"epoch {record['epoch']} {name} {figure}"] = np.array(value)
        found[f"epoch {record['epoch']} lr"] = np.array(record["lr"])
    for figure in ("epochs", "best_epoch"):
        found[figure] = np.array(getattr(run.result, figure))
    found["test"] = np.array(run.result.test.loss)
    return found


def assert_same(one: Run, other: Run) -> None:
    """Equal bit for bit."""
    ours, theirs = numbers(one), numbers(other)
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        assert value.tobytes() == theirs[name].tobytes(), name
