# SPDX-License-Identifier: Apache-2.0
"""Target trials as SQL: each person's history in whole intervals of days, counted where equal. Runs nothing.

Intervals of ``every_days`` are numbered from the clock's day 0. A trial stands on interval j: eligible on its first day, started or not
within it, alive and without outcome at its end, which is time zero; followed over intervals j+1, j+2, … An interval counts when all of its
days could be seen, whatever happened on them. Nothing after an interval decides who is in the trial that stands on it.

A history is ``w|e|i|s|d|lost|changes|runs``: how many intervals are followed, those of the outcome, of the start, of the stop, of the death
(-1: none), 1 for who is seen no longer before the data end, stretches of intervals with equal levels of the changing covariates, and
stretches of trials with equal levels, ``first-last:level,level;…``. Robust errors and bootstraps need no more than which rows are one
person's.
"""

import datetime
from collections.abc import Sequence

from rempart.cohort.claims_sql import dated_deaths
from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.exposure_exit import exposure_end
from rempart.cohort.outcomes import outcome_events
from rempart.cohort.patterns import level_sql
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.cloned import strategy
from rempart.records.design import DesignAnalysis
from rempart.records.design_target_trial import CALENDAR, COMPETES, PROTOCOL, attrition_steps, changing
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_TABLES = ("trial_index", "trial_starts", "trial_first", "trial_persons", "trial_levels", "trial_changes", "trial_rows")
_FAR = "DATE '9999-12-31'"


def target_trial(study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str) -> TallyPlan:
    """Pattern ``histories``. Tallies: ``persons`` and ``events`` by ``arm`` (1 started, 0 not; a person may be in both), ``everybody``;
    ``members`` by ``passed``: steps of attrition."""
    cloned = study.rules[analysis.inputs["cohort"]].clone_censor_weight
    first = (_met if cloned else _started)(study, analysis, reads)
    prepare = [make("trial_index", _index(study, analysis, until)), make("trial_starts", first)]
    prepare.append(make("trial_first", _first(study, analysis, cloned=cloned)))
    prepare.append(make("trial_persons", _persons(study, analysis, cut=cut, until=until, reads=reads)))
    prepare.append(make("trial_levels", _levels(study, analysis, reads, until=until, cloned=cloned)))
    prepare.append(make("trial_changes", _changes(study, analysis, reads, cloned=cloned)))
    prepare.append(make("trial_rows", _rows(study, analysis, cloned=cloned)))
    return TallyPlan(
        analysis=analysis.id,
        prepare=tuple(prepare),
        selects={"patterns:histories": _histories(), **_tallies(len(attrition_steps(analysis)))},
        clear=drop(*_TABLES),
    )


def _index(study: Study, analysis: DesignAnalysis, until: str) -> str:
    """person_id, t0 (first entry), day_0 (of the clock)."""
    begins = f"DATE '{study.protocol.period[0]}'" if analysis.parameters["clock"] == CALENDAR else "min(start_date)"
    cohort = usable_days(f"cohort_{analysis.inputs['cohort']}", until)
    return f"SELECT person_id, min(start_date) AS t0, {begins} AS day_0 FROM {cohort} GROUP BY person_id"


def _started(study: Study, analysis: DesignAnalysis, reads: Reads) -> str:
    """person_id, day: of the first dispensing from the washout on; who has one before entry is in no trial."""
    exposure = study.exposures[analysis.inputs["exposure"]]
    domain = DOMAIN[exposure.domain]
    date = reads.column(domain.table, domain.date)
    wanted = matches(study.codes[exposure.codes], domain, reads)
    days = f"SELECT person_id, {date} AS day FROM {domain.table} WHERE {date} IS NOT NULL AND {wanted}"
    return (
        f"SELECT i.person_id, min(d.day) AS day FROM trial_index AS i JOIN ({days}) AS d ON d.person_id = i.person_id "
        f"AND d.day >= i.t0 - {analysis.parameters['washout_days']} GROUP BY i.person_id"
    )


