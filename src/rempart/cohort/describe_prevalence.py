# SPDX-License-Identifier: Apache-2.0
"""Point and period prevalence in a rule cohort, as SQL: on given days, or over the calendar units of the study's period. Runs nothing.

The base is who is in the cohort on the day, or on one day of the unit at least; no unit is told that can be seen in part alone. A case
has a record of the outcome on the days from ``lookback_days`` before the first to the last of them; where the outcome is a rule cohort, a
period of it that covers the day, or one day of the unit: it has no look-back.
"""

import datetime

from rempart.cohort.census_sql import census_since, seen_whole, told_times
from rempart.cohort.codes import Reads
from rempart.cohort.describe_rates import DECLARED, declared
from rempart.cohort.describe_slices import described, drop, label, make, tally_by
from rempart.cohort.outcomes import outcome_events
from rempart.cohort.sources import usable_days
from rempart.records.describing import OBSERVED, CohortAnalysis
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_TABLES = ("describe_times", "describe_cases", "describe_base")


def prevalence(study: Study, analysis: CohortAnalysis, reads: Reads, until: str = "") -> TallyPlan:
    """Parts ``persons/<variable>`` and ``cases/<variable>``, each by ``time``; ``times``: those that lie whole before ``until`` (rates)."""
    cohort = usable_days(f"cohort_{analysis.cohorts[0]}", until)
    back = analysis.lookback_days if analysis.outcome in study.outcomes else 0
    times = seen_whole(times_sql(study, analysis), census_since(study, analysis, until), until)
    prepare = (
        make("describe_times", times),
        make("describe_cases", _case_periods(study, analysis.outcome, reads)),
        make("describe_base", described(_base(cohort, back), analysis.dimensions, reads)),
    )
    selects = dict(told_times())
    for variable in analysis.variables:
        for part, where in (("persons", "true"), ("cases", "is_case")):
            selects |= tally_by(
                analysis, variable, table="describe_base", values={part: ""}, further=("time",), where=where
            )
    if analysis.claims or analysis.denominator != OBSERVED:
        selects[DECLARED] = declared(reads)
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*_TABLES))


def times_sql(study: Study, analysis: CohortAnalysis) -> str:
    """SELECT of time (its name), first_day, last_day."""
    if analysis.points:
        rows = ", ".join(f"('{day}', DATE '{day}', DATE '{day}')" for day in analysis.points)
        return f"SELECT * FROM (VALUES {rows}) AS t(time, first_day, last_day)"
    return units_sql(study.protocol.period, analysis.each)


def units_sql(period: tuple[datetime.date, datetime.date], unit: str) -> str:
    """The calendar units that lie whole within a period: time, first_day, last_day."""
    first, last = (f"DATE '{day}'" for day in period)
    begins = f"CAST(unnest(generate_series(date_trunc('{unit}', {first}), {last}, INTERVAL 1 {unit})) AS DATE)"
    return (
        f"SELECT {label(unit, 'first_day')} AS time, first_day, last_day FROM (SELECT begins AS first_day, "
        f"CAST(begins + INTERVAL 1 {unit} - INTERVAL 1 DAY AS DATE) AS last_day FROM (SELECT {begins} AS begins)) "
        f"WHERE first_day >= {first} AND last_day <= {last}"
    )


def _case_periods(study: Study, outcome: str, reads: Reads) -> str:
    if outcome in study.outcomes:
        found = outcome_events(study, outcome, reads)
        return f"SELECT DISTINCT person_id, day AS first_day, day AS last_day FROM ({found})"
    return f"SELECT person_id, start_date AS first_day, end_date AS last_day FROM cohort_{outcome}"


def _base(cohort: str, back: int) -> str:
    """One row for each person and time: the first day of it on which the person is in the cohort, and whether a case."""
    present = (
        "SELECT c.person_id, t.time, t.first_day, t.last_day, min(greatest(c.start_date, t.first_day)) AS day "
        f"FROM {cohort} AS c JOIN describe_times AS t ON c.start_date <= t.last_day AND c.end_date >= t.first_day GROUP BY ALL"
    )
    return (
        "SELECT b.person_id, b.time, b.day, EXISTS (SELECT 1 FROM describe_cases AS e WHERE e.person_id = b.person_id "
        f"AND e.first_day <= b.last_day AND e.last_day >= b.first_day - {back}) AS is_case FROM ({present}) AS b"
    )
