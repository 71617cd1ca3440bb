# SPDX-License-Identifier: Apache-2.0
"""The self-controlled case series as SQL of one shard: each case's observation, events and exposures, equal cases counted. Runs nothing.

A case is a person with an event while observed. Its days are cut later (study/design_self_controlled.py), from the rows that are counted
here; in which window its events lie is told here as well, so that the persons behind each count have a print.
"""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.describe_paths import entries
from rempart.cohort.describe_rates import event_days
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.design_doses import occurrences
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_self_controlled import DEPENDENT, FIRST, LATER, NONE
from rempart.records.design_windows import START, risk_windows, window_reach
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

REST = "reference"  # days in no window of an exposure
_TABLES = ("series_events", "series_observed", "series_doses", "series_cases", "series_days")
_EPOCH = "DATE '1970-01-01'"


def self_controlled(
    study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str
) -> TallyPlan:
    """Patterns ``cases``: first and last day, year of birth, whether the observation ended by itself, event days, and of each exposure
    ``first:last`` of its occurrences, lists joined by commas. Tallies ``cases`` (value: events) and ``windows`` by ``exposure`` and
    ``held``, the window (value: events in it).

    Days are counted from 1970 where the calendar or age is a term, else from the case's first day, so that more cases are equal.
    """
    prepare = (
        make("series_events", event_days(study, analysis.outcomes[0], reads)),
        make("series_observed", _observed(study, analysis, cut, reads, until)),
        make("series_doses", _doses(study, analysis, reads)),
        make("series_cases", _cases(analysis)),
        make("series_days", _days(analysis)),
    )
    selects = {
        "patterns:cases": _patterns(analysis),
        "cases": tally("SELECT person_id, len(days) AS events FROM series_cases", value="events"),
        "windows": tally(_windowed(analysis), keys=("exposure", "held"), value="events"),
    }
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*_TABLES))


def with_birth(analysis: DesignAnalysis) -> bool:
    """Whether years of birth are read: for age as a term, and for the model of ends."""
    return "age_bands" in analysis.parameters or analysis.parameters["ends"] == DEPENDENT


def dated(analysis: DesignAnalysis) -> bool:
    """Whether days are those of the calendar, and not of the case."""
    asked = analysis.parameters
    return with_birth(analysis) or asked["calendar"] != NONE or asked["calendar_days"] > 0


def _observed(study: Study, analysis: DesignAnalysis, cut: datetime.date, reads: Reads, until: str) -> str:
    """(person_id, first, last, born, early): the first period's days after its first, within the protocol's period."""
    begins, ends = study.protocol.period
    last = f"least(e.end_date, DATE '{min(ends, cut)}')"
    born, person = "0", ""
    if with_birth(analysis):
        born = f"p.{reads.column('person', 'year_of_birth')}"
        person = " LEFT JOIN person AS p ON p.person_id = e.person_id"
    early = _early(study, min(ends, cut), reads) if analysis.parameters["ends"] == DEPENDENT else "0"
    days = (
        f"SELECT e.person_id, greatest(e.start_date + 1, DATE '{begins}') AS first, {last} AS last, {born} AS born "
        f"FROM ({entries(analysis.cohorts[0], until)}) AS e{person}"
    )
    return f"SELECT o.*, {early} AS early FROM ({days}) AS o WHERE o.first <= o.last AND o.born IS NOT NULL"


def _early(study: Study, ends: datetime.date, reads: Reads) -> str:
    """1 where the observation ended before the study did, with the person's observation or death; not by a rule of the cohort."""
    end = reads.column("observation_period", "observation_period_end_date")
    gone = [f"SELECT 1 FROM observation_period AS v WHERE v.person_id = o.person_id AND v.{end} = o.last"]
    if study.protocol.death != "ignore":
        column = reads.column("death", "death_date" if study.protocol.death == "date" else "death_month")
        unit = "day" if study.protocol.death == "date" else "month"
        same = f"date_trunc('{unit}', d.{column}) = date_trunc('{unit}', o.last)"
        gone.append(f"SELECT 1 FROM death AS d WHERE d.person_id = o.person_id AND {same}")
    return f"CASE WHEN o.last < DATE '{ends}' AND ({' OR '.join(f'EXISTS ({one})' for one in gone)}) THEN 1 ELSE 0 END"


