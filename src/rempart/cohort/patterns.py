# SPDX-License-Identifier: Apache-2.0
"""Covariates at time zero as one text, the pattern: levels joined by ``|`` in order of the covariates' names.

Age is year of time zero minus year of birth (month and day of birth are potential identifiers and are not read).
"""

from rempart.cohort.codes import Reads, events
from rempart.records.protocol import Covariate
from rempart.records.study import Study

FEMALE, MALE = 8532, 8507  # OMOP standard concepts of gender


def pattern_sql(study: Study, *, passed: int, reads: Reads) -> str:
    """Statement that makes ``study_patterns(person_id, t0, arm, age, pattern)`` of the members who passed all steps."""
    kinds = {item.type for item in study.covariates.values()}
    born = f"p.{reads.column('person', 'year_of_birth')}" if "age" in kinds else "NULL::INTEGER"
    sex = f"p.{reads.column('person', 'gender_concept_id')}" if "sex" in kinds else "NULL::INTEGER"
    person = "LEFT JOIN person p ON p.person_id = m.person_id" if kinds & {"age", "sex"} else ""
    levels = [level_sql(study.covariates[name], study, reads) for name in sorted(study.covariates)]
    pattern = f"concat_ws('|', {', '.join(levels)})" if levels else "''"
    return (
        f"CREATE OR REPLACE TEMP TABLE study_patterns AS SELECT person_id, t0, arm, age, {pattern} AS pattern\n"
        f"FROM (SELECT m.person_id, m.t0, m.arm, (year(m.t0) - {born})::BIGINT AS age, {sex} AS sex\n"
        f"      FROM study_members m {person} WHERE m.passed = {passed}) i"
    )


def level_sql(covariate: Covariate, study: Study, reads: Reads) -> str:
    """SQL of a covariate's level on rows ``i`` (person_id, t0, age, sex)."""
    if covariate.type == "sex":
        return f"CASE sex WHEN {FEMALE} THEN 'female' WHEN {MALE} THEN 'male' ELSE 'unknown' END"
    if covariate.type == "age":
        return _band(covariate)
    item = covariate.criterion
    if item is None or item.days is None:
        return "'unknown'"
    first, last = item.days
    return (
        f"CASE WHEN EXISTS (SELECT 1 FROM ({events((item,), study.codes, reads)}) e WHERE e.person_id = i.person_id "
        f"AND e.day BETWEEN i.t0 + ({first}) AND i.t0 + ({last})) THEN 'yes' ELSE 'no' END"
    )


def _band(covariate: Covariate) -> str:
    *levels, oldest, unknown = covariate.levels
    limits = [f"WHEN age < {limit} THEN '{level}'" for limit, level in zip(covariate.bands, levels, strict=True)]
    return f"CASE WHEN age IS NULL THEN '{unknown}' {' '.join(limits)} ELSE '{oldest}' END"
