# SPDX-License-Identifier: Apache-2.0
"""The engine on a project of invented persons: one cohort beside a hand-written query on plain Parquet; time and memory as persons grow."""

import json

import duckdb

from bench.engine_project import COMPARATOR, PERSONS, SHARDS, TARGET, Project, project
from bench.engine_run import apart, here
from bench.registry import Work, bench

FEWER = 8
SIZE = f"{PERSONS:,} persons in {SHARDS} shards, about two hundred events each (REMPART_BENCH_PERSONS), 2 workers"

QUERY = """
WITH drug AS (
    SELECT person_id, drug_exposure_start_date AS day, drug_source_value IN ({target}) AS target
    FROM read_parquet('{drug_exposure}') WHERE drug_source_value IN ({target}, {comparator})),
cancer AS (
    SELECT person_id, condition_start_date AS day, condition_status_source_value = 'DP' AS principal
    FROM read_parquet('{condition_occurrence}') WHERE condition_source_value LIKE 'C67%'),
entry AS (
    SELECT person_id, min(day) AS t0 FROM drug WHERE day BETWEEN DATE '2013-01-01' AND DATE '2017-12-31' GROUP BY person_id),
index_day AS (
    SELECT e.person_id, e.t0, bool_or(d.target) FILTER (WHERE d.day = e.t0) AS target,
        bool_or(NOT d.target) FILTER (WHERE d.day = e.t0) AS comparator
    FROM entry e JOIN drug d ON d.person_id = e.person_id
    GROUP BY e.person_id, e.t0 HAVING NOT coalesce(bool_or(d.day BETWEEN e.t0 - 365 AND e.t0 - 1), false)),
eligible AS (
    SELECT i.person_id, i.t0, i.target, o.observation_period_end_date AS seen_until
    FROM index_day i JOIN read_parquet('{person}') p ON p.person_id = i.person_id
    JOIN read_parquet('{observation_period}') o ON o.person_id = i.person_id
        AND o.observation_period_start_date <= i.t0 - 365 AND o.observation_period_end_date >= i.t0
    WHERE i.target <> i.comparator AND year(i.t0) - p.year_of_birth BETWEEN 40 AND 120
        AND NOT EXISTS (SELECT 1 FROM cancer c WHERE c.person_id = i.person_id AND c.day BETWEEN i.t0 - 365 AND i.t0)),
followed AS (
    SELECT e.person_id, any_value(e.target) AS target, any_value(e.t0) AS t0, least(
        min(c.day), any_value(e.seen_until), DATE '2017-12-31', any_value(e.t0) + 1825,
        CASE WHEN date_trunc('month', any_value(e.seen_until)) = min(x.death_month) THEN any_value(e.seen_until)
             ELSE last_day(min(x.death_month)) END) AS until
    FROM eligible e LEFT JOIN cancer c ON c.person_id = e.person_id AND c.principal AND c.day > e.t0
    LEFT JOIN read_parquet('{death}') x ON x.person_id = e.person_id GROUP BY e.person_id)
SELECT CASE WHEN target THEN 'target' ELSE 'comparator' END AS arm, count(*) AS persons
FROM followed WHERE until - t0 > 30 GROUP BY target
"""


def by_hand(made: Project) -> dict[str, int]:
    """The same persons, counted by one query on the plain files with two threads."""
    listed = {"target": ", ".join(f"'{c}'" for c in TARGET), "comparator": ", ".join(f"'{c}'" for c in COMPARATOR)}
    names = ("drug_exposure", "condition_occurrence", "person", "observation_period", "death")
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        found = connection.execute(QUERY.format(**listed, **{name: made.plain(name) for name in names})).fetchall()
    return {str(arm): int(persons) for arm, persons in found}


def _alike(ours: dict[str, int], theirs: dict[str, int]) -> None:
    told = {arm: count for arm, count in ours.items() if arm in theirs}
    if told != theirs or not all(theirs.values()):
        raise ValueError(f"not the same persons: {json.dumps(ours)} and {json.dumps(theirs)}")


@bench(
    "cohort-demo-study",
    peer="one hand-written DuckDB query on the same columns in plain Parquet, two threads",
    bound=1.5,
    runs=5,
    note=f"the demonstration's cohort, from the command to the sealed result, start of worker processes included; {SIZE}",
)
def demo_study() -> tuple[Work, Work]:
    """Both give the same number of persons in each arm; the first of each checks that."""
    made = project(PERSONS, SHARDS)
    _alike(here(made.folder)[1], by_hand(made))
    return (lambda: here(made.folder), lambda: by_hand(made))


@bench(
    "cohort-linear-time",
    peer=f"an eighth of the persons in {SHARDS // FEWER} shards",
    bound=8.5,
    runs=3,
    given=True,
    note=f"seconds of the same study; {SIZE}",
)
def linear_time() -> tuple[Work, Work]:
    """Eight times the persons by eight times the shards."""
    many, few = project(PERSONS, SHARDS), project(PERSONS // FEWER, SHARDS // FEWER)
    return (lambda: apart(many.folder).seconds, lambda: apart(few.folder).seconds)


@bench(
    "cohort-flat-memory",
    peer=f"an eighth of the persons in {SHARDS // FEWER} shards",
    bound=1.2,
    runs=3,
    given=True,
    note=f"bytes of the largest worker in the same study; {SIZE}",
)
def flat_memory() -> tuple[Work, Work]:
    """A shard of each holds the same number of persons."""
    many, few = project(PERSONS, SHARDS), project(PERSONS // FEWER, SHARDS // FEWER)
    return (lambda: apart(many.folder).peak, lambda: apart(few.folder).peak)
