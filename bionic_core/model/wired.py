"""Projections of which not all pairs exist: whether their wiring is right, and their storage."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from bionic_core.errors import RequestError
from bionic_core.model.projection import DenseProjection, Projection, combined
from bionic_core.sites import ProjectionSite, Wiring
from bionic_core.spec.tables import Storage

WIDE = 1_000_000
"""Pairs P × Q from which on a projection may be stored sparse: a thousand neurons a layer."""

SPARSE = 0.2
"""Density up to which it then is; the two storages meet near 0.3, see ``docs/results/sparse.md``.

Both decide the numbers of runs, in their last digits: raise the core's numerics with them.
"""


def storage_of(
    site: ProjectionSite, wirings: Mapping[str, Wiring], asked: Storage, gated: Collection[str]
) -> tuple[type[Projection], int]:
    """Return the storage of a wired projection, and the bytes that it takes.

    Raises:
        RequestError: a wiring has a pair twice, or one of a neuron that there is not.
    """
    for name, answer in wirings.items():
        check_wiring(name, answer, site)
    everything = site.pre.size * site.post.size
    wiring = combined(wirings, site.pre.size)
    pairs = everything if wiring is None else len(wiring)
    storage = suited(pairs, everything) if asked == "auto" else asked
    # A gate that is off leaves all pairs, and only a matrix has room for them.
    if storage == "dense" or any(name in gated for name in wirings):
        return DenseProjection, 5 * everything
    if storage == "packed":
        from bionic_core.model.packed import PackedProjection

        return PackedProjection, 28 * pairs + 4 * everything
    from bionic_core.model.sparse import SparseProjection

    return SparseProjection, 20 * pairs


def suited(pairs: int, everything: int) -> Storage:
    """Return the storage that takes less time for so many pairs of all those possible."""
    return "sparse" if everything >= WIDE and pairs <= SPARSE * everything else "dense"


def check_wiring(name: str, wiring: Wiring, site: ProjectionSite) -> None:
    """Check that each pair is one of the site's, and there once.

    Raises:
        RequestError: one is not.
    """
    for side, found, layer in (("pre", wiring.pre, site.pre), ("post", wiring.post, site.post)):
        if len(found) and not 0 <= found.min() <= found.max() < layer.size:
            raise RequestError(
                f"mechanisms.{name}: its wiring of {site.name} has {side} neurons "
                f"{found.min()} … {found.max()}, but layer '{layer.name}' has {layer.size}, "
                f"from 0 to {layer.size - 1}"
            )
    twice = len(wiring) - len(np.unique(wiring.key(site.pre.size)))
    if twice:
        raise RequestError(
            f"mechanisms.{name}: its wiring of {site.name} has {twice} pairs more than once; "
            "a pair exists or does not, so give each once"
        )
