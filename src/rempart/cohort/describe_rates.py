# SPDX-License-Identifier: Apache-2.0
"""Time at risk and events of a rule cohort, cut at calendar years and ages (Lexis), as SQL. Runs nothing.

First events: a person's time at risk ends with the first. Every event: distinct days, and time goes on. Where a person has periods that
overlap (a control of several sets), each of them counts its days and its event.
"""

from rempart.cohort.census_sql import census_since, counted_until, seen_days
from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import cut, described, drop, finest, make, tally_by
from rempart.cohort.outcomes import by_cause, outcome_events, unknown_deaths
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.describing import OBSERVED, RATE, CohortAnalysis
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_TABLES = (
    "describe_events",
    "describe_unknown",
    "describe_periods",
    "describe_slices",
    "describe_facilities",
    "describe_unknown_facilities",
)
DECLARED = "declared"


def rates(study: Study, analysis: CohortAnalysis, reads: Reads, until: str = "") -> TallyPlan:
    """Parts ``time/<variable>`` (value: days at risk), ``events/<variable>`` (value: events, of persons with one), ``both/<variable>``
    (days + events) for variances by person; where the outcome is a death by cause ``unknown/…`` and ``unknown_both/…``, as those of deaths
    of unknown cause; ``facilities/<variable>`` by ``facility``, of such deaths ``unknown_facilities/…``; ``standard/time`` and
    ``standard/events`` by single years of age and sex; ``declared``; ``seen`` (of a census). Time at risk ends with ``until``: SQL of the
    last day on which the sources of cohort and outcome can be used ('': none is told)."""
    with_events, overlaps = analysis.type == RATE, analysis.cohorts[0] in study.overlapping
    wanted = analysis.dimensions | ({"sex"} if analysis.standard else frozenset())
    last = counted_until(study, analysis, until)
    prepare = [
        make("describe_events", event_days(study, analysis.outcome, reads) if with_events else _NONE),
        make("describe_periods", _periods(analysis, usable_days(f"cohort_{analysis.cohorts[0]}", last))),
        make("describe_slices", described(_slices(analysis), frozenset(wanted), reads)),
    ]
    counted = [("events", "both")] if with_events else []
    if with_events and analysis.outcome in study.outcomes and by_cause(study, analysis.outcome):
        prepare[2:] = _with_unknown(study, analysis, frozenset(wanted), reads)
        counted.append(("unknown", "unknown_both"))
    selects: dict[str, str] = {}
    for variable in analysis.variables:
        selects |= tally_by(analysis, variable, table="describe_slices", values={"time": "sum(days)"}, where="days > 0")
        for name, both in counted:
            value = {name: f"sum({name})"}
            selects |= tally_by(analysis, variable, table="describe_slices", values=value, where=f"{name} > 0")
            if analysis.weighted or analysis.events == "every" or overlaps:
                value = {both: f"sum(days) + sum({name})"}
                selects |= tally_by(analysis, variable, table="describe_slices", values=value)
    for name, _ in counted if analysis.establishments else ():
        prepare.append(make(f"describe_{_PLACES[name]}", _facilities(name, reads)))
        selects |= _by_place(analysis, _PLACES[name])
    if analysis.standard:
        selects |= _standard()
    if analysis.claims or analysis.weighted or analysis.denominator != OBSERVED:
        selects[DECLARED] = declared(reads)
    if analysis.denominator != OBSERVED:
        selects |= seen_days(census_since(study, analysis, until), until)
    return TallyPlan(analysis=analysis.id, prepare=tuple(prepare), selects=selects, clear=drop(*_TABLES))


_PLACES = {"events": "facilities", "unknown": "unknown_facilities"}  # what is counted → part of its places of care


