# SPDX-License-Identifier: Apache-2.0
"""Drug utilisation in a rule cohort by calendar unit, as SQL: users, new users, dispensings, packs, pharmacies. Runs nothing.

A user has a dispensing within the unit on a day in the cohort; a new user one before which none was dispensed for ``washout_days``, all of
them observed. Packs are told in hundredths, so that sums stay whole numbers.
"""

from rempart.cohort.census_sql import seen_whole, told_times
from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.cohort.describe_prevalence import units_sql
from rempart.cohort.describe_slices import described, drop, make, tally_by
from rempart.cohort.sources import usable_days
from rempart.records.describing import CohortAnalysis
from rempart.records.protocol import Exposure, TallyPlan
from rempart.records.study import Study

_TABLES = ("describe_times", "describe_fills", "describe_base", "describe_use")
_PRESENT = ("exposure", "time")
PACK = 100  # the unit of ``packs``: hundredths


def utilisation(study: Study, analysis: CohortAnalysis, reads: Reads, until: str = "") -> TallyPlan:
    """Parts by ``time``: ``persons``; by ``exposure`` and ``time``: ``users`` (value: dispensings), ``packs`` (value: hundredths
    of a pack), ``new_users``, ``pharmacies`` (by ``pharmacy`` besides); each with every variable. ``times``: those that lie whole before
    ``until`` (describe_rates.py)."""
    cohort = usable_days(f"cohort_{analysis.cohorts[0]}", until)
    prepare = (
        make("describe_times", seen_whole(units_sql(study.protocol.period, analysis.each), "", until)),
        make("describe_fills", " UNION ALL ".join(_fills(study, name, reads) for name in analysis.exposures)),
        make("describe_base", described(_base(cohort), analysis.dimensions, reads)),
        make("describe_use", _used(cohort, analysis.washout_days, reads)),
    )
    selects = dict(told_times())
    for variable in analysis.variables:
        selects |= tally_by(analysis, variable, table="describe_base", values={"persons": ""}, further=("time",))
        values = {"users": "count(*)", "packs": "sum(packs)"}
        selects |= tally_by(analysis, variable, table="describe_use", values=values, further=_PRESENT)
        new = tally_by(
            analysis, variable, table="describe_use", values={"new_users": ""}, further=_PRESENT, where="is_new"
        )
        selects |= new
        further = (*_PRESENT, "pharmacy")
        selects |= tally_by(analysis, variable, table="describe_use", values={"pharmacies": ""}, further=further)
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*_TABLES))


def _fills(study: Study, name: str, reads: Reads) -> str:
    """Dispensings of an exposure, one row each."""
    exposure: Exposure = study.exposures[name]
    domain = DOMAIN[exposure.domain]
    day, packs, pharmacy = (
        reads.column(domain.table, column) for column in (domain.date, "quantity", "dispensing_provider_id")
    )
    return (
        f"SELECT person_id, '{name}' AS exposure, {day} AS day, CAST(round(coalesce({packs}, 1) * {PACK}) AS BIGINT) AS packs, "
        f"{pharmacy} AS pharmacy FROM {domain.table} WHERE {day} IS NOT NULL AND {matches(study.codes[exposure.codes], domain, reads)}"
    )


def _base(cohort: str) -> str:
    """One row for each person and unit: the first day of it in the cohort."""
    return (
        "SELECT c.person_id, t.time, min(greatest(c.start_date, t.first_day)) AS day "
        f"FROM {cohort} AS c JOIN describe_times AS t ON c.start_date <= t.last_day AND c.end_date >= t.first_day GROUP BY ALL"
    )


def _used(cohort: str, washout: int, reads: Reads) -> str:
    """Dispensings on days in the cohort, with the person's dimensions as in the base; ``is_new``: none in the washout before."""
    start, end = (reads.column("observation_period", f"observation_period_{side}_date") for side in ("start", "end"))
    days = (
        "SELECT person_id, exposure, day, lag(day) OVER (PARTITION BY person_id, exposure ORDER BY day) AS before "
        "FROM (SELECT DISTINCT person_id, exposure, day FROM describe_fills)"
    )
    observed = (
        "SELECT 1 FROM observation_period AS o WHERE o.person_id = f.person_id "
        f"AND o.{start} <= f.day - {washout} AND o.{end} >= f.day"
    )
    return (
        "SELECT b.*, f.exposure, f.packs, f.pharmacy, "
        f"(d.before IS NULL OR d.before < f.day - {washout}) AND EXISTS ({observed}) AS is_new "
        f"FROM describe_fills AS f JOIN ({days}) AS d ON d.person_id = f.person_id AND d.exposure = f.exposure AND d.day = f.day "
        "JOIN describe_times AS t ON f.day BETWEEN t.first_day AND t.last_day "
        "JOIN describe_base AS b ON b.person_id = f.person_id AND b.time = t.time "
        f"WHERE EXISTS (SELECT 1 FROM {cohort} AS c WHERE c.person_id = f.person_id AND f.day BETWEEN c.start_date AND c.end_date)"
    )
