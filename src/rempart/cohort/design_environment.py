# SPDX-License-Identifier: Apache-2.0
"""What is measured at the place of residence, as SQL: follow-up cut where the value changes; cases by commune and day. Runs nothing.

A value counts on the days that it was measured for, ``protocol.lag_days`` later. Somebody whose residence has no value on some days is
not followed on them, and is counted. The residence is the one of that day, never the last one known.
"""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.design_follow import FOLLOWED, follow_sql, index_sql
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_environment import LAG
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_MADE = ("design_values", "design_rows", "design_homes", "design_cases", "design_days")
_ENDLESS = "DATE '9999-12-31'"


def environmental(study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str) -> TallyPlan:
    """Tallies ``persons``, ``outcomes`` of those followed. Of ``cox``: patterns ``rows``: levels of each covariate and stratum, value,
    entry_day, exit_day, status; tally ``unknown``: persons with days without a value. Of ``distributed_lag``: patterns ``cases``: commune,
    day; ``followed``: commune, first day, last day of those followed there; ``values``: commune, first day, last day, value (days since
    1970-01-01, both included; a value is there, however often)."""
    (cohort,), (outcome,) = analysis.cohorts, analysis.outcomes
    levels = (*analysis.covariates, *analysis.inputs.get("strata", ()))
    prepare = (
        index_sql(study, cohort, levels, reads=reads, until=until),
        follow_sql(study, outcome, cut=cut, reads=reads),
        *(_cases(study, analysis, reads) if analysis.type == LAG else _followed(study, analysis, reads)),
    )
    selects = {
        "persons": tally("SELECT person_id FROM design_follow"),
        "outcomes": tally("SELECT person_id FROM design_follow WHERE status = 1"),
    }
    if analysis.type == LAG:
        selects["outcomes"] = tally("SELECT person_id FROM design_cases")
        selects["patterns:cases"] = (
            f"SELECT commune || '|' || {_number('day')} AS key, count(*) AS n FROM design_cases GROUP BY 1"
        )
        days = f"commune || '|' || {_number('first_day')} || '|' || {_number('last_day')}"
        selects["patterns:followed"] = f"SELECT {days} AS key, count(*) AS n FROM design_homes GROUP BY 1"
        selects["patterns:values"] = f"SELECT DISTINCT {days} || '|' || value AS key, 1 AS n FROM design_values"
    else:
        text = "'|' || value || '|' || entry_day || '|' || exit_day || '|' || status"
        pattern = f"pattern || {text}" if levels else f"ltrim({text}, '|')"
        selects["patterns:rows"] = f"SELECT {pattern} AS key, count(*) AS n FROM design_rows GROUP BY 1"
        selects["outcomes"] = tally("SELECT person_id FROM design_rows WHERE status = 1")
        selects["persons"] = tally("SELECT DISTINCT person_id FROM design_rows")
        selects["unknown"] = tally("SELECT person_id FROM design_days")
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*FOLLOWED, *_MADE))


def _number(day: str) -> str:
    return f"({day} - DATE '1970-01-01')"


def _value(value: str) -> str:
    """Six significant digits: what is measured is not known better, and equal values are then equal text."""
    return f"printf('%.6g', {value})"


