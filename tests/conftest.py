"""One thread for each process of the tests: they run side by side, and spinning threads stall.

Every epoch is kept, however short, so that tests can stop a run after any of them.
"""

import os

from bionic_core import checkpoints

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
checkpoints.SAVES_EVERY = 0.0