def _met(study: Study, analysis: DesignAnalysis, reads: Reads) -> str:
    """person_id, day: on which a cloned person met the rule, within its days."""
    name = analysis.inputs["cohort"]
    return (
        f"SELECT i.person_id, min(m.met_date) AS day FROM trial_index AS i JOIN cohort_{name}_met AS m "
        "ON m.person_id = i.person_id AND m.start_date = i.t0 GROUP BY i.person_id"
    )


def _first(study: Study, analysis: DesignAnalysis, *, cloned: bool) -> str:
    """person_id, day (of the start), stop: the first day on which it is no longer kept to, NULL where that is not asked; of the cloned the
    day of entry where the rule was met on it: nothing to tell them from then on."""
    if cloned:
        stop = "CASE WHEN s.day = i.t0 THEN i.t0 END AS stop"
        return f"SELECT i.person_id, s.day, {stop} FROM trial_index AS i JOIN trial_starts AS s USING (person_id)"
    if analysis.parameters["effect"] != PROTOCOL:
        return "SELECT person_id, day, NULL::DATE AS stop FROM trial_starts"
    name = analysis.inputs["exposure"]
    index = "(SELECT person_id, 0 AS event_id, day AS start_date FROM trial_starts)"
    last = exposure_end(index, name, study.exposures[name].eras, 0)
    return f"SELECT s.person_id, s.day, x.day + 1 AS stop FROM trial_starts AS s LEFT JOIN ({last}) AS x ON x.person_id = s.person_id"


def _persons(study: Study, analysis: DesignAnalysis, *, cut: datetime.date, until: str, reads: Reads) -> str:
    """person_id, t0, day_0, w, e, d, i, s: numbers of intervals (-1: none). ``w``: intervals wholly seen, whatever happened on their days:
    until the end of observation, of the dead until the end of data (or, where death censors, with the interval of the death). ``lost``: 1
    for the living seen no longer before the data end; ``used``: started before entry; ``past``: started, ill or dead before day 0."""
    days, length = _days(study, analysis, cut, until, reads), int(analysis.parameters["every_days"])

    def at(day: str) -> str:
        return f"CAST(floor(({day} - day_0) / {length}.0) AS BIGINT)"

    ends = "least(outcome_day, death_day, censor_day)"
    dead = (
        at("data_day + 1")
        if analysis.parameters["death"] == COMPETES
        else f"least({at('death_day')} + 1, {at('data_day + 1')})"
    )
    w = f"CASE WHEN death_day <= censor_day THEN {dead} ELSE {at('censor_day + 1')} END"
    told = {"d": ("death_day", "censor_day"), "i": ("start_day", ends), "s": ("stop_day", ends)}
    numbers = "".join(
        f", CASE WHEN {day} <= {last} THEN {at(day)} ELSE -1 END AS {name}" for name, (day, last) in told.items()
    )
    e = f"CASE WHEN outcome_day <= least(death_day, censor_day) AND {at('outcome_day')} < w THEN {at('outcome_day')} ELSE -1 END AS e"
    lost = f"CASE WHEN death_day > censor_day AND w < {at('data_day + 1')} THEN 1 ELSE 0 END AS lost"
    past = "least(start_day, outcome_day, death_day) < day_0 AS past"
    return (
        f"SELECT person_id, t0, day_0, w, {e}{numbers}, {lost}, start_day < t0 AS used, {past} "
        f"FROM (SELECT *, {w} AS w FROM ({days}))"
    )


