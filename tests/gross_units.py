# SPDX-License-Identifier: Apache-2.0
"""Units made by hand for the gross tables: rows of canonical values put into ``unit_<word>``, and what became of them."""

import functools
from collections.abc import Mapping, Sequence

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.gross_definitions import gross_definitions
from rempart.ingest.gross import GrossPlan, add_unit, begin
from rempart.ingest.rules import met

FLOW = "FLX_DIS_DTD"
Cell = str | int | float | None
Unit = Mapping[str, Sequence[Mapping[str, Cell]]]


@functools.cache
def plan() -> GrossPlan:
    """The data files, read once."""
    return gross_definitions()


def sql(value: Cell) -> str:
    """A canonical value as SQL; days are ISO text, cast by the column."""
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def put(query: DuckDBQuery, given: GrossPlan, word: str, rows: Sequence[Mapping[str, Cell]]) -> None:
    """``unit_<word>`` with all the columns that are read; a cell that a row does not name is empty. Without rows: no table."""
    query.execute(f"DROP TABLE IF EXISTS unit_{word}")
    if not rows:
        return
    reads = given.reads[word]
    columns = dict(reads.columns) | dict.fromkeys((*reads.key, *([reads.single] if reads.single else [])), "VARCHAR")
    for row in rows:
        assert set(row) <= set(columns), set(row) - set(columns)
    made = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    lines = ", ".join(f"({', '.join(sql(row.get(name)) for name in columns)})" for row in rows)
    query.execute(f"CREATE TABLE unit_{word} ({made})")
    query.execute(f"INSERT INTO unit_{word} VALUES {lines}")
    if reads.single:
        query.execute(f"ALTER TABLE unit_{word} ADD COLUMN flow INTEGER")
        query.execute(
            f"UPDATE unit_{word} SET flow = (year(CAST({FLOW} AS DATE)) - 2000) * 12 + month(CAST({FLOW} AS DATE)) - 1"
        )


def gross(
    unit: Unit, *, product: str, period: str, table: str, given: GrossPlan | None = None
) -> list[dict[str, object]]:
    """The rows of one gross table that a unit makes; empty cells left out, ``rules`` = the rules met, in order."""
    known = given or plan()
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    try:
        begin(query, known)
        for word, rows in unit.items():
            put(query, known, word, rows)
        add_unit(query, known, product=product, period=period, number=1)
        found = query.table(f"SELECT * FROM new_{table}").to_pylist()
    finally:
        query.close()
    plain = [{name: value for name, value in row.items() if value is not None} for row in found]
    return [row | {"rules": met(known.choice.rules, int(str(row["hits"])))} for row in plain]
