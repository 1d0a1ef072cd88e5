"""The stacked engine: runs that share shapes train as one model.

Its numbers are each run's own, but for rounding. Start at `Stacked`, then `study` and `stack`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
from attrs import field
from attrs.validators import ge

from bionic_core import UNIT, Engine

if TYPE_CHECKING:
    from bionic_core.runs import Outcome, Work


@attrs.frozen(eq=False)
class Stacked(Engine):
    """All runs that share shapes as one model, in this process; for GPUs (docs/how-to/stacked.md).

    Runs that cannot be stacked train one after another, and say why.

    Attributes:
        most: runs in a stack, at most; 0 for as many as half of the device's memory holds.
    """

    name = "stacked"

    most: int = field(default=0, validator=ge(0), metadata={UNIT: "runs"})

    def train(self, work: Work) -> Iterator[Outcome]:
        """Train the tasks as few models."""
        from bionic_plugins.engines.stacked.study import train_stacked

        return train_stacked(work, most=self.most)
