"""How a projection's weights are stored, and whether they fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from torch import nn

from bionic_core.base.memory import Budget
from bionic_core.errors import RequestError
from bionic_core.model.packed import PackedProjection
from bionic_core.model.projection import DenseProjection, Projection, combined
from bionic_core.model.sparse import SparseProjection
from bionic_core.sites import ProjectionSite, Wiring
from bionic_core.spec.tables import Storage

STORAGES: Mapping[str, type[Projection]] = {
    storage.storage: storage for storage in (DenseProjection, PackedProjection, SparseProjection)
}

WIDE = 1_000_000
"""Pairs P × Q from which on a projection may be stored sparse: a thousand neurons a layer."""

SPARSE = 0.2
"""Density up to which it then is; the two storages meet near 0.3, see ``docs/results/sparse.md``.

Both decide the numbers of runs, in their last digits: raise the core's numerics with them.
"""


def make_projection(
    site: ProjectionSite,
    wirings: Mapping[str, Wiring],
    weights: Mapping[str, nn.Module],
    seed: int,
    *,
    storage: Storage = "auto",
    gated: Collection[str] = (),
    budget: Budget | None = None,
) -> Projection:
    """Return a projection in the storage that is asked for, or that suits its wiring.

    One that has all pairs is dense whatever is asked for, as is one whose wiring is behind a gate:
    switched off, all pairs exist.

    Args:
        site, wirings, weights: the layers, and the answers of the two hooks.
        seed: of the initial weights.
        storage: what is asked for.
        gated: the mechanisms that are behind gates.
        budget: of the machine's memory, its own if None.

    Raises:
        RequestError: a wiring has a pair twice, or one of a neuron that there is not, or the
            weights do not fit into memory.
    """
    for name, answer in wirings.items():
        check_wiring(name, answer, site)
    everything = site.pre.size * site.post.size
    wiring = combined(wirings, site.pre.size)
    pairs = everything if wiring is None else len(wiring)
    if wiring is None or any(name in gated for name in wirings):
        storage = "dense"
    elif storage == "auto":
        storage = suited(pairs, everything)
    size = {
        "dense": 5 * everything if wirings else 4 * everything,
        "packed": 28 * pairs + 4 * everything,
        "sparse": 20 * pairs,
    }[storage]
    (budget or Budget()).take(
        size,
        f"the projection {site.name}, {site.pre.size:,} × {site.post.size:,} neurons stored "
        f"{storage},",
        'A mechanism that wires it leaves only the pairs that exist, which storage = "auto" or '
        '"sparse" in [model] holds one by one; fewer neurons take less, too',
    )
    return STORAGES[storage](site, wirings, weights, seed)  # type: ignore[call-arg]


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
