"""A connectome as it is looked at: cells grouped into layers, in places across and below the pia.

Layers are groups of cell types; a layer's colour is one of Okabe & Ito's, and its cell types are
shades of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_hex, to_rgb

from bionic_core.connectome import INHIBITORY, Connectome
from bionic_core.connectomes.summary import Grouping
from bionic_core.reports.drawing.run import COLOURS

HUES = ("#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#7F7F00", "#000000")
INTERNEURONS = "Inh"
"""The layer of the inhibitory cell types that no layer names."""


@attrs.frozen(eq=False)
class View:
    """A connectome, its cells grouped into layers, and how its tissue lies.

    Attributes:
        layers: the cell types of each layer, from the first to the last.
        tilt: degrees between the depth axis and y, about z (5 in MICrONS' V1).
        pia: where depth is 0, in µm along the depth axis.
    """

    connectome: Connectome
    layers: Mapping[str, Sequence[str]]
    tilt: float = 5.0
    pia: float = 396.671

    @classmethod
    def of(
        cls, connectome: Connectome, layers: Mapping[str, object], *, tilt: float, pia: float
    ) -> View:
        """Take what the layers of a spec say of these cells; other types get their own layers."""
        there = {*connectome.cell_type.tolist()}
        found: dict[str, list[str]] = {}
        for name, types in layers.items():
            if isinstance(types, (list, tuple)) and (listed := [t for t in types if t in there]):
                found[name] = listed
        named = {t for types in found.values() for t in types}
        inner = _inhibitory(connectome)
        for t in sorted(there - named):
            found.setdefault(INTERNEURONS if t in inner else t, []).append(t)
        if INTERNEURONS in found:
            found[INTERNEURONS] = found.pop(INTERNEURONS)  # last
        return cls(connectome, found, tilt, pia)

    @cached_property
    def depth(self) -> npt.NDArray[np.float64]:
        """Depth of each soma below the pia, µm."""
        return self._turned(90.0 - self.tilt) - self.pia

    @cached_property
    def across(self) -> npt.NDArray[np.float64]:
        """Place of each soma across the depth axis, µm."""
        return self._turned(-self.tilt)

    def _turned(self, degrees: float) -> npt.NDArray[np.float64]:
        """Return each soma's place along an axis that is so far from x towards y, µm."""
        angle = math.radians(degrees)
        axis = np.array([math.cos(angle), math.sin(angle), 0.0])
        places: npt.NDArray[np.float64] = self.connectome.position @ axis / 1000
        return places

    @cached_property
    def types(self) -> list[str]:
        """All cell types, layer by layer."""
        return [t for types in self.layers.values() for t in types]

    @cached_property
    def inhibitory(self) -> set[str]:
        """Cell types of inhibitory cells."""
        return _inhibitory(self.connectome)

    def cells(self, types: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the cells of some types: type by type, within a type from the pia down."""
        found = [self.connectome.of_type(t) for t in types]
        return np.concatenate([rows[np.argsort(self.depth[rows], kind="stable")] for rows in found])

    def hue(self, layer: str) -> str:
        """Return a layer's colour."""
        if layer == INTERNEURONS:
            return COLOURS[1]
        return HUES[list(self.layers).index(layer) % len(HUES)]

    @cached_property
    def shades(self) -> dict[str, str]:
        """Colour of each cell type: from its layer's colour, darkened, to it, lightened."""
        found = {}
        for layer, types in self.layers.items():
            base = np.array(to_rgb(self.hue(layer)))
            steps = np.linspace(-1, 1, len(types)) if len(types) > 1 else np.zeros(1)
            for t, step in zip(types, steps.tolist(), strict=True):
                mixed = base * (1 + 0.3 * step) if step < 0 else base + 0.65 * step * (1 - base)
                found[t] = to_hex(mixed)
        return found


def _inhibitory(connectome: Connectome) -> set[str]:
    return {*connectome.cell_type[connectome.of_broad_type(INHIBITORY)].tolist()}


def densities(view: View) -> npt.NDArray[np.float64]:
    """Return the share of connected pairs from each layer (row) to each (column).

    A cell and itself are no pair.
    """
    home = {t: layer for layer, types in view.layers.items() for t in types}
    layers = Grouping.of([home[t] for t in view.connectome.cell_type.tolist()], list(view.layers))
    place = {layer: number for number, layer in enumerate(view.layers)}
    found = np.zeros((len(place), len(place)))
    for entry in layers.table(view.connectome):
        found[place[entry.pre], place[entry.post]] = entry.density or 0
    return found
