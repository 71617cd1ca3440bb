# SPDX-License-Identifier: Apache-2.0
"""The quick way of reading: a row of plain values is asked less than the exact way asks, to the same answer, and an empty value that may
be empty sends nothing to the exact way.

The answer that is expected is the test of each column alone, as the exact way asks it.
"""

from collections.abc import Iterator

import duckdb
import pytest

from rempart.ingest.reading import Look, Reading, reading, wrong_or_empty_sql
from rempart.ingest.schema import Column, TableSchema
from tests.small_delivery import known

SCHEMA = known().tables
TABLES = sorted(table.id for table in SCHEMA.values())
QUICK = Look(wide=False, spaced=False)
ODD = [
    None, "", "0", "7", "07", "2A", "2A123", "12B4", "1234567890123", "-1", "+1", "1.5", "1.", ".", "-", "1e5", "1E5", "1_0", "inf", "nan",
    "99999999999", "2014-01-31", "2014-02-30", "1600-01-01", "0001-01-01", "2014-1-31", "2014", "1500", "x",
]  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """One session for all."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def whole_row(read: Reading) -> dict[str, str | None]:
    """A right value where one must be, none elsewhere."""
    return {name: right(column) if column.filled else None for name, column in read.sources.items()}


def right(column: Column) -> str:
    """A plain value of the column's kind."""
    widest = max(column.widths, default=1)
    told = {"id": "X" * widest, "day": "2014-01-31", "dayKey": "2014-01-31", "period": "2014"}
    return told.get(column.kind, "1")


def of(table: TableSchema) -> Reading:
    """The table delivered with every column that it can have."""
    return reading(SCHEMA, table, list(table.columns), 2014)


def table_of(engine: duckdb.DuckDBPyConnection, read: Reading, rows: list[dict[str, str | None]]) -> None:
    """The rows as ``delivered``, numbered from 0 by ``rowid``."""
    names = [f'"{name}"' for name in read.header]
    engine.execute(f"CREATE OR REPLACE TEMP TABLE delivered ({', '.join(f'{name} VARCHAR' for name in names)})")
    values = [[row.get(name) for name in read.header] for row in rows]
    engine.executemany(f"INSERT INTO delivered VALUES ({', '.join('?' for _ in names)})", values)


def kept(engine: duckdb.DuckDBPyConnection, read: Reading, look: Look) -> set[int]:
    """The rows at which the SELECT would not fail."""
    sql = read.select_sql("delivered", look)
    where = sql[sql.index(" WHERE CASE") :].replace("error('wrong')", "FALSE")
    return {number for (number,) in engine.execute(f"SELECT rowid FROM delivered{where}").fetchall()}


@pytest.mark.parametrize("name", TABLES)
def test_what_may_be_empty_is_read_the_quick_way(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    read = of(next(table for table in SCHEMA.values() if table.id == name))
    table_of(engine, read, [whole_row(read)])
    quick, exact = (engine.execute(read.select_sql("delivered", look)).fetchall() for look in (QUICK, Look()))
    assert quick == exact
    assert len(quick) == 1


@pytest.mark.parametrize("look", [QUICK, Look(wide=False), Look()], ids=["quick", "blanks", "exact"])
@pytest.mark.parametrize("name", ["claims", "mco_drugs", "doses"])
def test_a_row_is_refused_where_a_column_alone_would_be(
    engine: duckdb.DuckDBPyConnection, name: str, look: Look
) -> None:
    read, tests = of(SCHEMA[name]), dict[str, str]()
    for name, column in read.sources.items():
        tests[name] = wrong_or_empty_sql(column, read.format, look) or "FALSE"
    rows = [{**whole_row(read), name: value} for name in tests for value in ODD]
    table_of(engine, read, rows)
    alone = {
        number
        for place, test in enumerate(tests.values())
        for (number,) in engine.execute(
            f"SELECT rowid FROM delivered WHERE rowid // {len(ODD)} = {place} AND NOT coalesce({test}, FALSE)"
        ).fetchall()
    }
    assert kept(engine, read, look) == alone
    assert len(rows) / 10 < len(alone) < len(rows) * 9 / 10


def test_the_quick_way_asks_plain_rows_for_no_pattern_of_their_own() -> None:
    sql = of(SCHEMA["claims"]).select_sql("delivered", QUICK)
    quick = sql[sql.index(" WHERE ") : sql.index(" THEN ", sql.index(" WHERE "))]
    assert quick.count("regexp_full_match(concat(") == 2
    assert quick.count("regexp") == 2
