"""Which cell a row or a column of a matrix is: by its label, or by the order of the cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectomes.importing.entries import Matrix
from bionic_core.connectomes.importing.rows import Rows
from bionic_core.errors import RequestError

_SIDES = ("rows", "columns")


@attrs.frozen(eq=False)
class Places:
    """The cells of a matrix's rows and columns, as rows of the table of cells.

    Attributes:
        rows, columns: int64, −1 where it is no cell's.
        notes: what the user should know.
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()


def places(matrix: Matrix, rows: Rows, *, by_order: bool, where: str) -> Places:
    """Return which cell each row and column is.

    Args:
        matrix: with labels or without.
        rows: of the table of cells.
        by_order: go by the order of the table of cells, whatever the labels say.
        where: the file, for messages.

    Raises:
        RequestError: the shape or the labels do not fit the cells.
    """
    found, notes = [], list(matrix.notes)
    for axis in (0, 1):
        labels = matrix.labels[axis]
        if labels and not by_order:
            place, said = _by_label(labels, axis, rows, where)
            notes += said
        else:
            place = _by_order(matrix.shape[axis], axis, rows, where)
        found.append(place)
    if by_order and any(matrix.labels):
        notes.append("rows and columns go by the order of the cells; their labels are not read")
    return Places(found[0], found[1], tuple(dict.fromkeys(notes)))


def _by_order(length: int, axis: int, rows: Rows, where: str) -> npt.NDArray[np.int64]:
    if length != len(rows.reason):
        raise RequestError(
            f"has {length:,} {_SIDES[axis]}, but the table of cells has "
            f"{len(rows.reason):,} rows; without labels they go by the order of that table",
            where=where,
        )
    return np.arange(length)


def _by_label(
    labels: Sequence[str], axis: int, rows: Rows, where: str
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the row of the table of cells for each label, and what to say about it."""
    known: dict[str, int] = {}
    for place, key in enumerate(map(str, rows.keys.tolist())):
        if rows.reason[place] == 0:
            known.setdefault(key, place)
    _check_twice(labels, axis, where)
    fits = len(labels) == len(rows.reason)
    found = _looked_up(labels, known)
    strangers = [label for label, place in zip(labels, found, strict=True) if place < 0 and label]
    if not strangers:
        return found, []
    again, said = _renamed(labels, known)
    if again is not None:
        return again, said
    if fits and _runs(labels):
        raise RequestError(
            f"the labels of its {_SIDES[axis]} are {labels[0]} … {labels[-1]}, as a program "
            f"numbers them, and not all are cells, which are {_span(known)}; so they may be "
            f"places, and not ids. {_order(rows)}",
            where=where,
        )
    if len(strangers) == len([label for label in labels if label]):
        raise RequestError(
            f"none of the labels of its {_SIDES[axis]} ('{strangers[0]}' …) is in the table of "
            f"cells, which has '{next(iter(known), '')}' …" + (f". {_order(rows)}" if fits else ""),
            where=where,
        )
    return found, []


def _order(rows: Rows) -> str:
    return (
        "If rows and columns are in the order of the table of cells, give --by-order "
        f"({len(rows.reason):,} of each)"
    )


def _looked_up(labels: Sequence[str], known: Mapping[str, int]) -> npt.NDArray[np.int64]:
    return np.array([known.get(_plain(label), -1) for label in labels], np.int64)


def _plain(label: str) -> str:
    """Return an id that was written as 12.0 as 12."""
    return re.sub(r"^(\d{1,15})\.0+$", r"\1", label)


def _renamed(
    labels: Sequence[str], known: Mapping[str, int]
) -> tuple[npt.NDArray[np.int64] | None, list[str]]:
    """Return the cells of labels as R writes names: X before a number, points for other marks."""
    made: dict[str, int] = {}
    for key, place in known.items():
        name = re.sub(r"[^A-Za-z0-9._]", ".", key)
        name = name if re.match(r"[A-Za-z]|\.(?!\d)", name) else f"X{name}"
        if name in made:
            return None, []
        made[name] = place
    found = _looked_up(labels, made)
    if not np.all(found >= 0):
        return None, []
    return found, [f"labels such as '{labels[0]}' are ids as R writes them"]


def _check_twice(labels: Sequence[str], axis: int, where: str) -> None:
    twice = [label for label, number in Counter(labels).items() if number > 1 and label]
    if twice:
        raise RequestError(
            f"two of its {_SIDES[axis]} are labelled '{twice[0]}'; give each cell one, or go by "
            "the order of the table of cells (--by-order)",
            where=where,
        )


def _runs(labels: Sequence[str]) -> bool:
    """Whether labels are 0, 1, 2 … or 1, 2, 3 …, with the same letters before each or none."""
    bare = [re.fullmatch(r"(.*?)(\d+)", _plain(label)) for label in labels]
    if not all(bare) or len({match[1] for match in bare if match}) > 1:
        return False
    numbers = [int(match[2]) for match in bare if match]
    return numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def _span(known: Mapping[str, int]) -> str:
    keys = list(known)
    return f"'{keys[0]}' … '{keys[-1]}'" if keys else "none"
