# SPDX-License-Identifier: Apache-2.0
"""The projection of the ledger for lists and pages, in SQLite (``DIR/controller/state.db``) or PostgreSQL. Nothing decides on it.

How far it has come, and which leaf was the last, are written in the transaction of the rows themselves: a process that dies leaves the
state before or the state after. Each table's content is summed up beside it, so that a row that nobody projected is seen when it is read.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, create_engine, event, inspect, select, text, tuple_
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from rempart.adapters.state_tables import PROJECTED, PROJECTION, SUBJECT, TABLES, form_of_rows
from rempart.errors import BadInput, NotTrusted, Unavailable
from rempart.records.canonical import canonical_bytes

EXTRA = "postgres"
_LOCK = 0x72656D70
_SUM = 1 << 256
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
Row = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """``size``: leaves that were projected; ``leaf``: hash of the last of them, hex."""

    size: int
    leaf: str


class StateDatabase:
    """``url``: ``sqlite:///…`` or ``postgresql+psycopg://…`` without a password (libpq has files for that).

    Raises BadInput ``state-url``; Unavailable ``state-driver`` where the extra is not installed.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        try:
            self._engine: Engine = create_engine(self._url)
        except ModuleNotFoundError as error:
            raise Unavailable("state-driver", extra=EXTRA) from error
        if self._engine.dialect.name == "sqlite":
            _own_transactions(self._engine)

    def position(self) -> Position | None:
        """How far the projection has come; None: nothing there that this program wrote. Raises Unavailable ``state-unreachable``."""
        try:
            with self._connected() as connection:
                if not {PROJECTION.name, *PROJECTED} <= set(inspect(connection).get_table_names()):
                    return None
                return _position(connection)
        except DatabaseError:  # the file is no database, or a table has another form
            return None

    def apply(
        self,
        rows: Mapping[str, Sequence[Row]],
        *,
        before: Position,
        after: Position,
        replaced: Mapping[str, Iterable[str]],
    ) -> None:
        """Add rows; those of the named permits and releases take the place of all that stood of them. One transaction.

        Raises Unavailable ``state-moved`` when another process was quicker, ``state-unreachable``; NotTrusted ``state-altered`` where a
        row stands that nobody projected.
        """
        with _unaltered(), self._writing() as connection:
            if _position(connection) != before:
                raise Unavailable("state-moved")
            sums = _sums(connection)
            for name, table in PROJECTED.items():
                sums[name] -= _forget(connection, table, replaced)
                sums[name] += _add(connection, table, rows.get(name, ()))
            connection.execute(PROJECTION.delete())
            _mark(connection, sums, after)

    def rebuild(self, rows: Mapping[str, Sequence[Row]], *, after: Position) -> None:
        """Drop every table and write the projection anew, in one transaction; a file that is no database any more is dropped first."""
        try:
            self._write_all(rows, after)
        except DatabaseError:
            if not self._url.drivername.startswith("sqlite"):
                raise
            self.close()
            Path(str(self._url.database)).unlink(missing_ok=True)
            self._write_all(rows, after)

    def _write_all(self, rows: Mapping[str, Sequence[Row]], after: Position) -> None:
        with self._writing() as connection:
            TABLES.drop_all(connection)
            TABLES.create_all(connection)
            sums = {name: _add(connection, table, rows.get(name, ())) for name, table in PROJECTED.items()}
            _mark(connection, sums, after)

    def rows(
        self,
        name: str,
        *,
        after: tuple[str | int, ...] = (),
        limit: int | None = None,
        where: Mapping[str, str | int] | None = None,
    ) -> list[dict[str, str | int]]:
        """Rows of a table by its primary key: those after one, so many of them, those whose columns have these values.

        Raises NotTrusted ``state-altered`` when the table does not hold what was projected; Unavailable ``state-unreachable``.
        """
        table = PROJECTED[name]
        asked: Select[Any] = select(table).order_by(*table.primary_key.columns).limit(limit)
        for column, value in (where or {}).items():
            asked = asked.where(table.c[column] == value)
        if after:
            asked = asked.where(tuple_(*table.primary_key.columns) > tuple_(*after))
        with _unaltered(), self._connected() as connection:
            if _sums(connection)[name] != _sum(_read(connection, select(table))):
                raise NotTrusted("state-altered", table=name)
            return _read(connection, asked)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """One state of all tables, whoever writes meanwhile."""
        with _reached(self._engine) as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
                yield connection
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that is the only one to write."""
        with _reached(self._engine) as connection, connection.begin():
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection


def _checked(url: str) -> URL:
    try:
        told = make_url(url)
    except ArgumentError as error:
        raise BadInput("state-url") from error
    if told.drivername not in _DRIVERS.values() or told.password is not None or not told.database:
        raise BadInput("state-url")
    return told


def _own_transactions(engine: Engine) -> None:
    """SQLite's driver begins transactions by itself, and not before DDL: we begin them. What was deleted is overwritten."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA busy_timeout = 30000")


@contextmanager
def _reached(engine: Engine) -> Iterator[Connection]:
    """A connection; raises Unavailable ``state-unreachable`` where the server, the disk or another writer does not answer."""
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        raise Unavailable("state-unreachable") from error


@contextmanager
def _unaltered() -> Iterator[None]:
    """A row in the way of ours, or a sum that is no number, is not ours."""
    try:
        yield
    except (DatabaseError, ValueError) as error:
        raise NotTrusted("state-altered", table=PROJECTION.name) from error


def _position(connection: Connection) -> Position | None:
    """What all tables agree on."""
    marks = _read(connection, select(PROJECTION))
    told = {(mark["form"], mark["position"], mark["leaf"]) for mark in marks}
    if {str(mark["name"]) for mark in marks} != set(PROJECTED) or len(told) != 1:
        return None
    form, size, leaf = told.pop()
    return Position(size=int(size), leaf=str(leaf)) if form == form_of_rows() else None


def _sums(connection: Connection) -> dict[str, int]:
    found = _read(connection, select(PROJECTION.c.name, PROJECTION.c.content))
    return {str(row["name"]): int(str(row["content"]), 16) for row in found}


def _mark(connection: Connection, sums: Mapping[str, int], after: Position) -> None:
    for name, total in sums.items():
        content = f"{total % _SUM:064x}"
        told = {"name": name, "form": form_of_rows(), "position": after.size, "leaf": after.leaf, "content": content}
        connection.execute(PROJECTION.insert(), [told])


def _forget(connection: Connection, table: Table, replaced: Mapping[str, Iterable[str]]) -> int:
    """Delete the rows of those permits or releases; their sum."""
    subject = SUBJECT.get(table.name, "")
    names = sorted(replaced.get(subject, ()))
    if not names:
        return 0
    those = table.c[subject].in_(names)
    gone = _sum(_read(connection, select(table).where(those)))
    connection.execute(table.delete().where(those))
    return gone


def _add(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    if rows:
        connection.execute(table.insert(), [dict(row) for row in rows])
    return _sum(rows)


def _read(connection: Connection, asked: Select[Any]) -> list[dict[str, str | int]]:
    """To the last row: a cursor that is left half read keeps its lock."""
    return [dict(row) for row in connection.execute(asked).mappings()]


def _sum(rows: Iterable[Row]) -> int:
    """Of a set of rows, whatever their order: sum of the hashes of each."""
    return sum(int.from_bytes(hashlib.sha256(canonical_bytes(dict(row))).digest(), "big") for row in rows) % _SUM
