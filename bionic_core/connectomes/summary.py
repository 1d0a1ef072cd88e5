"""What a connectome holds; in time and memory linear in its connections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field

from bionic_core.base.records import OMITTED
from bionic_core.connectome import EXCITATORY, INHIBITORY, Connectome

NO_LAYER = "–"
"""What cells are under that belong to no layer."""

PIECE = 1 << 22
"""Connections looked at at a time."""

Degrees = npt.NDArray[np.int64]
"""Connections of each cell, (N,)."""

_PYRAMIDAL = re.compile(r"(1|23|4|5|6)P(-|$)")


@attrs.frozen
class Spread:
    """How a number of connections is spread over cells."""

    mean: float
    sd: float
    median: float
    least: int
    most: int


@attrs.frozen
class TypeSummary:
    """Cells of a type; ``layers`` counts them by layer."""

    broad_type: str
    layers: Mapping[str, int]
    cells: int
    out_degree: Spread
    in_degree: Spread


@attrs.frozen
class LayerSummary:
    """Cells of a layer."""

    cells: int
    excitatory: int
    inhibitory: int
    out_degree: Spread
    in_degree: Spread


@attrs.frozen
class Density:
    """Connections from one group of cells to another; autapses are no pairs and do not count.

    Attributes:
        pairs: of cells, ordered.
        density: share of pairs that are connected; None where there is no pair.
        synapses_per_connection: None where there is no connection.
    """

    pre: str
    post: str
    pairs: int
    connections: int
    density: float | None
    synapses: int
    synapses_per_connection: float | None


@attrs.frozen
class Multiplicity:
    """How many connections have a number of synapses."""

    synapses: int
    connections: int


@attrs.frozen
class ConnectomeSummary:
    """What a connectome holds. Degrees count connections, not synapses.

    Attributes:
        autapses: connections of a cell with itself.
        unconnected: cells without any connection.
        density: share of ordered pairs of different cells that are connected.
        reciprocity: share of connections between different cells whose reverse exists.
        broad_types: cells by broad type.
        unknown_signs: cells whose broad type is assumed, since nothing says their sign.
        transmitters: cells by transmitter, as far as it is known; empty where none is.
        layer_densities, type_densities: between each two layers, or cell types where asked for.
        synapses_per_connection: mean, by ``from->to`` of broad types.
        file: that it was written to.
    """

    label: str
    fingerprint: str
    cells: int
    connections: int
    synapses: int
    autapses: int
    unconnected: int
    density: float
    reciprocity: float
    out_degree: Spread
    in_degree: Spread
    broad_types: Mapping[str, int]
    types: Mapping[str, TypeSummary]
    layers: Mapping[str, LayerSummary]
    layer_densities: Sequence[Density]
    synapses_per_connection: Mapping[str, float | None]
    synapses_histogram: Sequence[Multiplicity]
    provenance: Mapping[str, Any]
    type_densities: Sequence[Density] | None = field(default=None, metadata={OMITTED: True})
    file: str | None = field(default=None, metadata={OMITTED: True})
    unknown_signs: int = 0
    transmitters: Mapping[str, int] = field(factory=dict, metadata={OMITTED: True})


def summarise(
    connectome: Connectome,
    *,
    layers: Mapping[str, Sequence[str]] | None = None,
    by_type: bool = False,
) -> ConnectomeSummary:
    """Return cells by type and layer, degrees, densities, synapses, reciprocity and provenance.

    Args:
        connectome: what to look at.
        layers: cell types of each layer; else the connectome's own layers, or else what the
            names of pyramidal types say (23P: 2/3).
        by_type: densities between cell types as well.
    """
    cells, pre, post = connectome.cells, connectome.pre, connectome.post
    out, into = _degrees(pre, cells), _degrees(post, cells)
    types = Grouping.of(connectome.cell_type.tolist())
    homes = _layers(connectome, layers)
    order = [*(layers or sorted({*homes} - {NO_LAYER})), NO_LAYER]
    layer = Grouping.of(homes, [name for name in order if name in {*homes}])
    broad = Grouping.of(connectome.broad_type.tolist(), (EXCITATORY, INHIBITORY))
    autapses = sum(int((pre[part] == post[part]).sum()) for part in _pieces(len(pre)))
    return ConnectomeSummary(
        label=connectome.label,
        fingerprint=connectome.fingerprint,
        cells=cells,
        connections=len(pre),
        synapses=int(connectome.count.sum(dtype=np.int64)),
        autapses=autapses,
        unconnected=int(((out == 0) & (into == 0)).sum()),
        density=(len(pre) - autapses) / max(1, cells * (cells - 1)),
        reciprocity=_reciprocity(connectome, autapses),
        out_degree=_spread(out),
        in_degree=_spread(into),
        broad_types=dict(zip(broad.names, broad.sizes.tolist(), strict=True)),
        types=_types(types, layer, broad, out, into),
        layers=_by_layer(layer, broad, out, into),
        layer_densities=layer.table(connectome),
        synapses_per_connection={
            f"{entry.pre}->{entry.post}": entry.synapses_per_connection
            for entry in broad.table(connectome)
        },
        synapses_histogram=_histogram(connectome.count),
        provenance=dict(connectome.provenance),
        type_densities=types.table(connectome) if by_type else None,
        unknown_signs=int((connectome.sign == "unknown").sum()),
        transmitters=_counted(connectome.transmitter),
    )


def _counted(words: npt.NDArray[np.str_]) -> dict[str, int]:
    """Return how many cells have each word, most first; none where all are empty."""
    found, number = np.unique(words[words != ""], return_counts=True)
    order = np.argsort(-number, kind="stable")
    return {str(found[k]): int(number[k]) for k in order}


@attrs.frozen(eq=False)
class Grouping:
    """Cells in groups.

    Attributes:
        names: the groups.
        place: int64 (N,), each cell's group.
        sizes: int64 (G,), cells of each group.
    """

    names: Sequence[str]
    place: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, words: Sequence[str], names: Sequence[str] = ()) -> Grouping:
        """Group cells by a word each; groups in the order given, or in which they occur."""
        order = {name: place for place, name in enumerate(names or dict.fromkeys(words))}
        place = np.array([order[word] for word in words], np.int64)
        return cls(tuple(order), place, np.bincount(place, minlength=len(order)))

    def members(self) -> list[npt.NDArray[np.int64]]:
        """Return the cells of each group, ascending."""
        order = np.argsort(self.place, kind="stable")
        return np.split(order, np.cumsum(self.sizes)[:-1]) if len(self.names) else []

    def table(self, connectome: Connectome) -> list[Density]:
        """Return what is between each two groups; of many, those without a connection not."""
        groups = len(self.names)
        edges = np.zeros(groups * groups, np.int64)
        synapses = np.zeros(groups * groups)
        for part in _pieces(len(connectome.pre)):
            from_, to = connectome.pre[part], connectome.post[part]
            code = self.place[from_] * groups + self.place[to]
            count = np.where(from_ == to, 0, connectome.count[part])
            edges += np.bincount(code[count > 0], minlength=len(edges))
            synapses += np.bincount(code, weights=count, minlength=len(edges))
        shown = np.flatnonzero(edges) if groups > 50 else np.arange(len(edges))
        found = []
        for place in shown.tolist():
            pre, post = divmod(place, groups)
            pairs = int(self.sizes[pre] * (self.sizes[post] - (pre == post)))
            number = int(edges[place])
            found.append(
                Density(
                    pre=self.names[pre],
                    post=self.names[post],
                    pairs=pairs,
                    connections=number,
                    density=number / pairs if pairs else None,
                    synapses=int(synapses[place]),
                    synapses_per_connection=float(synapses[place]) / number if number else None,
                )
            )
        return found


def _types(
    types: Grouping, layer: Grouping, broad: Grouping, out: Degrees, into: Degrees
) -> dict[str, TypeSummary]:
    return {
        name: TypeSummary(
            broad_type=_one([broad.names[k] for k in np.unique(broad.place[rows])]),
            layers={
                layer.names[k]: int(number)
                for k, number in enumerate(np.bincount(layer.place[rows]))
                if number
            },
            cells=len(rows),
            out_degree=_spread(out[rows]),
            in_degree=_spread(into[rows]),
        )
        for name, rows in zip(types.names, types.members(), strict=True)
    }


def _by_layer(
    layer: Grouping, broad: Grouping, out: Degrees, into: Degrees
) -> dict[str, LayerSummary]:
    return {
        name: LayerSummary(
            cells=len(rows),
            excitatory=int((broad.place[rows] == 0).sum()),
            inhibitory=int((broad.place[rows] == 1).sum()),
            out_degree=_spread(out[rows]),
            in_degree=_spread(into[rows]),
        )
        for name, rows in zip(layer.names, layer.members(), strict=True)
    }


def _layers(connectome: Connectome, layers: Mapping[str, Sequence[str]] | None) -> list[str]:
    """Return the layer of each cell."""
    if layers is not None:
        home = {cell_type: name for name, types in layers.items() for cell_type in types}
        return [home.get(cell_type, NO_LAYER) for cell_type in connectome.cell_type.tolist()]
    if np.any(connectome.layer != ""):
        return [word or NO_LAYER for word in connectome.layer.tolist()]
    types = connectome.cell_type.tolist()
    matches = {name: _PYRAMIDAL.match(name) for name in dict.fromkeys(types)}
    homes = {n: {"23": "2/3"}.get(m[1], m[1]) if m else NO_LAYER for n, m in matches.items()}
    return [homes[name] for name in types]


def _degrees(ends: npt.NDArray[np.int32], cells: int) -> npt.NDArray[np.int64]:
    degrees = np.zeros(cells, np.int64)
    for part in _pieces(len(ends)):
        degrees += np.bincount(ends[part], minlength=cells)
    return degrees


def _reciprocity(connectome: Connectome, autapses: int) -> float:
    """Return the share of connections between different cells whose reverse exists."""
    from scipy.sparse import csr_array

    different = len(connectome.pre) - autapses
    if different == 0:
        return 0.0
    ends = np.cumsum(_degrees(connectome.pre, connectome.cells))
    starts = np.append(0, ends).astype(np.int32 if len(connectome.pre) < 2**31 else np.int64)
    there = np.ones(len(connectome.pre), np.int8)
    shape = (connectome.cells, connectome.cells)
    forth = csr_array((there, connectome.post, starts), shape=shape)
    both = forth.multiply(forth.T.tocsr()).nnz
    return (int(both) - autapses) / different


def _histogram(count: npt.NDArray[np.int32]) -> list[Multiplicity]:
    """Return how many connections have each number of synapses that occurs."""
    values: dict[int, int] = {}
    for part in _pieces(len(count)):
        for value, number in zip(*np.unique(count[part], return_counts=True), strict=True):
            values[int(value)] = values.get(int(value), 0) + int(number)
    return [Multiplicity(value, values[value]) for value in sorted(values)]


def _pieces(length: int) -> Iterator[slice]:
    for start in range(0, length, PIECE):
        yield slice(start, start + PIECE)


def _spread(values: Degrees) -> Spread:
    if len(values) == 0:
        return Spread(0.0, 0.0, 0.0, 0, 0)
    return Spread(
        mean=float(values.mean()),
        sd=float(values.std()),
        median=float(np.median(values)),
        least=int(values.min()),
        most=int(values.max()),
    )


def _one(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else "mixed"
