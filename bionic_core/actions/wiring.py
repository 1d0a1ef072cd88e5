"""Connectomes of what Python holds (data frames, matrices), and their figures on axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.actions.arguments import wrong
from bionic_core.connectome import EXCITATORY, INHIBITORY, Connectome
from bionic_core.errors import RequestError, listing, nearest

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NEEDED = ("cell_id", "cell_type", "broad_type")
TEXTS = ("layer", "name", "transmitter")
SHOWN = 5
"""Rows that an error names."""


@attrs.frozen(eq=False)
class _Cells:
    """The cells of a frame: arrays as a connectome takes them, and what its rows call them."""

    arrays: dict[str, Any]
    index: pd.Index


def from_edges(edges: Any, cells: Any, label: str) -> Connectome:
    """Return what :meth:`bionic_core.Connectome.from_edges` does."""
    table = _columns("edges", edges, ("pre", "post"))
    known = _cells(cells)
    ends = {name: _ends(table, name, known.index) for name in ("pre", "post")}
    twice = table.duplicated(["pre", "post"], keep=False)
    if twice.any():
        first = table[twice].iloc[0]
        raise RequestError(
            f"edges: {int(twice.sum())} rows are of connections that occur more than once, the "
            f"first from {first['pre']} to {first['post']}. Sum them first: "
            "edges.groupby(['pre', 'post'], as_index=False).sum()"
        )
    counts = _numbers("edges", table, "count") if "count" in table else np.ones(len(table), int)
    size = _numbers("edges", table, "size") if "size" in table else None
    return _made(known, ends["pre"], ends["post"], counts, size, label, "from_edges")


def from_matrix(matrix: Any, cells: Any, label: str) -> Connectome:
    """Return what :meth:`bionic_core.Connectome.from_matrix` does."""
    from scipy import sparse

    known = _cells(cells)
    number = len(known.index)
    if hasattr(matrix, "columns") and hasattr(matrix, "index"):
        for axis, labels in (("rows", matrix.index), ("columns", matrix.columns)):
            if list(labels) != list(known.index):
                raise RequestError(
                    f"matrix: its {axis} are not the cells in their order; they begin with "
                    f"{list(labels)[:3]}, cells with {list(known.index)[:3]}. Give "
                    "matrix.loc[ids, ids], ids being the cells' cell_id"
                )
        matrix = matrix.to_numpy()
    if not sparse.issparse(matrix):
        matrix = np.asarray(matrix)
    shape = matrix.shape
    if matrix.dtype.kind not in "iufb":
        raise wrong("matrix", matrix.dtype, "of numbers")
    if shape != (number, number):
        raise RequestError(
            f"matrix: its shape is {shape}; for {number} cells it must be {(number, number)}, "
            "pre × post"
        )
    found = sparse.coo_array(matrix)
    values = found.data
    bad = ~np.isfinite(values) | (values < 0) | (values != np.floor(values))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise RequestError(
            f"matrix: {int(bad.sum())} entries are no counts of synapses, the first "
            f"{values[at]} in row {found.row[at]}, column {found.col[at]}. Weights that are no "
            "counts: from_edges, with a column size"
        )
    there = values > 0
    counts = values[there].astype(np.int64)
    return _made(known, found.row[there], found.col[there], counts, None, label, "from_matrix")


def _made(
    cells: _Cells,
    pre: npt.NDArray[Any],
    post: npt.NDArray[Any],
    count: npt.NDArray[Any],
    size: npt.NDArray[Any] | None,
    label: str,
    source: str,
) -> Connectome:
    if not isinstance(label, str):
        raise wrong("label", label, "a text")
    provenance = {"label": label, "source": f"Connectome.{source}"}
    return Connectome.of(
        **cells.arrays, pre=pre, post=post, count=count, size=size, provenance=provenance
    )


def _columns(argument: str, frame: Any, needed: Sequence[str]) -> pd.DataFrame:
    """Return a frame that has all these columns, and no hole in any.

    Raises:
        RequestError: it is none, lacks one, or has a hole.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        try:
            frame = pd.DataFrame(frame)
        except (ValueError, TypeError) as error:
            raise wrong(argument, frame, "a data frame") from error
    names = [str(name) for name in frame.columns]
    problems = [
        f"{argument}: there is no column '{name}'.{nearest(name, names)} It has {listing(names)}"
        for name in needed
        if name not in names
    ]
    problems += [
        f"{argument}: column '{name}' has nothing in row {frame.index[frame[name].isna()][0]}"
        for name in needed
        if name in names and frame[name].isna().any()
    ]
    if problems:
        raise RequestError(problems)
    return frame.reset_index(drop=True)


