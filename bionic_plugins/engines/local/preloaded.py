"""What the workers' server imports before it is forked for each; it runs no operation of torch.

A process may be forked as long as torch has started no threads in it. The server holds its user's
streams open, so it ends at once when the study does, and does not take its modules apart.
"""

import atexit
import os
import threading

_STUDY, _READY = os.getppid(), threading.Event()


def _end_with_the_study() -> None:
    """End while importing if the study has; once it waits for words, the server sees it itself."""
    while not _READY.wait(0.25):
        if os.getppid() != _STUDY:
            os._exit(1)


_watch = threading.Thread(target=_end_with_the_study, daemon=True)
_watch.start()

from bionic_core.runs import configure_process  # noqa: E402

configure_process()

import torch  # noqa: E402

from bionic_core.runs import outcome_of  # noqa: E402, F401

torch.optim.SGD([torch.empty(1)])  # the first optimiser of a process imports torch's compiler

_READY.set()
_watch.join()  # a process with a second thread may not be forked
_SERVER = os.getpid()


@atexit.register
def _leave() -> None:
    """End the server; in a worker forked from it, do nothing."""
    if os.getpid() == _SERVER:
        os._exit(0)
