# SPDX-License-Identifier: Apache-2.0
"""Periods of exposure in a rule cohort, as SQL: supply by rule, days covered, persistence, dose, switch, time away, waits. Runs nothing.

A person's window begins with the first entry and ends with the cohort's period, or after ``days``. ``exposure_<name>`` and its companions
(exposure_eras.py) are there. Cover is told in ten-thousandths, so that sums stay whole numbers.
"""

import datetime
from collections.abc import Mapping

from rempart.cohort.codes import Reads
from rempart.cohort.describe_paths import entries
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.describing import CohortAnalysis
from rempart.records.exposure import Eras
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

WHOLE = 10_000  # cover of every day
WAITING = 365  # days of the window of waits where the analysis says none
_WINDOW = "describe_window"
_DAYS_WITHIN = "least({0}.end_date, w.last_day) - greatest({0}.start_date, w.first_day) + 1"


def exposure_periods(study: Study, analysis: CohortAnalysis, reads: Reads, until: str = "") -> TallyPlan:
    """Parts ``persons``; for each exposure x ``rules/x``, ``cover/x``, ``persistence/x``, ``dose/x``, ``waits/x`` and, where its choices
    have them, ``switch/x`` and ``away/x``. What each counts is said by the functions below. Windows end with ``until``
    (describe_rates.py)."""
    last = f"least(end_date, start_date + {analysis.days - 1})" if analysis.days else "end_date"
    window = (
        f"SELECT person_id, start_date AS first_day, {last} AS last_day FROM ({entries(analysis.cohorts[0], until)})"
    )
    selects = {"persons": tally(f"SELECT person_id FROM {_WINDOW}")}
    for name in analysis.exposures:
        eras = study.exposures[name].eras
        if eras is not None:
            parts = {
                **_handed(name),
                **_held(name, eras, leaves=_leaves_with(study, analysis.cohorts[0], name)),
                "waits": _waits(name, analysis, study.protocol.period[1], until),
            }
            selects |= {f"{part}/{name}": sql for part, sql in parts.items()}
    return TallyPlan(analysis=analysis.id, prepare=(make(_WINDOW, window),), selects=selects, clear=drop(_WINDOW))


def _handed(name: str) -> Mapping[str, str]:
    """Dispensings in the window. ``rules``: persons by ``rule`` (value: dispensings under it); ``dose``: persons (value: substance,
    not known when that of one dispensing is not)."""
    days = "d.person_id = w.person_id AND d.day BETWEEN w.first_day AND w.last_day"
    within = f"FROM {_WINDOW} w JOIN exposure_{name}_dispensings d ON {days}"
    rules = f"SELECT w.person_id, d.rule, count(*) AS dispensings {within} GROUP BY w.person_id, d.rule"
    amount = "CASE WHEN count(d.amount) = count(*) THEN CAST(sum(d.amount) AS BIGINT) END AS amount"
    dose = f"SELECT w.person_id, {amount} {within} GROUP BY w.person_id"
    return {"rules": tally(rules, keys=("rule",), value="dispensings"), "dose": tally(dose, value="amount")}


def _leaves_with(study: Study, cohort: str, exposure: str) -> bool:
    """The cohort ends with this exposure: its last day is then the last covered one, and the day before a switch."""
    rules = study.rules.get(cohort)
    return rules is not None and rules.exit.exposure == exposure


def _held(name: str, eras: Eras, *, leaves: bool) -> Mapping[str, str]:
    choices = {how for how, _ in eras.unobserved}
    first = _first_period(f"exposure_{name}_whole" if "exclude" in choices else f"exposure_{name}")
    found = {
        "cover": _cover(name, eras),
        "persistence": _persistence(name, first, censored="censor" in choices, leaves=leaves),
    }
    if eras.switch_to is not None:
        found["switch"] = _switch(name, first, leaves=leaves)
    if eras.unobserved:
        found["away"] = _away(name)
    return found


def _cover(name: str, eras: Eras) -> str:
    """Every person by ``band`` of the proportion of days covered (value: that proportion, of users alone)."""
    excluded = "0"
    if any(how == "exclude" for how, _ in eras.unobserved):
        excluded = f"coalesce((SELECT sum({_away_within()}) FROM exposure_{name}_away a WHERE {_same('a')} AND a.how = 'exclude'), 0)"
    held = f"coalesce((SELECT sum({_DAYS_WITHIN.format('c')}) FROM exposure_{name}_cover c WHERE {_near('c')}), 0)"
    days = (
        f"SELECT w.person_id, CAST(w.last_day - w.first_day + 1 - {excluded} AS BIGINT) AS days, CAST({held} AS BIGINT) AS held "
        f"FROM {_WINDOW} w"
    )
    tenth = "held * 10 // days"
    band = f"CASE WHEN held = 0 THEN 'none' WHEN held >= days THEN '100' ELSE ({tenth}) || '0-' || ({tenth}) || '9' END"
    rows = (
        f"SELECT person_id, {band} AS band, CASE WHEN held > 0 THEN held * {WHOLE} // days END AS cover FROM ({days})"
    )
    return tally(rows, keys=("band",), value="cover")


