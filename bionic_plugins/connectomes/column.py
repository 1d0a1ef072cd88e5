"""The V1 column that bionic ships: a surrogate, drawn once (§3.2)."""

from __future__ import annotations

from importlib.resources import as_file, files

import attrs

from bionic_core import Connectome, ConnectomeSource


@attrs.frozen(eq=False)
class Column(ConnectomeSource):
    """A surrogate of the MICrONS V1 column with exactly the cell counts of Table 1.

    1,333 cells. The file was drawn by version 1 of :mod:`bionic_plugins.connectomes.surrogate`,
    before it was calibrated over seeds; it ships as drawn, so that nothing can change it.
    """

    name = "column"
    source = "BioNIC §3.2, Table 1; statistics in bionic_plugins.connectomes.column_statistics"

    def read(self) -> Connectome:
        """Return the shipped column."""
        with as_file(files("bionic_plugins.connectomes") / "column.npz") as path:
            return Connectome.load(path)
