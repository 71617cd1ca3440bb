# SPDX-License-Identifier: Apache-2.0
"""The inclusion report of a cohort as SQL, once ``generate.statements`` has made its tables: persons, never events. Runs nothing.

A person is counted where one event of theirs meets what is asked; however many rules there are.
"""

from rempart.cohort.generate import qualified_table
from rempart.records.cohort import CohortDefinition


def steps_sql(definition: CohortDefinition) -> str:
    """SELECT of step, persons: entry, qualified (where there are additional criteria), cohort."""
    tables = {"entry": "primary_event"}
    if definition.additional is not None:
        tables["qualified"] = "qualified_event"
    tables["cohort"] = "cohort_row"
    return " UNION ALL ".join(
        f"SELECT '{step}' AS step, count(DISTINCT person_id) AS persons FROM {table}" for step, table in tables.items()
    )


def rules_sql(definition: CohortDefinition) -> str:
    """SELECT of rule (from 0), persons, remaining, missed: persons with an event that meets the rule; with one that meets it and all
    rules before it; with one that meets every other rule but this, and none that meets all. Where there is a rule at all."""
    count = len(definition.rules)
    met = " UNION ALL ".join(
        f"SELECT {number} AS rule, person_id, event_id FROM rule_{number}" for number in range(count)
    )
    return f"""
WITH met AS ({met}),
ordered AS (SELECT *, row_number() OVER (PARTITION BY person_id, event_id ORDER BY rule) - 1 AS nth FROM met),
told AS (
  SELECT person_id, event_id, count(*) AS rules, count(*) FILTER (WHERE rule = nth) AS reach, sum(rule) AS total FROM ordered GROUP BY ALL
),
event AS (
  SELECT q.person_id, coalesce(t.rules, 0) AS rules, coalesce(t.reach, 0) AS reach, coalesce(t.total, 0) AS total
  FROM {qualified_table(definition)} AS q LEFT JOIN told AS t USING (person_id, event_id)
),
person AS (SELECT person_id, max(reach) AS reach, max(rules) AS rules FROM event GROUP BY person_id),
alone AS (SELECT rule, count(DISTINCT person_id) AS persons FROM met GROUP BY rule),
missed AS (
  SELECT {count * (count - 1) // 2} - e.total AS rule, count(DISTINCT e.person_id) AS persons
  FROM event AS e JOIN person AS p USING (person_id) WHERE e.rules = {count - 1} AND p.rules = {count - 1} GROUP BY 1
)
SELECT n.rule, coalesce(alone.persons, 0) AS persons, (SELECT count(*) FROM person WHERE reach > n.rule) AS remaining,
  coalesce(missed.persons, 0) AS missed
FROM (SELECT unnest(range({count})) AS rule) AS n LEFT JOIN alone USING (rule) LEFT JOIN missed USING (rule) ORDER BY n.rule
"""
