"""Leak: rates follow what drives them with a time constant."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np
import torch
from attrs import field
from attrs.validators import ge
from torch import Tensor, nn

from bionic_core import UNIT, Connectome, Layer, Mechanism, RequestError, hookimpl


class Leak(nn.Module):
    """``h(t) = h(t − 1) + (x(t) − h(t − 1)) / τ``, x the rates without it; (BQ, BQ) → BQ.

    1 / τ = σ(a) in (0, 1), with a learned where ``learned``; a has one value for each of the groups
    that ``group``, int64 (Q,), numbers. A fixed τ is kept as it is, and may be 1.
    """

    def __init__(self, tau: Tensor, group: Tensor, *, learned: bool) -> None:
        super().__init__()
        self.group: Tensor
        self.share: Tensor
        self.register_buffer("group", group, persistent=False)
        self.logit = nn.Parameter(-torch.log(tau - 1)) if learned else None
        if not learned:
            self.register_buffer("share", 1 / tau, persistent=False)

    @property
    def tau(self) -> Tensor:
        """The time constant τ of each group, in steps."""
        return 1 / self.share if self.logit is None else 1 + torch.exp(-self.logit)

    def forward(self, h: Tensor, before: Tensor) -> Tensor:
        """Return the rates, between those of the step before and those that drive them."""
        share = self.share if self.logit is None else torch.sigmoid(self.logit)
        return before + share[self.group].to(h.dtype) * (h - before)


@attrs.frozen(eq=False)
class Leaky(Mechanism):
    """Leaky integration: ``h(t) = (1 − 1/τ) h(t − 1) + x(t) / τ``, before noise and norm.

    Attributes:
        tau: time constant τ in steps, at least 1, which is no leak; of all cells but those below.
        by_type: time constants of cell types, for layers that have them.
        learned: whether time constants are learned, one a layer, or one a cell type where any has
            its own; each then begins above 1 and stays there.
    """

    name = "leak"
    kind = "functional"
    source = "τ dh/dt = −h + x by Euler's method; Jaeger 2007, doi:10.1016/j.neunet.2007.04.016"

    tau: float = field(default=2.0, validator=ge(1), metadata={UNIT: "steps"})
    by_type: Mapping[str, float] = field(factory=dict, metadata={UNIT: "steps"})
    learned: bool = False

    def __attrs_post_init__(self) -> None:
        for name, value in {"tau": self.tau, **self.by_type}.items():
            if not (math.isfinite(value) and (value > 1 or (value == 1 and not self.learned))):
                least = "above 1, to be learned" if self.learned else "1 or more"
                raise ValueError(f"{name} = {value}: a time constant must be {least}, in steps")

    def void(self, training: object) -> str:
        """Say why it does nothing, if so."""
        return "tau is 1, and so nothing is kept" if self._none else ""

    @property
    def _none(self) -> bool:
        return not self.learned and {self.tau, *self.by_type.values()} == {1.0}

    @hookimpl
    def state(self, layer: Layer, connectome: Connectome | None) -> nn.Module:
        """Answer for every layer."""
        self._check(layer, connectome)
        types = list(layer.cell_types) if self.by_type else []
        if not types or connectome is None:
            tau, group = torch.tensor([self.tau]), torch.zeros(layer.size, dtype=torch.int64)
        else:
            place = {name: number for number, name in enumerate(types)}
            tau = torch.tensor([self.by_type.get(name, self.tau) for name in types])
            group = torch.tensor([place[str(t)] for t in connectome.cell_type[layer.cells]])
        return Leak(tau.to(torch.get_default_dtype()), group, learned=self.learned)

    def _check(self, layer: Layer, connectome: Connectome | None) -> None:
        known = [] if connectome is None else np.unique(connectome.cell_type).tolist()
        unknown = [name for name in self.by_type if name not in known]
        if unknown:
            raise RequestError(
                f"by_type.{unknown[0]}: the connectome has no such cell type"
                if known
                else "by_type: the model has no connectome, and so no cell types; set tau"
            )
