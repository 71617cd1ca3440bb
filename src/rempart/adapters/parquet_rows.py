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
_PLACES = 20
Answer = TypeVar("Answer")
_UNREADABLE = (pa.ArrowException, OSError, ValueError, UnicodeDecodeError)


class ParquetRows:
    """One file. ``header``: its column names; ``texts``: those of them that may hold a text or a figure of many digits."""

    def __init__(self, file: DeliveredFile) -> None:
        """Raises BadInput ``delivery-changed``, ``parquet-unreadable``, ``csv-empty`` for a file without columns."""
        _check_hash(file)
        self._name = file.name
        self._file = _shielded(file.name, lambda: pq.ParquetFile(file.path))
        self._names = {name.strip().upper(): name for name in reversed(self._file.schema_arrow.names)}
        self.header = [name.strip().upper() for name in self._file.schema_arrow.names]
        self.texts = [field.name.strip().upper() for field in self._file.schema_arrow if _may_tell(field.type)]
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


def _may_tell(kind: pa.DataType) -> bool:
    """Whether values of a type may be words or long numbers, whatever the type's name."""
    if pa.types.is_dictionary(kind):
        return _may_tell(kind.value_type)
    kinds = pa.types
    text = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, _is_binary)
    number = (kinds.is_integer, kinds.is_floating, kinds.is_decimal)
    return any(test(kind) for test in (*text, *number))


def _is_binary(kind: pa.DataType) -> bool:
    kinds = pa.types
    tests = (kinds.is_binary, kinds.is_large_binary, kinds.is_binary_view, kinds.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_timestamp(values.type) or pa.types.is_date64(values.type):
        return _local_day(values)
    if _is_binary(values.type):
        return _read_bytes(values)
    texts = pc.cast(values, pa.string())
    return _plain_fractions(values, texts) if pa.types.is_floating(values.type) else texts


def _local_day(values: pa.Array) -> pa.Array:
    """A day stored as an instant, in the zone that it is given in; one with an hour is not a day, and its text shows the hour."""
    if pa.types.is_date64(values.type):
        values = values.cast(pa.timestamp("ms"))
    local = pc.local_timestamp(values) if values.type.tz else values
    days = local.cast(pa.date32(), safe=False)
    midnight = pc.equal(days.cast(local.type), local)
    return pc.if_else(midnight, pc.cast(days, pa.string()), pc.cast(local, pa.string()))


def _read_bytes(values: pa.Array) -> pa.Array:
    """Bytes as text; those that are no UTF-8 letter by letter, so that what is ASCII in them is seen."""
    try:
        return pc.cast(values.cast(pa.binary()), pa.string())
    except pa.ArrowInvalid:
        given = values.to_pylist()
    return pa.array([None if value is None else value.decode("latin-1") for value in given], pa.string())


def _plain_fractions(values: pa.Array, texts: pa.Array) -> pa.Array:
    """Without exponents of small fractions, such as the rest of a sum of cents."""
    small = pc.fill_null(pc.match_substring(texts, "e-"), False)
    if not pc.any(small).as_py():
        return texts
    plain = pa.array([f"{value:.{_PLACES}f}" for value in values.filter(small).to_pylist()], pa.string())
    return pc.replace_with_mask(texts, small, plain)


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
