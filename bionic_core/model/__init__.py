"""A spec becomes a network by asking each hook, site by site.

Trains nothing and names no mechanism. Start at `assembly`, then `network` and `projection`;
storages of wired pairs and gates are imported by what uses them.

Its names here are for engines, and load what they need when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bionic_core.base.lazy import offer

if TYPE_CHECKING:
    from bionic_core.model.asking import hooks_of as hooks_of
    from bionic_core.model.assembly import build as build
    from bionic_core.model.network import Network as Network
    from bionic_core.model.projection import DenseProjection as DenseProjection
    from bionic_core.model.projection import Projection as Projection
    from bionic_core.model.sparse import SparseProjection as SparseProjection

__getattr__, __dir__, __all__ = offer(
    __name__,
    {
        "asking": ("hooks_of",),
        "assembly": ("build",),
        "network": ("Network",),
        "projection": ("DenseProjection", "Projection"),
        "sparse": ("SparseProjection",),
    },
)
