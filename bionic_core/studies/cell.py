"""One run of an experiment."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from bionic_core.runs.folder import Run
from bionic_core.statistics.designs import Level


@attrs.frozen(eq=False)
class Cell:
    """One run of an experiment; ``run`` is None and ``error`` says why where it failed."""

    levels: Mapping[str, Level]
    seed: int
    run: Run | None
    error: str = ""

    @property
    def reused(self) -> bool:
        """Whether the run was complete when it was asked for."""
        return self.run is not None and self.run.reused

    @property
    def accuracy(self) -> float | None:
        """The test accuracy, a fraction."""
        return None if self.run is None else self.run.result.test.accuracy

    @property
    def outcome(self) -> str:
        """What became of the run, in words."""
        if self.run is None:
            return f"FAILED: {self.error}"
        return f"accuracy {self.accuracy:.2%}" + (" (done before)" if self.reused else "")
