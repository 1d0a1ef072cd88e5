"""A table of synapses: read, count those of each pair of neurons, write the pairs."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tests.benchmarks.peers.duel import Contest, Peer, Work, library

FIRST = 864_691_135_000_000_000
"""Of the neurons' ids, which are as long as MICrONS' are."""

MORE = (
    "it also looks up each neuron in the table of cells, counts rows that are not as they should "
    "be, and computes the SHA-256 of what it has read"
)


def contests(*, quick: bool) -> Iterator[Contest]:
    """Give a table as text, and the same packed; files end with the process."""
    folder = Path(_KEPT.name)
    rows, cells = (5_000, 200) if quick else (5_000_000, 20_000)
    plain, packed, ours = folder / "s.csv", folder / "s.csv.gz", folder / "cells.csv"
    _write(plain, ours, rows, cells)
    with plain.open("rb") as read, gzip.open(packed, "wb", 1) as written:
        shutil.copyfileobj(read, written)
    for path in (plain, packed):
        yield _contest(path, ours, f"{rows:,} synapses, .{path.name.partition('.')[2]}")


_KEPT = TemporaryDirectory(prefix="bionic-peers-")


def _write(path: Path, cells: Path, rows: int, count: int) -> None:
    """Write synapses of a fifth as many pairs, none of a neuron with itself."""
    rng = np.random.default_rng(0)
    one = rng.integers(0, count, rows // 5)
    pairs = np.stack([one, (one + rng.integers(1, count, rows // 5)) % count], axis=1)
    drawn = FIRST + 7919 * pairs[rng.integers(0, len(pairs), rows)]
    names = ("pre_pt_root_id", "post_pt_root_id")
    pyarrow.csv.write_csv(pa.table(dict(zip(names, drawn.T, strict=True))), path)
    known = (f"{FIRST + 7919 * k},t,excitatory\n" for k in range(count))
    cells.write_text("root_id,cell_type,ei\n" + "".join(known))


def _contest(path: Path, cells: Path, words: str) -> Contest:
    def ours() -> Work:
        from bionic_core.connectomes.importing import Request, import_connectome

        request = Request(synapses=path, cells=cells, rows_are_synapses=True)
        out = path.with_name("ours.npz")

        def work() -> Any:
            found = import_connectome(request, out, overwrite=True)
            ids = np.asarray(found.cell_id)
            return ids[found.pre], ids[found.post], np.asarray(found.count)

        return work

    def check(mine: Any, theirs: Any, name: str) -> None:
        assert all(np.array_equal(a, b) for a, b in zip(_sorted(*mine), theirs, strict=True)), name

    peers = [
        Peer("polars", "polars", lambda: _read_back(_polars(path), path), MORE),
        Peer("DuckDB", "duckdb", lambda: _read_back(_duckdb(path), path), MORE),
        Peer("pandas", "pandas", lambda: _read_back(_pandas(path), path), MORE),
    ]
    return Contest("import of a table", words, ours, peers, check, least=0)


def _sorted(pre: Any, post: Any, count: Any) -> tuple[Any, Any, Any]:
    order = np.lexsort((post, pre))
    return pre[order], post[order], count[order]


class _Written:
    """What a library has written, read only when it is compared."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __iter__(self) -> Iterator[Any]:
        import pyarrow.parquet as pq

        table = pq.read_table(self.out)
        return iter(_sorted(*(column.to_numpy() for column in table.columns)))


def _read_back(write: Callable[[Path], object], path: Path) -> Work:
    out = path.with_name("theirs.parquet")

    def work() -> Any:
        write(out)
        return _Written(out)

    return work


def _polars(path: Path) -> Callable[[Path], object]:
    pl = library("polars")

    def write(out: Path) -> None:
        pair = ["pre_pt_root_id", "post_pt_root_id"]
        pl.read_csv(path).group_by(pair).len().sort(pair).write_parquet(out)

    return write


def _duckdb(path: Path) -> Callable[[Path], object]:
    duckdb = library("duckdb")

    def write(out: Path) -> None:
        with duckdb.connect(config={"threads": 1}) as base:
            base.execute(
                f"COPY (SELECT pre_pt_root_id, post_pt_root_id, count(*) FROM read_csv('{path}') "
                f"GROUP BY ALL ORDER BY ALL) TO '{out}' (FORMAT parquet)"
            )

    return write


def _pandas(path: Path) -> Callable[[Path], object]:
    pd = library("pandas")

    def write(out: Path) -> None:
        pair = ["pre_pt_root_id", "post_pt_root_id"]
        pd.read_csv(path).groupby(pair).size().reset_index(name="n").to_parquet(out)

    return write