def _near(alias: str) -> str:
    """The period touches the person's window."""
    return f"{alias}.person_id = w.person_id AND {alias}.start_date <= w.last_day AND {alias}.end_date >= w.first_day"


def _same(alias: str) -> str:
    """The stay touches the person's window."""
    return f"{alias}.person_id = w.person_id AND {alias}.first <= w.last_day AND {alias}.after > w.first_day"


def _away_within() -> str:
    return "least(a.after, w.last_day + 1) - greatest(a.first, w.first_day)"


def _first_period(periods: str) -> str:
    """The first period in a person's window: ``begins``, ``ends``."""
    return (
        "SELECT w.person_id, w.last_day, greatest(min(e.start_date), w.first_day) AS begins, arg_min(e.end_date, e.start_date) AS ends "
        f"FROM {_WINDOW} w JOIN {periods} e ON {_near('e')} GROUP BY w.person_id, w.first_day, w.last_day"
    )


def _persistence(name: str, first: str, *, censored: bool, leaves: bool) -> str:
    """Users by ``days`` on the drug in their first period and ``stopped``: 1 when it ended before the window did (with it where the
    cohort ``leaves`` with the exposure), and not because what followed could not be seen."""
    seen = "ends <= last_day" if leaves else "ends < last_day"
    if censored:
        stays = f"SELECT 1 FROM exposure_{name}_away a WHERE a.person_id = p.person_id AND a.how = 'censor' AND a.first = p.ends + 1"
        seen += f" AND NOT EXISTS ({stays})"
    rows = (
        "SELECT person_id, lpad(CAST(least(ends, last_day) - begins + 1 AS VARCHAR), 5, '0') AS days, "
        f"CASE WHEN {seen} THEN 1 ELSE 0 END AS stopped FROM ({first}) p"
    )
    return tally(rows, keys=("days", "stopped"))


def _switch(name: str, first: str, *, leaves: bool) -> str:
    """Users by ``switched``: whether the other drug was dispensed in the window after the first period began (value: days until then);
    where the cohort ``leaves`` with the exposure, on the day after it too: the switch itself ended it."""
    last = "p.last_day + CASE WHEN p.ends = p.last_day THEN 1 ELSE 0 END" if leaves else "p.last_day"
    other = f"SELECT min(s.day) FROM exposure_{name}_switch s WHERE s.person_id = p.person_id AND s.day > p.begins AND s.day <= {last}"
    days = f"SELECT p.person_id, ({other}) - p.begins AS days FROM ({first}) p"
    rows = f"SELECT person_id, CASE WHEN days IS NULL THEN 'no' ELSE 'yes' END AS switched, days FROM ({days})"
    return tally(rows, keys=("switched",), value="days")


def _away(name: str) -> str:
    """Every person by ``away``: whether days of the window cannot be seen (value: how many)."""
    days = f"coalesce((SELECT sum({_away_within()}) FROM exposure_{name}_away a WHERE {_same('a')}), 0)"
    counted = f"SELECT w.person_id, CAST({days} AS BIGINT) AS days FROM {_WINDOW} w"
    rows = f"SELECT person_id, CASE WHEN days > 0 THEN 'yes' ELSE 'no' END AS away, days FROM ({counted})"
    return tally(rows, keys=("away",), value="days")


def _waits(name: str, analysis: CohortAnalysis, last: datetime.date, until: str) -> str:
    """Persons in the cohort throughout the last ``days`` of the study's period, by ``wait``: days from their last dispensing in them to
    their end."""
    first = last - datetime.timedelta(days=(analysis.days or WAITING) - 1)
    days = f"DATE '{first}' AND DATE '{last}'"
    cohort = usable_days(f"cohort_{analysis.cohorts[0]}", until)
    seen = (
        f"SELECT 1 FROM {cohort} c WHERE c.person_id = d.person_id AND c.start_date <= DATE '{first}' "
        f"AND c.end_date >= DATE '{last}'"
    )
    rows = (
        f"SELECT person_id, lpad(CAST(DATE '{last}' - max(day) AS VARCHAR), 5, '0') AS wait FROM exposure_{name}_dispensings d "
        f"WHERE day BETWEEN {days} AND EXISTS ({seen}) GROUP BY person_id"
    )
    return tally(rows, keys=("wait",))
