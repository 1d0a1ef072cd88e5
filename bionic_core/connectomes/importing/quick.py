"""The quick way to read a text table of whole ids: Arrow's parser and arrays in place of SQL.

It reads only what it reads exactly as :mod:`bionic_core.connectomes.importing.values` would. At the
first field that is anything else (an id with a fraction, a number that is none) it gives up, and
the table is read the careful way from its beginning. Start at `batches`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.connectomes.importing.kinds import BITS, Kinds, bits_of
from bionic_core.connectomes.importing.plan import Plan, Source
from bionic_core.connectomes.importing.rules import SYNAPSE_CODES, Rules
from bionic_core.connectomes.importing.summing import LARGEST

BLOCK = 1 << 24
"""Bytes of text that are parsed at a time: for each block the cells are hashed anew."""

_WORDS = (
    *("", "nan", "NaN", "NAN", "na", "NA", "n/a", "N/A", "null", "NULL", "none", "None"),
    *("<na>", "<NA>", "<null>", "<NULL>"),
)
"""Fields without a value; whatever else says so is left to the careful way."""


class UnusualError(Exception):
    """The table has what only the careful way reads."""


def serves(source: Source, plan: Plan) -> bool:
    """Whether a table is of the form that is read here; its fields may show that it is not."""
    unlike = source.table.decimal_comma or source.ids.named or plan.signed
    return source.table.plain and not unlike and "kind" not in plan.columns


def batches(
    source: Source, plan: Plan, rules: Rules, kinds: Kinds
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield what the query of a table yields: reason, pair, size, count or id, flags, negative.

    ``flags`` is one number for all rows of a batch.

    Raises:
        UnusualError: the table must be read the careful way.
    """
    import pyarrow

    cells = source.database.columns("SELECT id, place FROM cells", source.table.path)
    ids = pyarrow.array(cells["id"])
    # what is not found has the place after all others
    places = np.append(cells["place"], np.iinfo(np.int32).min)
    roles = {role: plan.columns[role] for role in plan.columns}
    for batch in _parsed(source, plan):
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        ends = [columns[roles[role]] for role in ("pre", "post")]
        yield _batch(
            [_id(end, zero=source.ids.zero) for end in ends],
            [places[_found(end, ids)] for end in ends],
            {
                role: columns[roles[role]]
                for role in ("count", "size", "synapse_id")
                if role in roles
            },
            _flags([columns[name] for name in plan.flagged], kinds),
            source,
            rules,
        )


def _parsed(source: Source, plan: Plan) -> Iterator[Any]:
    import pyarrow
    import pyarrow.csv

    table, form = source.table, source.table.form
    assert form is not None
    names = [str(k) for k in range(len(table.types))]
    called = dict(zip(table.types, names, strict=True))
    words = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    types = {called[name]: words for name in plan.flagged}
    for role, name in plan.columns.items():
        whole = role in ("pre", "post", "synapse_id")
        types[called[name]] = pyarrow.int64() if whole else pyarrow.float64()
    try:
        packed = table.path.name.lower().endswith(".gz")
        with gzip.open(table.path) if packed else table.path.open("rb") as opened:
            file = _Guarded(opened)
            reader = pyarrow.csv.open_csv(
                pyarrow.PythonFile(file, mode="r"),
                read_options=pyarrow.csv.ReadOptions(
                    column_names=names, skip_rows=form.first + table.headed, block_size=BLOCK
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=form.separator, newlines_in_values=file.quotes
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=list(_WORDS),
                ),
            )
            back = {short: name for name, short in called.items()}
            for batch in reader:
                yield batch.rename_columns([back[name] for name in batch.schema.names])
    except (pyarrow.ArrowException, OSError, EOFError, zlib.error) as error:
        raise UnusualError from error


class _Guarded(io.RawIOBase):
    """A text file, unpacked, in which what Arrow would take for something else is refused.

    Attributes:
        quotes: whether there are quotes at its beginning; where not, none may follow, since a line
            could end within them.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._held = file.read(1 << 16)
        self._last = b""
        self.quotes = b'"' in self._held

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return some of it, all if less than 0.

        Raises:
            OSError: it has what must be read the careful way, or is damaged.
        """
        held, self._held = self._held, b""
        piece = held or self._file.read(-1 if size is None else size)
        # Arrow reads 0x1A as a number.
        for mark in (b"x", b"X"):
            if mark in piece and b"0" + mark in self._last + piece:
                raise OSError("a number in hexadecimal")
        if not self.quotes and b'"' in piece:
            raise OSError("quotes")
        self._last = piece[-1:]
        return bytes(piece)


