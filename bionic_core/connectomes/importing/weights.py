"""The sign of a cell by the signs of its weights, in a table or in a matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bionic_core.connectomes.importing.plan import Plan, Source
from bionic_core.connectomes.importing.tables import explained
from bionic_core.connectomes.importing.values import id_column, number_column


def of_table(source: Source, plan: Plan, rows: int) -> npt.NDArray[np.int8] | None:
    """Return 1 or −1 for each row of the table of cells whose weights have one sign, else 0.

    None where no weight is negative. The database's table ``cells`` has the rows as places.
    """
    if not plan.weight:
        return None
    pre = id_column(source.table, plan.columns["pre"], source.ids)
    value = number_column(source.table, plan.columns[plan.weight])
    with explained(source.table.path):
        found = source.database.ask(
            "SELECT place, bool_or(n > 0), bool_or(n < 0) FROM "
            f"(SELECT {pre.value} AS pre, {value} AS n FROM {source.table.relation}) "
            "JOIN cells ON id = pre WHERE n IS NOT NULL GROUP BY place"
        )
    up, down = np.zeros(rows, bool), np.zeros(rows, bool)
    for place, positive, negative in found:
        up[place], down[place] = bool(positive), bool(negative)
    return signs(up, down)


def of_matrix(
    rows: npt.NDArray[np.int64], value: npt.NDArray[np.float64], number: int
) -> npt.NDArray[np.int8] | None:
    """Return the same by the entries of a matrix.

    Args:
        rows: each entry's pre cell, as a row of the table of cells; −1 for none.
        value: each entry's weight.
        number: rows of the table of cells.
    """
    if not np.any(value < 0):
        return None
    up, down = np.zeros(number, bool), np.zeros(number, bool)
    known = rows >= 0
    up[rows[known & (value > 0)]] = True
    down[rows[known & (value < 0)]] = True
    return signs(up, down)


def signs(up: npt.NDArray[np.bool_], down: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8] | None:
    """Return 1 where there are positive weights alone, −1 where negative alone, else 0."""
    return up.astype(np.int8) - down.astype(np.int8) if np.any(down) else None
