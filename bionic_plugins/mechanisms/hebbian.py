"""Hebbian plasticity with homeostasis, beside the gradient (§3.4.2 (12))."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import field
from attrs.validators import ge, in_, le
from torch import Tensor

from bionic_core import EARLIER, UNIT, Mechanism, PlasticityRule, ProjectionSite, Synapses, hookimpl


def scaled(rates: Tensor) -> Tensor:
    """Return rates BQ in [0, 1]: rectified, divided by the greatest of each image.

    An image without any activity stays at zero.
    """
    rates = rates.relu()
    greatest = rates.amax(dim=1, keepdim=True)
    return rates / greatest.clamp_min(1e-12)


def squashed(rates: Tensor) -> Tensor:
    """Return rates BQ in (0, 1), ``1 / (1 + e^−h)``; a silent neuron has one half."""
    return rates.sigmoid()


NORMALISE = {"maximum": scaled, "sigmoid": squashed}
"""Ways to take rates to [0, 1]."""


@attrs.frozen(eq=False)
class Hebbian(Mechanism):
    """``Δw = α_hebb · ⟨σ_pre σ_post⟩ − α_home · (f_avg − f_target)``, after each optimiser's step.

    Pre BP, post BQ → Δ for each value, as the projection stores them (QP, or one for each pair).
    On every projection, those within a layer included, through the wiring; biases are left
    alone. σ_pre is what the projection reads and σ_post the rates after the gain's ReLU, each
    "normalized to [0, 1]", which the paper leaves open: rectified and divided by its image's
    maximum, or a sigmoid; ⟨⟩ is the mean over the batch; f_avg, of each post neuron, the batch
    mean of σ_post. In training only. ``docs/results/hebbian.md`` shows what the rule does to
    trained networks, ``docs/results/readings.md`` what the keys that the paper leaves open change.

    Attributes:
        hebb: α_hebb, the Hebbian rate of one step.
        home: α_home, the homeostatic rate of one step.
        target: f_target, in units of σ_post.
        rates: ``fixed``, or ``scheduled``: both rates are multiplied by the learning rate of the
            step over ``training.lr``, so that the rule comes to rest with the optimiser.
        normalise: ``maximum`` or ``sigmoid``.
    """

    name = "hebbian"
    kind = "functional"
    source = "BioNIC §3.4.2 (12); Turrigiano & Nelson 2000, doi:10.1016/s0959-4388(00)00091-x"

    hebb: float = field(default=5e-4, validator=ge(0), metadata={UNIT: "weight/step"})
    home: float = field(default=5e-4, validator=ge(0), metadata={UNIT: "weight/step"})
    target: float = field(default=0.35, validator=[ge(0), le(1)], metadata={UNIT: "1"})
    rates: Literal["fixed", "scheduled"] = field(
        default="fixed", validator=in_(("fixed", "scheduled")), metadata={EARLIER: "fixed"}
    )
    normalise: Literal["maximum", "sigmoid"] = field(
        default="maximum", validator=in_(tuple(NORMALISE)), metadata={EARLIER: "maximum"}
    )

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        return "hebb and home are 0" if self.hebb == self.home == 0 else ""

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Say whether the rates follow the learning rate."""
        return {f"scheduled.{self.name}": self.rates == "scheduled"}

    @hookimpl
    def plasticity(self, projection: ProjectionSite) -> PlasticityRule:
        """Answer for every projection."""
        unit = NORMALISE[self.normalise]

        def change(values: Tensor, pre: Tensor, post: Tensor, synapses: Synapses) -> Tensor:
            before, after = unit(pre), unit(post)
            excess = after.mean(dim=0) - self.target
            together = synapses.correlate(before, self.hebb * after)
            return together.sub_((self.home * excess)[synapses.post])

        return change
