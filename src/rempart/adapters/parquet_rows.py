# SPDX-License-Identifier: Apache-2.0
"""A delivered Parquet file in batches of text columns, so that every value passes the same checks as one of a CSV file."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rempart.errors import BadInput
from rempart.ingest.units import DeliveredFile

_ROWS = 1 << 18
_PIECE = 1 << 20
Answer = TypeVar("Answer")
_UNREADABLE = (pa.ArrowException, OSError, ValueError, UnicodeDecodeError)


class ParquetRows:
    """One file. ``header``: its column names; ``texts``: those of them that are stored as text."""

    def __init__(self, file: DeliveredFile) -> None:
        """Raises BadInput ``delivery-changed``, ``parquet-unreadable``, ``csv-empty`` for a file without columns."""
        _check_hash(file)
        self._name = file.name
        self._file = _shielded(file.name, lambda: pq.ParquetFile(file.path))
        self._names = {name.strip().upper(): name for name in reversed(self._file.schema_arrow.names)}
        self.header = [name.strip().upper() for name in self._file.schema_arrow.names]
        self.texts = [field.name.strip().upper() for field in self._file.schema_arrow if pa.types.is_string(field.type)]
        if not self.header:
            raise BadInput("csv-empty", file=file.name)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The named columns, every value as text; raises BadInput ``parquet-unreadable``."""
        wanted = [self._names[name] for name in columns]
        rows = self._file.iter_batches(batch_size=_ROWS, columns=wanted)
        while True:
            texts = _shielded(self._name, lambda: _next_as_text(rows, wanted, columns))
            if texts is None:
                return
            yield texts


def _next_as_text(rows: Iterator[pa.RecordBatch], stored: Sequence[str], names: Sequence[str]) -> pa.Table | None:
    batch = next(rows, None)
    return None if batch is None else _as_text(batch, stored, names)


def _as_text(batch: pa.RecordBatch, stored: Sequence[str], names: Sequence[str]) -> pa.Table:
    columns = [_text(batch.column(batch.schema.get_field_index(name))) for name in stored]
    if not columns:
        # A table of no column has no length: the lines still count.
        return pa.table({"": pa.nulls(batch.num_rows, pa.string())})
    return pa.table(columns, names=list(names))


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_timestamp(values.type):
        # A day stored as an instant; one with an hour is not a day and fails the cast.
        values = values.cast(pa.timestamp("us")).cast(pa.date32())
    return pc.cast(values, pa.string())


def _check_hash(file: DeliveredFile) -> None:
    digest = hashlib.sha256()
    with Path(file.path).open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    if digest.hexdigest() != file.sha256:
        raise BadInput("delivery-changed", file=file.name)


def _shielded(name: str, work: Callable[[], Answer]) -> Answer:
    """The library's answer; its error is replaced outside the handler, so that no context keeps a value."""
    try:
        return work()
    except _UNREADABLE:
        failed = BadInput("parquet-unreadable", file=name)
    raise failed