def _days(study: Study, analysis: DesignAnalysis, cut: datetime.date, until: str, reads: Reads) -> str:
    """The index with the last days of data and of observation, and the days of death, outcome, start and stop (far off for none)."""
    start, end = (reads.column("observation_period", f"observation_period_{side}_date") for side in ("start", "end"))
    seen = (
        f"SELECT i.person_id, max(o.{end}) AS day FROM trial_index AS i JOIN observation_period AS o "
        f"ON o.person_id = i.person_id AND i.t0 BETWEEN o.{start} AND o.{end} GROUP BY i.person_id"
    )
    died = "SELECT 0::BIGINT AS person_id, NULL::DATE AS day WHERE false"
    if study.protocol.death != "ignore":
        died = f"SELECT person_id, min(death_day) AS day FROM {dated_deaths(reads, study.protocol.death)} AS x GROUP BY person_id"
    (outcome,) = analysis.outcomes
    ill = (
        f"SELECT i.person_id, min(e.day) AS day FROM trial_index AS i JOIN ({outcome_events(study, outcome, reads)}) AS e "
        "ON e.person_id = i.person_id AND e.day > i.t0 GROUP BY i.person_id"
    )
    data = f"least(DATE '{cut}', {until})" if until else f"DATE '{cut}'"
    return (
        f"SELECT i.*, {data} AS data_day, least(w.day, {data}) AS censor_day, coalesce(d.day, {_FAR}) AS death_day, "
        f"coalesce(o.day, {_FAR}) AS outcome_day, coalesce(f.day, {_FAR}) AS start_day, coalesce(f.stop, {_FAR}) AS stop_day "
        f"FROM trial_index AS i JOIN ({seen}) AS w ON w.person_id = i.person_id LEFT JOIN ({died}) AS d ON d.person_id = i.person_id "
        f"LEFT JOIN ({ill}) AS o ON o.person_id = i.person_id LEFT JOIN trial_first AS f ON f.person_id = i.person_id"
    )


def _levels(study: Study, analysis: DesignAnalysis, reads: Reads, *, until: str, cloned: bool) -> str:
    """person_id, trial, levels of the covariates on the first day of its interval: each trial that a person is eligible for; the cloned
    are in one, from entry."""
    length, most = int(analysis.parameters["every_days"]), int(analysis.parameters["trials"])
    cohort = usable_days(f"cohort_{analysis.inputs['cohort']}", until)
    if cloned:
        trials = "SELECT person_id, 0::BIGINT AS trial, t0 FROM trial_persons WHERE NOT past"
    else:
        trials = (
            f"SELECT DISTINCT p.person_id, p.trial, p.day AS t0 FROM (SELECT *, day_0 + CAST(trial * {length} AS INTEGER) AS day "
            f"FROM (SELECT *, unnest(range({most})) AS trial FROM trial_persons WHERE NOT used AND NOT past)) AS p "
            f"JOIN {cohort} AS c ON c.person_id = p.person_id AND p.day BETWEEN c.start_date AND c.end_date "
            "WHERE (p.i < 0 OR p.trial <= p.i) AND (p.e < 0 OR p.trial < p.e) AND (p.d < 0 OR p.trial < p.d) AND p.trial + 1 < p.w"
        )
    return f"SELECT i.person_id, i.trial, {_looked_up(study, analysis.covariates, trials, reads)}"


def _looked_up(study: Study, names: Sequence[str], days: str, reads: Reads) -> str:
    """``… AS levels FROM … AS i``: levels of covariates on ``t0`` of rows i (person_id, t0, …)."""
    made = [study.covariates[name] for name in names]
    kinds = {item.type for item in made}
    born = f"p.{reads.column('person', 'year_of_birth')}" if "age" in kinds else "NULL::INTEGER"
    sex = f"p.{reads.column('person', 'gender_concept_id')}" if "sex" in kinds else "NULL::INTEGER"
    levels = f"concat_ws(',', {', '.join(level_sql(item, study, reads) for item in made)})" if made else "''"
    return (
        f"{levels} AS levels FROM (SELECT m.*, CAST(year(m.t0) - {born} AS BIGINT) AS age, {sex} AS sex FROM ({days}) AS m "
        "LEFT JOIN person AS p ON p.person_id = m.person_id) AS i"
    )


def _changes(study: Study, analysis: DesignAnalysis, reads: Reads, *, cloned: bool) -> str:
    """person_id, trial (an interval), levels of the changing covariates on its first day, as long as somebody may deviate."""
    names = changing(analysis)
    if not names:
        return "SELECT 0::BIGINT AS person_id, 0::BIGINT AS trial, '' AS levels WHERE false"
    length, horizon = int(analysis.parameters["every_days"]), int(analysis.parameters["intervals"])
    first, last = ("0", f"{horizon - 1}") if cloned else ("min(l.trial) + 1", f"max(l.trial) + {horizon}")
    whole = "CASE WHEN any_value(p.{0}) < 0 THEN any_value(p.w) ELSE any_value(p.{0}) END"
    ends = f"least(any_value(p.w) - 1, {last}, {whole.format('e')}, {whole.format('d')})"
    spans = (
        f"SELECT p.person_id, any_value(p.day_0) AS day_0, {first} AS first, {ends} AS last "
        "FROM trial_levels AS l JOIN trial_persons AS p ON p.person_id = l.person_id GROUP BY p.person_id"
    )
    days = (
        f"SELECT person_id, trial, day_0 + CAST(trial * {length} AS INTEGER) AS t0 "
        f"FROM (SELECT *, unnest(range(first, last + 1)) AS trial FROM ({spans}))"
    )
    return f"SELECT i.person_id, i.trial, {_looked_up(study, names, days, reads)}"


