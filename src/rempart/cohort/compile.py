# SPDX-License-Identifier: Apache-2.0
"""One frame of a study as SQL for one shard: time zero, attrition, follow-up, patterns, and counts.

Person rows stay in temporary tables of the session; only the SELECTs of the plan leave it, and they are counts and sums.
Conventions: docs/study.md, "Time". Nothing after time zero decides who enters, but the last step (time at risk).
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rempart.cohort.arm_sets import TABLE, arm_sets, facilities, sets_made
from rempart.cohort.codes import DOMAIN, Reads, events, matches
from rempart.cohort.features_sql import feature_clear, feature_statements, feature_text
from rempart.cohort.followup import followup_sql
from rempart.cohort.patterns import pattern_sql
from rempart.cohort.sources import frame_sources, usable_until
from rempart.records.code_lists import WHOLE
from rempart.records.protocol import CodeList, CohortPlan, CohortRule, Exposure, Frame
from rempart.records.study import Study

_TABLES = (TABLE, "study_at_risk", "study_follow", "study_patterns", "study_members", "study_index", "study_uses")
_ARMS = "(VALUES ('all'), ('target'), ('comparator')) arms(arm)"


def compile_study(study: Study, *, cut: datetime.date, usable: bool = False) -> tuple[CohortPlan, ...]:
    """A plan for each frame; ``cut``: the last day of data (the end of the permit's period); ``usable``: as ``compile_frame``'s."""
    return tuple(compile_frame(study, frame, cut=cut, reads=Reads(), usable=usable) for frame in study.frames)


def compile_frame(study: Study, frame: Frame, *, cut: datetime.date, reads: Reads, usable: bool = False) -> CohortPlan:
    """The plan of one frame; columns read are noted in ``reads``. ``usable``: the session has the table ``usable_interval`` (source,
    scheme, last_day), and nobody is followed beyond the sources of the question. The tables ``exposure_<name>`` of its ``supplied_arms``
    (records/exposure_uses.py) are there when it runs."""
    cohort = study.cohorts[frame.cohort]
    conditions = _conditions(study, frame, cohort, reads)
    steps = (_first_step(study, frame), *conditions, "at risk after the lag" if study.protocol.lag_days else "at risk")
    names = tuple(f"{number:02d} {text}" for number, text in enumerate(steps, 1))
    until = usable_until(frame_sources(study, frame)) if usable else ""
    features = sorted({name for item in study.analyses if frame in item.frames for name in item.features})
    prepare = (
        _uses(study, frame, reads),
        _index(study),
        _members(list(conditions.values())),
        pattern_sql(study, passed=len(conditions) + 1, reads=reads),
        *(statement for name in features for statement in feature_statements(study, name, "study_patterns", reads)),
        followup_sql(study, frame, cut=cut, reads=reads, until=until),
        "CREATE OR REPLACE TEMP TABLE study_at_risk AS SELECT * FROM study_follow WHERE exit_day > entry_day",
        sets_made(steps=len(names)),
    )
    return CohortPlan(
        frame=frame,
        prepare=prepare,
        steps=names,
        selects=_selects(names, with_age=any(item.type == "age" for item in study.covariates.values()))
        | arm_sets(steps=len(names), covariates=len(study.covariates))
        | _scored(features)
        | (facilities(reads) if any(item.establishments for item in study.analyses if item.frame == frame) else {}),
        clear=(
            *(statement for name in features for statement in feature_clear(name)),
            *(f"DROP TABLE IF EXISTS {name}" for name in _TABLES),
        ),
        covariates=tuple(sorted(study.covariates)),
    )


def _scored(features: Sequence[str]) -> dict[str, str]:
    """Rows of those at risk with their features, for propensity scores: no id, equal rows counted."""
    if not features:
        return {}
    return {
        "patterns:scored": (
            "SELECT concat_ws('|', r.arm, r.pattern, f.features, r.entry_day, r.exit_day, r.status) AS key, count(*) AS n\n"
            f"FROM study_at_risk r JOIN ({feature_text(features, 'study_patterns')}) f ON f.person_id = r.person_id GROUP BY ALL"
        )
    }


def _first_step(study: Study, frame: Frame) -> str:
    if study.exposures[frame.comparator].non_users:
        return "target or entry record of non-users in the period"
    return "first dispensing in the period"


def _arm(study: Study, exposure: Exposure, flag: str, reads: Reads, *, codes: CodeList | None = None) -> str:
    """Days of records with the exposure's codes, or with ``codes``; ``flag``: SQL of the arm."""
    domain = DOMAIN[exposure.domain]
    date = reads.column(domain.table, domain.date)
    ends = date
    if _covers(study, exposure):
        last = reads.column(domain.table, "drug_exposure_end_date")
        ends = f"greatest({date}, coalesce({last}, {date}))"
    return (
        f"SELECT person_id, {date} AS day, {ends} AS ends, {flag} AS arm FROM {domain.table} "
        f"WHERE {date} IS NOT NULL AND {matches(codes or study.codes[exposure.codes], domain, reads)}"
    )


def _covers(study: Study, exposure: Exposure) -> bool:
    """Whether the days that its records cover end its treatment: where the study does not say how long a supply lasts."""
    users = exposure.domain == "drug" and not exposure.non_users
    return study.protocol.on_treatment and users and exposure.eras is None


def _uses(study: Study, frame: Frame, reads: Reads) -> str:
    """Days of dispensing by arm: one row for each person, day and arm, with the last day covered."""
    target, comparator = study.exposures[frame.target], study.exposures[frame.comparator]
    rows = _both_arms(study, target, comparator, reads)
    if not rows:
        arms = ((target, "'target'"), (comparator, "'comparator'"))
        rows = "\nUNION ALL\n".join(_arm(study, exposure, flag, reads) for exposure, flag in arms)
    return (
        "CREATE OR REPLACE TEMP TABLE study_uses AS SELECT person_id, day, arm, max(ends) AS ends\n"
        f"FROM ({rows}) GROUP BY person_id, day, arm"
    )


def _both_arms(study: Study, target: Exposure, comparator: Exposure, reads: Reads) -> str:
    """Both arms in one look at the records, where no record can be of both; '' where that is not plain from the lists."""
    mine, other = study.codes[target.codes], study.codes[comparator.codes]
    alike = (mine.system, target.domain, target.non_users) == (other.system, comparator.domain, comparator.non_users)
    alike = alike and _covers(study, target) == _covers(study, comparator)
    if not alike or mine.system not in {*WHOLE, "OMOP"} or set(mine.include) & set(other.include):
        return ""
    either = replace(mine, include=(*mine.include, *other.include))
    is_target = matches(mine, DOMAIN[target.domain], reads)
    return _arm(study, target, f"CASE WHEN {is_target} THEN 'target' ELSE 'comparator' END", reads, codes=either)


def _index(study: Study) -> str:
    """Time zero: a person's first day in the period with a record of either arm; both arms on that day: ``both``."""
    first, last = study.protocol.period
    return (
        "CREATE OR REPLACE TEMP TABLE study_index AS SELECT person_id, t0, CASE WHEN arms > 1 THEN 'both' ELSE arm END AS arm\n"
        "FROM (SELECT person_id, min(day) AS t0, arg_min(arm, day) AS arm FROM study_uses\n"
        f"      WHERE day BETWEEN DATE '{first}' AND DATE '{last}' GROUP BY person_id) first\n"
        "JOIN (SELECT person_id, day, count(*) AS arms FROM study_uses GROUP BY person_id, day) same\n"
        "  ON same.person_id = first.person_id AND same.day = first.t0"
    ).replace("SELECT person_id, t0,", "SELECT first.person_id, t0,")


def _conditions(study: Study, frame: Frame, cohort: CohortRule, reads: Reads) -> dict[str, str]:
    """Step name → SQL condition on ``study_index i``, in the order they are applied; none looks past time zero."""
    found = {
        _one_arm_name(study, frame): "i.arm <> 'both'",
        **_observed(cohort, reads),
        **_washout(study, frame, cohort),
    }
    if cohort.age is not None:
        low, high = cohort.age
        born = reads.column("person", "year_of_birth")
        found[f"aged {low} to {high}"] = (
            f"EXISTS (SELECT 1 FROM person p WHERE p.person_id = i.person_id "
            f"AND year(i.t0) - p.{born} BETWEEN {low} AND {high})"
        )
    for item in cohort.exclude:
        first, last = item.days if item.days is not None else (0, 0)
        name = f"no {item.codes} ({item.domain}) on days {first} to {last}"
        found[name] = (
            f"NOT EXISTS (SELECT 1 FROM ({events((item,), study.codes, reads)}) e "
            f"WHERE e.person_id = i.person_id AND e.day BETWEEN i.t0 + ({first}) AND i.t0 + ({last}))"
        )
    return found


def _one_arm_name(study: Study, frame: Frame) -> str:
    return "one arm on that day" if study.exposures[frame.comparator].non_users else "one drug on that day"


def _observed(cohort: CohortRule, reads: Reads) -> Mapping[str, str]:
    start, end = observed_columns(reads)
    return {
        f"observed {cohort.prior_observation_days} days before": (
            f"EXISTS (SELECT 1 FROM observation_period o WHERE o.person_id = i.person_id "
            f"AND o.{start} <= i.t0 - {cohort.prior_observation_days} AND o.{end} >= i.t0)"
        )
    }


def observed_columns(reads: Reads) -> tuple[str, str]:
    """First and last day of an observation period."""
    table = "observation_period"
    return reads.column(table, "observation_period_start_date"), reads.column(table, "observation_period_end_date")


def _washout(study: Study, frame: Frame, cohort: CohortRule) -> Mapping[str, str]:
    """No dispensing of either drug in the washout; against non-users: no target at all before."""
    inside = f"u.day BETWEEN i.t0 - {cohort.washout_days} AND i.t0 - 1"
    if study.exposures[frame.comparator].non_users:
        name, inside = "target never dispensed before", "u.arm = 'target' AND u.day < i.t0"
    elif cohort.washout_days:
        name = f"neither drug in the {cohort.washout_days} days before"
    else:
        return {}
    return {name: f"NOT EXISTS (SELECT 1 FROM study_uses u WHERE u.person_id = i.person_id AND {inside})"}


def _members(conditions: list[str]) -> str:
    """``passed``: how many steps in a row each person of the index passes (1 = the index itself)."""
    cases = " ".join(f"WHEN NOT coalesce({condition}, false) THEN {n}" for n, condition in enumerate(conditions, 1))
    return (
        "CREATE OR REPLACE TEMP TABLE study_members AS SELECT i.person_id, i.t0, i.arm, "
        f"CASE {cases} ELSE {len(conditions) + 1} END AS passed\nFROM study_index i"
    )


def _selects(steps: tuple[str, ...], *, with_age: bool) -> dict[str, str]:
    """The counts that leave the shard. ``all`` counts persons of either arm; at the first step also those of both."""
    values = ", ".join(f"({number}, '{name}')" for number, name in enumerate(steps, 1))
    attrition = (
        f"WITH passed AS (SELECT arm, passed, sum(persons) AS persons FROM {TABLE} GROUP BY arm, passed)\n"
        "SELECT s.step, arms.arm, (SELECT coalesce(CAST(sum(p.persons) AS BIGINT), 0) FROM passed p WHERE "
        "p.passed >= s.number AND (arms.arm = 'all' OR p.arm = arms.arm)) AS n\n"
        f"FROM (VALUES {values}) s(number, step), {_ARMS}"
    )
    cells = (
        "SELECT arm, pattern, entry_day, exit_day, status, count(*) AS n FROM study_at_risk "
        "GROUP BY arm, pattern, entry_day, exit_day, status"
    )
    sums = (
        "SELECT arm, 'age' AS variable, count(age) AS n, coalesce(sum(age), 0)::BIGINT AS total, "
        "coalesce(sum(age * age), 0)::BIGINT AS squares FROM study_at_risk GROUP BY arm"
    )
    return {"attrition": attrition, "cells": cells, **({"sums": sums} if with_age else {})}
