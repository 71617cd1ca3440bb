# SPDX-License-Identifier: Apache-2.0
"""What a catalogue counts of each variable: SQL for one shard, and the sums. Counts are of distinct persons, each in one shard."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout

KEY, CODE, DAY, NUMBER = "key", "code", "day", "number"
_ROWS = "rows"


@dataclass(slots=True, kw_only=True)
class Sums:
    """``persons``: (table, column) → persons who have a value, column '' = persons of the table; ``rows``: of a table; ``values``: (table,
    column, value) → persons: who has the code, who has a row in the month, whose own median is the number."""

    persons: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    values: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add_persons(self, table: str, told: Mapping[str, Any]) -> None:
        """One row of ``persons_sql``."""
        self.rows[table] += int(told[_ROWS])
        for column, count in told.items():
            if column != _ROWS:
                self.persons[table, column.removeprefix("p_")] += int(count)

    def add_values(self, table: str, told: Sequence[Mapping[str, Any]]) -> None:
        """Rows of ``values_sql``."""
        for row in told:
            self.values.setdefault((table, row["what"]), Counter())[str(row["value"])] += int(row["persons"])


def kind_of(column: str, sql_type: str) -> str:
    """What a column holds: a key that leads to other rows, a code, a day, or a number."""
    if column.endswith("_id") and not column.endswith("_concept_id"):
        return KEY
    if sql_type.startswith(("DATE", "TIMESTAMP")):
        return DAY
    return CODE if sql_type == "VARCHAR" or column.endswith("_concept_id") else NUMBER


def columns_of(layout: TableLayout) -> dict[str, str]:
    """Column → what it holds, of the main sibling."""
    return {column: kind_of(column, type_) for column, type_ in layout.siblings[MAIN].items()}


def persons_sql(layout: TableLayout) -> str:
    """One row: rows, persons of the table (column ``p_``), persons who have a value in each column."""
    found = [
        f"count(DISTINCT {WAREHOUSE_PERSON}) FILTER (WHERE {column} IS NOT NULL) AS p_{column}"
        for column in columns_of(layout)
    ]
    head = [f"count(*) AS {_ROWS}", f"count(DISTINCT {WAREHOUSE_PERSON}) AS p_"]
    return f"SELECT {', '.join([*head, *found])} FROM {layout.name}"


def values_sql(layout: TableLayout) -> Iterator[str]:
    """Statements that give ``what``, ``value``, ``persons``, one a column that is no key."""
    for column, kind in columns_of(layout).items():
        if kind == NUMBER:
            own = f"SELECT median({column})::DOUBLE AS v FROM {layout.name} WHERE {column} IS NOT NULL"
            each = f"{own} GROUP BY {WAREHOUSE_PERSON}"
            yield f"SELECT '{column}' AS what, {_coarse('v')} AS value, count(*) AS persons FROM ({each}) GROUP BY ALL"
        elif kind != KEY:
            value = f"strftime({column}, '%Y-%m')" if kind == DAY else f"{column}::VARCHAR"
            counted = f"count(DISTINCT {WAREHOUSE_PERSON}) AS persons"
            where = f"FROM {layout.name} WHERE {column} IS NOT NULL"
            yield f"SELECT '{column}' AS what, {value} AS value, {counted} {where} GROUP BY ALL"


def _coarse(value: str) -> str:
    """Three significant figures: as many classes as a quantile of whole units needs, and few enough to add."""
    return f"CASE WHEN {value} = 0 THEN 0 ELSE round({value}, 2 - floor(log10(abs({value})))::INTEGER) END"


def quantile(cells: Mapping[str, int], share: float) -> float:
    """The smallest value that at least that share of the persons does not exceed."""
    wanted, before = share * sum(cells.values()), 0
    for value, persons in sorted((float(value), persons) for value, persons in cells.items()):
        before += persons
        if before >= wanted:
            return value
    return 0.0