def _rows(study: Study, analysis: DesignAnalysis, *, cloned: bool) -> str:
    """person_id, arm, event of each trial (of each clone) with an interval at risk: what tallies count."""
    horizon = int(analysis.parameters["intervals"])
    told = "SELECT p.*, l.trial FROM trial_levels AS l JOIN trial_persons AS p ON p.person_id = l.person_id"
    if cloned:
        item = strategy(study.rules[analysis.inputs["cohort"]])
        grace = (item.days[1] if item is not None else 0) // int(analysis.parameters["every_days"]) + 1
        both = (
            f"SELECT *, -1 AS zero, 1 AS arm, CASE WHEN i < 0 THEN {grace - 1} ELSE -1 END AS leaves FROM ({told}) "
            f"UNION ALL SELECT *, -1 AS zero, 0 AS arm, i AS leaves FROM ({told}) WHERE s < 0"
        )
    else:
        leaves = "CASE WHEN trial = i THEN s ELSE i END" if analysis.parameters["effect"] == PROTOCOL else "-1"
        both = (
            f"SELECT *, trial AS zero, CASE WHEN trial = i THEN 1 ELSE 0 END AS arm, {leaves} AS leaves FROM ({told})"
        )
    ends = f"least(w - 1, zero + {horizon}, CASE WHEN leaves < 0 THEN w ELSE leaves END)"
    return (
        "SELECT person_id, arm, max(CASE WHEN e > zero AND e <= last THEN 1 ELSE 0 END) AS event "
        f"FROM (SELECT *, {ends} AS last FROM ({both})) WHERE last > zero GROUP BY person_id, arm"
    )


def _histories() -> str:
    """Equal histories counted."""
    return (
        "SELECT concat_ws('|', p.w, p.e, p.i, p.s, p.d, p.lost, coalesce(c.runs, ''), r.runs) AS key, count(*) AS n "
        f"FROM trial_persons AS p JOIN ({_stretches('trial_levels')}) AS r ON r.person_id = p.person_id "
        f"LEFT JOIN ({_stretches('trial_changes')}) AS c ON c.person_id = p.person_id GROUP BY 1"
    )


def _stretches(table: str) -> str:
    """person_id, runs: of intervals that follow one another with equal levels."""
    stretch = "trial - row_number() OVER (PARTITION BY person_id, levels ORDER BY trial)"
    runs = (
        "SELECT person_id, min(trial) AS first, max(trial) AS last, levels FROM "
        f"(SELECT *, {stretch} AS stretch FROM {table}) GROUP BY person_id, levels, stretch"
    )
    text = "string_agg(first || '-' || last || ':' || levels, ';' ORDER BY first)"
    return f"SELECT person_id, {text} AS runs FROM ({runs}) GROUP BY person_id"


def _tallies(steps: int) -> dict[str, str]:
    passed = (
        f"SELECT i.person_id, CASE WHEN i.person_id IN (SELECT person_id FROM trial_rows) THEN {steps} WHEN p.used THEN 1 "
        f"ELSE {steps - 1} END AS passed FROM trial_index AS i LEFT JOIN trial_persons AS p ON p.person_id = i.person_id"
    )
    return {
        "members": tally(passed, keys=("passed",)),
        "everybody": tally("SELECT DISTINCT person_id FROM trial_rows"),
        "persons": tally("SELECT person_id, arm FROM trial_rows", keys=("arm",)),
        "events": tally("SELECT person_id, arm FROM trial_rows WHERE event = 1", keys=("arm",)),
    }
