# SPDX-License-Identifier: Apache-2.0
"""Cohorts put together as sets of persons' days, and the table of attrition of any rule cohort, as SQL. Runs nothing.

Days are taken as they are: that none is a member's only because of a later period is judged before (records/cohort_future.py).
"""

from collections.abc import Sequence

from rempart.cohort.generate import eras_sql
from rempart.cohort.sources import usable_days
from rempart.records.cohort_rules import RuleCohort


def sets_sql(name: str, cohort: RuleCohort, until: str = "") -> tuple[list[str], tuple[str, ...]]:
    """Statements of a cohort with ``of``, and the names of its steps. ``until``: SQL of the last day on which all members' sources can be
    used: who is in one and not in another is not known after it."""
    kept = f"SELECT * FROM {usable_days(f'({_days(cohort)})', until)}"
    days = eras_sql(kept, max(1, cohort.collapse_days))  # the day after the last one continues a period
    steps = (f"in any of {', '.join(cohort.of)}", f"{cohort.sets} of their days")
    every = " UNION ALL ".join(f"SELECT person_id FROM cohort_{other}" for other in cohort.of)
    made = [
        f"CREATE OR REPLACE TEMP TABLE cohort_{name} AS {days}",
        f"CREATE OR REPLACE TEMP TABLE step_1 AS {every}",
        f"CREATE OR REPLACE TEMP TABLE step_2 AS SELECT person_id FROM cohort_{name}",
    ]
    return [*made, *attrition_sql(name, steps), "DROP TABLE step_1", "DROP TABLE step_2"], steps


def _days(cohort: RuleCohort) -> str:
    """Stretches of days, cut where any of the cohorts begins or ends, that the set keeps."""
    counts = [f"d{number}" for number, _ in enumerate(cohort.of)]
    marks = []
    for number, other in enumerate(cohort.of):
        plain = eras_sql(f"SELECT person_id, start_date, end_date FROM cohort_{other}", 1)
        for day, change in (("start_date", 1), ("end_date + 1", -1)):
            each = ", ".join(f"{change if at == number else 0} AS d{at}" for at, _ in enumerate(cohort.of))
            marks.append(f"SELECT person_id, {day} AS day, {each} FROM ({plain})")
    sums = ", ".join(f"sum(sum({c})) OVER person AS {c}" for c in counts)
    inside = {
        "union": " OR ".join(f"{c} > 0" for c in counts),
        "intersection": " AND ".join(f"{c} > 0" for c in counts),
        "difference": " AND ".join([f"{counts[0]} > 0", *(f"{c} = 0" for c in counts[1:])]),
    }[cohort.sets]
    stretches = (
        f"SELECT person_id, day AS start_date, lead(day) OVER person - 1 AS end_date, {sums} FROM ({' UNION ALL '.join(marks)}) "
        "GROUP BY person_id, day WINDOW person AS (PARTITION BY person_id ORDER BY day)"
    )
    return f"SELECT person_id, start_date, end_date FROM ({stretches}) WHERE {inside}"


_LONGEST = 116  # with its number in front a step is a label of a result, of which 120 characters may leave


def _label(step: str) -> str:
    """A step's name as it leaves, quoted: one of many events or cohorts is cut, since no release takes a longer label."""
    cut = step if len(step) <= _LONGEST else step[: _LONGEST - 1] + "…"
    return cut.replace("'", "''")


def attrition_sql(name: str, steps: Sequence[str]) -> list[str]:
    """Statements that count persons in the tables ``step_1`` …; a person in one is in all before it."""
    reached = " UNION ALL ".join(
        f"SELECT person_id, {number} AS step FROM step_{number}" for number, _ in enumerate(steps, 1)
    )
    listed = ", ".join(f"({number}, '{_label(step)}')" for number, step in enumerate(steps, 1))
    return [
        f"CREATE OR REPLACE TEMP TABLE cohort_{name}_reached AS SELECT person_id, max(step) AS step FROM ({reached}) GROUP BY person_id",
        f"CREATE OR REPLACE TEMP TABLE cohort_{name}_attrition AS SELECT s.step, s.name, "
        f"(SELECT count(*) FROM cohort_{name}_reached AS r WHERE r.step >= s.step) AS persons FROM (VALUES {listed}) AS s(step, name)",
    ]
