"""A projection's weights are made, in the storage that suits them, if they fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import nn

from bionic_core.base.memory import Budget
from bionic_core.model.projection import DenseProjection, Projection
from bionic_core.sites import ProjectionSite, Wiring
from bionic_core.spec.tables import Storage


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
    kind: type[Projection] = DenseProjection
    size = 4 * site.pre.size * site.post.size
    if wirings:  # only then is there a choice
        from bionic_core.model.wired import storage_of

        kind, size = storage_of(site, wirings, storage, gated)
    (budget or Budget()).take(
        size,
        f"the projection {site.name}, {site.pre.size:,} × {site.post.size:,} neurons stored "
        f"{kind.storage},",
        'A mechanism that wires it leaves only the pairs that exist, which storage = "auto" or '
        '"sparse" in [model] holds one by one; fewer neurons take less, too',
    )
    return kind(site, wirings, weights, seed)  # type: ignore[call-arg]
