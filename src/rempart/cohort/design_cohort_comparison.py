# SPDX-License-Identifier: Apache-2.0
"""Two cohorts side by side, as SQL: who is in which arm, from when to when, with which covariates, and the counts of it. Runs nothing.

Two rule cohorts: a person is followed once, from the first day of a period in either of them, in that one's arm; on one day in both, not at
all. The two sides of a matching: each period of a set in its arm. A row covers (entry_day, exit_day]; on one day the outcome comes before
death, death before censoring (docs/study.md, "Time"). The cohort's end, its exit, ends follow-up.
"""

import datetime

from rempart.cohort.claims_sql import dated_deaths
from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.followup import CENSORED, DEATH, EVENT, UNKNOWN
from rempart.cohort.outcomes import by_cause, outcome_events
from rempart.cohort.patterns import level_sql
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_cohort_comparison import attrition_steps, sides_of_a_matching
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_TABLES = ("compared_index", "compared_levels", "compared_risk")


def cohort_comparison(
    study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str
) -> TallyPlan:
    """Patterns ``rows``: arm, entry, exit, status, level of each covariate; of matched sides ``persons`` instead: of each person the rows
    (arm, entry, exit, status, set, levels) in one text. Tallies: ``members`` by ``passed``, ``arm`` and ``event``; ``levels`` by
    ``covariate`` (its place), ``level`` and ``arm``; ``age`` by arm; ``everybody`` and ``members_all``: of either arm, each person once."""
    matched = frozenset(study.matchings)
    matching = sides_of_a_matching(analysis, matched)
    steps = attrition_steps(analysis, matched, study.protocol.lag_days)
    prepare = (
        make("compared_index", (_sets if matching else _firsts)(analysis, until)),
        make("compared_levels", _levels(study, analysis, len(steps) - 1, reads)),
        make("compared_risk", _followed(study, analysis, cut, reads)),
    )
    patterns = {"patterns:persons": _by_person(analysis)} if matching else {"patterns:rows": _by_row(analysis)}
    return TallyPlan(
        analysis=analysis.id,
        prepare=prepare,
        selects={**patterns, **_tallies(study, analysis, len(steps))},
        clear=drop(*_TABLES),
    )


def _both(analysis: DesignAnalysis, until: str, *, with_set: bool) -> str:
    match_set = ", match_set" if with_set else ""
    return " UNION ALL ".join(
        f"SELECT person_id, start_date, end_date, '{arm}' AS arm{match_set} "
        f"FROM {usable_days(f'cohort_{analysis.inputs[arm]}', until)}"
        for arm in ("target", "comparator")
    )


def _firsts(analysis: DesignAnalysis, until: str) -> str:
    """person_id, t0, last_day, arm, match_set, passed: a person's first day in either cohort."""
    first = (
        f"SELECT *, min(start_date) OVER (PARTITION BY person_id) AS t0 FROM ({_both(analysis, until, with_set=False)})"
    )
    arm = "CASE WHEN count(DISTINCT arm) > 1 THEN 'both' ELSE min(arm) END"
    return (
        f"SELECT person_id, t0, max(end_date) AS last_day, {arm} AS arm, NULL::BIGINT AS match_set, "
        "CASE WHEN count(DISTINCT arm) > 1 THEN 1 ELSE 2 END AS passed "
        f"FROM ({first}) WHERE start_date = t0 GROUP BY person_id, t0"
    )


def _sets(analysis: DesignAnalysis, until: str) -> str:
    """The same of the periods of matched sets: a person once for each set and arm."""
    rows = _both(analysis, until, with_set=True)
    return (
        f"SELECT person_id, start_date AS t0, max(end_date) AS last_day, arm, match_set, 1 AS passed FROM ({rows}) "
        "GROUP BY person_id, start_date, arm, match_set"
    )


def _levels(study: Study, analysis: DesignAnalysis, passed: int, reads: Reads) -> str:
    """Those who passed the steps before follow-up, with ``age`` and ``c_0``, … : levels at time zero."""
    made = [study.covariates[name] for name in analysis.covariates]
    kinds = {item.type for item in made}
    born = f"p.{reads.column('person', 'year_of_birth')}" if "age" in kinds else "NULL::INTEGER"
    sex = f"p.{reads.column('person', 'gender_concept_id')}" if "sex" in kinds else "NULL::INTEGER"
    person = "LEFT JOIN person AS p ON p.person_id = m.person_id" if kinds & {"age", "sex"} else ""
    levels = "".join(f", {level_sql(item, study, reads)} AS c_{at}" for at, item in enumerate(made))
    rows = (
        f"SELECT m.*, CAST(year(m.t0) - {born} AS BIGINT) AS age, {sex} AS sex "
        f"FROM compared_index AS m {person} WHERE m.passed = {passed}"
    )
    return f"SELECT i.* EXCLUDE (sex){levels} FROM ({rows}) AS i"