def _cells(frame: Any) -> _Cells:
    import pandas as pd

    table = _columns("cells", frame, NEEDED)
    ids = table["cell_id"]
    twice = ids[ids.duplicated()]
    if len(twice):
        raise RequestError(f"cells: cell_id {twice.iloc[0]} occurs more than once")
    types = set(table["broad_type"]) - {EXCITATORY, INHIBITORY}
    if types:
        raise RequestError(
            f"cells: broad_type must be '{EXCITATORY}' or '{INHIBITORY}'; there is also "
            f"{listing(map(repr, types))}"
        )
    arrays: dict[str, Any] = {}
    if pd.api.types.is_integer_dtype(ids):
        arrays["cell_id"] = ids.to_numpy(np.int64)
    elif pd.api.types.is_float_dtype(ids):
        raise RequestError(
            "cells: cell_id are decimal numbers, which cannot hold long ids; read them as whole "
            "numbers, dtype={'cell_id': 'int64'}"
        )
    else:  # names; numbers stand for them
        arrays["cell_id"] = np.arange(len(ids))
        arrays["name"] = ids.astype(str).to_numpy(str)
    arrays |= {name: table[name].astype(str).to_numpy(str) for name in NEEDED[1:]}
    for name in TEXTS:
        if name in table:
            arrays[name] = table[name].fillna("").astype(str).to_numpy(str)
    place = [axis for axis in "xyz" if axis in table]
    if 0 < len(place) < 3:
        raise RequestError(f"cells: there is {listing(place)}; positions need x, y and z, in nm")
    arrays["position"] = (
        np.stack([_numbers("cells", table, axis, holes=True) for axis in "xyz"], axis=1)
        if place
        else np.full((len(table), 3), np.nan)
    )
    return _Cells(arrays, pd.Index(ids))


def _ends(table: pd.DataFrame, name: str, known: pd.Index) -> npt.NDArray[Any]:
    """Return the places of the cells that a column names."""
    found = known.get_indexer(table[name])
    unknown = table[name][found < 0].drop_duplicates()
    if len(unknown):
        shown = ", ".join(map(str, unknown[:SHOWN]))
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise RequestError(
            f"edges: column '{name}' names {len(unknown)} cells that are not in cells: {shown}"
            f"{more}. Add them, or leave their rows out: "
            f"edges[edges['{name}'].isin(cells['cell_id'])]"
        )
    return np.asarray(found)


def _numbers(
    argument: str, table: pd.DataFrame, name: str, *, holes: bool = False
) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = table[name].to_numpy()
    if values.dtype.kind not in "iuf":
        raise RequestError(f"{argument}: column '{name}' holds {values.dtype}, no numbers")
    if not holes and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise RequestError(f"{argument}: column '{name}' has no number in row {row}")
    return values


def plot(connectome: Connectome, ax: Axes | None, kind: str) -> Axes:
    """Return what :meth:`bionic_core.Connectome.plot` does.

    Raises:
        RequestError: there is no such kind, or it does not fit on given axes.
    """
    from bionic_core.reports.drawing import connectome as pictures

    if kind not in pictures.KINDS:
        near = nearest(str(kind), pictures.KINDS)
        raise RequestError(f"kind: '{kind}' must be {', '.join(pictures.KINDS)}.{near}")
    view = pictures.View.of(connectome, {}, tilt=0.0, pia=0.0)
    if ax is not None:
        if kind != "adjacency":
            raise RequestError(f"ax: '{kind}' has several panels; leave ax out, or draw adjacency")
        pictures.draw_adjacency(ax, view)
        return ax
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    pictures.DRAWINGS[kind](figure, view)
    return figure.axes[0]
