"""What a server of cells and synapses may send: whatever else it sends is refused in words.

Each check is made before an answer is kept, and again when a kept one is used.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.errors import BionicError, listing
from bionic_plugins.connectomes.microns.cells import Cells, Ids, Synapses

LONGEST = 200
"""Letters of a cell's type or area."""

AGAIN = "nothing is kept of it: give the same command again, and tell the server's owners if it "
AGAIN += "happens again"


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn what fails while an answer is read into the server's fault, in words."""
    try:
        yield
    except BionicError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise BionicError(
            f"the server sent {what} in a form that cannot be read ({type(error).__name__}: "
            f"{said}); {AGAIN}"
        ) from None


def check_metadata(metadata: Any, datastack: str, version: int) -> None:
    """Check what the server says of a materialization.

    Raises:
        BionicError: it is another's, or says no time.
    """
    asked = {"version": version, "datastack": datastack}
    if not isinstance(metadata, dict):
        raise BionicError(f"the server describes materialization {version} without a table")
    for key, value in asked.items():
        said = metadata.get(key, value)
        if type(said) is not type(value) or said != value:
            raise BionicError(
                f"the server was asked for the {key} {value} and describes {_short(said)}; its "
                f"answers may be another materialization's; {AGAIN}"
            )
    stamp = metadata.get("time_stamp")
    if not isinstance(stamp, datetime.datetime) or stamp != stamp:
        raise BionicError(
            f"the server gives no time for materialization {version} ({_short(stamp)}); {AGAIN}"
        )


def check_name(name: Any, what: str) -> None:
    """Check a name that the server gives and that becomes part of an address.

    Raises:
        BionicError: it is no name.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_\-]{1,200}", name):
        raise BionicError(f"the server names {what} {_short(name)}, which is no name; {AGAIN}")


def check_columns(frame: Any, what: str) -> None:
    """Check that each column is there once.

    Raises:
        BionicError: two have one name.
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise BionicError(
            f"{what} came with several columns named {listing(map(str, set(twice)))}; {AGAIN}"
        )


def check_source(frame: Any, source: str) -> None:
    """Check that the cells are of the source that was asked for, where the table says it.

    Raises:
        BionicError: some are not.
    """
    if source and "cell_type_source" in frame.columns:
        others = int((frame["cell_type_source"].astype(object) != source).sum())
        if others:
            raise BionicError(
                f"{others:,} of {len(frame):,} cells came with another cell_type_source than "
                f"'{source}', which was asked for; {AGAIN}"
            )


def check_cells(cells: Cells, *, one_source: bool) -> None:
    """Check a table of cells.

    Args:
        cells: the table.
        one_source: whether it is one table's, in which no cell comes twice.

    Raises:
        BionicError: what is wrong, with the first row of it.
    """
    _check_arrays(cells.arrays(), {"root_id": "i", "position": "f"}, "UUU")
    if cells.position.shape != (len(cells.root_id), 3):
        raise _wrong("the table of cells has columns of different lengths")
    _none("the root id of a cell is negative", cells.root_id < 0)
    _none("the position of a cell is infinite", np.isinf(cells.position).any(axis=1))
    if len(cells.root_id) and not cells.root_id.any():
        raise _wrong(f"none of {len(cells.root_id):,} cells has a root id")
    if one_source:
        real = np.flatnonzero(cells.root_id)
        rows = np.column_stack(
            [cells.root_id[real], cells.position[real].copy().view(np.int64).reshape(-1, 3)]
        )
        repeated = np.ones(len(real), bool)
        repeated[np.unique(rows, axis=0, return_index=True)[1]] = False
        _none("a cell comes twice", repeated)


