# SPDX-License-Identifier: Apache-2.0
"""The Query port on DuckDB: one in-memory session that reaches no file but our memory files, spills nothing, loads no extension.

Writes no SQL of its own but views over parts. An engine's error text may hold values of rows, so it is never passed on.
"""

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from rempart.adapters import memory_files
from rempart.adapters.part_files import PartFiles
from rempart.adapters.program_version import program_version
from rempart.errors import Unavailable
from rempart.ports.query import Bound, Part, Within

if TYPE_CHECKING:
    from rempart.adapters.part_filesystem import PartFileSystem

Parameters = Sequence[object] | Mapping[str, object] | None
Answer = TypeVar("Answer")

# Order matters: the last two shut the door. A metadata or file cache would serve a memory file's former content.
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET parquet_metadata_cache = false",
    "SET allowed_directories = ['/proc/self/fd/', 'sealed://']",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
# Raised while a statement is read, before any row is: their text holds words of the statement alone.
_ABOUT_THE_STATEMENT = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


class Held(Protocol):
    """A part under a path that the engine reads."""

    @property
    def path(self) -> str:
        """The path."""


class Source(Protocol):
    """Memory files, or the files of Python where there are none."""

    def hold(self, parts: Sequence[Part], *, columns: Collection[str] | None, within: Within) -> Sequence[Any]:
        """Parts made readable."""

    def give_back(self, held: Any) -> None:
        """One of them given up."""


def engine_version() -> str:
    """Which program, of which engine, computes here: what one made another may not take for its own."""
    return f"{program_version()}, duckdb {duckdb.__version__}"


class QueryFailed(Exception):
    """A defect: the engine could not run a statement. Holds the engine's kind of error and no value of any row."""


class DuckDBQuery:
    """Implements ports.query.Query. For one thread; ``threads`` and ``memory_limit`` (such as ``4GB``) bound the engine.

    Every call raises QueryFailed for a statement that cannot run, Unavailable ``query-memory`` when memory does not suffice.
    """

    def __init__(self, *, threads: int = 2, memory_limit: str = "4GB", files: PartFiles | None = None) -> None:
        """``files``: a pool that outlives this session, emptied by its owner; else one of its own, emptied by ``close``."""
        self._memory_limit = memory_limit
        self._own = PartFiles(threads=threads) if files is None else None
        self._files = files or self._own or PartFiles()
        self._views: dict[str, Sequence[Held]] = {}
        self._background = ThreadPoolExecutor(1)
        self._opening: dict[str, tuple[Future[Sequence[Held]], Callable[[Sequence[Held]], str]]] = {}
        self._connection = duckdb.connect(":memory:", config=_configuration(threads, memory_limit))
        self._system = None if memory_files.available() else _file_system(self._connection)
        self._source: Source = self._system or self._files
        for setting in _SETTINGS:
            self._connection.execute(setting)

    def table(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """The result of a SELECT as an Arrow table."""
        self._finish_opening()
        return self._shielded(lambda: self._connection.sql(sql, params=parameters).to_arrow_table())

    def execute(self, sql: str, parameters: Parameters = None) -> None:
        """A statement without result."""
        self._finish_opening()
        self._run(sql, parameters)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable as ``name``."""
        self.unregister(name)
        self._shielded(lambda: self._connection.register(name, table))

    def unregister(self, name: str) -> None:
        """Forget ``name``, registered or attached; its memory files are written anew by the next parts."""
        self._finish_opening()
        if name not in self._views:
            self._shielded(lambda: self._connection.unregister(name))
            return
        self.execute(f"DROP VIEW IF EXISTS {_quoted(name)}")
        self._give_back(name)

    def attach(
        self, name: str, parts: Sequence[Part], *, columns: Collection[str] | None = None, within: Within | None = None
    ) -> None:
        """See the port."""
        if not parts or (columns is not None and not columns):
            raise ValueError("a view needs at least one part and one column")
        self.unregister(name)
        opening: Future[Sequence[Held]] = self._background.submit(
            self._source.hold, parts, columns=columns, within=within or {}
        )
        self._opening[name] = (opening, lambda files: _view_sql(name, files, columns, within or {}))

    def close(self) -> None:
        """End the session; memory files of its own are emptied, those of a longer-lived pool given back."""
        self._connection.close()
        self._background.shutdown(wait=True, cancel_futures=True)
        for name, (opening, _) in self._opening.items():
            if not opening.cancelled() and opening.exception() is None:
                self._views[name] = opening.result()
        self._opening.clear()
        for name in list(self._views):
            self._give_back(name)
        if self._own is not None:
            self._own.close()

    def _finish_opening(self) -> None:
        """Wait for what is being opened, and make the views."""
        while self._opening:
            name = next(iter(self._opening))
            opening, view = self._opening.pop(name)
            files = self._views[name] = opening.result()
            self._run(view(files), None)

    def _run(self, sql: str, parameters: Parameters) -> None:
        self._shielded(lambda: self._connection.execute(sql, parameters).fetchall())

    def _give_back(self, name: str) -> None:
        for held in self._views.pop(name):
            self._source.give_back(held)

    def _shielded(self, work: Callable[[], Answer]) -> Answer:
        """The engine's answer; its error is replaced outside the handler, so that no context keeps its text."""
        try:
            return work()
        except duckdb.Error as error:
            failed = self._meant(error)
        raise failed

    def _meant(self, error: duckdb.Error) -> Exception:
        """What a part raised inside the engine, if one did; else what may be said of the engine's error."""
        if self._system and self._system.failure:
            failure, self._system.failure = self._system.failure, None
            return type(failure)(failure.code, **failure.facts)
        if isinstance(error, duckdb.OutOfMemoryException):
            return Unavailable("query-memory", limit=self._memory_limit)
        return QueryFailed(_safe_text(error))


def _file_system(connection: duckdb.DuckDBPyConnection) -> "PartFileSystem":
    """Where a system has no memory files: parts as files that the engine asks for through Python."""
    from rempart.adapters.part_filesystem import PartFileSystem

    system = PartFileSystem(skip_instance_cache=True)
    connection.register_filesystem(system)
    return system


def _configuration(threads: int, memory_limit: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": threads,
        "memory_limit": memory_limit,
        "temp_directory": "",
        "max_temp_directory_size": "0B",
        "enable_external_file_cache": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }


def _safe_text(error: duckdb.Error) -> str:
    kind = type(error).__name__
    return f"{kind}: {str(error).splitlines()[0]}" if isinstance(error, _ABOUT_THE_STATEMENT) else kind


def _view_sql(name: str, files: Sequence[Held], columns: Collection[str] | None, within: Within) -> str:
    listed = ", ".join(f"'{file.path}'" for file in files)
    shown = "*" if columns is None else ", ".join(_quoted(column) for column in columns)
    where = " AND ".join(_conditions(within)) or "true"
    return f"CREATE OR REPLACE VIEW {_quoted(name)} AS SELECT {shown} FROM read_parquet([{listed}]) WHERE {where}"


def _conditions(within: Within) -> list[str]:
    """SQL of each bound; literals have the bound's own type, so that the engine asks the statistics that we asked."""
    return [
        f"{_quoted(column)} {sign} {_literal(bound)}"
        for column, bounds in within.items()
        for sign, bound in zip((">=", "<="), bounds, strict=True)
        if bound is not None
    ]


def _literal(bound: Bound) -> str:
    if isinstance(bound, int):
        return str(int(bound))
    text = "'" + str(bound).replace("'", "''") + "'"
    return f"DATE {text}" if isinstance(bound, datetime.date) else text


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
