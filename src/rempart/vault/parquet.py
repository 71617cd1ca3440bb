# SPDX-License-Identifier: Apache-2.0
"""Rows as Parquet bytes, in the one form that parts have. Seals nothing and pads nothing."""

import pyarrow as pa
from pyarrow import parquet

ROWS_PER_GROUP = 1_000_000
_LOOKED_AT = 4096


def parquet_bytes(table: pa.Table) -> bytes:
    """``table`` as Parquet: zstd, row groups of a million rows, no metadata but the column names and types.

    Equal rows and types give equal bytes however the table is cut into chunks.
    """
    plain = pa.schema([pa.field(field.name, _decoded(field.type), field.nullable) for field in table.schema])
    rows = table.cast(plain).combine_chunks()
    sink, repeated = pa.BufferOutputStream(), [name for name in rows.column_names if _repeats(rows.column(name))]
    parquet.write_table(
        rows, sink, compression="zstd", row_group_size=ROWS_PER_GROUP, store_schema=False, use_dictionary=repeated
    )
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether its first values come again: a dictionary of row numbers or pseudonyms costs time and space."""
    head = column.slice(0, _LOOKED_AT)
    return 2 * len(head.unique()) <= len(head)


def _decoded(kind: pa.DataType) -> pa.DataType:
    """A dictionary's values, else the type itself: how Arrow holds a column in memory is not kept."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
