# SPDX-License-Identifier: Apache-2.0
"""Periods of exposure in a rule cohort, as SQL: supply by rule, days covered, persistence, dose, switch, time away, waits. Runs nothing.

A person's window begins with the first entry and ends with the cohort's period, or after ``days``. ``exposure_<name>`` and its companions
(exposure_eras.py) are there. Cover is told in ten-thousandths, so that sums stay whole numbers.
"""

import datetime
from collections.abc import Mapping

from rempart.cohort.codes import Reads
from rempart.cohort.compile import observed_columns
from rempart.cohort.describe_paths import entries
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.tally_sql import tally
from rempart.cohort.unobserved_sql import FOR_GOOD
from rempart.records.describing import CohortAnalysis
from rempart.records.exposure import Eras
from rempart.records.exposure_uses import days_of_exit, leaves_with, stops_unseen
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

WHOLE = 10_000  # cover of every day
WAITING = 365  # days of the window of waits where the analysis says none
DESIGNED = "designed"
_WINDOW = "describe_window"
_DAYS_WITHIN = "least({0}.end_date, w.last_day) - greatest({0}.start_date, w.first_day) + 1"


def exposure_periods(
    study: Study, analysis: CohortAnalysis, reads: Reads, until: str = "", cut: datetime.date | None = None
) -> TallyPlan:
    """Parts ``persons``, ``designed`` (the longest window that there can be, by ``days``); for each exposure x ``rules/x``, ``cover/x``,
    ``dose/x``, ``waits/x``, ``persistence/x`` (but where nobody can be seen to stop) and, where its choices have them, ``switch/x`` and
    ``away/x``. What each counts is said by the functions below. Windows end with ``until`` (describe_rates.py); ``cut``: the last day
    of data."""
    selects = {"persons": tally(f"SELECT person_id FROM {_WINDOW}"), DESIGNED: _longest(study, cut)}
    cohort = analysis.cohorts[0]
    for name in analysis.exposures:
        eras = study.exposures[name].eras
        if eras is not None:
            parts = {
                **_handed(name),
                **_held(name, eras, leaves=leaves_with(study, cohort, name)),
                "waits": _waits(name, analysis, study.protocol.period[1], until),
            }
            if stops_unseen(study, cohort, name):
                del parts["persistence"]
            selects |= {f"{part}/{name}": sql for part, sql in parts.items()}
    windows = _windows(study, analysis, reads, (until, cut))
    return TallyPlan(analysis=analysis.id, prepare=(make(_WINDOW, windows),), selects=selects, clear=drop(_WINDOW))


def _longest(study: Study, cut: datetime.date | None) -> str:
    """Everybody by ``days`` from the first possible time zero to the last day of data: one cell, since the permit says them."""
    first, last = study.protocol.period
    days = (max(last, cut or last) - first).days
    return tally(f"SELECT person_id, '{days}' AS days FROM {_WINDOW}", keys=("days",))


def _windows(study: Study, analysis: CohortAnalysis, reads: Reads, ends: tuple[str, datetime.date | None]) -> str:
    """Each person's window. ``designed``: the last day on which it could have ended, whatever becomes of the drug: by the analysis's days,
    those of the cohort's exit, what is known of sources (``ends``: SQL of their last day, and that of data), and the person's
    observation. ``left``: the cohort's period ends with the window, and before all those."""
    until, cut = ends
    own = [f"start_date + {analysis.days - 1}"] if analysis.days else []
    last = f"least({', '.join(('end_date', *([until] if until else []), *own))})" if until or own else "end_date"
    known = [f"coalesce({until}, {FOR_GOOD})"] if until else []
    known += [f"DATE '{cut}'"] if cut is not None else []
    begins = known[0] if until else FOR_GOOD
    if (days := days_of_exit(study, analysis.cohorts[0])) is not None:
        known.append(f"greatest(start_date + {days}, end_date)")
    start, end = observed_columns(reads)
    observed = (
        f"(SELECT max(o.{end}) FROM observation_period o WHERE o.person_id = e.person_id "
        f"AND e.start_date BETWEEN o.{start} AND o.{end})"
    )
    designed = f"least({', '.join([*own, *known, FOR_GOOD])}, {observed})"
    return (
        "SELECT *, last_day = end_date AND last_day < designed AS left FROM ("
        f"SELECT person_id, start_date AS first_day, end_date, {last} AS last_day, {designed} AS designed "
        f"FROM ({entries(analysis.cohorts[0])}) e WHERE start_date <= {begins})"
    )


def _handed(name: str) -> Mapping[str, str]:
    """Dispensings in the window. ``rules``: persons by ``rule`` (value: dispensings under it); ``dose``: persons (value: substance,
    not known when that of one dispensing is not)."""
    days = "d.person_id = w.person_id AND d.day BETWEEN w.first_day AND w.last_day"
    within = f"FROM {_WINDOW} w JOIN exposure_{name}_dispensings d ON {days}"
    rules = f"SELECT w.person_id, d.rule, count(*) AS dispensings {within} GROUP BY w.person_id, d.rule"
    amount = "CASE WHEN count(d.amount) = count(*) THEN CAST(sum(d.amount) AS BIGINT) END AS amount"
    dose = f"SELECT w.person_id, {amount} {within} GROUP BY w.person_id"
    return {"rules": tally(rules, keys=("rule",), value="dispensings"), "dose": tally(dose, value="amount")}


