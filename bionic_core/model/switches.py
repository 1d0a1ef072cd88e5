"""Gates, switched: which mechanisms of a network act."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bionic_core.errors import RequestError, listing


def set_gates(network: nn.Module, on: Mapping[str, bool]) -> None:
    """Switch gated mechanisms of a network on or off.

    Raises:
        RequestError: a mechanism has no gate in this model.
    """
    gates: dict[str, list[Tensor]] = {}
    for path, buffer in network.named_buffers():
        name = path.rpartition(".")[2]
        if name.startswith("gate_"):
            gates.setdefault(name.removeprefix("gate_"), []).append(buffer)
    unknown = set(on) - set(gates)
    if unknown:
        raise RequestError(f"no gate for {listing(unknown)}; gated here: {listing(gates)}")
    for name, state in on.items():
        for gate in gates[name]:
            gate.fill_(state)
