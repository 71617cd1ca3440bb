# SPDX-License-Identifier: Apache-2.0
"""Members of a rule cohort from their first entry to outcome, death or the end of their time, as SQL for any design. Runs nothing.

Days are whole numbers since time zero; a person is followed on (0, exit_day]; on one day the outcome comes before death, death before
censoring (docs/study.md, "Time").
"""

import datetime
from collections.abc import Sequence

from rempart.cohort.claims_sql import dated_deaths
from rempart.cohort.codes import Reads
from rempart.cohort.describe_paths import entries
from rempart.cohort.describe_slices import make
from rempart.cohort.followup import CENSORED, DEATH, EVENT, UNKNOWN
from rempart.cohort.outcomes import by_cause, outcome_events
from rempart.cohort.patterns import level_sql
from rempart.records.study import Study

FOLLOWED = ("design_index", "design_follow")


def index_sql(study: Study, cohort: str, covariates: Sequence[str], *, reads: Reads, until: str = "") -> str:
    """Statement that makes ``design_index(person_id, t0, last_day, pattern)``: a person's first period in the cohort and the levels of
    the covariates on its first day, joined by ``|``."""
    made = [study.covariates[name] for name in covariates]
    kinds = {item.type for item in made}
    born = f"p.{reads.column('person', 'year_of_birth')}" if "age" in kinds else "NULL::INTEGER"
    sex = f"p.{reads.column('person', 'gender_concept_id')}" if "sex" in kinds else "NULL::INTEGER"
    levels = ", ".join(level_sql(item, study, reads) for item in made)
    pattern = f"concat_ws('|', {levels})" if levels else "''"
    rows = (
        f"SELECT m.person_id, m.start_date AS t0, m.end_date AS last_day, CAST(year(m.start_date) - {born} AS BIGINT) AS age, {sex} AS sex "
        f"FROM ({entries(cohort, until)}) AS m LEFT JOIN person AS p ON p.person_id = m.person_id"
    )
    return make("design_index", f"SELECT person_id, t0, last_day, {pattern} AS pattern FROM ({rows}) AS i")


def follow_sql(study: Study, outcome: str, *, cut: datetime.date, reads: Reads) -> str:
    """Statement that makes ``design_follow(person_id, t0, pattern, exit_day, status)`` of ``design_index``: those with a day to follow.
    ``outcome``: of the study, else death of any cause.
    ``status``: 1 outcome, 2 death, 3 death of unknown cause (where causes are asked for), 0 censored."""
    any_death = outcome not in study.outcomes
    unknown = not any_death and by_cause(study, outcome)
    last = ["i.last_day", f"DATE '{cut}'"]
    if study.protocol.follow_up_days is not None:
        last.append(f"i.t0 + {study.protocol.follow_up_days}")
    far = "DATE '9999-12-31'"
    state = f"CASE WHEN d.unknown THEN {UNKNOWN} ELSE {DEATH} END" if unknown else str(DEATH)
    events = "SELECT person_id, day FROM deaths" if any_death else outcome_events(study, outcome, reads)
    ends = (
        f"SELECT i.*, coalesce((SELECT min(e.day) FROM ({events}) AS e "
        f"WHERE e.person_id = i.person_id AND e.day > i.t0), {far}) AS outcome_day, "
        f"coalesce(d.day, {far}) AS death_day, {state} AS dead, least({', '.join(last)}) AS censor_day "
        "FROM design_index AS i LEFT JOIN deaths AS d ON d.person_id = i.person_id"
    )
    rows = (
        "SELECT person_id, t0, pattern, CAST(least(outcome_day, death_day, censor_day) - t0 AS BIGINT) AS exit_day, "
        f"CASE WHEN outcome_day <= least(death_day, censor_day) THEN {EVENT} "
        f"WHEN death_day <= censor_day THEN dead ELSE {CENSORED} END AS status FROM ({ends})"
    )
    deaths = _deaths(study, reads, causes=unknown)
    return make("design_follow", f"WITH deaths AS ({deaths}) SELECT * FROM ({rows}) WHERE exit_day > 0")


def _deaths(study: Study, reads: Reads, *, causes: bool) -> str:
    if study.protocol.death == "ignore":
        return "SELECT person_id, t0 AS day, false AS unknown FROM design_index WHERE false"
    cause = f"bool_and(coalesce(x.{reads.column('death', 'cause_source_value')}, '') = '')" if causes else "false"
    dated = dated_deaths(reads, study.protocol.death)
    return f"SELECT x.person_id, min(x.death_day) AS day, {cause} AS unknown FROM {dated} AS x GROUP BY x.person_id"
