"""The paper that the reference model comes from."""

from __future__ import annotations

from pathlib import Path

import attrs

from bionic_core.studies.publication import Publication


@attrs.frozen(eq=False)
class Bionic2025(Publication):
    """BioNIC (Prasanth & Tivnan): Tables 3 to 6 and Appendix A."""

    name = "bionic2025"
    source = "Prasanth & Tivnan, BioNIC, https://github.com/diyaaprasanth/BioNIC"

    def path(self) -> Path:
        """Return the file of published numbers."""
        return Path(__file__).with_suffix(".toml")

    def readings(self) -> Path:
        """Return the file of readings and of what they are compared by."""
        return Path(__file__).with_name("bionic2025-readings.toml")
