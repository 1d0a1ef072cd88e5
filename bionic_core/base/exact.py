"""Arrays as they must be: a cast that loses nothing or none, and the first wrong row is named."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import RequestError, listing

Array = npt.NDArray[Any]

WHOLE: Mapping[int, int] = {2: 2**11, 4: 2**24}
"""Up to which number floats of so many bytes hold every whole one; else up to 2^53."""


class MismatchError(ValueError):
    """An array is not what it must be."""


@attrs.frozen
class Wanted:
    """What an array must be.

    Attributes:
        kind: its dtype, after a cast that loses nothing; text has any width, ``np.floating`` too.
        shape: the length of each side, or a name: sides of one name are equally long.
        low: the least value.
        below: a number, or a side's name, that values are below.
        nan: whether a number may be missing; infinite ones may not.
        unique: whether each value may be there once only.
        words: the texts that there may be; any if empty.
        filled: whether there must be a value.
    """

    kind: type[np.generic]
    shape: tuple[int | str, ...]
    low: float | None = None
    below: float | str | None = None
    nan: bool = False
    unique: bool = False
    words: tuple[str, ...] = ()
    filled: bool = False


def fitted(arrays: Mapping[str, Any], wanted: Mapping[str, Wanted], where: str) -> dict[str, Array]:
    """Return the arrays as they must be, in the order of ``wanted``.

    Args:
        arrays: by name; others than those that are wanted are passed over.
        wanted: what each must be; a side's name means the length that it has first.
        where: the file, for errors.

    Raises:
        RequestError: with all that is wrong.
    """
    sides: dict[str, int] = {}
    found: dict[str, Array] = {}
    problems: list[str] = []
    for name, want in wanted.items():
        try:
            if name not in arrays:
                raise MismatchError("is missing")
            array = np.asarray(arrays[name])
            _check_shape(array, want, sides)
            found[name] = exact(array, want.kind)
            _check_values(found[name], want, sides)
        except MismatchError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise RequestError(problems, where=where)
    return found


def exact(array: Any, kind: type[np.generic]) -> Array:
    """Return an array of another dtype if each value stays what it is.

    Args:
        array: numbers or text; Python's objects, if all are text or whole numbers.
        kind: for example ``np.int32`` or ``np.str_``.

    Raises:
        MismatchError: a value would change; it names the first.
    """
    array = np.asarray(array)
    if kind is not np.str_ and np.issubdtype(array.dtype, kind):
        native: Array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return native
    if array.dtype.kind == "O":
        array = _of_objects(array)
    if kind is np.floating:
        raise MismatchError(f"is {array.dtype} {array.shape}; floats are needed")
    return _text(array) if kind is np.str_ else _numbers(array, np.dtype(kind))


def _of_objects(array: Array) -> Array:
    items = array.ravel().tolist()
    wanted: Any = str if items and isinstance(items[0], str) else Integral
    for place, item in enumerate(items):
        if not isinstance(item, wanted) or isinstance(item, bool):
            raise MismatchError(f"has {item!r:.40} in {_row(place, array)}, neither text nor whole")
    try:
        return np.array(items, np.str_ if wanted is str else np.int64).reshape(array.shape)
    except OverflowError as error:
        raise MismatchError("has whole numbers of more than 64 bits") from error


def _text(array: Array) -> Array:
    if array.dtype.kind in "iu":
        return array.astype(np.str_)
    if array.dtype.kind == "S":
        for place, word in enumerate(array.ravel().tolist()):
            if not word.isascii():
                raise MismatchError(f"has {word!r:.60} in {_row(place, array)}, which is no text")
        return np.char.decode(array, "ascii")
    if array.dtype.kind != "U":
        raise MismatchError(f"is {array.dtype} {array.shape}; text is needed")
    if array.size and array.dtype.itemsize:
        native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        codes = native.reshape(-1, 1).view(np.uint32)
        wrong = (codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))
        wrong[:, :-1] |= (codes[:, :-1] == 0) & (codes[:, 1:] != 0)  # a NUL within
        if wrong.any():
            row = _row(int(np.flatnonzero(wrong.any(axis=1))[0]), array)
            raise MismatchError(f"has letters in {row} that are none")
        return native
    return array


def _numbers(array: Array, kind: np.dtype[Any]) -> Array:
    if array.dtype.kind not in "biuf":
        raise MismatchError(f"is {array.dtype} {array.shape}; {_said(kind)} are needed")
    with np.errstate(all="ignore"):
        cast = array.astype(kind)
        back = cast.astype(array.dtype)
    if array.dtype.kind == "f" and kind.kind in "iu":
        lost = (back != array) | (np.abs(array) > WHOLE.get(array.dtype.itemsize, 2**53))
    else:
        lost = (back != array) & ~(np.isnan(back) & np.isnan(array))
        lost |= (cast < 0) != (array < 0)
    if lost.any():
        place = int(np.flatnonzero(lost.ravel())[0])
        value, row = array.ravel()[place], _row(place, array)
        if array.dtype.kind == "f" and kind.kind in "iu" and not float(value).is_integer():
            raise MismatchError(f"holds no whole numbers: {row} has {value}")
        raise MismatchError(f"has {value} in {row}, which {kind} cannot hold")
    return cast


def _said(kind: np.dtype[Any]) -> str:
    return "whole numbers" if kind.kind in "iu" else "numbers"


def _check_shape(array: Array, want: Wanted, sides: dict[str, int]) -> None:
    for side, length in zip(want.shape, array.shape, strict=False):
        if isinstance(side, str):
            sides.setdefault(side, length)
    shape = tuple(sides.get(s, s) if isinstance(s, str) else s for s in want.shape)
    if array.shape != shape:
        raise MismatchError(f"has shape {array.shape}, expected ({', '.join(map(str, shape))})")
    if want.filled and not array.size:
        raise MismatchError("is empty")


def _check_values(array: Array, want: Wanted, sides: Mapping[str, int]) -> None:
    below = sides.get(want.below, 0) if isinstance(want.below, str) else want.below
    if array.dtype.kind == "f":
        bad = np.isinf(array) if want.nan else ~np.isfinite(array)
        _refuse(array, bad, "not finite")
    if want.low is not None:
        _refuse(array, array < want.low, f"below {want.low:g}")
    if below is not None:
        of = f", the number of {want.below}" if isinstance(want.below, str) else ""
        _refuse(array, array >= below, f"not below {below:,}{of}")
    if want.words:
        strange = set(np.unique(array).tolist()) - set(want.words)
        if strange:
            row = _row(int(np.flatnonzero(np.isin(array, list(strange)))[0]), array)
            raise MismatchError(
                f"has {listing(strange)} (first in {row}); allowed are {' and '.join(want.words)}"
            )
    if want.unique and array.size:
        values, first = np.unique(array, return_index=True)
        if len(values) < array.size:
            again = np.ones(array.size, bool)
            again[first] = False
            place = int(np.flatnonzero(again)[0])
            raise MismatchError(
                f"has {array.size - len(values):,} values twice, the first, {array[place]}, in "
                f"{_row(place, array)}"
            )


def _refuse(array: Array, bad: npt.NDArray[np.bool_], what: str) -> None:
    """Refuse values, with how many there are and where the first is."""
    if bad.any():
        place = int(np.flatnonzero(bad.ravel())[0])
        raise MismatchError(
            f"has {int(bad.sum()):,} values that are {what}, the first, {array.ravel()[place]}, in "
            f"{_row(place, array)}"
        )


def _row(place: int, array: Array) -> str:
    """Return where a value stands, counted from 0 as in the array."""
    if array.ndim < 2:
        return f"row {place:,}"
    row, *others = np.unravel_index(place, array.shape)
    return f"row {int(row):,}, column {', '.join(str(int(n)) for n in others)}"
