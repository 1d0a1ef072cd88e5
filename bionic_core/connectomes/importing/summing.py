"""From rows to connections: repeats dropped, synapses counted, sizes summed. Out of core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.connectomes.importing.buckets import BUCKETS, HELD, Buckets
from bionic_core.connectomes.importing.rules import Rules
from bionic_core.errors import RequestError

ROW = np.dtype([("pair", np.int64), ("size", np.float64), ("count", np.int64)])
NUMBERED = np.dtype([("pair", np.int64), ("size", np.float64), ("id", np.int64)])

LARGEST = 2**31 - 1
"""The most synapses of a connection."""

T = TypeVar("T")


@attrs.frozen(eq=False)
class Connections:
    """Connections sorted by (pre, post), as :class:`~bionic_core.connectome.Connectome` has them.

    Attributes:
        pre, post, count: int32 (E,).
        size: float64 (E,), summed sizes.
    """

    pre: npt.NDArray[np.int32]
    post: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    size: npt.NDArray[np.float64]


class Summing:
    """Takes rows in any order, and gives connections; the same whatever the order.

    A row is one of ``ROW`` (a pair of cells, pre · N + post, with a number of synapses and a
    size), or of ``NUMBERED`` (one synapse with its id).
    """

    def __init__(self, folder: Path, cells: int, *, numbered: bool) -> None:
        """Keep rows in a folder; ``numbered`` where synapses have ids."""
        self.cells = max(1, cells)
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self._lock = Lock()
        self._numbered = numbered
        self._pairs = Buckets(folder / "pairs", NUMBERED if numbered else ROW)
        self._ids = Buckets(folder / "ids", NUMBERED) if numbered else None
        self._few: list[npt.NDArray[Any]] | None = None if numbered else []

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Take rows."""
        if self._ids is not None:
            self._ids.add(rows["id"] & (BUCKETS - 1), rows)
        elif self._few is None:
            self._by_pair(rows)
        else:
            self._few.append(rows)
            if sum(part.nbytes for part in self._few) > HELD:
                parts, self._few = self._few, None
                for part in parts:
                    self._by_pair(part)

    def connections(self, rules: Rules) -> Connections:
        """Return the sums; counts of repeated ids and repeated connections are then known.

        Rows that the rules refuse are only counted: the caller refuses them.
        """
        if self._ids is not None:
            ids = self._ids
            list(_side_by_side(lambda number: self._distinct(ids.take(number), rules)))
        if self._few is not None:
            pieces = [self._sums(self._few)]
            self._few = []
        else:
            take = self._pairs.take
            pieces = list(_side_by_side(lambda number: self._sums([take(number)])))
        joined = []
        for name in ("pre", "post", "count", "size"):
            joined.append(np.concatenate([piece[name] for piece in pieces]))
            joined[-1].setflags(write=False)  # so that the connectome takes it without a copy
            for piece in pieces:
                del piece[name]
        return Connections(*joined)

    def _count(self, reason: str, number: int) -> None:
        with self._lock:
            self.counts[reason] += number

    def _by_pair(self, rows: npt.NDArray[Any]) -> None:
        self._pairs.add(rows["pair"] // self.cells * BUCKETS // self.cells, rows)

    def _distinct(self, rows: npt.NDArray[Any], rules: Rules) -> None:
        """Pass on the rows of a bucket of ids; where an id repeats, by the rules."""
        ids = np.sort(rows["id"])
        if not np.any(ids[1:] == ids[:-1]):
            self._by_pair(rows)
            return
        rows = rows[np.lexsort((rows["size"], rows["pair"], rows["id"]))]
        same = rows["id"][1:] == rows["id"][:-1]
        equal = same & (rows["pair"][1:] == rows["pair"][:-1])
        equal &= rows["size"][1:] == rows["size"][:-1]
        clashing = np.isin(rows["id"], rows["id"][1:][same & ~equal])
        repeated = np.append(False, equal) & ~clashing
        taken = np.ones(len(rows), bool)
        for reason, found in (("duplicate-id", repeated), ("conflicting-id", clashing)):
            self._count(reason, int(found.sum()))
            if found.any():
                self.examples[reason] = str(rows["id"][found].min())
            if rules.verdicts[reason] == "drop":
                taken &= ~found
        self._by_pair(rows[taken])

    def _sums(self, parts: list[npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Return the connections of some rows, sorted; a column at a time, to spare memory."""

        def column(name: str) -> npt.NDArray[Any]:
            return np.concatenate([part[name] for part in parts]) if parts else np.empty(0)

        pair = column("pair").astype(np.int64, copy=False)
        size = column("size")
        # Sums of whole numbers do not depend on their order, others do in the last digits.
        whole = np.array_equal(size, np.floor(size))
        order = _sorting(pair) if whole else np.lexsort((size, pair))
        pair = pair[order]
        starts = np.flatnonzero(np.append(True, pair[1:] != pair[:-1])[: len(pair)])
        count = np.diff(np.append(starts, len(pair)))
        if len(pair):
            size = np.add.reduceat(size[order], starts)
            if not self._numbered:
                count = np.add.reduceat(column("count")[order], starts)
                self._count("repeated-connection", len(pair) - len(starts))
            if count.max() > LARGEST:
                raise RequestError(f"a connection has {count.max():,} synapses; that is no count")
        pair = pair[starts]
        pre = (pair // self.cells).astype(np.int32)
        post = (pair - pre.astype(np.int64) * self.cells).astype(np.int32)
        return {"pre": pre, "post": post, "count": count.astype(np.int32), "size": size}


def _sorting(pair: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the order that sorts pairs; equal ones come in any order."""
    count = len(pair)
    if count and int(pair.max()) < (1 << 62) // count:  # values are sorted in a third of the time
        return np.sort(pair * count + np.arange(count)) % count
    return np.argsort(pair)


def _side_by_side(work: Callable[[int], T]) -> Iterator[T]:
    """Yield the results of all buckets, in order; two at a time are worked on."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(work, range(BUCKETS))
