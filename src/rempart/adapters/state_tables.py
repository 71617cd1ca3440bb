# SPDX-License-Identifier: Apache-2.0
"""The tables of the projection: one set for SQLite and PostgreSQL. ``projection`` says how far each of the others has come.

No cell of a result lies here, and nothing that a list may not tell. ``events`` is only ever added to: triggers refuse the rest.
"""

import hashlib
from collections.abc import Mapping
from functools import cache

from sqlalchemy import DDL, Column, Integer, MetaData, String, Table, event

from rempart.adapters import package_data
from rempart.records.canonical import canonical_bytes

TABLES = MetaData()
FORM = 2
"""Raised when the same leaves give other rows."""
_DATA = (
    "permits/states.toml",
    "permits/conflicts.toml",
    "permits/clocks.toml",
    "permits/holidays.toml",
    "release/states.toml",
)


@cache
def form_of_rows() -> str:
    """By which program and which tables of data rows were made: what another made is dropped."""
    told = canonical_bytes({"form": FORM, "data": {name: package_data.text(name) for name in _DATA}})
    return hashlib.sha256(told).hexdigest()


def _table(name: str, key: Column[object], *columns: str | Column[object]) -> Table:
    texts = (one if isinstance(one, Column) else Column(one, String, nullable=False) for one in columns)
    return Table(name, TABLES, key, *texts)


def _named(name: str) -> Column[object]:
    return Column(name, String, primary_key=True)


def _numbered(name: str) -> Column[object]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _number(name: str) -> Column[object]:
    return Column(name, Integer, nullable=False)


PROJECTION = Table(
    "projection",
    TABLES,
    Column("name", String, primary_key=True),
    Column("form", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("leaf", String, nullable=False),
    Column("content", String, nullable=False),
)
EVENTS = _table("events", _numbered("position"), "kind", "phase", "basis", "time")
PROJECTED: Mapping[str, Table] = {
    table.name: table
    for table in (
        EVENTS,
        _table("permits", _named("permit"), "project", "valid_from", "valid_to", "granted"),
        _table("projects", _named("permit"), "project", "regime", "state", "turn", "since"),
        _table(
            "clocks",
            _named("permit"),
            _named("clock"),
            _named("since"),
            *("status", "started", "due", "paused"),
            _number("stood"),
            _number("extended"),
        ),
        _table("releases", _named("release"), "permit", "state", "turn"),
        _table("votes", _named("document"), "release", "checker", "verdict"),
        _table("code_jobs", _numbered("position"), "permit", "run", "state", "time"),
    )
}
SUBJECT: Mapping[str, str] = {
    "permits": "permit",
    "projects": "permit",
    "clocks": "permit",
    "code_jobs": "permit",
    "releases": "release",
    "votes": "release",
}
"""Table → the column by which its rows are replaced when a new leaf concerns that permit or release."""

_REFUSED = "events of the ledger are added, never changed"
_SQLITE = """CREATE TRIGGER events_{verb} BEFORE {verb} ON events BEGIN SELECT RAISE(ABORT, '{refused}'); END"""
_FUNCTION = """CREATE OR REPLACE FUNCTION rempart_events_kept() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{refused}'; END $$"""
_POSTGRES = """CREATE TRIGGER events_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION rempart_events_kept()"""


def _after_create(text: str, dialect: str) -> None:
    event.listen(EVENTS, "after_create", DDL(text).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


for _verb in ("UPDATE", "DELETE"):
    _after_create(_SQLITE.format(verb=_verb, refused=_REFUSED), "sqlite")
_after_create(_FUNCTION.format(refused=_REFUSED), "postgresql")
_after_create(_POSTGRES, "postgresql")
