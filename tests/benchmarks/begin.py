"""Train from the command line until the first step is done, then end at once.

Run by :mod:`tests.benchmarks.start`, which measures; the arguments are those of ``bionic``.
"""

from __future__ import annotations

import os

from bionic_core.base.process import configure_process
from bionic_core.cli import main

if __name__ == "__main__":
    configure_process()
    from torch.optim.optimizer import register_optimizer_step_post_hook

    register_optimizer_step_post_hook(lambda *_: os._exit(0))
    main()
    raise SystemExit("the command has ended without a step")
