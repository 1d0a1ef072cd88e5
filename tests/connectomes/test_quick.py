"""Text read by Arrow gives what the careful way gives, row by row, or gives up."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bionic_core import Connectome, RequestError
from bionic_core.connectomes.importing import Request, import_connectome, quick
from bionic_core.connectomes.importing.rules import Rules

CELLS = "id,cell_type,broad_type\n" + "".join(
    f"{864691135000000001 + k},t{k % 3},{'inhibitory' if k % 3 == 0 else 'excitatory'}\n"
    for k in range(20)
)


def brought(folder: Path, text: str, *, name: str = "s.csv", **asked: Any) -> Connectome:
    """The connectome of a table in text."""
    (folder / "cells.csv").write_text(CELLS)
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    request = Request(folder / name, folder / "cells.csv", **asked)
    return import_connectome(request, folder / "out.npz", overwrite=True)


def table(seed: int, columns: str) -> str:
    """Rows of all sorts: strangers, autapses, blanks, zeros."""
    rng = np.random.default_rng(seed)
    ids = [*(str(864691135000000001 + k) for k in range(20)), "0", "", "5", "NA"]
    chance = np.append(np.full(20, 0.048), np.full(4, 0.01))
    words: dict[str, Callable[[], object]] = {
        "pre": lambda: rng.choice(ids, p=chance),
        "post": lambda: rng.choice([f" {ids[0]}", *ids[1:]], p=chance),
        "syn_count": lambda: rng.choice(["1", "2", "7", "0", "3.0"]),
        "size": lambda: f"{rng.random() * 10:.4f}",
        "synapse_id": lambda: str(rng.integers(0, 1 << 40)),
        "neuropil": lambda: rng.choice(["ME", "LO_R", "", "é"]),
    }
    names = columns.split(",")
    lines = [",".join(str(words[name]()) for name in names) for _ in range(400)]
    return "\n".join([columns, *lines]) + "\n"


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ("pre,post,syn_count", "s.csv.gz"),
        ("neuropil,pre,syn_count,post,size", "s.csv"),
        ("synapse_id,pre,post,size", "s.csv"),
        ("pre,post", "s.csv"),
    ],
)
def test_both_ways_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str, name: str
) -> None:
    text, rules = table(len(columns), columns), Rules.of(keep=["autapse"])
    asked: dict[str, Any] = {"rules": rules, "name": name}
    monkeypatch.setattr("bionic_core.connectomes.importing.tables.Database.batches", _only_cells)
    one = brought(tmp_path, text, **asked)
    monkeypatch.undo()
    monkeypatch.setattr(quick, "serves", lambda source, plan: False)
    other = brought(tmp_path, text, **asked)
    assert one.fingerprint == other.fingerprint
    assert one.provenance == other.provenance
    assert len(one.pre) > 100
    assert one.provenance["dropped"]["missing-id"] > 5
    assert one.provenance["dropped"]["unknown-cell"] > 2
    assert one.provenance["kept"]["autapse"] > 2


def _only_cells(self: Any, sql: str, path: Path) -> Any:
    """Stand in for the careful way, which may read cells alone."""
    assert path.name == "cells.csv" or "FROM cells" in sql
    reader = self.connection.sql(sql).to_arrow_reader()
    for batch in reader:
        yield {n: np.array(c.to_pylist()) for n, c in zip(batch.schema.names, batch, strict=True)}


FIRST = 864691135000000001


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("0xC00000000000001", "not-integer"),
        (f"{FIRST}.5", "float-id|not-integer"),
        ("8.64691135000000001e17", "float-id"),
        ("99999999999999999999", "overflow-id"),
    ],
)
def test_what_arrow_would_take_for_another_id_is_read_the_careful_way(
    tmp_path: Path, field: str, words: str
) -> None:
    """Hexadecimal 0xC00000000000001 is 864691128455135233, and Arrow reads it so."""
    rows = f"pre,post\n{FIRST},{FIRST + 1}\n" + f"{field},{FIRST}\n"
    with pytest.raises(RequestError, match=words):
        brought(tmp_path, rows)


def test_late_surprises_are_read_as_early_ones(tmp_path: Path) -> None:
    """Thousands in quotes after a megabyte of plain rows."""
    row = f"{FIRST},{FIRST + 1},1\n"
    plain = "pre,post,count\n" + row * 40_000
    text = plain + f'{FIRST},{FIRST + 2},"1,234"\n'
    connectome = brought(tmp_path, text)
    assert connectome.count.tolist() == [40_000, 1234]
    assert connectome.provenance["synapses"]["rows"] == 40_001
