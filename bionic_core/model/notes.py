"""What must be known of how a network was made: how wiring was drawn, what does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bionic_core.model.network import Network


def drawn(network: Network) -> dict[str, Mapping[str, Any]]:
    """Return how the wiring of each projection was drawn, by label, where its mechanism says so."""
    wirings = {p.label: p.wiring for p in network.projections}
    return {label: dict(w.drawn) for label, w in wirings.items() if w is not None and w.drawn}


def notes(network: Network) -> tuple[str, ...]:
    """Return what wirings (``drawn["warning"]``) and modules (``note``) say, once each."""
    said = [str(how["warning"]) for how in drawn(network).values() if "warning" in how]
    said += [str(getattr(module, "note", "")) for module in network.modules()]
    return tuple(dict.fromkeys(words for words in said if words))
