# SPDX-License-Identifier: Apache-2.0
"""A step of attrition is a label of a result: of however many events or letters it is made, it may leave."""

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.cohort_sets import attrition_sql
from rempart.disclosure.labels import check_labels
from rempart.records.result import ResultRow

STEPS = ("first day with " + " or ".join(f"list_{n} (drug)" for n in range(40)), "x" * 200, "it's short")


def test_a_step_of_many_events_may_leave() -> None:
    query = DuckDBQuery(threads=1, memory_limit="256MB")
    for number, _ in enumerate(STEPS, 1):
        query.table(f"CREATE OR REPLACE TEMP TABLE step_{number} AS SELECT 1 AS person_id")
    for statement in attrition_sql("x", STEPS):
        query.table(statement)
    names = query.table("SELECT name FROM cohort_x_attrition ORDER BY step").column("name").to_pylist()
    query.close()
    assert names[2] == STEPS[2]
    assert names[0].startswith("first day with list_0 (drug) or ") and names[0].endswith("…")
    rows = [
        ResultRow(
            run="S-1",
            output="attrition",
            output_type="attrition",
            row_key={"step": f"{number:02} {name}"},
            column_key={"arm": "all"},
            statistic="n",
            value=20.0,
            unit="persons",
            n_persons=20,
        )
        for number, name in enumerate(names, 1)
    ]
    check_labels(rows)
