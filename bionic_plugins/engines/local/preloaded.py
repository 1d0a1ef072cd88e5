"""What the workers' server imports before it is forked for each; it runs no operation of torch.

A process may be forked as long as torch has started no threads in it. The server holds its user's
streams open, so it ends at once when the study does, and does not take its modules apart.
"""

import atexit
import ctypes
import os
import signal

_DEATH = 1
"""PR_SET_PDEATHSIG of Linux's prctl: the signal that comes when the starting thread ends."""


def _die_with_the_study(how: int) -> None:
    """Let the system end this process with the study's; 0 as the signal: no more."""
    try:
        ctypes.CDLL(None).prctl(_DEATH, how, 0, 0, 0)
    except (OSError, AttributeError, TypeError):
        return  # it ends when it has imported all, and sees that the study is gone


# A server looks for its study's end only between its imports and its first word.
_die_with_the_study(signal.SIGKILL)
if os.getppid() == 1:
    os._exit(0)  # the study ended before that, so that no signal comes

from bionic_core.runs import configure_process  # noqa: E402

configure_process()

import torch  # noqa: E402, F401

from bionic_core.runs import outcome_of  # noqa: E402, F401

_die_with_the_study(0)  # from here on the server itself sees when the study ends
_SERVER = os.getpid()


@atexit.register
def _leave() -> None:
    """End the server; in a worker forked from it, do nothing."""
    if os.getpid() == _SERVER:
        os._exit(0)
