"""Choosing cells from a table of cells, and joining them with their synapses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from attrs import field
from attrs.validators import ge

from bionic_core import UNIT, Connectome
from bionic_core.connectome import EXCITATORY, INHIBITORY
from bionic_core.errors import RequestError, listing, nearest

COLUMN = "allen_v1_column_types_slanted_ref"
"""The table whose cells are the V1 column (Schneider-Mizell et al. 2025)."""

SPELLINGS = {"5P-PT": "5P-ET"}
"""What a table says, and what bionic says: pyramidal-tract cells are extratelencephalic."""

Ids = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Cells:
    """A table of cells; its arrays have one length N.

    Attributes:
        root_id: int64 (N,), identifiers of segments, 18 digits; 0 where there is no segment.
        broad_type, cell_type: str (N,).
        region: str (N,), empty where the table does not say.
        position: float64 (N, 3), soma x, y, z in nm.
    """

    root_id: Ids
    broad_type: npt.NDArray[np.str_]
    cell_type: npt.NDArray[np.str_]
    region: npt.NDArray[np.str_]
    position: npt.NDArray[np.float64]

    def of(self, rows: npt.NDArray[Any]) -> Cells:
        """Return some of the rows."""
        return Cells(**{name: value[rows] for name, value in self.arrays().items()})

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by name."""
        return {item.name: getattr(self, item.name) for item in attrs.fields(Cells)}


@attrs.frozen(eq=False)
class Synapses:
    """A table of synapses; its arrays have one length S.

    Attributes:
        id: int64 (S,), one for each synapse.
        pre, post: int64 (S,), root ids of the two cells.
        size: int64 (S,), voxels.
    """

    id: Ids
    pre: Ids
    post: Ids
    size: Ids

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by name."""
        return {item.name: getattr(self, item.name) for item in attrs.fields(Synapses)}

    @classmethod
    def joined(cls, tables: list[Synapses]) -> Synapses:
        """Return several tables as one."""
        empty = np.zeros(0, np.int64)
        return cls(
            *(
                np.concatenate([empty, *(getattr(table, item.name) for table in tables)])
                for item in attrs.fields(cls)
            )
        )


def _corners(_: object, attribute: object, value: tuple[float, ...]) -> None:
    """None, or six: each corner of the first below the second's."""
    if value and (len(value) != 6 or any(value[k] >= value[k + 3] for k in range(3))):
        raise ValueError("must be x0,y0,z0,x1,y1,z1 in µm, each corner of the first below")


def _centre(_: object, attribute: object, value: tuple[float, ...]) -> None:
    """None, or three."""
    if value and len(value) != 3:
        raise ValueError("must be x,y,z in µm")


@attrs.frozen(eq=False)
class Selection:
    """Which cells to take: all conditions hold at once, an empty one always holds.

    Attributes:
        cell_type_source: the table that the cell's type comes from; empty takes every table's.
        cell_types: names of cell types, bionic's or the table's own.
        region: names of visual areas, for example V1.
        box: x0,y0,z0,x1,y1,z1 in µm: opposite corners around the somata.
        centre, radius: a ball around the somata, x,y,z and its radius in µm.
    """

    cell_type_source: str = COLUMN
    cell_types: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    box: tuple[float, ...] = field(default=(), validator=_corners, metadata={UNIT: "µm"})
    centre: tuple[float, ...] = field(default=(), validator=_centre, metadata={UNIT: "µm"})
    radius: float = field(default=0.0, validator=ge(0), metadata={UNIT: "µm"})

    def __attrs_post_init__(self) -> None:
        if bool(self.centre) != (self.radius > 0):
            raise ValueError("centre and radius belong together: give both, or neither")

    @property
    def whole_column(self) -> bool:
        """Whether exactly the cells of the V1 column are asked for."""
        free = (self.cell_types, self.region, self.box, self.centre)
        return self.cell_type_source == COLUMN and not any(free)

    def settings(self, *, without: Collection[str]) -> dict[str, Any]:
        """Return the fields that say what is asked for, JSON-ready; those left empty are left out.

        Args:
            without: fields that only say how to ask.
        """
        values = {item.name: getattr(self, item.name) for item in attrs.fields(type(self))}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if name not in without and (value or name == "cell_type_source")
        }

    def choose(self, cells: Cells, *, where: str) -> tuple[Cells, dict[str, int]]:
        """Return the neurons to take, by root id, and how many cells were dropped, by reason.

        Raises:
            RequestError: a name is not in the table, or no cell is left.
        """
        cells = attrs.evolve(cells, cell_type=_spelled(cells.cell_type))
        if len(cells.root_id) == 0:
            raise RequestError(
                f"no cell has the cell_type_source '{self.cell_type_source}'. Give another "
                "--cell-type-source, or an empty one to take the cells of every source",
                where=where,
            )
        types = tuple(SPELLINGS.get(name, name) for name in self.cell_types)
        _known("--cell-types", types, cells.cell_type, where)
        _known("--region", self.region, cells.region, where)
        wanted = np.ones(len(cells.root_id), bool)
        if types:
            wanted &= np.isin(cells.cell_type, types)
        if self.region:
            wanted &= np.isin(cells.region, self.region)
        micrometres = cells.position / 1000
        if self.box:
            low, high = np.array(self.box[:3]), np.array(self.box[3:])
            wanted &= np.all((micrometres >= low) & (micrometres <= high), axis=1)
        if self.centre:
            distance = np.linalg.norm(micrometres - np.array(self.centre), axis=1)
            wanted &= distance <= self.radius
        cells = cells.of(wanted)
        cells, dropped = _usable(cells)
        if len(cells.root_id) == 0:
            raise RequestError(
                "no neuron is left by this selection; widen --cell-types, --region, --box or "
                f"--radius (dropped: {_counted(dropped)})",
                where=where,
            )
        return cells.of(np.argsort(cells.root_id)), dropped


