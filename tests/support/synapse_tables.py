"""Random tables of synapses and cells, brought in, and a loop that says what should come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bionic_core import Connectome
from bionic_core.connectomes.importing import Request, import_connectome
from bionic_core.connectomes.importing.rules import Rules

BASE = 864691135000000001
"""Odd, and beyond 2^53: by way of a float it would become even."""


def cells_table(number: int = 30) -> pd.DataFrame:
    kinds = ["23P", "4P", "BC"]
    return pd.DataFrame(
        {
            "pt_root_id": [BASE + 2 * k for k in range(number)],
            "broad_type": ["inhibitory" if k % 3 == 2 else "excitatory" for k in range(number)],
            "cell_type": [kinds[k % 3] for k in range(number)],
            "layer": [f"L{k % 2 + 4}" for k in range(number)],
            "pt_position_x": np.arange(number) * 10.0,
            "pt_position_y": np.arange(number) * 1.0,
            "pt_position_z": 7.0,
        }
    )


def synapse_table(seed: int, rows: int = 400, cells: int = 30) -> pd.DataFrame:
    """Synapses with all the faults that are dropped: as text, so that a file holds them as is."""
    rng = np.random.default_rng(seed)
    ids = np.array([BASE + 2 * k for k in range(cells)])
    table = pd.DataFrame(
        {
            "id": rng.permutation(10 * rows)[:rows],
            "pre_pt_root_id": rng.choice(ids, rows),
            "post_pt_root_id": rng.choice(ids, rows),
            "size": rng.integers(1, 9000, rows),
        }
    )
    for column in ("pre_pt_root_id", "post_pt_root_id"):
        table.loc[rng.random(rows) < 0.05, column] = 0
        table.loc[rng.random(rows) < 0.10, column] = BASE + 1  # an even id: nobody's
    autapse = rng.random(rows) < 0.05
    table.loc[autapse, "post_pt_root_id"] = table.loc[autapse, "pre_pt_root_id"]
    return pd.concat([table, table.sample(20, random_state=seed)], ignore_index=True).sample(
        frac=1, random_state=seed
    )


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.name.endswith(".parquet"):
        table.to_parquet(path)
    elif path.name.endswith(".feather"):
        table.reset_index(drop=True).to_feather(path)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


def bring(
    folder: Path, synapses: Any, cells: Any = None, *, name: str = "s.csv", **options: Any
) -> Connectome:
    """Import two tables by way of files."""
    cells = cells_table() if cells is None else cells
    if isinstance(synapses, str):
        (folder / name).write_text(synapses)
    else:
        write(synapses, folder / name)
    if isinstance(cells, str):
        (folder / "c.csv").write_text(cells)
    else:
        write(cells, folder / "c.csv")
    rules = Rules.of(**{key: options.pop(key, ()) for key in ("drop", "refuse", "keep")})
    request = Request(folder / name, folder / "c.csv", rules=rules, **options)
    return import_connectome(request, folder / "o.npz", overwrite=True)


def expected(table: pd.DataFrame, cells: pd.DataFrame) -> tuple[dict[Any, Any], dict[str, int]]:
    """The same by a loop over rows: sums by pair of ids, and the counts of what was dropped."""
    known = set(cells["pt_root_id"])
    sums: dict[Any, Any] = {}
    dropped = dict.fromkeys(("missing-id", "unknown-cell", "autapse", "duplicate-id"), 0)
    seen: set[int] = set()
    for number, pre, post, size in table.itertuples(index=False):
        if pre == 0 or post == 0:
            dropped["missing-id"] += 1
        elif pre not in known or post not in known:
            dropped["unknown-cell"] += 1
        elif pre == post:
            dropped["autapse"] += 1
        elif number in seen:
            dropped["duplicate-id"] += 1
        else:
            seen.add(number)
            count, total = sums.get((pre, post), (0, 0))
            sums[pre, post] = (count + 1, total + size)
    return sums, dropped


def as_dict(connectome: Connectome) -> dict[Any, Any]:
    ids = connectome.cell_id
    return {
        (int(ids[a]), int(ids[b])): (int(n), float(s))
        for a, b, n, s in zip(
            connectome.pre, connectome.post, connectome.count, connectome.size, strict=True
        )
    }


SMALL = "pt_root_id,broad_type,cell_type\n1,excitatory,a\n2,inhibitory,b\n3,excitatory,a\n"