def _followed(study: Study, analysis: DesignAnalysis, reads: Reads) -> tuple[str, str, str]:
    """Pieces of follow-up, each with the value at the residence."""
    table, lag = "external_exposure", study.protocol.lag_days
    start, end, name, value = (
        reads.column(table, column)
        for column in ("exposure_start_date", "exposure_end_date", "exposure_source_value", "value_as_number")
    )
    values = (
        f"SELECT f.person_id, greatest(x.{start} - f.t0 - 1 + {lag}, 0) AS from_day, least(x.{end} - f.t0 + {lag}, f.exit_day) AS to_day, "
        f"{_value(f'x.{value}')} AS value FROM design_follow AS f JOIN {table} AS x ON x.person_id = f.person_id "
        f"WHERE x.{name} = '{analysis.inputs['environment']}' AND x.{value} IS NOT NULL"
    )
    apart = "coalesce(lead(from_day) OVER (PARTITION BY person_id ORDER BY from_day, to_day), to_day)"
    spells = (
        f"SELECT person_id, from_day, least(to_day, {apart}) AS to_day, value FROM ({values}) WHERE to_day > from_day"
    )
    rows = (
        "SELECT f.person_id, f.pattern, v.value, v.from_day AS entry_day, v.to_day AS exit_day, "
        "CASE WHEN v.to_day = f.exit_day THEN f.status ELSE 0 END AS status "
        "FROM design_follow AS f JOIN design_values AS v ON v.person_id = f.person_id WHERE v.to_day > v.from_day"
    )
    known = "SELECT person_id, sum(exit_day - entry_day) AS days FROM design_rows GROUP BY person_id"
    unknown = (
        f"SELECT f.person_id FROM design_follow AS f LEFT JOIN ({known}) AS k ON k.person_id = f.person_id "
        "WHERE coalesce(k.days, 0) < f.exit_day"
    )
    return make("design_values", spells), make("design_rows", rows), make("design_days", unknown)


def _cases(study: Study, analysis: DesignAnalysis, reads: Reads) -> tuple[str, str, str]:
    """The days on which each person is followed by commune, the outcomes among them, and the values of those communes around the months
    of their outcomes."""
    grid = "environment"
    cases = (
        "SELECT f.person_id, h.commune, h.last_day AS day FROM design_follow AS f JOIN design_homes AS h ON h.person_id = f.person_id "
        "AND h.last_day = f.t0 + CAST(f.exit_day AS INTEGER) WHERE f.status = 1"
    )
    name, commune, first, last, value = (
        reads.column(grid, column) for column in ("exposure", "commune", "first_day", "last_day", "value")
    )
    longest = max(analysis.parameters["lags"]) + study.protocol.lag_days
    values = (
        f"SELECT DISTINCT e.{commune} AS commune, e.{first} AS first_day, e.{last} AS last_day, {_value(f'e.{value}')} AS value "
        f"FROM {grid} AS e JOIN (SELECT DISTINCT commune, CAST(date_trunc('month', day) AS DATE) AS month FROM design_cases) AS c "
        f"ON c.commune = e.{commune} AND e.{last} >= c.month - {longest} AND e.{first} <= last_day(c.month) "
        f"WHERE e.{name} = '{analysis.inputs['environment']}' AND e.{value} IS NOT NULL"
    )
    return make("design_homes", _homes(reads)), make("design_cases", cases), make("design_values", values)


def _homes(reads: Reads) -> str:
    """(person_id, commune, first_day, last_day): the followed days at each residence, which ends where a later one begins."""
    home = "location_history"
    start, end, place = (
        reads.column(home, column)
        for column in ("location_history_start_date", "location_history_end_date", "commune_source_value")
    )
    until = f"coalesce(h.{end}, {_ENDLESS})"
    after = f"lead(h.{start}) OVER (PARTITION BY h.person_id ORDER BY h.{start}, h.{place} DESC NULLS FIRST, {until})"
    spells = (
        f"SELECT h.person_id, h.{place} AS commune, h.{start} AS first_day, least({until}, coalesce({after} - 1, {_ENDLESS})) AS last_day "
        f"FROM {home} AS h WHERE h.{start} IS NOT NULL"
    )
    return (
        "SELECT f.person_id, h.commune, greatest(h.first_day, f.t0 + 1) AS first_day, "
        "least(h.last_day, f.t0 + CAST(f.exit_day AS INTEGER)) AS last_day "
        f"FROM design_follow AS f JOIN ({spells}) AS h ON h.person_id = f.person_id WHERE h.commune IS NOT NULL "
        "AND greatest(h.first_day, f.t0 + 1) <= least(h.last_day, f.t0 + CAST(f.exit_day AS INTEGER))"
    )
