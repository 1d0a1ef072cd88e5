"""What a Parquet file says of itself, checked before anything of it is unpacked."""

from __future__ import annotations

from pathlib import Path

ROWS_PER_BYTE = 10_000
"""Rows that a byte of the file may stand for: runs of one value are packed to almost nothing."""

LARGEST_GROUP = 2**32
"""Bytes that a column of a group of rows may unpack to; writers make groups of some 100 MB."""

REFUSED = {
    "BROTLI": "whose decoders of 1.0.3 to 1.2.0 write out of bounds (CVE-2026-111497); the readers "
    "of tables hold copies of them"
}
"""Ways of packing that are not unpacked, and why."""


def check_parquet(path: Path) -> None:
    """Check a file's index: the columns lie within, and rows and sizes are possible ones.

    Raises:
        ValueError: they do not, or the file is packed by what is not unpacked; a clause.
        pyarrow.ArrowException: the index is damaged.
    """
    import pyarrow.parquet

    size = path.stat().st_size
    index = pyarrow.parquet.read_metadata(path)
    groups = [index.row_group(k) for k in range(index.num_row_groups)]
    rows = [group.num_rows for group in groups]
    if min(rows, default=0) < 0 or sum(rows) != index.num_rows:
        raise ValueError(f"it claims {index.num_rows:,} rows, and its groups {sum(rows):,}")
    if index.num_rows > ROWS_PER_BYTE * size:
        raise ValueError(f"it claims {index.num_rows:,} rows in {size:,} bytes")
    for group in groups:
        for column in (group.column(k) for k in range(group.num_columns)):
            name = column.path_in_schema
            if column.compression in REFUSED:
                raise ValueError(
                    f"column {name} is packed by {column.compression.title()}, "
                    f"{REFUSED[column.compression]}. Write it anew, packed by zstd or snappy"
                )
            begin = column.dictionary_page_offset or column.data_page_offset
            packed, whole = column.total_compressed_size, column.total_uncompressed_size
            if min(begin, packed, whole) < 0 or begin + packed > size:
                raise ValueError(f"column {name} lies outside of the file")
            if whole > LARGEST_GROUP:
                raise ValueError(
                    f"column {name} claims {whole:,} bytes in a group of rows; at most "
                    f"{LARGEST_GROUP:,} are read. Write it anew in groups of fewer rows"
                )
