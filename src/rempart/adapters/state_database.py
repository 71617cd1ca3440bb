# SPDX-License-Identifier: Apache-2.0
"""``DIR/controller/state.db``: a projection of the ledger for lists and pages. Nothing decides on it; it is dropped and rebuilt.

Built with SQLAlchemy, so that the same tables may lie in SQLite or PostgreSQL.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.exc import DatabaseError, OperationalError

_TABLES = MetaData()
EVENTS = Table(
    "events",
    _TABLES,
    Column("position", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("basis", String, nullable=False),
    Column("time", String, nullable=False),
)
PERMITS = Table(
    "permits",
    _TABLES,
    Column("permit", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("valid_from", String, nullable=False),
    Column("valid_to", String, nullable=False),
    Column("granted", String, nullable=False),
)
RELEASES = Table(
    "releases",
    _TABLES,
    Column("release", String, primary_key=True),
    Column("permit", String, nullable=False),
    Column("state", String, nullable=False),
)
VOTES = Table(
    "votes",
    _TABLES,
    Column("document", String, primary_key=True),
    Column("release", String, nullable=False),
    Column("checker", String, nullable=False),
    Column("verdict", String, nullable=False),
)
Row = Mapping[str, str | int]


class StateDatabase:
    """One projection file; ``rebuild`` writes all of it, ``rows`` reads one table back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: Engine = create_engine(f"sqlite:///{path}")

    def rebuild(self, content: Mapping[Table, Sequence[Row]]) -> None:
        """Drop every table and write the projection anew, in one transaction; a file that is no database any more is dropped first."""
        try:
            self._write(content)
        except DatabaseError as error:
            if isinstance(error, OperationalError):  # busy or unwritable: the file itself may be whole
                raise
            self.close()
            self._path.unlink(missing_ok=True)
            self._write(content)

    def _write(self, content: Mapping[Table, Sequence[Row]]) -> None:
        with self._engine.begin() as connection:
            _TABLES.drop_all(connection)
            _TABLES.create_all(connection)
            for table, rows in content.items():
                if rows:
                    connection.execute(table.insert(), [dict(row) for row in rows])

    def rows(self, table: Table) -> list[dict[str, str | int]]:
        """Every row of a table, by its primary key."""
        with self._engine.connect() as connection:
            found = connection.execute(select(table).order_by(*table.primary_key.columns))
            return [dict(row) for row in found.mappings()]

    def close(self) -> None:
        """Let the file go."""
        self._engine.dispose()