def _doses(study: Study, analysis: DesignAnalysis, reads: Reads) -> str:
    """(person_id, exposure, first, last, dose) of those observed, dose from 1 in order of days; those too old to reach the observation
    apart, unless they are counted."""
    windows = risk_windows(analysis)
    counted = analysis.parameters["from_exposure"] or any(window.dose for window in windows)
    found = []
    for name in analysis.exposures:
        own = [window for window in windows if window.exposure == name]
        near = f"d.first + {min(window.begin for window in own)} <= o.last"
        near += "" if counted else f" AND d.last + {window_reach(own)} >= o.first"
        found.append(
            f"SELECT d.person_id, '{name}' AS exposure, d.first, d.last FROM ({occurrences(study, name, reads)}) AS d "
            f"JOIN series_observed AS o ON o.person_id = d.person_id AND {near}"
        )
    dose = "row_number() OVER (PARTITION BY person_id, exposure ORDER BY first, last) AS dose"
    return f"SELECT *, {dose} FROM ({' UNION ALL '.join(found)})"


def _cases(analysis: DesignAnalysis) -> str:
    """(person_id, first, last, born, early, days): those observed who had the event, ``days`` in order."""
    observed = "series_observed"
    if analysis.parameters["from_exposure"]:
        observed = (
            "(SELECT o.* REPLACE (greatest(o.first, d.first) AS first) FROM series_observed AS o "
            "JOIN (SELECT person_id, min(first) AS first FROM series_doses GROUP BY person_id) AS d ON d.person_id = o.person_id "
            "WHERE d.first <= o.last)"
        )
    days = "[min(e.day)]" if analysis.parameters["events"] == FIRST else "list_sort(list(e.day))"
    return (
        f"SELECT o.person_id, o.first, o.last, o.born, o.early, {days} AS days FROM {observed} AS o "
        "JOIN series_events AS e ON e.person_id = o.person_id AND e.day BETWEEN o.first AND o.last GROUP BY ALL"
    )


def _days(analysis: DesignAnalysis) -> str:
    """(person_id, day, exposure, held): the window that each event of a case lies in, of each exposure."""
    windows = ", ".join(
        f"('{window.exposure}', {place}, '{window.name}', {window.begin}, {'NULL' if window.end is None else window.end}, "
        f"'{window.side}', {window.dose})"
        for place, window in enumerate(risk_windows(analysis))
    )
    named = "w(exposure, place, name, begins, ends, side, dose)"
    anchor = f"(CASE WHEN w.side = '{START}' THEN d.first ELSE d.last END)"
    inside = f"e.day >= {anchor} + w.begins AND e.day <= coalesce({anchor} + w.ends, d.last)"
    turn = "d.dose DESC" if analysis.parameters["overlap"] == LATER else "d.dose"
    return (
        "WITH events AS (SELECT person_id, unnest(days) AS day FROM series_cases) "
        "SELECT e.person_id, e.day, w.exposure, w.name AS held FROM events AS e "
        f"JOIN series_doses AS d ON d.person_id = e.person_id JOIN (VALUES {windows}) AS {named} "
        f"ON w.exposure = d.exposure AND w.dose IN (0, d.dose) AND {inside} "
        f"QUALIFY row_number() OVER (PARTITION BY e.person_id, e.day, w.exposure ORDER BY {turn}, w.place) = 1"
    )


def _windowed(analysis: DesignAnalysis) -> str:
    """(person_id, exposure, held, events): of every exposure each case's events by window, and those in none."""
    exposures = ", ".join(f"('{name}')" for name in analysis.exposures)
    return (
        f"SELECT c.person_id, x.exposure, coalesce(s.held, '{REST}') AS held, count(*) AS events "
        f"FROM (SELECT person_id, unnest(days) AS day FROM series_cases) AS c CROSS JOIN (VALUES {exposures}) AS x(exposure) "
        "LEFT JOIN series_days AS s ON s.person_id = c.person_id AND s.day = c.day AND s.exposure = x.exposure GROUP BY ALL"
    )


def _patterns(analysis: DesignAnalysis) -> str:
    """SELECT of key and n."""
    zero = _EPOCH if dated(analysis) else "c.first"
    lists = [
        "coalesce((SELECT string_agg((d.first - zero) || ':' || (d.last - zero), ',' ORDER BY d.dose) FROM series_doses AS d "
        f"WHERE d.person_id = c.person_id AND d.exposure = '{name}'), '')"
        for name in analysis.exposures
    ]
    days = "array_to_string(list_transform(c.days, lambda day: day - zero), ',')"
    columns = ["c.first - zero", "c.last - zero", "c.born", "c.early", days, *lists]
    key = " || '|' || ".join(columns)
    return f"SELECT {key} AS key, count(*) AS n FROM (SELECT *, {zero} AS zero FROM series_cases AS c) AS c GROUP BY 1"
