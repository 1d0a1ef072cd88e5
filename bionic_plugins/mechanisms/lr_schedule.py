"""A learning rate that changes, as plasticity does in a maturing brain (§3.4.2 (10))."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import field
from attrs.validators import ge, gt, in_, lt

from bionic_core import UNIT, Mechanism, hookimpl


@attrs.frozen(eq=False)
class LrSchedule(Mechanism):
    """The learning rate over training; without this mechanism it stays at ``training.lr``.

    ``plateau`` is the paper's: ``lr ← factor · lr`` once the monitored figure has not improved
    for more than ``patience`` epochs. The paper names neither number; the defaults are those of
    the torch class that it cites. ``one-cycle`` rises from lr/25 to lr over the first ``warm_up``
    of all steps and falls towards 0 over the rest, for runs of a set length (Smith & Topin 2019).

    Attributes:
        policy: ``plateau`` or ``one-cycle``.
        factor: of each reduction, plateau only.
        patience: epochs without improvement that are let pass, plateau only.
        warm_up: share of the steps before the peak, one-cycle only.
        anneal: ``cos`` or ``linear`` between the points, one-cycle only.
    """

    name = "lr_schedule"
    kind = "functional"
    source = "BioNIC §3.4.2 (10); one-cycle: doi:10.48550/arXiv.1708.07120"

    policy: Literal["plateau", "one-cycle"] = field(
        default="plateau", validator=in_(("plateau", "one-cycle"))
    )
    factor: float = field(default=0.1, validator=[gt(0), lt(1)], metadata={UNIT: "1"})
    patience: int = field(default=10, validator=ge(0), metadata={UNIT: "epochs"})
    warm_up: float = field(default=0.3, validator=[gt(0), lt(1)], metadata={UNIT: "1"})
    anneal: Literal["cos", "linear"] = field(default="cos", validator=in_(("cos", "linear")))

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the schedule and the options that it has."""
        if self.policy == "plateau":
            options: dict[str, object] = {"factor": self.factor, "patience": self.patience}
        else:
            options = {"pct_start": self.warm_up, "anneal_strategy": self.anneal}
        named = {f"schedule.{key}": value for key, value in options.items()}
        return {"schedule.policy": self.policy} | named