def _followed(study: Study, analysis: DesignAnalysis, cut: datetime.date, reads: Reads) -> str:
    """``compared_levels`` with entry_day, exit_day and status: those with a day at risk after the lag."""
    (outcome,) = analysis.outcomes
    unknown, far = by_cause(study, outcome), "DATE '9999-12-31'"
    last = ["i.last_day", f"DATE '{cut}'"]
    if study.protocol.follow_up_days is not None:
        last.append(f"i.t0 + {study.protocol.follow_up_days}")
    key = "person_id, t0, arm, match_set"
    outcomes = (
        f"SELECT DISTINCT i.person_id, i.t0, min(e.day) OVER (PARTITION BY i.person_id, i.t0) AS day FROM compared_levels AS i "
        f"JOIN ({outcome_events(study, outcome, reads)}) AS e ON e.person_id = i.person_id AND e.day > i.t0"
    )
    ends = (
        f"SELECT i.*, coalesce(o.day, {far}) AS outcome_day, coalesce(d.day, {far}) AS death_day, coalesce(d.unknown, false) AS unknown, "
        f"least({', '.join(last)}) AS censor_day FROM compared_levels AS i "
        f"LEFT JOIN ({outcomes}) AS o ON o.person_id = i.person_id AND o.t0 = i.t0 "
        f"LEFT JOIN ({_deaths(study, reads, causes=unknown)}) AS d ON d.person_id = i.person_id"
    )
    levels = "".join(f", c_{at}" for at, _ in enumerate(analysis.covariates))
    rows = (
        f"SELECT {key}, age{levels}, {study.protocol.lag_days}::BIGINT AS entry_day, "
        "CAST(least(outcome_day, death_day, censor_day) - t0 AS BIGINT) AS exit_day, "
        f"CASE WHEN outcome_day <= least(death_day, censor_day) THEN {EVENT} "
        f"WHEN death_day <= censor_day THEN CASE WHEN unknown THEN {UNKNOWN} ELSE {DEATH} END ELSE {CENSORED} END AS status FROM ({ends})"
    )
    return f"SELECT * FROM ({rows}) WHERE exit_day > entry_day"


def _deaths(study: Study, reads: Reads, *, causes: bool) -> str:
    if study.protocol.death == "ignore":
        return "SELECT person_id, t0 AS day, false AS unknown FROM compared_index WHERE false"
    cause = f"bool_and(coalesce(x.{reads.column('death', 'cause_source_value')}, '') = '')" if causes else "false"
    dated = dated_deaths(reads, study.protocol.death)
    return f"SELECT x.person_id, min(x.death_day) AS day, {cause} AS unknown FROM {dated} AS x GROUP BY x.person_id"


def _by_row(analysis: DesignAnalysis) -> str:
    columns = ["arm", "entry_day", "exit_day", "status", *(f"c_{at}" for at, _ in enumerate(analysis.covariates))]
    return f"SELECT concat_ws('|', {', '.join(columns)}) AS key, count(*) AS n FROM compared_risk GROUP BY 1"


def _by_person(analysis: DesignAnalysis) -> str:
    """A person's rows as one text, sorted: which rows are one person's is said by no number of anybody. A set is told by a print of its
    number, the same in every shard."""
    match_set = "left(md5('set ' || match_set), 16)"
    columns = [
        "arm",
        "entry_day",
        "exit_day",
        "status",
        match_set,
        *(f"c_{at}" for at, _ in enumerate(analysis.covariates)),
    ]
    rows = f"SELECT person_id, concat_ws(',', {', '.join(columns)}) AS told FROM compared_risk"
    told = f"SELECT person_id, string_agg(told, ';' ORDER BY told) AS key FROM ({rows}) GROUP BY person_id"
    return f"SELECT key, count(*) AS n FROM ({told}) GROUP BY key"


def _tallies(study: Study, analysis: DesignAnalysis, steps: int) -> dict[str, str]:
    members = (
        f"SELECT m.person_id, m.arm, max(CASE WHEN r.person_id IS NULL THEN m.passed ELSE {steps} END) AS passed, "
        f"max(CASE WHEN r.status = {EVENT} THEN 1 ELSE 0 END) AS event FROM compared_index AS m "
        "LEFT JOIN compared_risk AS r ON r.person_id = m.person_id AND r.t0 = m.t0 AND r.arm = m.arm "
        "AND r.match_set IS NOT DISTINCT FROM m.match_set GROUP BY m.person_id, m.arm"
    )
    found = {
        "members": tally(members, keys=("passed", "arm", "event")),
        "everybody": tally("SELECT DISTINCT person_id FROM compared_index"),
        "at_risk": tally("SELECT DISTINCT person_id FROM compared_risk"),
    }
    for at, name in enumerate(analysis.covariates):
        level = f"SELECT DISTINCT person_id, arm, {at} AS covariate, c_{at} AS level FROM compared_risk"
        found[f"levels/{name}"] = tally(level, keys=("arm", "covariate", "level"))
        if study.covariates[name].type == "age":
            ages = "SELECT person_id, arm, arg_min(age, t0) AS age FROM compared_risk WHERE age IS NOT NULL GROUP BY person_id, arm"
            found["age"] = tally(ages, keys=("arm",), value="age")
    return found
