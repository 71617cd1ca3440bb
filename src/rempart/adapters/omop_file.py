# SPDX-License-Identifier: Apache-2.0
"""An unsealed OMOP CDM in a DuckDB file, opened to read: views of the columns that are asked for, in one session in memory.

Writes nothing into the file, reaches no other file, spills nothing. An engine's error text may hold values of rows: it is not passed on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from rempart.adapters.duckdb_query import QueryFailed
from rempart.errors import BadInput, Unavailable
from rempart.ports.query import Part, Within

_MAGIC = b"DUCK"
_WHOLE = frozenset("TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split())
_NUMBERS = frozenset({"FLOAT", "DOUBLE", "DECIMAL", *_WHOLE})
# A file of another tool may hold text where the CDM has a day or a number: cast then, by the column's name.
_KINDS = {"_date": ("DATE", frozenset({"DATE"})), "_id": ("BIGINT", _WHOLE)}
_NUMERIC = frozenset(
    "year_of_birth value_as_number range_low range_high quantity days_supply refills dose_value effective_drug_dose gap_days "
    "condition_occurrence_count drug_exposure_count".split()
)
_TEXTS = frozenset({"relationship_id", "specimen_source_id", "unique_device_id"})
Answer = TypeVar("Answer")
Parameters = Sequence[object] | Mapping[str, object] | None


class OmopFile:
    """Implements ports.query.Query but for parts, which such a file has not. For one thread; close it.

    Every call raises Unavailable ``query-memory``; BadInput ``omop-file-value`` for a value that is not of its column's kind;
    QueryFailed for a statement that cannot run.
    """

    def __init__(self, file: Path, *, schema: str, threads: int, memory: int) -> None:
        """``schema``: '' for the only one that has a table ``person``; ``memory``: bytes.

        Raises BadInput ``omop-file`` where it is no DuckDB file that can be opened, ``omop-schema``.
        """
        self._file, self._limit = file, f"{memory >> 20}MiB"
        if not _is_database(file):
            raise BadInput("omop-file", file=file.name)
        self._connection = duckdb.connect(":memory:", config=_configuration(threads, self._limit))
        try:
            self._attach()
            self._columns = self._layout(schema)
        except BaseException:
            self._connection.close()
            raise

    def _attach(self) -> None:
        quoted = str(self._file.absolute()).replace("'", "''")
        try:
            self._connection.execute(f"ATTACH '{quoted}' AS cdm_file (READ_ONLY)")
        except duckdb.Error as error:
            raise BadInput("omop-file", file=self._file.name) from error
        for setting in ("SET TimeZone = 'UTC'", "SET enable_external_access = false", "SET lock_configuration = true"):
            self._connection.execute(setting)

    def _layout(self, schema: str) -> dict[str, dict[str, tuple[str, str]]]:
        """Table → column → (SQL name, type), names in lower case, of the schema meant."""
        rows = self._connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'cdm_file'"
        ).fetchall()
        found: dict[str, dict[str, dict[str, tuple[str, str]]]] = {}
        for home, table, column, kind in rows:
            name = ".".join(_quoted(part) for part in ("cdm_file", home, table))
            columns = found.setdefault(home.lower(), {}).setdefault(table.lower(), {})
            columns[column.lower()] = (f"{name}.{_quoted(column)}", kind.partition("(")[0])
        meant = [home for home, tables in found.items() if "person" in tables and schema.lower() in {"", home}]
        if len(meant) != 1:
            known = sorted(home for home, tables in found.items() if "person" in tables)
            raise BadInput("omop-schema", file=self._file.name, schema=schema or "-", found=", ".join(known) or "-")
        return found[meant[0]]

    def expose(self, reads: Mapping[str, Collection[str]]) -> None:
        """Make these columns of these tables, and the person of each, readable under the tables' own names.

        Raises BadInput ``omop-table-missing``, ``omop-column-missing``.
        """
        for table, wanted in sorted(reads.items()):
            columns = self._columns.get(table)
            if columns is None:
                raise BadInput("omop-table-missing", table=table)
            person = {"person_id"} & columns.keys()
            missing = sorted(set(wanted) - columns.keys())
            if missing:
                raise BadInput("omop-column-missing", file=f"{self._file.name}, {table}", column=missing[0])
            shown = ", ".join(_shown(column, *columns[column]) for column in sorted(person | set(wanted)))
            home = columns[next(iter(columns))][0].rpartition(".")[0]
            self.execute(f"CREATE TEMP VIEW {_quoted(table)} AS SELECT {shown} FROM {home}")

    def table(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """The result of a SELECT as an Arrow table."""
        return self._shielded(lambda: self._connection.sql(sql, params=parameters).to_arrow_table())

    def execute(self, sql: str, parameters: Parameters = None) -> None:
        """A statement without result."""
        self._shielded(lambda: self._connection.execute(sql, parameters))

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable as ``name``."""
        self._shielded(lambda: self._connection.register(name, table))

    def unregister(self, name: str) -> None:
        """Forget ``name``."""
        self._shielded(lambda: self._connection.unregister(name))

    def attach(
        self, name: str, parts: Sequence[Part], *, columns: Collection[str] | None = None, within: Within | None = None
    ) -> None:
        """Such a file has no parts: raises ValueError."""
        raise ValueError("an OMOP file has no parts")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _shielded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except duckdb.InterruptException:
            stopped = True
        except duckdb.Error as error:
            failed, stopped = self._meant(error), False
        if stopped:
            raise KeyboardInterrupt
        raise failed

    def _meant(self, error: duckdb.Error) -> Exception:
        if isinstance(error, duckdb.OutOfMemoryException):
            return Unavailable("query-memory", limit=self._limit)
        if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
            return BadInput("omop-file-value", file=self._file.name)
        return QueryFailed(type(error).__name__)


def _is_database(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return _MAGIC in stream.read(64)
    except OSError as error:
        raise BadInput("file-missing", file=file.name) from error


def _configuration(threads: int, limit: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": threads,
        "memory_limit": limit,
        "temp_directory": "",
        "max_temp_directory_size": "0B",
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }


def _shown(column: str, name: str, kind: str) -> str:
    """A column under its name in lower case, cast where it is not of its kind."""
    wanted, fine = _kind(column)
    return f"{name} AS {_quoted(column)}" if kind in fine else f"CAST({name} AS {wanted}) AS {_quoted(column)}"


def _kind(column: str) -> tuple[str, frozenset[str]]:
    if column in _NUMERIC:
        return "DOUBLE", _NUMBERS
    if column not in _TEXTS:
        for ending, kind in _KINDS.items():
            if column.endswith(ending) or (ending == "_id" and column.startswith("concept_id_")):
                return kind
    return "VARCHAR", frozenset({"VARCHAR"})


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
