# SPDX-License-Identifier: Apache-2.0
"""Reads the files of an SNDS delivery: lists and hashes them, checks header and every value, loads text into the query engine.

Every failure is a BadInput that names file, line and column and what was expected, never a value. Judges no medical rule.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import QueryFailed
from rempart.adapters.memory_files import MemoryFiles
from rempart.errors import BadInput
from rempart.ingest.definitions import Definitions, definitions
from rempart.ingest.schema import Column, TableSchema, wrong_sql
from rempart.ingest.survey import DeliveredFile, SurveyedFile
from rempart.ports.query import Query

_CHUNK = 1 << 20
_HEADER_LIMIT = 1 << 16
_OTHER_SEPARATORS = (",", "\t", "|", ";")
_REJECTS, _SCANS = "delivery_rejects", "delivery_scans"
_ZIPPED = b"\x1f\x8b"


def ingest_definitions() -> Definitions:
    """The data files of the ingest room, parsed."""
    names = package_data.names("ingest/sql", ".sql")
    return definitions(
        schema_data=package_data.toml("ingest/schema.toml"),
        cleaning=package_data.toml("ingest/cleaning.toml"),
        mapping=package_data.toml("ingest/mapping.toml"),
        sql={name.removesuffix(".sql"): package_data.text(f"ingest/sql/{name}") for name in names},
        omop=package_data.toml("records/omop54.toml"),
    )


def list_delivery(folder: Path) -> tuple[DeliveredFile, ...]:
    """Files of a folder, hidden ones left out, sorted; raises BadInput ``delivery-missing``, ``delivery-empty``."""
    if not folder.is_dir():
        raise BadInput("delivery-missing", file=folder.name)
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise BadInput("delivery-empty", file=folder.name)
    return tuple(
        DeliveredFile(name=path.name, path=str(path), size=path.stat().st_size, sha256=_digest(path)) for path in paths
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def load_file(query: Query, found: SurveyedFile, table: TableSchema, staging: str) -> tuple[str, ...]:
    """Load one file as text into the new table ``staging`` (``rowid`` + 2 = line) and check all of it; returns the header.

    Raises BadInput: ``csv-empty``, ``csv-truncated``, ``csv-encoding``, ``csv-separator``, ``csv-header``, ``csv-unknown-column``,
    ``csv-missing-column``, ``csv-column-twice``, ``csv-fields``, ``csv-quote``, ``csv-day``, ``csv-number``, ``csv-width``,
    ``csv-key``, ``csv-value-missing``.
    """
    data = _content(found.file)
    header = _header(found.file.name, data, table)
    _check_header(found, header, table)
    _scan(query, found.file.name, data, _scan_sql(table, header, zipped=data[:2] == _ZIPPED, staging=staging))
    _check_rejects(query, found.file.name, header, table)
    _check_values(query, found.file.name, [table.columns[name] for name in header], staging)
    return header


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
        f"CREATE OR REPLACE TABLE {staging} AS SELECT * FROM read_csv($path, columns={{{columns}}}, header=true, "
        f"auto_detect=false, delim='{form.separator}', quote='{form.quote}', escape='{form.quote}', nullstr='', "
        f"strict_mode=true, compression='{'gzip' if zipped else 'none'}', store_rejects=true, "
        f"rejects_table='{_REJECTS}', rejects_scan='{_SCANS}')"
    )


def _scan(query: Query, name: str, data: bytes, sql: str) -> None:
    """Read the file from memory: the engine is shut off from the file system."""
    for table in (_REJECTS, _SCANS):
        query.execute(f"DROP TABLE IF EXISTS {table}")
    files, failed = MemoryFiles(), ""
    try:
        query.execute(sql.replace("$path", f"'{files.path(files.take(data))}'"))
    except QueryFailed as error:
        failed = str(error)
    finally:
        files.close()
    if failed.startswith("IO"):
        raise BadInput("csv-truncated", file=name)
    if failed:
        raise BadInput("csv-unreadable", file=name)


def _check_rejects(query: Query, name: str, header: Sequence[str], table: TableSchema) -> None:
    rows = query.table(f"SELECT line, error_type, column_name FROM {_REJECTS} ORDER BY line LIMIT 1").to_pylist()
    if rows:
        _reject(name, rows[0], header, table)


def _reject(name: str, row: Mapping[str, object], header: Sequence[str], table: TableSchema) -> NoReturn:
    line, kind, column = int(str(row["line"])), str(row["error_type"]), str(row["column_name"] or "")
    if "ENCODING" in kind or "UNICODE" in kind:
        raise BadInput("csv-encoding", file=name, line=line, column=column, expected=table.format.encoding)
    if "COLUMNS" in kind:
        raise BadInput("csv-fields", file=name, line=line, column=column, expected=len(header))
    raise BadInput("csv-quote", file=name, line=line, column=column)


def _check_values(query: Query, file: str, columns: Sequence[Column], staging: str) -> None:
    """One pass over the loaded text: the first wrong row of every column, then the first of those."""
    tests = {}
    for column in columns:
        if wrong := wrong_sql(column):
            tests[f"w:{column.name}"] = wrong
        if column.filled:
            tests[f"m:{column.name}"] = f"coalesce(trim(\"{column.name}\"), '') = ''"
    if not tests:
        return
    asked = ", ".join(f'min(rowid) FILTER (WHERE {test}) AS "{name}"' for name, test in tests.items())
    first = query.table(f"SELECT {asked} FROM {staging}").to_pylist()[0]
    found = sorted((row, name) for name, row in first.items() if row is not None)
    if found:
        row, name = found[0]
        kinds = {column.name: column for column in columns}
        _refuse_value(file, row + 2, kinds[name[2:]], missing=name.startswith("m:"))


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