def _spelled(types: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    return np.array([SPELLINGS.get(name, name) for name in types.tolist()], np.str_)


def _known(option: str, names: tuple[str, ...], column: npt.NDArray[np.str_], where: str) -> None:
    found = {name for name in np.unique(column).tolist() if name}
    unknown = [name for name in names if name not in found]
    if unknown:
        raise RequestError(
            [
                f"{option} {name}: there is none among the cells."
                f"{nearest(name, found)} Found are {listing(found)}"
                for name in unknown
            ],
            where=where,
        )


def _usable(cells: Cells) -> tuple[Cells, dict[str, int]]:
    """Drop what is no single neuron; a segment with two somata belongs to neither of them."""
    dropped = {}
    for reason, keep in (
        ("not neurons", lambda c: np.isin(c.broad_type, (EXCITATORY, INHIBITORY))),
        ("no segment (root id 0)", lambda c: c.root_id != 0),
        ("two somata in one segment", _single),
    ):
        rows = keep(cells)
        dropped[reason] = int((~rows).sum())
        cells = cells.of(rows)
    return cells, dropped


def _single(cells: Cells) -> npt.NDArray[np.bool_]:
    _, place, count = np.unique(cells.root_id, return_inverse=True, return_counts=True)
    single: npt.NDArray[np.bool_] = count[place] == 1
    return single


def _counted(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in dropped.items())


def join(
    cells: Cells, dropped: Mapping[str, int], synapses: Synapses, provenance: Mapping[str, Any]
) -> Connectome:
    """Return the connectome: synapses counted and their sizes summed, pre × post.

    Dropped and counted in the provenance: a synapse that occurs twice, one that begins or ends
    outside the cells (root id 0 included), and one of a cell with itself.
    """
    _, first = np.unique(synapses.id, return_index=True)
    pre, post = _places(synapses.pre[first], cells), _places(synapses.post[first], cells)
    size = synapses.size[first].astype(np.float64)
    inside = (pre >= 0) & (post >= 0)
    between = inside & (pre != post)
    lost = {
        "synapses twice": len(synapses.id) - len(first),
        "synapses of other cells": int((~inside).sum()),
        "synapses of a cell with itself": int((inside & (pre == post)).sum()),
    }
    number = len(cells.root_id)
    pairs, place, count = np.unique(
        pre[between] * number + post[between], return_inverse=True, return_counts=True
    )
    connectome = Connectome.of(
        cell_id=cells.root_id,
        broad_type=cells.broad_type,
        cell_type=cells.cell_type,
        position=cells.position,
        pre=pairs // number,
        post=pairs % number,
        count=count,
        size=np.bincount(place, weights=size[between], minlength=len(pairs)),
        provenance={},
    )
    return attrs.evolve(
        connectome,
        provenance={
            **provenance,
            "dropped": {**dropped, **lost},
            "sha256": connectome.fingerprint,
        },
    )


def _places(root_id: Ids, cells: Cells) -> Ids:
    """Return the index of each root id among the cells, sorted by root id; −1 for another's."""
    place = np.searchsorted(cells.root_id, root_id)
    place = np.minimum(place, len(cells.root_id) - 1)
    return np.where(cells.root_id[place] == root_id, place, -1)
