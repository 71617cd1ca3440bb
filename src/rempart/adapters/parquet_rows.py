# SPDX-License-Identifier: Apache-2.0
"""A delivered Parquet file in batches of text columns, so that every value passes the same checks as one of a CSV file."""

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rempart.adapters.told_names import told_column
from rempart.errors import BadInput
from rempart.ingest.units import DeliveredFile

# A table: so many rows, so many bytes of text. A batch that is decoded: so many rows, and no fewer.
_ROWS, _TEXT = 1 << 18, 64 << 20
_DECODED, _LEAST = 1 << 14, 1 << 8
# No value of a CSV file may be longer than its longest line.
_VALUE = 1 << 20
_NUMBER = 24
# A dictionary is kept where each of its values stands in so many rows.
_DENSE = 8
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
        self._file = _shielded(file.name, lambda: _opened(file.path))
        self._names = {name.strip().upper(): name for name in reversed(self._file.schema_arrow.names)}
        self.header = [name.strip().upper() for name in self._file.schema_arrow.names]
        self.texts = [field.name.strip().upper() for field in self._file.schema_arrow if _may_tell(field.type)]
        if not self.header:
            raise BadInput("csv-empty", file=file.name)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The named columns, every value as text, in tables of about 64 MB of text at most, however few bytes the file has.

        Raises BadInput ``parquet-unreadable``, ``parquet-value-long``.
        """
        wanted = [self._names[name] for name in columns]
        held: list[pa.Table] = []
        rows, size = 0, 0
        for batch in self._decoded(wanted):
            for part in self._slices(batch, wanted, columns):
                texts = _shielded(self._name, functools.partial(_as_text, part, wanted, columns))
                length = sum(_lengths(part, wanted))
                if held and (size + length > _TEXT or rows >= _ROWS or texts.schema != held[0].schema):
                    yield pa.concat_tables(held)
                    held, rows, size = [], 0, 0
                held.append(texts)
                rows, size = rows + part.num_rows, size + length
        if held:
            yield pa.concat_tables(held)

    def _decoded(self, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches small enough that those of long values fit too."""
        for group in range(self._file.num_row_groups):
            told = self._file.metadata.row_group(group)
            sizes = [told.column(place) for place in range(told.num_columns)]
            length = sum(one.total_uncompressed_size for one in sizes if one.path_in_schema in wanted)
            per_row = max(length // max(told.num_rows, 1), 1)
            at_once = min(max(_TEXT // 8 // per_row, _LEAST), _DECODED)
            batches = self._file.iter_batches(batch_size=at_once, columns=list(wanted), row_groups=[group])
            while (batch := _shielded(self._name, functools.partial(next, batches, None))) is not None:
                yield batch

    def _slices(self, batch: pa.RecordBatch, wanted: Sequence[str], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The batch, in halves and halves of halves where its text would be too long."""
        lengths = _lengths(batch, wanted)
        if sum(lengths) > _TEXT and batch.num_rows > 1:
            half = batch.num_rows // 2
            yield from self._slices(batch.slice(0, half), wanted, columns)
            yield from self._slices(batch.slice(half), wanted, columns)
            return
        for name, length in zip(wanted, lengths, strict=True):
            if length > _VALUE and _longest(batch.column(name)) > _VALUE:
                place = self.header.index(columns[list(wanted).index(name)]) + 1
                raise BadInput("parquet-value-long", file=self._name, column=told_column(self.header[place - 1], place))
        yield batch


def _lengths(batch: pa.RecordBatch, wanted: Sequence[str]) -> list[int]:
    """Of each column, how long its values are as text, about."""
    lengths = []
    for name in wanted:
        each = _each_length(batch.column(name))
        lengths.append(_NUMBER * batch.num_rows if each is None else pc.sum(each).as_py() or 0)
    return lengths


def _longest(values: pa.Array) -> int:
    each = _each_length(values)
    return 0 if each is None else pc.max(each).as_py() or 0


def _each_length(values: pa.Array) -> pa.Array | None:
    """None of values that are numbers or days. Of a dictionary, its values are measured once."""
    if pa.types.is_dictionary(values.type):
        each = _each_length(values.dictionary)
        return None if each is None else pc.take(pc.cast(each, pa.int64()), values.indices)
    kinds = pa.types
    long = (kinds.is_string, kinds.is_large_string, kinds.is_binary, kinds.is_large_binary)
    if kinds.is_string_view(values.type) or kinds.is_binary_view(values.type):
        values = values.cast(pa.large_binary())
    return pc.cast(pc.binary_length(values), pa.int64()) if any(test(values.type) for test in long) else None


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


def _opened(path: str) -> pq.ParquetFile:
    """Columns that are packed as a dictionary are read as one: a long value is not written out for each row."""
    with pq.ParquetFile(path) as first:
        groups = [first.metadata.row_group(group) for group in range(first.num_row_groups)]
        packed = {
            one.path_in_schema
            for group in groups
            for one in (group.column(place) for place in range(group.num_columns))
            if one.physical_type == "BYTE_ARRAY" and any("DICTIONARY" in encoding for encoding in one.encodings)
        }
        names = [name for name in first.schema_arrow.names if name in packed]
    return pq.ParquetFile(path, read_dictionary=names)


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        known = values.dictionary
        if _DENSE * len(known) > len(values) or known.null_count:
            return _text(values.dictionary_decode())
        return pa.DictionaryArray.from_arrays(values.indices.cast(pa.int32()), _text(known))
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
