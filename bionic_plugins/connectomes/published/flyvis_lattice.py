"""The fly's optic lobe as a lattice of identical columns, expanded from types and offsets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field
from attrs.validators import ge, gt

from bionic_core import UNIT, BionicError, Connectome
from bionic_core.connectome import EXCITATORY, INHIBITORY
from bionic_core.connectomes.kept import FetchedSource
from bionic_core.connectomes.roles import Watch
from bionic_plugins.connectomes.published.wheels import Wheel

WHEEL = Wheel(
    project="flyvis",
    version="1.2.0",
    file="flyvis-1.2.0-py3-none-any.whl",
    sha256="af365b16e870111fcb06782a063f6551b05cce9a105c6eaab9c0bda3b017031f",
    licence="MIT",
)

TABLE = "flyvis/connectome/fib25-fib19_v2.2.json"

ABOUT = (
    "every column has the same cells and connections; size is the mean number of synapses at an "
    "offset, count that number rounded, at least 1; gaps within an offset pattern's convex hull "
    "hold {fill:g} synapses. A type's sign is that of most of its synapses: those of {mixed} "
    "differ between targets. The distance of columns ({pitch:g} nm) is assumed"
)

Offsets = Sequence[tuple[tuple[int, int], float]]
Column = tuple[int, int]


@attrs.frozen(eq=False)
class FlyvisLattice(FetchedSource):
    """Retina to lobula plate of Drosophila: 65 cell types, tiled over a hexagonal lattice.

    Attributes:
        extent: radius of the lattice in columns; 15 are the paper's 721 columns.
        fill: synapses that are assumed in gaps of an offset pattern; 0 leaves the gaps.
        pitch: distance of neighbouring columns in nm, for positions; assumed.
    """

    name = "flyvis-lattice"
    source = "Lappalainen et al. 2024, doi:10.1038/s41586-024-07939-3; fib25 and fib19"

    extent: int = field(default=15, validator=ge(0), metadata={UNIT: "columns"})
    fill: float = field(default=1.0, validator=ge(0), metadata={UNIT: "synapses"})
    pitch: float = field(default=8000.0, validator=gt(0), metadata={UNIT: "nm"})

    def fetch(self, parts: Path, watch: Watch) -> Connectome:
        """Return the lattice, from the package index."""
        wheel = WHEEL.get(parts, watch)
        try:
            table = json.loads(WHEEL.read(wheel, TABLE))
            return self._expanded(table["nodes"], table["edges"])
        except (ValueError, KeyError, TypeError) as error:
            raise BionicError(f"{WHEEL.file}: {TABLE} is not as expected ({error!r})") from error

    def _expanded(
        self, nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]
    ) -> Connectome:
        index: dict[str, dict[Column, int]] = {}
        cells: list[tuple[str, Column]] = []
        for node in nodes:
            places = {}
            for column in _columns(self.extent, *node["pattern"][1]):
                places[column] = len(cells)
                cells.append((node["name"], column))
            index[node["name"]] = places
        found = np.array(list(self._connections(index, edges)), np.float64).reshape(-1, 3)
        signs, mixed = _signs(edges)
        u, v = (np.array([column[axis] for _, column in cells], np.float64) for axis in (0, 1))
        plane = self.pitch * np.column_stack([np.sqrt(3) / 2 * u, v + u / 2, np.zeros(len(u))])
        label = f"flyvis lattice, {len(index['R1'])} columns" if "R1" in index else "flyvis lattice"
        about = ABOUT.format(fill=self.fill, pitch=self.pitch, mixed=", ".join(mixed) or "none")
        return Connectome.of(
            cell_id=np.arange(1, len(cells) + 1),
            broad_type=[signs[name] for name, _ in cells],
            cell_type=[name for name, _ in cells],
            name=[f"{name} {column[0]},{column[1]}" for name, column in cells],
            position=plane,
            pre=found[:, 0].astype(np.int64),
            post=found[:, 1].astype(np.int64),
            count=np.maximum(np.rint(found[:, 2]), 1).astype(np.int64),
            size=found[:, 2],
            provenance=WHEEL.provenance(self, label, about, [TABLE]),
        )

    def _connections(
        self, index: Mapping[str, Mapping[Column, int]], edges: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, int, float]]:
        for edge in edges:
            targets = index[edge["tar"]]
            offsets: Offsets = [((o[0][0], o[0][1]), float(o[1])) for o in edge["offsets"]]
            for (du, dv), synapses in _filled(offsets, self.fill):
                for (u, v), pre in index[edge["src"]].items():
                    post = targets.get((u + du, v + dv))
                    if post is not None:
                        yield pre, post, synapses


def _columns(extent: int, u_stride: int, v_stride: int) -> Iterator[Column]:
    """Give the columns of a hexagonal lattice that a type has a cell in."""
    for u in range(-extent, extent + 1):
        for v in range(max(-extent, -extent - u), min(extent, extent - u) + 1):
            if u % u_stride == 0 and v % v_stride == 0:
                yield u, v


def _filled(offsets: Offsets, synapses: float) -> Offsets:
    """Return offsets and those within their convex hull that were not reported (flyvis' rule)."""
    if synapses == 0 or len(offsets) < 3:
        return offsets
    from matplotlib.path import Path as Outline
    from scipy.spatial import ConvexHull

    known = np.array([offset for offset, _ in offsets])
    # stretched and joggled as there, so that points in a line have a hull too
    hull = ConvexHull((1 + 1e-6) * known, qhull_options="QJ")
    low, high = known.min(0), known.max(0)
    grid: npt.NDArray[np.int64] = np.stack(
        np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij"),
        axis=-1,
    ).reshape(-1, 2)
    inside = grid[Outline(known[hull.vertices]).contains_points(grid)]
    there = {offset for offset, _ in offsets}
    return [*offsets, *(((int(u), int(v)), synapses) for u, v in inside if (u, v) not in there)]


def _signs(edges: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """Return each type's sign, by most of its synapses, and the types that have both."""
    sums: dict[str, dict[int, float]] = {}
    for edge in edges:
        sums.setdefault(edge["tar"], {})
        of_type = sums.setdefault(edge["src"], {})
        synapses = sum(float(number) for _, number in edge["offsets"])
        of_type[edge["alpha"]] = of_type.get(edge["alpha"], 0.0) + synapses
    signs = {
        name: INHIBITORY if found.get(-1, 0.0) > found.get(1, 0.0) else EXCITATORY
        for name, found in sums.items()
    }
    return signs, sorted(name for name, found in sums.items() if len(found) > 1)
