"""The local engine: the runs of a study on this machine, one by one or in processes.

Decides no number. Start at `Local`, then `workers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from bionic_core import Engine

if TYPE_CHECKING:
    from bionic_core.runs import Outcome, Work


@attrs.frozen(eq=False)
class Local(Engine):
    """One run after the other in this process, or ``--jobs`` processes of one thread each."""

    name = "local"

    def prepare(self, jobs: int) -> None:
        """Begin to import what the processes need."""
        from bionic_plugins.engines.local.server import expect

        if jobs > 1:
            expect()

    def train(self, work: Work) -> Iterator[Outcome]:
        """Train the tasks here."""
        from bionic_core.runs import one_by_one
        from bionic_plugins.engines.local.workers import side_by_side

        return side_by_side(work) if work.jobs > 1 else one_by_one(work)