def check_synapses(synapses: Synapses, pre: Ids | None = None, post: Ids | None = None) -> None:
    """Check a table of synapses.

    Args:
        synapses: the table.
        pre, post: the cells that were asked for, root ids; None where any may come.

    Raises:
        BionicError: what is wrong, with the first row of it.
    """
    arrays = synapses.arrays()
    _check_arrays(arrays, dict.fromkeys(arrays, "i"))
    for name in ("id", "pre", "post"):
        _none(f"the {name} of a synapse is not positive", arrays[name] <= 0)
    _none("the size of a synapse is negative", synapses.size < 0)
    repeated = np.ones(len(synapses.id), bool)
    repeated[np.unique(synapses.id, return_index=True)[1]] = False
    if repeated.any():
        number = int(repeated.sum())
        raise _wrong(
            f"{number:,} of {len(repeated):,} synapses have another one's id, the first in row "
            f"{int(repeated.argmax()) + 1} (id {synapses.id[repeated.argmax()]}); which of them "
            "are real is unknown"
        )
    if pre is not None and post is not None:
        inside = np.isin(synapses.pre, pre) & np.isin(synapses.post, post)
        if not inside.all():
            raise _wrong("the server sends synapses of cells that were not asked for")


def number(frame: Any) -> int:
    """Return the count in an answer to ``get_counts``: a table of one row and one column.

    Raises:
        BionicError: it is none.
    """
    with understood("a count"):
        if frame.shape != (1, 1):
            raise BionicError(
                f"the server answered a question for a count with a table of {frame.shape[0]} "
                f"rows and {frame.shape[1]} columns; without counts an answer cannot be verified"
            )
        value = frame.iloc[0, 0]
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise BionicError(
                f"the server answered a question for a count with {_short(value)}; without "
                "counts an answer cannot be verified"
            )
        return int(value)


def integers(frame: Any, name: str, missing: int | None = None) -> Ids:
    """Return a column of whole numbers, which must not have passed through floats.

    Args:
        frame: the table.
        name: the column's.
        missing: stands for a missing value; None if there must be none.

    Raises:
        BionicError: it is no such column, or a number is beyond int64.
    """
    from pandas.api.types import is_integer_dtype

    column = frame[name]
    if missing is not None and is_integer_dtype(column.dtype):
        column = column.fillna(missing)
    if len(column) and (not is_integer_dtype(column.dtype) or column.isna().any()):
        raise BionicError(
            f"{name} came as {column.dtype}, or with values missing; a float cannot hold the 18 "
            "digits of a root id, so that nothing is taken from it. A narrower "
            "--cell-type-source may leave the incomplete rows out"
        )
    if len(column) and int(column.max()) > np.iinfo(np.int64).max:
        row = int(np.argmax(column.to_numpy() > np.iinfo(np.int64).max)) + 1
        raise _wrong(f"{name} in row {row} is {int(column.iloc[row - 1])}, beyond 2^63 − 1")
    return np.array(column.to_numpy(np.int64))


def numbers(frame: Any, name: str) -> npt.NDArray[np.float64]:
    """Return a column of numbers, NaN where one is missing.

    Raises:
        BionicError: it holds something else.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    column = frame[name]
    plain = is_numeric_dtype(column.dtype) and not is_bool_dtype(column.dtype)
    if len(column) and not plain and not column.isna().all():
        raise _wrong(f"{name} came as {column.dtype} where numbers were expected")
    return np.array(column.to_numpy(np.float64, na_value=np.nan))


def texts(frame: Any, name: str) -> npt.NDArray[np.str_]:
    """Return a column of text, empty where there is none.

    Raises:
        BionicError: it holds something else, or what no name has.
    """
    if name not in frame.columns:
        return np.full(len(frame), "", np.str_)
    column = frame[name]
    values = column.astype(object).where(column.notna(), "").tolist()
    for row, value in enumerate(values, 1):
        if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
            raise _wrong(f"{name} in row {row} is {_short(value)} where a name was expected")
    return np.array(values, np.str_)


def _check_arrays(arrays: dict[str, Any], kinds: dict[str, str], rest: str = "") -> None:
    lengths = {len(array) if array.ndim else -1 for array in arrays.values()}
    if len(lengths) > 1 or -1 in lengths:
        raise _wrong("a table came with columns of different lengths")
    for name, array in arrays.items():
        if array.dtype.kind not in kinds.get(name, rest) or array.ndim > 1 + (name == "position"):
            raise _wrong(f"{name} came as {array.dtype} of shape {array.shape}")


def _none(what: str, rows: npt.NDArray[np.bool_]) -> None:
    if rows.any():
        raise _wrong(f"{what}: {int(rows.sum()):,} rows, the first is {int(rows.argmax()) + 1}")


def _wrong(what: str) -> BionicError:
    return BionicError(f"the server's answer is wrong: {what}; {AGAIN}")


def _short(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
