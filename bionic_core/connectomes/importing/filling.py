"""Tables in which a blank id stands for the one above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from bionic_core.connectomes.importing.plan import Sample
from bionic_core.connectomes.importing.tables import Database, Table, explained, one_file, quoted
from bionic_core.connectomes.importing.values import blank

HALF = 0.5
"""The share of rows with a blank above which blanks are no gaps but a way of writing."""


def is_filled_down(sample: Sample, columns: Sequence[str]) -> bool:
    """Whether blanks stand for what is above: the first row is full, and most others are not.

    Args:
        sample: the first rows as text.
        columns: pre and post; a block of rows begins with its pre.
    """
    pairs = list(zip(*(sample[name] for name in columns), strict=True))
    if not pairs or not all(pairs[0]):
        return False
    blanks = sum(not all(pair) for pair in pairs)
    whole_rows = any(not any(pair) for pair in pairs)
    begun = all(post for pre, post in pairs if pre)
    return blanks >= HALF * len(pairs) and whole_rows and begun


def filled(database: Database, table: Table, columns: Sequence[str]) -> Table:
    """Return a table whose blanks in some columns are filled with what is above them."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    path = database.fresh("filled") / "table.parquet"
    shown = ", ".join(
        f"CASE WHEN NOT {blank(name)} THEN {quoted(name)} END AS {quoted(name)}"
        if name in columns
        else quoted(name)
        for name in table.types
    )
    last: dict[str, Any] = {}
    with explained(table.path), database.in_order():
        reader = database.connection.sql(f"SELECT {shown} FROM {table.relation}").to_arrow_reader()
        with pyarrow.parquet.ParquetWriter(path, reader.schema) as writer:
            for batch in reader:
                arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
                for name in columns:
                    above = pyarrow.array([last.get(name)], arrays[name].type)
                    joined = pyarrow.concat_arrays([above, arrays[name]])
                    arrays[name] = pyarrow.compute.fill_null_forward(joined)[1:]
                    last[name] = arrays[name][-1].as_py() if len(arrays[name]) else last.get(name)
                writer.write_table(pyarrow.table(arrays, schema=reader.schema))
    relation = f"read_parquet({one_file(path)}, hive_partitioning = false)"
    return attrs.evolve(table, relation=relation, plain=False)