def _by_place(analysis: CohortAnalysis, part: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable in analysis.variables:
        found |= tally_by(analysis, variable, table=f"describe_{part}", values={part: ""}, further=("facility",))
    return found


_NONE = "SELECT 0::BIGINT AS person_id, DATE '1970-01-01' AS day WHERE false"


def event_days(study: Study, outcome: str, reads: Reads) -> str:
    """SELECT of person_id, day: records of an outcome, or first days of a rule cohort's periods; a day counts once."""
    if outcome in study.outcomes:
        return f"SELECT DISTINCT person_id, day FROM ({outcome_events(study, outcome, reads)})"
    return f"SELECT DISTINCT person_id, start_date AS day FROM cohort_{outcome}"


def _periods(analysis: CohortAnalysis, cohort: str) -> str:
    """Periods at risk, (start_date, end_date], of the table ``cohort``; ``ended``: 1 where the last day is a first event."""
    if analysis.events == "every":
        return f"SELECT person_id, start_date, end_date, 0 AS ended FROM {cohort}"
    first = (
        f"SELECT c.person_id, min(e.day) AS day FROM {cohort} AS c JOIN describe_events AS e ON e.person_id = c.person_id "
        "AND e.day > c.start_date AND e.day <= c.end_date GROUP BY c.person_id"
    )
    return (
        "SELECT c.person_id, c.start_date, least(c.end_date, coalesce(f.day, c.end_date)) AS end_date, "
        f"CASE WHEN f.day > c.start_date AND f.day <= c.end_date THEN 1 ELSE 0 END AS ended FROM {cohort} AS c "
        f"LEFT JOIN ({first}) AS f ON f.person_id = c.person_id WHERE f.day IS NULL OR c.start_date < f.day"
    )


def _slices(analysis: CohortAnalysis) -> str:
    slices = cut("SELECT * FROM describe_periods", finest(analysis))
    if analysis.events == "first":
        return slices
    return (
        f"SELECT s.person_id, s.day, s.days, count(e.day) AS events FROM ({slices}) AS s LEFT JOIN describe_events AS e "
        "ON e.person_id = s.person_id AND e.day >= s.day AND e.day < s.day + CAST(s.days AS INTEGER) GROUP BY ALL"
    )


def _with_unknown(study: Study, analysis: CohortAnalysis, wanted: frozenset[str], reads: Reads) -> list[str]:
    """Slices with ``unknown``: 1 where a death of unknown cause lies in one. A first event of that day comes before it."""
    inside = "u.day >= s.day AND u.day < s.day + CAST(s.days AS INTEGER)"
    if analysis.events == "first":
        inside += " AND NOT (s.events > 0 AND u.day = s.day + CAST(s.days AS INTEGER) - 1)"
    slices = (
        f"SELECT s.*, CASE WHEN {inside} THEN 1 ELSE 0 END AS unknown FROM ({_slices(analysis)}) AS s "
        "LEFT JOIN describe_unknown AS u ON u.person_id = s.person_id"
    )
    return [
        make("describe_unknown", unknown_deaths(study, reads)),
        make("describe_slices", described(slices, wanted, reads)),
    ]


def _facilities(counted: str, reads: Reads) -> str:
    """Slices with what is counted (``events``, ``unknown``), by each place of care where the person was on that day, told by a number."""
    start, end, place = (
        reads.column("visit_occurrence", name)
        for name in ("visit_start_date", "visit_end_date", "care_site_source_value")
    )
    return (
        f"SELECT DISTINCT s.*, md5_number_lower(v.{place}) AS facility FROM describe_slices AS s "
        f"JOIN describe_{counted} AS e ON e.person_id = s.person_id AND e.day >= s.day AND e.day < s.day + CAST(s.days AS INTEGER) "
        f"JOIN visit_occurrence AS v ON v.person_id = e.person_id AND e.day BETWEEN v.{start} AND coalesce(v.{end}, v.{start}) "
        f"WHERE s.{counted} > 0 AND v.{place} IS NOT NULL"
    )


def _standard() -> dict[str, str]:
    """By single years of age, so that any standard's bands can be made of them."""
    keyed = (
        "SELECT person_id, greatest(years, 0) AS age, sex, CAST(sum({0}) AS BIGINT) AS amount FROM describe_slices "
        "WHERE {0} > 0 GROUP BY 1, 2, 3"
    )
    return {
        f"standard/{part}": tally(keyed.format(column), keys=("age", "sex"), value="amount")
        for part, column in (("time", "days"), ("events", "events"))
    }


def declared(reads: Reads) -> str:
    """What each delivery of the project says of its population, as a tally without persons: one cell each target, fraction and weight."""
    target, fraction, weight = (reads.column("delivery", name) for name in ("target_population", "fraction", "weight"))
    rows = f"SELECT 0 AS person_id, {target} AS target, {fraction} AS fraction, {weight} AS weight FROM delivery GROUP BY ALL"
    return tally(rows, keys=("target", "fraction", "weight"))
