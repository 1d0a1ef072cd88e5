"""Connectivity masks: only connections that the connectome has (§3.4.2 (3))."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
from attrs import field
from attrs.validators import in_

from bionic_core import Connectome, Mechanism, ProjectionSite, RequestError, Wiring, hookimpl


@attrs.frozen(eq=False)
class Masks(Mechanism):
    """``W ⊙ M``: M is true where the connectome has at least one synapse (post × pre, Q × P).

    Between layers and, where a layer projects to itself, within (N_k; autapses dropped). A
    masked weight is zero and stays zero, whatever trains it.

    Attributes:
        wiring: ``real``, the connectome's; ``dense``, all pairs, which equals leaving the
            mechanism out.
        init: initial weights uniform in ±1/√f, where f is a neuron's number of wired inputs
            (``fan-in``) or all P of them, as for a dense layer (``dense``).
    """

    name = "masks"
    kind = "structural"
    source = "BioNIC §3.4.2 (3)-(4), W ⊙ M and U ⊙ N"

    wiring_: Literal["real", "dense"] = field(
        default="real", alias="wiring", validator=in_(("real", "dense"))
    )
    init: Literal["fan-in", "dense"] = field(default="fan-in", validator=in_(("fan-in", "dense")))

    @hookimpl
    def wiring(self, projection: ProjectionSite, connectome: Connectome | None) -> Wiring | None:
        """Answer for every projection."""
        if self.wiring_ == "dense":
            return None
        if connectome is None:
            raise RequestError("there is no connectome; add a [connectome] table to the spec")
        block = connectome.block(projection.pre.cells, projection.post.cells)
        kept = np.ones(len(block.pre), bool)
        if projection.pre is projection.post:
            kept = block.pre != block.post
        pre, post, count = block.pre[kept], block.post[kept], block.count[kept]
        scale = None
        if self.init == "fan-in":
            inputs = np.bincount(post, minlength=projection.post.size)
            scale = np.sqrt(projection.pre.size / inputs[post])
        return Wiring(pre=pre, post=post, scale=scale, count=count)
