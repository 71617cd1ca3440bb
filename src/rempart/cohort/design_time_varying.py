# SPDX-License-Identifier: Apache-2.0
"""A cohort with exposure that changes with time, as SQL: follow-up cut where an exposure's state changes. Runs nothing.

Somebody exposed on a day is so from the day after: a row covers (entry_day, exit_day], and its state is what was known when it began.
Nothing that comes later decides a state. ``protocol.lag_days`` moves every change of state by so many days.
"""

import datetime

from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.design_follow import FOLLOWED, follow_sql, index_sql
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_time_varying import CURRENT, EVER, NEVER, PAST
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_FAR = 1_000_000  # days after time zero: for good


def time_varying(study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str) -> TallyPlan:
    """Patterns ``rows``: state of each exposure, levels of each covariate, entry_day, exit_day, status. Tallies ``states`` and ``events``
    by ``exposure`` and ``state``: persons who ever were in it while followed (value: their days), and those with the outcome in it."""
    (cohort,), (outcome,) = analysis.cohorts, analysis.outcomes
    tables = [f"design_state_{at}" for at in range(len(analysis.exposures))]
    prepare = [
        index_sql(study, cohort, analysis.covariates, reads=reads, until=until),
        follow_sql(study, outcome, cut=cut, reads=reads),
    ]
    for table, name in zip(tables, analysis.exposures, strict=True):
        prepare.append(make(table, _states(study, analysis, name, reads)))
    prepare.append(make("design_rows", _rows(tables)))
    levels = " || '|' || ".join(f"s{at}" for at in range(len(tables)))
    columns = f"{levels} || '|' || pattern" if analysis.covariates else levels
    key = f"{columns} || '|' || entry_day || '|' || exit_day || '|' || status"
    selects = {"patterns:rows": f"SELECT {key} AS key, count(*) AS n FROM design_rows GROUP BY 1"}
    return TallyPlan(
        analysis=analysis.id,
        prepare=tuple(prepare),
        selects={**selects, **_tallies(analysis)},
        clear=drop(*FOLLOWED, *tables, "design_rows"),
    )


def _tallies(analysis: DesignAnalysis) -> dict[str, str]:
    """Each exposure's states apart, and everybody followed."""
    found = {"persons": tally("SELECT person_id FROM design_follow")}
    found["outcomes"] = tally("SELECT person_id FROM design_follow WHERE status = 1")
    for at, name in enumerate(analysis.exposures):
        rows = f"SELECT person_id, s{at} AS state, sum(exit_day - entry_day) AS days FROM design_rows GROUP BY ALL"
        found[f"states/{name}"] = tally(rows, keys=("state",), value="days")
        events = f"SELECT person_id, s{at} AS state FROM design_rows WHERE status = 1"
        found[f"events/{name}"] = tally(events, keys=("state",))
    return found


def _states(study: Study, analysis: DesignAnalysis, name: str, reads: Reads) -> str:
    """Rows (person_id, from_day, to_day, state): days (from_day, to_day] since time zero that are not ``never``, apart from one another."""
    lag = study.protocol.lag_days
    if analysis.parameters["exposed"] == EVER:
        return _since(study, analysis, name, reads)
    eras = (
        f"SELECT f.person_id, x.start_date - f.t0 + {lag} AS from_day, x.end_date - f.t0 + {lag} AS to_day "
        f"FROM design_follow AS f JOIN exposure_{name} AS x ON x.person_id = f.person_id"
    )
    nexts = f"coalesce(lead(from_day) OVER (PARTITION BY person_id ORDER BY from_day), {_FAR}) AS next_day"
    return (
        f"WITH eras AS ({eras}), followed AS (SELECT *, {nexts} FROM eras) "
        f"SELECT person_id, from_day, to_day, '{CURRENT}' AS state FROM followed WHERE to_day > from_day "
        f"UNION ALL SELECT person_id, greatest(from_day, to_day), next_day, '{PAST}' FROM followed WHERE next_day > to_day"
    )


def _since(study: Study, analysis: DesignAnalysis, name: str, reads: Reads) -> str:
    """From the first dispensing that is the n-th within so many days."""
    exposure, asked = study.exposures[name], analysis.parameters
    domain = DOMAIN[exposure.domain]
    date = reads.column(domain.table, domain.date)
    days = (
        f"SELECT DISTINCT person_id, {date} AS day FROM {domain.table} "
        f"WHERE {date} IS NOT NULL AND {matches(study.codes[exposure.codes], domain, reads)}"
    )
    before = int(asked["dispensings"]) - 1
    first = f"lag(day, {before}) OVER (PARTITION BY person_id ORDER BY day)" if before else "day"
    qualified = (
        f"SELECT person_id, min(day) AS day FROM (SELECT person_id, day, {first} AS first_day FROM ({days})) "
        f"WHERE day - first_day < {asked['within_days']} GROUP BY person_id"
    )
    return (
        f"SELECT f.person_id, q.day - f.t0 + {study.protocol.lag_days} AS from_day, {_FAR} AS to_day, '{EVER}' AS state "
        f"FROM design_follow AS f JOIN ({qualified}) AS q ON q.person_id = f.person_id"
    )


def _rows(tables: list[str]) -> str:
    """Follow-up cut at every change of any state; the outcome belongs to the last piece."""
    cuts = " UNION ".join(
        f"SELECT c.person_id, c.day FROM (SELECT person_id, unnest([from_day, to_day]) AS day FROM {table}) AS c "
        "JOIN design_follow AS f ON f.person_id = c.person_id WHERE c.day > 0 AND c.day < f.exit_day"
        for table in tables
    )
    begins = f"SELECT person_id, 0 AS day FROM design_follow UNION {cuts}"
    pieces = (
        "SELECT f.person_id, f.pattern, b.day AS entry_day, coalesce(lead(b.day) OVER (PARTITION BY f.person_id ORDER BY b.day), "
        "f.exit_day) AS exit_day, f.exit_day AS last_day, f.status "
        f"FROM design_follow AS f JOIN ({begins}) AS b ON b.person_id = f.person_id"
    )
    states = "".join(
        f", coalesce((SELECT min(s.state) FROM {table} AS s WHERE s.person_id = p.person_id AND s.from_day <= p.entry_day "
        f"AND s.to_day >= p.exit_day), '{NEVER}') AS s{at}"
        for at, table in enumerate(tables)
    )
    status = "CASE WHEN p.exit_day = p.last_day THEN p.status ELSE 0 END AS status"
    return f"SELECT p.person_id, p.pattern, p.entry_day, p.exit_day, {status}{states} FROM ({pieces}) AS p"
