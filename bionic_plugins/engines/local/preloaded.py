"""What the workers' server imports before it is forked for each; it runs no operation of torch.

A process may be forked as long as torch has started no threads in it. The server holds its user's
streams open, so it ends at once when the study does, and does not take its modules apart.
"""

import atexit
import os

from bionic_core.runs import configure_process

configure_process()

import torch  # noqa: E402

from bionic_core.runs import outcome_of  # noqa: E402, F401

torch.optim.SGD([torch.empty(1)])  # the first optimiser of a process imports torch's compiler

_SERVER = os.getpid()


@atexit.register
def _leave() -> None:
    """End the server; in a worker forked from it, do nothing."""
    if os.getpid() == _SERVER:
        os._exit(0)
