"""What must be known of how a network was made: how wiring was drawn, what does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bionic_core.model.combination import Pieces
from bionic_core.model.hooks import hooks_of
from bionic_core.model.network import Network
from bionic_core.spec.spec import Spec


def drawn(network: Network) -> dict[str, Mapping[str, Any]]:
    """Return how the wiring of each projection was drawn, by label, where its mechanism says so."""
    wirings = {p.label: p.wiring for p in network.projections}
    return {label: dict(w.drawn) for label, w in wirings.items() if w is not None and w.drawn}


def idle(spec: Spec, network: Network) -> dict[str, str]:
    """Return why mechanisms do nothing in a network, by name.

    None of their hooks answers anywhere, or whatever answers says that it does nothing there: it
    has an attribute ``idle``, words that are not empty.
    """
    found = {
        name: f"none of its hooks ({', '.join(sorted(hooks))}) answers anywhere in this network"
        for name, hooks in hooks_of(spec).items()
        if name not in network.answered and not hooks & {"recipe", "begin"}  # which act unseen
    }
    for name, reasons in _reasons(network).items():
        if all(reasons):
            found[name] = "; ".join(dict.fromkeys(reasons))
    return found


def _reasons(network: Network) -> dict[str, list[str]]:
    """Return, by mechanism, why each of its modules does nothing, "" of those that do something."""
    found: dict[str, list[str]] = {}
    for pieces in network.modules():
        if isinstance(pieces, Pieces):
            for name in pieces.mechanisms:
                reason = getattr(pieces.get_submodule(name), "idle", "")
                found.setdefault(name, []).append(str(reason))
    return found


def notes(network: Network, spec: Spec | None = None) -> tuple[str, ...]:
    """Return what wirings (``drawn["warning"]``) and modules (``note``) say, once each.

    With the spec, of which the network was built, also which of its mechanisms do nothing.
    """
    nothing = {} if spec is None else idle(spec, network)
    said = [f"mechanism '{name}' does nothing here: {why}" for name, why in nothing.items()]
    said += [
        f"mechanism '{name}': {why}"
        for name, reasons in _reasons(network).items()
        for why in filter(None, reasons)
        if name not in nothing
    ]
    said += [str(how["warning"]) for how in drawn(network).values() if "warning" in how]
    said += [str(getattr(module, "note", "")) for module in network.modules()]
    return tuple(dict.fromkeys(words for words in said if words))
