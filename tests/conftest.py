"""One thread for each process of the tests: they run side by side, and spinning threads stall.

Every epoch is kept, however short, so that tests can stop a run after any of them, and forecasts
look at a moment of training. Files that take long come first, so that no process is left alone with
one at the end.

What is compiled once is kept, whatever PYTHONDONTWRITEBYTECODE says (images of containers set it):
without it every process that a test starts compiles torch and all else anew, for seconds.
"""

import math
import os
import sys

import pytest

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # before the processes of xdist start
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from bionic_core.base import steps
from bionic_core.runs import checkpoint as checkpoints
from bionic_core.runs import probe as timing
from bionic_plugins.data import faces
from tests.support.drawn import drawn_once

sys.dont_write_bytecode = False
checkpoints.SAVES_EVERY = 0.0
timing.PROBE = 0.2
faces.drawn_split = drawn_once
steps.AFTER = math.inf  # what is printed must not depend on how busy the machine is

LONG = ("test_packaging", "test_reproduction", "test_ray", "test_comparisons", "test_workers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    items.sort(key=lambda item: item.path.stem not in LONG)
