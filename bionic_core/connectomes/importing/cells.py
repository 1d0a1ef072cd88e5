"""The cells that are taken of a table: each with one sign and one place. Start at `settle`."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectome import EXCITATORY
from bionic_core.connectomes.importing.rows import CODES, Rows
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.connectomes.importing.signs import GLIA, Signs, by_weights, is_unknown, sign_words
from bionic_core.errors import RequestError

UNKNOWN = "unknown"
"""The type of a cell without one, and the sign of one whose sign is assumed."""

_FIELDS = ("id", "name", "cell_type", "broad_type", "layer", "transmitter", "sign", "position")


@attrs.frozen(eq=False)
class Cells:
    """The cells that are taken, in the order of their table.

    Attributes:
        id: int64 (N,), or 1 … N where cells go by names.
        name: str (N,), empty where a cell has none.
        cell_type, broad_type, layer: str (N,); the layer is empty where none is given.
        transmitter: str (N,), as the file has it.
        sign: str (N,), ``unknown`` where the broad type is assumed, else empty.
        position: float64 (N, 3), nm; NaN where none is given.
        places: int64 (R,), each row's index among the cells, −1 where it is not taken.
        counts: rows by reason.
        notes: what the user should know.
    """

    id: npt.NDArray[np.int64]
    name: npt.NDArray[np.str_]
    cell_type: npt.NDArray[np.str_]
    broad_type: npt.NDArray[np.str_]
    layer: npt.NDArray[np.str_]
    transmitter: npt.NDArray[np.str_]
    sign: npt.NDArray[np.str_]
    position: npt.NDArray[np.float64]
    places: npt.NDArray[np.int64]
    counts: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def signs_of(self, rows: int) -> npt.NDArray[np.int8]:
        """Return 1, −1, or 0 where its cell is not taken, for each row of the table."""
        sign = np.where(self.broad_type == EXCITATORY, 1, -1).astype(np.int8)
        taken = self.places >= 0
        found = np.zeros(rows, np.int8)
        found[taken] = sign[self.places[taken]]
        return found


def settle(
    rows: Rows,
    signs: Signs,
    rules: Rules,
    voxel: Any,
    weights: npt.NDArray[np.int8] | None,
    where: str,
) -> Cells:
    """Return the cells, each with a sign, and check them by the rules.

    Args:
        rows: of the table.
        signs: what the user says of signs.
        rules: what is done with rows that are not as they should be.
        voxel: nm of a unit of x, y, z.
        weights: 1 or −1 where all weights of a row's cell have that sign, else 0; None where
            weights have no signs.
        where: the file, for messages.

    Raises:
        RequestError: the rules refuse rows, or no cell is left.
    """
    sign = signs.of(rows.broad, rows.transmitter, rows.cell_type, where=where)
    notes = [*rows.notes]
    if weights is not None:
        sign, number = by_weights(sign, weights)
        notes += [f"signs of {number:,} cells are those of their weights"] if number else []
    if rules.verdicts["cell-invalid"] == "keep":
        held = np.where(rows.reason == CODES["cell-invalid"], 0, rows.reason)
        rows = attrs.evolve(rows, reason=held)
    good = rows.reason == 0
    silent = "broad_type" not in rows.columns and "transmitter" not in rows.columns
    silent &= not (signs.excitatory or signs.inhibitory or signs.unknown)
    if silent and (weights is None or not np.any((sign != "") & good)):
        types = sign_words(rows.cell_type[good].tolist())
        raise RequestError(
            "no column is recognised as broad_type or transmitter, so nothing says which "
            "cells are excitatory and which inhibitory. Name it (--column broad_type=NAME), "
            "or say it of the cell types, by --excitatory and --inhibitory NAME,… (where one alone "
            f"is given, all others are not in it). Here are {types}",
            where=where,
        )
    unknown = np.where((sign == "") & good, UNKNOWN, "")
    if signs.unknown:
        number = int((unknown != "").sum())
        said = f"{number:,} cells whose sign is not known count as {signs.unknown}"
        notes += [said] if number else []
        sign = np.where(unknown != "", signs.unknown, sign)
    reason = _reasons(rows, sign, rules)
    counts = {name: int((reason == code).sum()) for name, code in CODES.items()}
    counts["cell-bad-position"] = int((rows.lost & (reason == 0)).sum())
    examples = _examples(rows, sign, reason)
    rules.check(counts, examples, where, {"cell-unsigned": _advice(rows, sign, reason)})
    rules.check_losses(counts, len(reason), {}, where)
    cells = _taken(rows, sign, unknown, reason == 0, counts, voxel, notes)
    cells = _keep_typed(cells, rows, rules, where)
    if len(cells.id) == 0:
        raise RequestError("no cell is left", where=where)
    return cells


def _reasons(rows: Rows, sign: npt.NDArray[np.str_], rules: Rules) -> npt.NDArray[np.int64]:
    """Return the code of why each row is not taken, 0 where it is."""
    reason = rows.reason.copy()
    reason[(reason == 0) & (sign == GLIA)] = CODES["cell-not-neuron"]
    reason[(reason == 0) & (sign == "")] = CODES["cell-unsigned"]
    good = np.flatnonzero(reason == 0)
    _, inverse, number = np.unique(rows.keys[good], return_inverse=True, return_counts=True)
    by_id: dict[int, list[int]] = defaultdict(list)
    for row, group in zip(good[number[inverse] > 1], inverse[number[inverse] > 1], strict=True):
        by_id[int(group)].append(int(row))
    for same in by_id.values():
        values = {
            (rows.cell_type[r], sign[r], rows.layer[r], rows.transmitter[r].lower()) for r in same
        }
        points = {str(rows.position[r].tolist()) for r in same}
        if len(values) > 1:
            kept = rules.verdicts["cell-conflicting"] == "keep"
            reason[same[kept:]] = CODES["cell-conflicting"]
        else:
            word = "cell-repeated" if len(points) == 1 else "cell-other-point"
            reason[same[1:]] = CODES[word]
    return reason


def _advice(rows: Rows, sign: npt.NDArray[np.str_], reason: npt.NDArray[np.int64]) -> str:
    """Return what to do about cells without a sign: by their values, or by a stated default."""
    open_ = reason == CODES["cell-unsigned"]
    words = np.where(np.char.str_len(rows.broad) > 0, rows.broad, rows.transmitter)[open_].tolist()
    told = [word for word in words if not is_unknown(word)]
    ways = []
    # Where no column says a word of them, the cell types may.
    told = told or [word for word in rows.cell_type[open_].tolist() if not is_unknown(word)]
    if told:
        first, *others = dict.fromkeys(told)
        how = f"--excitatory {shlex.quote(first)}" + (
            f" --inhibitory {shlex.quote(others[0])}, or the other way round" if others else ""
        )
        ways.append(
            f"say which of {sign_words(told)} are which (--excitatory or --inhibitory with "
            f"their names: {how})"
        )
    ways.append("give --sign-unknown excitatory (or inhibitory), which keeps such cells under it")
    text = ", or ".join(ways)
    return text[0].upper() + text[1:]


def _examples(
    rows: Rows, sign: npt.NDArray[np.str_], reason: npt.NDArray[np.int64]
) -> dict[str, str]:
    """Return what some of the rows of each reason hold, as text."""
    examples = {}
    for name, code in CODES.items():
        found = np.flatnonzero(reason == code if name != "cell-bad-position" else rows.lost)
        if len(found):
            shown = rows.text
            if name == "cell-unsigned":
                shown = np.where(np.char.str_len(rows.broad) > 0, rows.broad, rows.transmitter)
                if not np.any(shown != ""):
                    shown = rows.cell_type
            words = list(dict.fromkeys(shown[found].tolist()))[:4]
            examples[name] = ", ".join(f"'{word}'" for word in words)
    return examples


def _taken(
    rows: Rows,
    sign: npt.NDArray[np.str_],
    unknown: npt.NDArray[np.str_],
    good: npt.NDArray[np.bool_],
    counts: Mapping[str, int],
    voxel: Any,
    notes: list[str],
) -> Cells:
    """Return the cells of the rows that are good."""
    taken = np.flatnonzero(good)
    types = rows.cell_type[taken]
    untyped = np.isin(np.char.lower(types), ("", "nan", "none", "null", "<na>"))
    places = np.full(len(good), -1, np.int64)
    places[taken] = np.arange(len(taken))
    cells = Cells(
        id=np.arange(1, len(taken) + 1) if rows.ids.named else rows.id[taken],
        name=rows.name[taken],
        cell_type=np.where(untyped, UNKNOWN, types),
        broad_type=sign[taken],
        layer=rows.layer[taken],
        transmitter=rows.transmitter[taken],
        sign=unknown[taken],
        position=rows.position[taken] * np.asarray(voxel),
        places=places,
        counts={**counts, "cell-untyped": int(untyped.sum())},
        notes=tuple(notes),
    )
    return cells


def _keep_typed(cells: Cells, rows: Rows, rules: Rules, where: str) -> Cells:
    """Return the cells without those that have no type, where the rules drop or refuse them."""
    rules.check({"cell-untyped": cells.counts["cell-untyped"]}, {}, where)
    typed = cells.cell_type != UNKNOWN
    if rules.verdicts["cell-untyped"] != "drop" or typed.all():
        return cells
    place = np.where(typed, np.cumsum(typed) - 1, -1)
    changes: dict[str, Any] = {item: getattr(cells, item)[typed] for item in _FIELDS}
    if rows.ids.named:
        changes["id"] = np.arange(1, int(typed.sum()) + 1)
    places = np.where(cells.places >= 0, place[cells.places], -1)
    return attrs.evolve(cells, places=places, **changes)
