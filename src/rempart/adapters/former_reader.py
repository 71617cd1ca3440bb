# SPDX-License-Identifier: Apache-2.0
"""The one-shot way: reads the files of an SNDS delivery, checks header and every value, loads text into the query engine.

Every failure is a BadInput that names file, line and column and what was expected, never a value. Judges no medical rule.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rempart.adapters.duckdb_query import QueryFailed
from rempart.adapters.memory_files import MemoryFiles
from rempart.errors import BadInput
from rempart.ingest.former_schema import Column, TableSchema, wrong_sql
from rempart.ingest.former_survey import Loaded, SurveyedFile
from rempart.ingest.units import DeliveredFile
from rempart.ports.query import Query

_HEADER_LIMIT = 1 << 16
_OTHER_SEPARATORS = (",", "\t", "|", ";")
_REJECTS, _SCANS = "delivery_rejects", "delivery_scans"
_ZIPPED = b"\x1f\x8b"
_PATH = "delivered_path"
# Files of one header are read together up to about this many bytes of text; gzip shrinks claims some eight times.
_BATCH, _UNZIPPED = 256 << 20, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A file in memory."""

    name: str
    data: bytes
    zipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """How many lines each file of a batch has."""

    names: tuple[str, ...]
    counts: tuple[int, ...]

    def place(self, row: int) -> tuple[str, int]:
        """File and line (the header is line 1) of a row of the batch."""
        for name, count in zip(self.names, self.counts, strict=True):
            if row < count:
                return name, row + 2
            row -= count
        raise ValueError("no such row")


def load_files(query: Query, files: Sequence[SurveyedFile], staging: str) -> Loaded:
    """Load, as text, as many of ``files`` (of one table and year) as share the first one's header; check all of it.

    The new table ``staging`` holds their lines in order. Raises BadInput: ``csv-empty``, ``csv-truncated``, ``csv-encoding``,
    ``csv-separator``, ``csv-header``, ``csv-unknown-column``, ``csv-missing-column``, ``csv-column-twice``, ``csv-fields``,
    ``csv-quote``, ``csv-day``, ``csv-number``, ``csv-width``, ``csv-key``, ``csv-identifier``, ``csv-value-missing``,
    ``delivery-changed``.
    """
    table = files[0].table
    header: tuple[str, ...] = ()
    batch: list[_Piece] = []
    weight = 0
    for found in files:
        data = _content(found.file)
        zipped = data[:2] == _ZIPPED
        weight += len(data) * (_UNZIPPED if zipped else 1)
        own = _header(found.file.name, data, table)
        _check_header(found, own, table)
        if batch and (own != header or zipped != batch[0].zipped or weight > _BATCH):
            break
        header = own
        batch.append(_Piece(name=found.file.name, data=data, zipped=zipped))
    lines = _scan(query, batch, _scan_sql(table, header, zipped=batch[0].zipped, staging=staging), table)
    _check_values(query, _Lines(names=tuple(piece.name for piece in batch), counts=lines), table, header, staging)
    return Loaded(header=header, lines=lines)


def _content(file: DeliveredFile) -> bytes:
    """The bytes that were listed: what is loaded is what was hashed."""
    data = Path(file.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise BadInput("delivery-changed", file=file.name)
    return data


def _header(name: str, data: bytes, table: TableSchema) -> tuple[str, ...]:
    line = _first_line(name, data)
    if not line.strip():
        raise BadInput("csv-empty", file=name)
    form = table.format
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadInput("csv-encoding", file=name, line=1, expected=form.encoding) from error
    if form.separator not in text and any(other in text for other in _OTHER_SEPARATORS):
        raise BadInput("csv-separator", file=name, line=1, expected=form.separator)
    return tuple(word.strip().strip(form.quote).upper() for word in text.split(form.separator))


def _first_line(name: str, data: bytes) -> bytes:
    if data[:2] != _ZIPPED:
        if data and name.lower().endswith(".gz"):
            raise BadInput("csv-truncated", file=name)
        return io.BytesIO(data).readline(_HEADER_LIMIT)
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            return stream.readline(_HEADER_LIMIT)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInput("csv-truncated", file=name) from error


def _check_header(found: SurveyedFile, header: Sequence[str], table: TableSchema) -> None:
    name = found.file.name
    if not any(column in table.columns for column in header):
        # A first line without one known name may be a patient's line: none of its words is repeated.
        raise BadInput("csv-header", file=name, line=1, expected=table.needed[0])
    for column in table.unknown(header):
        raise BadInput("csv-unknown-column", file=name, line=1, column=column[:40], table=table.name)
    for column in table.missing(header, found.year):
        raise BadInput("csv-missing-column", file=name, line=1, column=column, table=table.name)
    for position, column in enumerate(header):
        if column in header[:position]:
            raise BadInput("csv-column-twice", file=name, line=1, column=column)


def _scan_sql(table: TableSchema, header: Sequence[str], *, zipped: bool, staging: str) -> str:
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in header)
    form = table.format
    return (
        f"CREATE OR REPLACE TABLE {staging} AS SELECT * FROM read_csv($paths, columns={{{columns}}}, header=true, "
        f"auto_detect=false, delim='{form.separator}', quote='{form.quote}', escape='{form.quote}', nullstr='', "
        f"strict_mode=true, compression='{'gzip' if zipped else 'none'}', filename='{_PATH}', store_rejects=true, "
        f"rejects_table='{_REJECTS}', rejects_scan='{_SCANS}')"
    )


