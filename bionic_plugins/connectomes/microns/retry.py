"""Asking a server again, with growing patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import attrs

from bionic_core.errors import BionicError

T = TypeVar("T")

LONGEST = 120.0
"""No wait is longer, whatever the server asks for (seconds)."""


@attrs.frozen
class Passing:
    """A failure that may pass.

    Attributes:
        reason: what happened, a clause without a full stop.
        after: seconds that the server asks to wait; None if it does not say.
    """

    reason: str
    after: float | None = None


def persist(
    action: Callable[[], T],
    *,
    judge: Callable[[Exception], Passing | BionicError],
    attempts: int,
    wait: float,
    say: Callable[[str], None],
    what: str,
) -> T:
    """Return what ``action`` returns, asking again while its failures may pass.

    Waits ``wait``, 2 · ``wait``, 4 · ``wait`` … seconds, or what the server asks for. What is
    raised has no cause and no context: a client's own exceptions may quote a request's headers.

    Raises:
        BionicError: as ``judge`` says, or after the last attempt.
    """
    verdict: Passing | BionicError
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except Exception as error:
            verdict = judge(error)
        if isinstance(verdict, BionicError):
            raise verdict
        if attempt < attempts:
            seconds = min(
                LONGEST, verdict.after if verdict.after is not None else wait * 2 ** (attempt - 1)
            )
            say(
                f"{what}: {verdict.reason}; asking again in {seconds:g} s "
                f"(attempt {attempt + 1} of {attempts})"
            )
            time.sleep(seconds)
    assert isinstance(verdict, Passing)
    raise BionicError(
        f"{what}: {verdict.reason}, {attempts} times in a row. What is finished is kept: give the "
        "same command again later, and it goes on from there. A larger --wait or --attempts "
        "asks for longer"
    )