def _held(name: str, eras: Eras, *, leaves: bool) -> Mapping[str, str]:
    choices = {how for how, _ in eras.unobserved}
    first = _first_period(f"exposure_{name}_whole" if "exclude" in choices else f"exposure_{name}", leaves=leaves)
    found = {"cover": _cover(name, eras), "persistence": _persistence(name, eras, first)}
    if eras.switch_to is not None:
        found["switch"] = _switch(name, first)
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


def _first_period(periods: str, *, leaves: bool) -> str:
    """The first period in a person's window: ``begins``, ``ends``. ``seen_day``: the last day on which use can be seen, one more than the
    window's where the cohort ``leaves`` with the exposure: that it ended tells of the day after. ``known_day``: the last one on which it
    could have been seen of anybody who went on."""
    seen = "w.last_day + CASE WHEN w.left THEN 1 ELSE 0 END" if leaves else "w.last_day"
    known = "CASE WHEN w.left THEN w.designed ELSE w.last_day END" if leaves else "w.last_day"
    return (
        f"SELECT w.person_id, w.last_day, {seen} AS seen_day, {known} AS known_day, greatest(min(e.start_date), w.first_day) AS begins, "
        "arg_min(e.end_date, e.start_date) AS ends "
        f"FROM {_WINDOW} w JOIN {periods} e ON {_near('e')} "
        "GROUP BY w.person_id, w.first_day, w.last_day, w.left, w.designed"
    )


def _persistence(name: str, eras: Eras, first: str) -> str:
    """Users by ``days`` on the drug in their first period and ``stopped``: 1 when it ended and that could be seen: its grace has gone by
    (nights that extend are no days of it), or the other drug came. Who is still treated, or in a grace that is not over, is followed to the
    last day of which the end could have been seen: so long before the last day seen, the window's or an admission's that censors. A
    switch after that day is no stop either, also of who left the cohort with it, and would have been seen to go on."""
    choices, away = {how for how, _ in eras.unobserved}, f"FROM exposure_{name}_away a WHERE a.person_id = p.person_id"
    room = max(eras.grace_days - eras.lag_days, 0)
    admitted = f"(SELECT min(a.first) - 1 {away} AND a.how = 'censor' AND a.first > p.ends)"
    seen, known = (f"least({day}, {admitted})" if "censor" in choices else day for day in ("p.seen_day", "p.known_day"))
    supplied = f"(p.ends - {eras.lag_days})"
    nights = f"least(a.after, p.seen + 1) - greatest(a.first, {supplied} + 1)"
    still = f"(SELECT sum({nights}) {away} AND a.how = 'extend' AND a.first <= p.seen AND a.after > {supplied} + 1)"
    gone = f"p.seen - {supplied}" + (f" - coalesce({still}, 0)" if "extend" in choices else "")
    stopped, switched = f"{gone} > {eras.grace_days}", "false"
    if eras.switch_to is not None:
        other = f"SELECT 1 FROM exposure_{name}_switch s WHERE s.person_id = p.person_id AND s.day > p.ends AND s.day <= p.seen"
        switched = f"p.ends < p.seen AND EXISTS ({other})"
        stopped = f"({stopped} OR (p.ends <= p.known - {room} AND EXISTS ({other})))"
    days = f"SELECT p.*, {seen} AS seen, {known} AS known FROM ({first}) p"
    told = f"SELECT p.*, p.ends < p.seen AND {stopped} AS stopped, {switched} AS switched FROM ({days}) p"
    followed = f"CASE WHEN switched THEN known ELSE least(seen, last_day + {room}) END - {room}"
    last = f"CASE WHEN stopped THEN ends ELSE least(ends, {followed}) END"
    rows = (
        f"SELECT person_id, lpad(CAST(greatest({last} - begins + 1, 0) AS VARCHAR), 5, '0') AS days, "
        f"CASE WHEN stopped THEN 1 ELSE 0 END AS stopped FROM ({told})"
    )
    return tally(rows, keys=("days", "stopped"))


def _switch(name: str, first: str) -> str:
    """Users by ``switched``: whether the other drug was dispensed after the first period began, as far as can be seen (value: days until
    then)."""
    other = (
        f"SELECT min(s.day) FROM exposure_{name}_switch s WHERE s.person_id = p.person_id AND s.day > p.begins "
        "AND s.day <= p.seen_day"
    )
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
    """Persons in the cohort throughout the last ``days`` of the study's period, as far as it can be seen, by ``wait``: days from their
    last dispensing in them to their end."""
    end = f"least(DATE '{last}', {until})" if until else f"DATE '{last}'"
    first = f"{end} - {(analysis.days or WAITING) - 1}"
    seen = (
        f"SELECT 1 FROM cohort_{analysis.cohorts[0]} c WHERE c.person_id = d.person_id AND c.start_date <= {first} "
        f"AND c.end_date >= {end}"
    )
    rows = (
        f"SELECT person_id, lpad(CAST({end} - max(day) AS VARCHAR), 5, '0') AS wait FROM exposure_{name}_dispensings d "
        f"WHERE day BETWEEN {first} AND {end} AND EXISTS ({seen}) GROUP BY person_id"
    )
    return tally(rows, keys=("wait",))
