"""The entries of a matrix, however its file holds them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt


@attrs.frozen(eq=False)
class Matrix:
    """A matrix's entries.

    Attributes:
        row, column: int64 or int32 (E,), places of the entries that are not 0.
        value: float64 (E,).
        shape: rows and columns.
        labels: names of the rows and of the columns; empty where they go by the table of cells.
        notes: what was found out about the file that the user should know.
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    shape: tuple[int, int]
    labels: tuple[Sequence[str], Sequence[str]] = ((), ())
    notes: tuple[str, ...] = ()
