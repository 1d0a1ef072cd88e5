"""A connectome: cells, and the synapses between them, pre × post. Immutable, one file on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.lazy import lent
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXCITATORY, INHIBITORY = "excitatory", "inhibitory"

_ARRAYS: dict[str, type[np.generic]] = {
    "cell_id": np.int64,
    "broad_type": np.str_,
    "cell_type": np.str_,
    "position": np.float64,
    "pre": np.int32,
    "post": np.int32,
    "count": np.int32,
    "size": np.float64,
}

_OPTIONAL = ("layer", "name", "transmitter", "sign")
"""Texts of the cells that a connectome need not have; empty ones are left out of file and hash."""


@attrs.frozen(eq=False)
class Block:
    """The connections from some pre cells to some post cells, indexed within the two groups.

    Attributes:
        pre, post: int64 (E,), positions in the two groups; sorted by pre, then post.
        count: int64 (E,), synapses of each connection, at least 1.
        size: float64 (E,), summed synapse sizes of each connection (voxels in MICrONS).
        shape: (number of pre cells, number of post cells).
    """

    pre: npt.NDArray[np.int64]
    post: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    size: npt.NDArray[np.float64]
    shape: tuple[int, int]


@attrs.frozen(eq=False)
class Connectome:
    """Cells and sparse synapses, pre × post; nothing in it can be changed.

    Attributes:
        cell_id: int64 (N,), identifiers (18-digit root ids in CAVE: never floats), unique.
        broad_type: str (N,), ``excitatory`` or ``inhibitory``.
        cell_type: str (N,), for example ``23P`` or ``BC``.
        position: float64 (N, 3), soma x, y, z in nm; NaN where it is not known.
        pre, post: int32 (E,), cell indices of each connection; sorted by (pre, post), unique.
        count: int32 (E,), synapses of each connection, at least 1.
        size: float64 (E,), summed synapse sizes of each connection (voxels in MICrONS).
        provenance: where it comes from; ``label`` is shown wherever the connectome is.
        layer: str (N,), the anatomical layer that the source names; empty where it names none.
        name: str (N,), names of cells that have any, such as ``AVAL``; empty elsewhere.
        transmitter: str (N,), as the source names it; empty where it names none.
        sign: str (N,), ``unknown`` where the broad type is assumed, empty where it is known.
    """

    cell_id: npt.NDArray[np.int64]
    broad_type: npt.NDArray[np.str_]
    cell_type: npt.NDArray[np.str_]
    position: npt.NDArray[np.float64]
    pre: npt.NDArray[np.int32]
    post: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    size: npt.NDArray[np.float64]
    provenance: Mapping[str, Any]
    layer: npt.NDArray[np.str_]
    name: npt.NDArray[np.str_]
    transmitter: npt.NDArray[np.str_]
    sign: npt.NDArray[np.str_]

    @classmethod
    def of(
        cls,
        *,
        cell_id: npt.NDArray[Any],
        broad_type: npt.NDArray[Any] | Sequence[str],
        cell_type: npt.NDArray[Any] | Sequence[str],
        position: npt.NDArray[Any],
        pre: npt.NDArray[Any],
        post: npt.NDArray[Any],
        count: npt.NDArray[Any],
        size: npt.NDArray[Any] | None = None,
        provenance: Mapping[str, Any],
        layer: npt.NDArray[Any] | Sequence[str] | None = None,
        name: npt.NDArray[Any] | Sequence[str] | None = None,
        transmitter: npt.NDArray[Any] | Sequence[str] | None = None,
        sign: npt.NDArray[Any] | Sequence[str] | None = None,
    ) -> Connectome:
        """Check, sort and freeze; ``size`` defaults to the counts, texts of the last four to none.

        Raises:
            RequestError: a value would not stay what it is in the array's dtype, lengths disagree,
                an index is out of range, an id or a connection occurs twice, a count is below 1, a
                size is negative or not finite, a position infinite, a broad type unknown.
        """
        # Arrays are checked by who makes a connectome: a model without one needs no checks.
        from bionic_core.checks import connectome_arrays

        none = np.full(np.shape(cell_id), "")  # an empty text, so that hashes stay as they were
        texts = {"layer": layer, "name": name, "transmitter": transmitter, "sign": sign}
        given: dict[str, Any] = {k: none if text is None else text for k, text in texts.items()}
        given |= {"cell_id": cell_id, "broad_type": broad_type, "cell_type": cell_type}
        given |= {"position": position, "pre": pre, "post": post, "count": count}
        given |= {"size": count if size is None else size}
        arrays = connectome_arrays(given, (EXCITATORY, INHIBITORY))
        return cls(**arrays, provenance=dict(provenance))

    @classmethod
    def from_edges(cls, edges: Any, cells: Any, *, label: str = "connectome") -> Connectome:
        """Return the connectome of two data frames.

        Args:
            edges: a row for each connection: ``pre`` and ``post`` (ids of cells), ``count`` (of
                synapses; 1 without the column), and ``size`` if there is one (the counts if not).
            cells: a row for each cell: ``cell_id`` (whole numbers, or names), ``cell_type``,
                ``broad_type`` (excitatory, inhibitory); if there, ``x``, ``y``, ``z`` (nm),
                ``layer``, ``name`` and ``transmitter``.
            label: its name in outputs.

        Raises:
            RequestError: a column is missing, an id is unknown, a row is there twice or has a hole.
        """
        found: Connectome = lent("actions.wiring", "from_edges")(edges, cells, label)
        return found

    @classmethod
    def from_matrix(cls, matrix: Any, cells: Any, *, label: str = "connectome") -> Connectome:
        """Return the connectome of counts, pre × post: an array, scipy's, or a labelled frame.

        Rows and columns are in the order of ``cells``, which is as for :meth:`from_edges`.

        Raises:
            RequestError: it is not square, or an entry is no count of synapses.
        """
        found: Connectome = lent("actions.wiring", "from_matrix")(matrix, cells, label)
        return found

    def to_networkx(self) -> Any:
        """Return a ``networkx.DiGraph``: ids as nodes, ``count`` and ``size`` on the edges."""
        return lent("connectomes.exporting", "graph_of")(self)

    def plot(self, ax: Axes | None = None, kind: str = "adjacency") -> Axes:
        """Draw the adjacency on axes, or ``column``, ``degrees`` or ``layers`` on their own."""
        axes: Axes = lent("actions.wiring", "plot")(self, ax, kind)
        return axes

    @property
    def label(self) -> str:
        """A short name for outputs, for example ``surrogate of the MICrONS V1 column``."""
        return str(self.provenance.get("label", "connectome"))

    @property
    def cells(self) -> int:
        """The number of cells."""
        return len(self.cell_id)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the cells and the synapses (not the provenance), as hexadecimal."""
        from bionic_core import connectome_file

        return connectome_file.fingerprint({k: getattr(self, k) for k in self._kinds()})

    def _kinds(self) -> dict[str, type[np.generic]]:
        """Return the arrays that there are, with their kinds."""
        there = [key for key in _OPTIONAL if np.any(getattr(self, key) != "")]
        return _ARRAYS | dict.fromkeys(there, np.str_)

    def of_type(self, cell_type: str) -> npt.NDArray[np.int64]:
        """Return the indices of the cells of one type, ascending; empty if there are none."""
        return np.flatnonzero(self.cell_type == cell_type)

    def of_broad_type(self, broad_type: str) -> npt.NDArray[np.int64]:
        """Return the indices of the excitatory or of the inhibitory cells, ascending."""
        return np.flatnonzero(self.broad_type == broad_type)

    def block(self, pre: npt.NDArray[np.int64], post: npt.NDArray[np.int64]) -> Block:
        """Return the connections from the cells ``pre`` to the cells ``post`` (indices)."""
        pre_place = np.full(self.cells, -1, np.int64)
        pre_place[pre] = np.arange(len(pre))
        post_place = np.full(self.cells, -1, np.int64)
        post_place[post] = np.arange(len(post))
        inside = np.flatnonzero((pre_place[self.pre] >= 0) & (post_place[self.post] >= 0))
        rows, columns = pre_place[self.pre[inside]], post_place[self.post[inside]]
        order = np.lexsort((columns, rows))
        inside = inside[order]
        return Block(
            pre=rows[order],
            post=columns[order],
            count=self.count[inside].astype(np.int64),
            size=self.size[inside],
            shape=(len(pre), len(post)),
        )

    def save(self, path: Path | str) -> None:
        """Write an ``.npz`` that needs no pickle to be read; complete or not at all."""
        from bionic_core import connectome_file

        arrays = {key: getattr(self, key) for key in self._kinds()}
        connectome_file.write(Path(path), arrays, self.provenance)

    @classmethod
    def load(cls, path: Path | str) -> Connectome:
        """Read what :meth:`save` wrote; nothing in the file is executed.

        Raises:
            RequestError: the file is missing, damaged or not a connectome.
        """
        from bionic_core import connectome_file

        arrays, provenance = connectome_file.read(Path(path), needed=_ARRAYS, optional=_OPTIONAL)
        try:
            return cls.of(**arrays, provenance=provenance)
        except RequestError as error:
            problems = [f"damaged: {problem}" for problem in error.problems]
            raise RequestError(problems, where=str(path)) from error