def _scan(query: Query, batch: Sequence[_Piece], sql: str, table: TableSchema) -> tuple[int, ...]:
    """Read the files from memory (the engine is shut off from the file system); the lines of each."""
    for name in (_REJECTS, _SCANS):
        query.execute(f"DROP TABLE IF EXISTS {name}")
    files, failed = MemoryFiles(), False
    try:
        paths = [files.hold(piece.data).path for piece in batch]
        query.execute(sql.replace("$paths", f"[{', '.join(repr(path) for path in paths)}]"))
    except QueryFailed:
        failed = True
    finally:
        files.close()
    if failed:
        _say_unreadable(batch)
    _check_rejects(query, {path: piece.name for path, piece in zip(paths, batch, strict=True)}, table)
    staging = sql.split()[4]
    rows = query.table(f"SELECT {_PATH} AS path, count(*) AS n FROM {staging} GROUP BY ALL").to_pylist()
    counts = {row["path"]: row["n"] for row in rows}
    return tuple(counts.get(path, 0) for path in paths)


def _say_unreadable(batch: Sequence[_Piece]) -> NoReturn:
    """The engine could not read one of these: find the one whose compression is broken."""
    for piece in batch:
        if piece.zipped:
            try:
                gzip.decompress(piece.data)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise BadInput("csv-truncated", file=piece.name) from error
    raise BadInput("csv-unreadable", file=batch[0].name)


def _check_rejects(query: Query, names: Mapping[str, str], table: TableSchema) -> None:
    rows = query.table(
        f"SELECT file_path, line, error_type, column_name FROM {_REJECTS} JOIN {_SCANS} USING (scan_id, file_id) "
        "ORDER BY file_path, line LIMIT 1"
    ).to_pylist()
    if rows:
        _reject(names[rows[0]["file_path"]], rows[0], table)


def _reject(name: str, row: Mapping[str, object], table: TableSchema) -> NoReturn:
    line, kind, column = int(str(row["line"])), str(row["error_type"]), str(row["column_name"] or "")
    if "ENCODING" in kind or "UNICODE" in kind:
        raise BadInput("csv-encoding", file=name, line=line, column=column, expected=table.format.encoding)
    if "COLUMNS" in kind:
        raise BadInput("csv-fields", file=name, line=line, column=column, expected=table.format.separator)
    raise BadInput("csv-quote", file=name, line=line, column=column)


def _check_values(query: Query, lines: _Lines, table: TableSchema, header: Sequence[str], staging: str) -> None:
    """Refuse the first wrong value of the first wrong line. A quick pass over all columns; a second one if it stumbles."""
    columns = [table.columns[name] for name in header]
    for trimmed in (False, True):
        found = _first_wrong(query, columns, staging, trimmed=trimmed)
        if not found:
            return
    row, name = found[0]
    file, line = lines.place(row)
    _refuse_value(file, line, table.columns[name[2:]], missing=name.startswith("m:"))


def _first_wrong(query: Query, columns: Sequence[Column], staging: str, *, trimmed: bool) -> list[tuple[int, str]]:
    """The first wrong row of each column that has one, first of all first; ``m:`` before the name = empty, ``w:`` = wrong."""
    tests = {}
    for column in columns:
        if wrong := wrong_sql(column, trimmed=trimmed):
            tests[f"w:{column.name}"] = wrong
        if column.filled:
            tests[f"m:{column.name}"] = f"coalesce(trim(\"{column.name}\"), '') = ''"
    asked = ", ".join(f'min(rowid) FILTER (WHERE {test}) AS "{name}"' for name, test in tests.items())
    first = query.table(f"SELECT {asked} FROM {staging}").to_pylist()[0]
    return sorted((row, name) for name, row in first.items() if row is not None)


def _refuse_value(file: str, line: int, column: Column, *, missing: bool) -> NoReturn:
    name = column.name
    if missing:
        raise BadInput("csv-value-missing", file=file, line=line, column=name)
    if column.kind in {"day", "dayKey"}:
        raise BadInput("csv-day", file=file, line=line, column=name, expected="YYYY-MM-DD")
    if column.kind in {"number", "whole"}:
        raise BadInput("csv-number", file=file, line=line, column=name)
    if column.kind == "key":
        raise BadInput("csv-key", file=file, line=line, column=name, expected=max(column.widths))
    if column.kind == "id":
        widths = "|".join(map(str, column.widths))
        raise BadInput("csv-identifier", file=file, line=line, column=name, expected=widths)
    raise BadInput("csv-width", file=file, line=line, column=name, expected=max(column.widths))
