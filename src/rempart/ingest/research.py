# SPDX-License-Identifier: Apache-2.0
"""The research tables: every column of the layout, typed as there, with ``source_person`` in place of the person column."""

from rempart.ports.query import Query
from rempart.records.omop import TableLayout


def make_research(query: Query, layout: TableLayout, select: str) -> None:
    """Create ``research_<name>`` from a SELECT of the layout's columns (empty where it names none).

    Raises ArithmeticError if two rows share a key.
    """
    known = set(query.table(f"DESCRIBE {select}").column("column_name").to_pylist())
    given = {name: f'"{name}"' if name in known else "NULL" for name in layout.columns}
    columns = ", ".join(f'CAST({given[name]} AS {layout.type_of(name)}) AS "{name}"' for name in layout.columns)
    query.execute(
        f"CREATE OR REPLACE TABLE research_{layout.name} AS "
        f"SELECT CAST(source_person AS VARCHAR) AS source_person, {columns} FROM ({select})"
    )
    key = layout.key or "source_person"
    counted = query.table(f'SELECT count(*) - count(DISTINCT "{key}") AS n FROM research_{layout.name}')
    if counted.column("n")[0].as_py():
        raise ArithmeticError(f"two rows of {layout.name} share one {key}")


def rows_of(query: Query, layout: TableLayout) -> int:
    """Number of rows."""
    return int(query.table(f"SELECT count(*) AS n FROM research_{layout.name}").column("n")[0].as_py())
