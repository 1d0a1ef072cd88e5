"""One thread for each process of the tests: they run side by side, and spinning threads stall."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
