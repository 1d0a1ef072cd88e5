"""Gates: mechanisms that can be switched off in a network that has them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bionic_core.errors import RequestError, listing
from bionic_core.model.combination import Gated, Pieces
from bionic_core.model.network import Network
from bionic_core.model.projection import Projection


def put_gates(
    network: Network, gated: Collection[str], features: int, begun: Collection[str] = ()
) -> None:
    """Put gates before the pieces of the named mechanisms; the front end gates as a whole.

    Args:
        network: as it was built.
        gated: the mechanisms.
        features: that the front end gives.
        begun: the mechanisms that have set the network up, and so act whatever a gate says.

    Raises:
        RequestError: the front end of a gated mechanism cannot be bypassed, or one has set up what
            the others train.
    """
    if early := sorted(set(gated) & set(begun)):
        raise RequestError(
            f"mechanism '{early[0]}' sets the network up before its first step, and so cannot be "
            "behind a gate"
        )
    for module in network.modules():
        if isinstance(module, Projection):
            module.add_gates(gated)
        elif isinstance(module, Pieces) and module.hook != "features":
            module.add_gates(name for name in module.mechanisms if name in gated)
    for plastic in network.plastic:
        if plastic.mechanism in gated:
            Gated.add_gates(plastic.projection, [plastic.mechanism])
    owners = {name for stage in network.stages for name in stage.features.mechanisms}  # type: ignore[union-attr]
    front = owners & set(gated)
    pixels = int(np.prod(network.image))
    if front and (len(owners) > 1 or features != pixels):
        raise RequestError(
            f"the front end of {listing(owners)} gives {features} features and the image has "
            f"{pixels} pixels: it can be gated only if one mechanism gives all stages and "
            "both numbers are equal"
        )
    network.add_gates(front)
