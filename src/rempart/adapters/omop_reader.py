# SPDX-License-Identifier: Apache-2.0
"""Opens an OMOP CDM source: a folder of CSV or Parquet files (names in any case), or one DuckDB file. Recodes nothing."""

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv, parquet

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.ingest.omop import OmopSource, ingest_omop
from rempart.ingest.report import IngestReport
from rempart.ports.query import Query
from rempart.records.omop import layouts

_NAME = re.compile(r"(?P<table>[a-z_]+)\.(?:csv|csv\.gz|parquet)", re.IGNORECASE)
_MAGIC = b"DUCK"
_SEPARATORS = b",;\t|"
_FIELDS = re.compile(r"Expected \d+ columns, got (\d+)")
_ROW = re.compile(r"[Rr]ow #?(\d+)")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One table: its name in lower case, and the file (or the table inside the DuckDB file) that holds it."""

    table: str
    path: Path
    inside: str = ""


def list_omop(source: Path) -> list[tuple[str, int, int]]:
    """(table, files, bytes) of what would be read; of a DuckDB file the bytes of the whole file stand at each table."""
    return [(part.table, 1, part.path.stat().st_size) for part in _parts(source)]


def omop_lineage(source: Path) -> tuple[str, ...]:
    """``name sha256`` of every file that belongs to the source, sorted. Raises BadInput as ``load_omop``."""
    paths = sorted({part.path for part in _parts(source)})
    return tuple(f"{path.name} {_digest(path)}" for path in paths)


def load_omop(query: Query, source: Path, progress: Progress) -> IngestReport:
    """Make the research tables in ``query``; ``progress(table, done, total)``.

    Raises BadInput ``delivery-missing``, ``delivery-empty``, ``delivery-twice``, ``csv-…``, ``omop-…``.
    """
    known = layouts(package_data.toml("records/omop54.toml"))
    parts = _parts(source)
    wanted = [part for part in parts if part.table in known]
    columns: dict[str, Sequence[str]] = {}
    for done, part in enumerate(wanted):
        progress(part.table, done, len(wanted) + 1)
        table = _lower(_read(part))
        columns[part.table] = table.column_names
        query.register(f"omop_{part.table}", table)
    found = OmopSource(
        columns=columns,
        files={part.table: part.inside or part.path.name for part in wanted},
        other=tuple(part.table for part in parts if part.table not in known),
    )
    progress("", len(wanted), len(wanted) + 1)
    try:
        return ingest_omop(query, found, known, package_data.toml("ingest/omop.toml"))
    finally:
        for part in wanted:
            query.unregister(f"omop_{part.table}")


def _parts(source: Path) -> list[_Part]:
    if source.is_file():
        return _inside(source)
    if not source.is_dir():
        raise BadInput("delivery-missing", file=source.name)
    found: dict[str, _Part] = {}
    for path in sorted(source.iterdir()):
        match = _NAME.fullmatch(path.name) if path.is_file() else None
        if match:
            table = match.group("table").lower()
            if table in found:
                raise BadInput("delivery-twice", file=path.name, other=found[table].path.name)
            found[table] = _Part(table=table, path=path)
    if not found:
        raise BadInput("delivery-empty", file=source.name)
    return list(found.values())


def _inside(path: Path) -> list[_Part]:
    with path.open("rb") as stream:
        head = stream.read(64)
    if _MAGIC not in head:
        raise BadInput("omop-not-a-database", file=path.name)
    with _opened(path) as database:
        rows = database.execute(
            "SELECT table_name FROM information_schema.tables ORDER BY lower(table_name)"
        ).fetchall()
    return [_Part(table=str(name).lower(), path=path, inside=str(name)) for (name,) in rows]


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise BadInput("omop-not-a-database", file=path.name) from error


def _read(part: _Part) -> pa.Table:
    if part.inside:
        quoted = part.inside.replace('"', '""')
        with _opened(part.path) as database:
            return database.sql(f'SELECT * FROM "{quoted}"').to_arrow_table()
    if part.path.suffix.lower() == ".parquet":
        try:
            return parquet.read_table(part.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput("omop-not-parquet", file=part.path.name) from error
    return _read_csv(part.path)


def _read_csv(path: Path) -> pa.Table:
    """All text; comma, semicolon, tabulator or bar, whichever the first line holds most of."""
    data = _unzipped(path)
    header = data.split(b"\n", 1)[0]
    if not header.strip():
        raise BadInput("csv-empty", file=path.name)
    separator = max(_SEPARATORS, key=header.count)
    try:
        names = header.decode("utf-8-sig").strip().split(chr(separator))
    except UnicodeDecodeError as error:
        raise BadInput("csv-encoding", file=path.name, line=1, expected="UTF-8") from error
    types = {name.strip('"'): pa.string() for name in names}
    try:
        return csv.read_csv(
            io.BytesIO(data),
            parse_options=csv.ParseOptions(delimiter=chr(separator)),
            convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""]),
        )
    except pa.ArrowInvalid as error:
        text = str(error)
        row = _ROW.search(text)
        line = int(row.group(1)) if row else 0
        counted = _FIELDS.search(text)
        fields = int(counted.group(1)) if counted else 0
        given: dict[str, str | int] = {"file": path.name, "line": line}
        failed = BadInput("csv-fields", **given, fields=fields, names=len(names), expected=chr(separator))
        if "UTF8" in text:
            failed = BadInput("csv-encoding", file=path.name, line=_first_foreign_line(data), expected="UTF-8")
    # Outside the handler: the engine's text may hold a row, and no context keeps it.
    raise failed


def _first_foreign_line(data: bytes) -> int:
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    return 0


def _unzipped(path: Path) -> bytes:
    data = path.read_bytes()
    if not path.name.lower().endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInput("csv-truncated", file=path.name) from error


def _lower(table: pa.Table) -> pa.Table:
    return table.rename_columns([name.strip().lower() for name in table.column_names])


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
