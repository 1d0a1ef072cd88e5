"""What must be installed beside bionic, by the name that the package index knows it by."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from bionic_core.markers import DISTRIBUTION

OTHER = "bionic"
"""A project of other people on the package index, which ours is called there by another name."""


def install(extra: str) -> str:
    """Return the command that installs an extra, and what must go before it works."""
    command = f"pip install '{DISTRIBUTION}[{extra}]'"
    return f"{command}. {other}" if (other := misled()) else command


def misled() -> str:
    """Say that the other project is installed here, most likely in the place of an extra."""
    try:
        found = distribution(OTHER)
    except PackageNotFoundError:
        return ""
    if any(point.value.startswith("bionic_core") for point in found.entry_points):
        return ""  # ours, from before it had its name
    return (
        f"The package '{OTHER}' {found.version} that is installed here is a project of other "
        f"people; this one is '{DISTRIBUTION}'. Take it out: pip uninstall {OTHER}"
    )
