# SPDX-License-Identifier: Apache-2.0
"""Who is in rule cohorts and how long, as SQL: attrition, table one at a person's first entry, follow-up. Runs nothing."""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.describe_paths import entries
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.patterns import level_sql
from rempart.cohort.tally_sql import tally
from rempart.records.describing import CohortAnalysis
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

DEATH, CUT, OBSERVATION, EXIT = "death", "end of data", "end of observation", "exit from the cohort"
_TABLES = ("describe_members", "describe_ends")


def attrition(study: Study, analysis: CohortAnalysis, reads: Reads) -> TallyPlan:
    """Part ``steps``: persons by ``step``, as the cohort's own table says; ``persons``: who is in the cohort at last."""
    cohort = analysis.cohorts[0]
    step = "lpad(CAST(step AS VARCHAR), 2, '0') || ' ' || name"
    counted = (
        f"SELECT json_object('step', {step})::VARCHAR AS key, CAST(persons AS BIGINT) AS n, 0::BIGINT AS total, 0::BIGINT AS squares, "
        "CAST(persons AS BIGINT) AS persons, 0::BIGINT AS print_a, 0::BIGINT AS print_b, 0::BIGINT AS top1, 0::BIGINT AS top2 "
        f"FROM cohort_{cohort}_attrition"
    )
    members = tally(f"SELECT DISTINCT person_id FROM cohort_{cohort}")
    return TallyPlan(analysis=analysis.id, selects={"steps": counted, "persons": members})


def table_one(study: Study, analysis: CohortAnalysis, reads: Reads) -> TallyPlan:
    """Parts ``persons`` by ``arm`` (a cohort's name), ``union``: who is in any, ``level/<covariate>`` by arm and ``level``, ``age`` by
    arm (value: years)."""
    made = [study.covariates[name] for name in analysis.covariates]
    born = f"p.{reads.column('person', 'year_of_birth')}" if any(c.type == "age" for c in made) else "NULL::INTEGER"
    gender = (
        f"p.{reads.column('person', 'gender_concept_id')}" if any(c.type == "sex" for c in made) else "NULL::INTEGER"
    )
    first = " UNION ALL ".join(f"SELECT *, '{name}' AS arm FROM ({entries(name)})" for name in analysis.cohorts)
    levels = "".join(f", {level_sql(c, study, reads)} AS c_{n}" for n, c in zip(analysis.covariates, made, strict=True))
    members = (
        f"SELECT person_id, arm, age{levels} FROM (SELECT m.person_id, m.arm, m.start_date AS t0, {gender} AS sex, "
        f"CAST(year(m.start_date) - {born} AS BIGINT) AS age FROM ({first}) AS m LEFT JOIN person AS p ON p.person_id = m.person_id) AS i"
    )
    selects = {
        "persons": tally("SELECT person_id, arm FROM describe_members", keys=("arm",)),
        "union": tally("SELECT DISTINCT person_id FROM describe_members"),
    }
    for name in analysis.covariates:
        rows = f"SELECT person_id, arm, c_{name} AS level FROM describe_members"
        selects[f"level/{name}"] = tally(rows, keys=("arm", "level"))
        if study.covariates[name].type == "age":
            selects["age"] = tally(
                "SELECT person_id, arm, age FROM describe_members WHERE age IS NOT NULL", keys=("arm",), value="age"
            )
    prepare = (make("describe_members", members),)
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*_TABLES))


def follow_up(study: Study, analysis: CohortAnalysis, reads: Reads, cut: datetime.date, until: str = "") -> TallyPlan:
    """Part ``ends``: persons by ``days`` in their first period and ``reason`` of its end: the first that holds of death, end of
    data, end of observation, ``until`` (describe_rates.py: an end of data too), the cohort's rule."""
    ended = f"WHEN i.end_date >= {until} THEN '{CUT}' " if until else ""
    start, end = (reads.column("observation_period", f"observation_period_{side}_date") for side in ("start", "end"))
    observed = (
        "SELECT 1 FROM observation_period AS o WHERE o.person_id = i.person_id "
        f"AND o.{end} = i.end_date AND o.{start} <= i.start_date"
    )
    ends = (
        f"SELECT i.person_id, i.end_date - i.start_date AS days, CASE WHEN EXISTS ({_died(study, reads)}) THEN '{DEATH}' "
        f"WHEN i.end_date >= DATE '{cut}' THEN '{CUT}' WHEN EXISTS ({observed}) THEN '{OBSERVATION}' {ended}ELSE '{EXIT}' END AS reason "
        f"FROM ({entries(analysis.cohorts[0], until)}) AS i"
    )
    rows = tally(
        "SELECT person_id, lpad(CAST(days AS VARCHAR), 5, '0') AS days, reason FROM describe_ends",
        keys=("days", "reason"),
    )
    return TallyPlan(
        analysis=analysis.id, prepare=(make("describe_ends", ends),), selects={"ends": rows}, clear=drop(*_TABLES)
    )


def _died(study: Study, reads: Reads) -> str:
    """A death on the last day; known by the month alone, in the month of the last day."""
    if study.protocol.death == "ignore":
        return "SELECT 1 WHERE false"
    if study.protocol.death == "date":
        return f"SELECT 1 FROM death AS x WHERE x.person_id = i.person_id AND x.{reads.column('death', 'death_date')} = i.end_date"
    month = reads.column("death", "death_month")
    return f"SELECT 1 FROM death AS x WHERE x.person_id = i.person_id AND date_trunc('month', x.{month}) = date_trunc('month', i.end_date)"
