"""Learning-rate schedules: torch's own, chosen by the recipe's ``schedule.policy``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from bionic_core.errors import RequestError, listing

POLICIES = ("one-cycle", "plateau")


class Schedule:
    """A schedule of either kind: one steps with the optimiser, the other with the epochs."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        options: Mapping[str, Any],
        *,
        lr: float,
        steps: int,
    ) -> None:
        """Make the schedule of ``steps`` optimiser's steps with the peak or initial rate ``lr``.

        Raises:
            RequestError: there is no such policy, or it has no such option.
        """
        self.by_step: OneCycleLR | None = None
        self.by_epoch: ReduceLROnPlateau | None = None
        rest = {key: value for key, value in options.items() if key != "policy"}
        policy = options.get("policy")
        if not options:
            return
        if policy not in POLICIES:
            raise RequestError(
                f"the recipe's schedule.policy is {policy!r}; allowed are {listing(POLICIES)}"
            )
        try:
            if policy == "one-cycle":
                # Momentum is left alone: the optimiser's options are not the schedule's.
                self.by_step = OneCycleLR(
                    optimizer, lr, total_steps=steps, cycle_momentum=False, **rest
                )
            else:
                # Relative thresholds turn round where the figure is negative, as a loss is here.
                self.by_epoch = ReduceLROnPlateau(
                    optimizer, mode="max", threshold_mode="abs", **rest
                )
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"the schedule '{policy}' does not take its options: {error}"
            ) from error

    def after_step(self) -> None:
        """Go on after a step of the optimiser."""
        if self.by_step is not None and self.by_step.last_epoch < self.by_step.total_steps:
            self.by_step.step()

    def after_epoch(self, figure: float) -> None:
        """Go on after an epoch whose monitored figure, higher being better, is given."""
        if self.by_epoch is not None:
            self.by_epoch.step(figure)

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule stands, as JSON-ready data."""
        if self.by_step is not None:
            return {"last_epoch": self.by_step.last_epoch}
        if self.by_epoch is not None:
            kept = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
            return {key: getattr(self.by_epoch, key) for key in kept}
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where another schedule stood; the optimiser's rate is the optimiser's state."""
        torch_own = self.by_step or self.by_epoch
        for key, value in state.items():
            setattr(torch_own, key, value)
