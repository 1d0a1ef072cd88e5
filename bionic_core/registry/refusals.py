"""Why a plugin is refused, in words: imported only where one is."""

from __future__ import annotations

from bionic_core.markers import DISTRIBUTION, PROTOCOL
from bionic_core.plugin import Plugin


def why(error: BaseException) -> str:
    """Say why an import failed."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"it needs the package '{error.name.partition('.')[0]}', which is not installed"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def protocol_problem(plugin: type[Plugin], distribution: str) -> str:
    """Say that a plugin was written for another protocol than this bionic's."""
    protocol = plugin.protocol
    if not isinstance(protocol, int):
        return f"the class says protocol = {protocol!r}; it must be a whole number"
    newer = DISTRIBUTION if protocol > PROTOCOL else distribution
    return (
        f"written for protocol {protocol} of bionic's plugins, and this bionic has protocol "
        f"{PROTOCOL}; a newer {newer} may fit"
    )