def _id(column: Any, *, zero: bool) -> npt.NDArray[np.bool_]:
    """Return which rows have no id: an empty one, or 0 where that is none."""
    none = np.zeros(len(column), bool)
    if column.null_count:
        none = ~_bools(column.is_valid())
    return none if zero else none | (_values(column) == 0)


def _found(column: Any, ids: Any) -> npt.NDArray[np.int64]:
    """Return each row's place in the table of cells, −1 where it is not there."""
    import pyarrow.compute

    return _array(pyarrow.compute.index_in(column, ids).fill_null(-1))


def _values(column: Any) -> npt.NDArray[Any]:
    """Return numbers; where there is none, 0 of ids and NaN of others."""
    import pyarrow

    if column.null_count:
        column = column.fill_null(float("nan") if pyarrow.types.is_floating(column.type) else 0)
    return _array(column)


def _array(column: Any) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.from_dlpack(column)
    return array


def _bools(column: Any) -> npt.NDArray[np.bool_]:
    import pyarrow

    return _array(column.cast(pyarrow.uint8())).astype(bool)


def _flags(columns: list[Any], kinds: Kinds) -> int:
    """Return what the words of columns may be, as :func:`~.kinds.flags` joined over the rows."""
    found = 0
    for place, column in enumerate(columns):
        for word in column.dictionary.to_pylist():
            found |= bits_of(word or "", kinds) << (BITS * place)
        if column.null_count:
            found |= bits_of("", kinds) << (BITS * place)
    return found


def _batch(
    missing: list[npt.NDArray[np.bool_]],
    places: list[npt.NDArray[np.int32]],
    numbers: Mapping[str, Any],
    flags: int,
    source: Source,
    rules: Rules,
) -> dict[str, npt.NDArray[Any]]:
    """Return a batch, each row with the one reason that its query would give."""
    none = np.iinfo(np.int32).min
    pre, post = places
    checks = {"missing-id": missing[0] | missing[1]}
    rest = {
        "unknown-cell": (pre == none) | (post == none),
        "dropped-cell": (pre < 0) | (post < 0),
        "autapse": pre == post,
    }
    size = np.ones(len(pre))
    negative = np.zeros(1, bool)
    last: dict[str, npt.NDArray[Any]] = {"count": np.ones(len(pre), np.int64)}
    if "synapse_id" in numbers:
        if numbers["synapse_id"].null_count:
            raise UnusualError
        last = {"id": _values(numbers["synapse_id"])}
    if "count" in numbers:
        n = _finite(numbers["count"])
        size, negative = np.abs(n), n < 0
        rest["bad-count"] = ~((n == np.floor(n)) & (size <= LARGEST))
        rest["zero-count"] = n == 0
        last = {"count": np.where(rest["bad-count"], 0, size).astype(np.int64)}
    if "size" in numbers:
        value = _finite(numbers["size"])
        rest["missing-size"] = np.isnan(value)
        weight = "count" not in numbers and "synapse_id" not in numbers
        if weight:
            negative = value < 0
        else:
            rest["negative-size"] = value < 0
        size = np.abs(value)
    reason = np.zeros(len(pre), np.uint8)
    for kept in (False, True):
        for name, found in {**checks, **rest}.items():
            if (rules.verdicts[name] == "keep") == kept:
                reason[(reason == 0) & found] = SYNAPSE_CODES[name]
    return {
        "reason": reason,
        "pair": pre.astype(np.int64) * source.cells + post,
        "size": np.nan_to_num(size),
        **last,
        "flags": np.array([flags], np.uint64),
        "negative": negative,
    }


def _finite(column: Any) -> npt.NDArray[np.float64]:
    """Return numbers, NaN in place of what is not finite."""
    value = _values(column)
    return np.where(np.isfinite(value), value, np.nan)
