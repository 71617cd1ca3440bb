# SPDX-License-Identifier: Apache-2.0
"""The content hash of a table: a sum of row hashes, whatever the parts, shards and order (docs/format.md, "Content hash").

Writes the SQL and adds the digests; runs no query.
"""

from binascii import unhexlify
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rempart.records.omop import TableLayout

MODULUS = 1 << 256
_DIGITS = 64
_LIMBS = 8


def row_hash_sql(columns: Sequence[str]) -> str:
    """SQL expression: the SHA-256 (64 hex digits) of the canonical row of ``columns``, in this order.

    Raises ValueError when no column is named.
    """
    if not columns:
        raise ValueError("a row hash needs columns")
    return f"sha256(concat({', '.join(map(_field_sql, columns))}))"


def content_hash_sql(layout: TableLayout, *, source: str = "", person: str = "source_person") -> str:
    """SELECT of one column, the row hashes of ``source`` (default ``research_<table>``): the person, then the layout's columns.

    Surrogate keys (``…_id`` that are no ``…_concept_id``) are left out: they are numbered afresh and tell nothing.
    """
    return f"SELECT {row_hash_sql([person, *hashed_columns(layout)])} AS row_hash FROM {source or 'research_' + layout.name}"


def content_hash(row_hashes: pa.Table) -> str:
    """The content hash (64 hex digits) of what ``content_hash_sql`` gave."""
    return as_text(add(row_hashes.column(0)))


def hashed_columns(layout: TableLayout) -> list[str]:
    """The columns that a row's hash covers, after its person."""
    return [column for column in layout.columns if not column.endswith("_id") or column.endswith("_concept_id")]


def _field_sql(column: str) -> str:
    text = '"' + column.replace('"', '""') + '"::VARCHAR'
    # Two arguments of the outer concat: of a NULL it makes nothing.
    return f"coalesce(strlen({text}) || ':', '-'), {text}"


def add(digests: pa.ChunkedArray | pa.Array) -> int:
    """Sum modulo 2^256 of hex digests (64 digits each, none null); 0 for none. Raises ValueError for another form."""
    chunks = digests.chunks if isinstance(digests, pa.ChunkedArray) else [digests]
    return sum(map(_add_chunk, chunks)) % MODULUS


def _add_chunk(digests: pa.Array) -> int:
    if digests.null_count or not len(digests):
        if len(digests):
            raise ValueError("a row hash has 64 hex digits")
        return 0
    raw = unhexlify(_text(digests))
    if len(raw) * 2 != len(digests) * _DIGITS:
        raise ValueError("a row hash has 64 hex digits")
    limbs = np.frombuffer(raw, dtype=">u4").reshape(-1, _LIMBS).sum(axis=0, dtype=np.uint64)
    return sum(int(limb) << (32 * (_LIMBS - 1 - place)) for place, limb in enumerate(limbs))


def _text(digests: pa.Array) -> memoryview:
    """All digits of an array of texts, one after another, as they lie in memory."""
    offsets = np.frombuffer(
        digests.buffers()[1], dtype=np.int64 if pa.types.is_large_string(digests.type) else np.int32
    )
    first, last = offsets[digests.offset], offsets[digests.offset + len(digests)]
    return memoryview(digests.buffers()[2])[int(first) : int(last)]


def combine(first: int, second: int) -> int:
    """The sum of two disjoint pieces."""
    return (first + second) % MODULUS


def as_text(total: int) -> str:
    """64 lower-case hex digits."""
    return f"{total:064x}"
