"""A recurrent block's spectral radius, which says whether activity dies out or grows."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import torch
from attrs import field
from attrs.validators import gt, lt

from bionic_core import UNIT, Mechanism, RequestError, hookimpl


@attrs.frozen(eq=False)
class Spectral(Mechanism):
    """Initial weights of each layer to itself, (Q, Q) in any storage, get a spectral radius.

    ``W ← W · radius / ρ(W)``, ρ the largest size of an eigenvalue. Below 1, what a linear network
    was given dies out. Trained weights then go where training takes them (see ``frozen``).

    Attributes:
        radius: of each layer's projections to itself, above 0; 0.9 is a common choice.
    """

    name = "spectral"
    kind = "structural"
    source = "Jaeger 2001, GMD report 148; Lukoševičius 2012, doi:10.1007/978-3-642-35289-8_36"

    radius: float = field(default=0.9, validator=[gt(0), lt(1e6)], metadata={UNIT: "1"})

    @hookimpl
    def begin(self, network: Any) -> None:
        """Scale the weights.

        Raises:
            RequestError: no layer projects to itself, or one without a cycle.
        """
        blocks = [p for p in network.projections if p.site.pre is p.site.post]
        if not blocks:
            raise RequestError(
                'no layer projects to itself; in time, add such as "A->A" to model.projections, '
                "or leave the mechanism out"
            )
        for block in blocks:
            self._scale(block)

    @torch.no_grad()
    def _scale(self, block: Any) -> None:
        found = spectral_radius(block.matrix(block.effective()).double().cpu().numpy())
        if not found:
            raise RequestError(
                f"the {block.pairs:,} connections of {block.label} close no cycle, so that its "
                f"spectral radius is 0 and cannot be scaled to {self.radius:g}; wire it otherwise, "
                "or leave the mechanism out"
            )
        block.values.mul_(self.radius / found)


def spectral_radius(matrix: npt.NDArray[Any]) -> float:
    """Return the largest size of an eigenvalue of a square matrix; exactly 0 without a cycle."""
    from scipy.sparse.csgraph import connected_components

    parts, part = connected_components(matrix != 0, connection="strong")
    cyclic = len(part) > parts or bool(np.diagonal(matrix).any())
    return float(np.abs(np.linalg.eigvals(matrix)).max()) if cyclic else 0.0
