# SPDX-License-Identifier: Apache-2.0
"""Sequences of a cohort's persons as SQL of one shard: a row a person without any id, all records in one text. Runs nothing.

Days are whole days since 1970; birth is 1 January of its year, death as the protocol dates it. The share that a person belongs to is drawn
from the person's number and the seed; neither leaves.
"""

import datetime

from rempart.cohort.claims_sql import dated_deaths
from rempart.cohort.codes import DOMAIN, Reads
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.design_follow import index_sql
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_sequences import HELD_OUT, TRAIN, TUNING
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

FEMALE, MALE = 8532, 8507  # OMOP standard concepts of gender
_TABLES = ("design_index", "design_records", "design_rows")
_VISIT = ("visit_occurrence", "visit_start_date", "visit_concept_id")
_EPOCH = "DATE '1970-01-01'"


def sequences(study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str) -> TallyPlan:
    """Patterns ``people``: share, sex, day of birth, day of death ('' where not known), records (``day,code,value`` joined by ``;`` in
    order). Tally ``persons`` by ``share`` (value: records)."""
    (cohort,) = analysis.cohorts
    prepare = (
        index_sql(study, cohort, (), reads=reads, until=until),
        make("design_records", _records(analysis, cut, reads)),
        make("design_rows", _rows(study, analysis, reads)),
    )
    key = "share || '|' || sex || '|' || born || '|' || died || '|' || records"
    counted = "SELECT person_id, share, n FROM design_rows"
    return TallyPlan(
        analysis=analysis.id,
        prepare=prepare,
        selects={
            "patterns:people": f"SELECT {key} AS key, count(*) AS n FROM design_rows GROUP BY 1",
            "persons": tally(counted, keys=("share",), value="n"),
        },
        clear=drop(*_TABLES),
    )


def _records(analysis: DesignAnalysis, cut: datetime.date, reads: Reads) -> str:
    """Each record once: person_id, day, code, value."""
    days = analysis.parameters.get("days")
    window = f" AND r.day BETWEEN i.t0 + ({days[0]}) AND i.t0 + ({days[1]})" if days else ""
    parts = " UNION ALL ".join(_kind(name, analysis, reads) for name in analysis.parameters["domains"])
    return (
        f"SELECT DISTINCT r.person_id, r.day - {_EPOCH} AS day, r.code, r.value FROM ({parts}) AS r "
        f"JOIN design_index AS i ON i.person_id = r.person_id WHERE r.day <= DATE '{cut}' AND coalesce(r.code, '') <> ''{window}"
    )


def _kind(name: str, analysis: DesignAnalysis, reads: Reads) -> str:
    domain = DOMAIN.get(name)
    table, date, code = (domain.table, domain.date, domain.source) if domain else _VISIT
    value = "''"
    if name == "drug" and analysis.parameters["quantities"]:
        value = f"coalesce(CAST({reads.column(table, 'quantity')} AS VARCHAR), '')"
    plain = f"regexp_replace(CAST({reads.column(table, code)} AS VARCHAR), '[|,;]', '_', 'g')"
    return f"SELECT person_id, {reads.column(table, date)} AS day, '{name}//' || {plain} AS code, {value} AS value FROM {table}"


def _rows(study: Study, analysis: DesignAnalysis, reads: Reads) -> str:
    gender, year = (f"p.{reads.column('person', name)}" for name in ("gender_concept_id", "year_of_birth"))
    sex = f"CASE {gender} WHEN {FEMALE} THEN 'female' WHEN {MALE} THEN 'male' ELSE 'unknown' END"
    born = f"coalesce(CAST(make_date({year}, 1, 1) - {_EPOCH} AS VARCHAR), '')"
    text = "string_agg(day || ',' || code || ',' || value, ';' ORDER BY day, code, value)"
    told = f"SELECT person_id, {text} AS records, count(*) AS n FROM design_records GROUP BY person_id"
    died = "''"
    joined = ""
    if study.protocol.death != "ignore":
        deaths = f"SELECT person_id, min(death_day) AS day FROM {dated_deaths(reads, study.protocol.death)} GROUP BY person_id"
        joined = f" LEFT JOIN ({deaths}) AS d ON d.person_id = i.person_id"
        died = f"coalesce(CAST(d.day - {_EPOCH} AS VARCHAR), '')"
    return (
        f"SELECT i.person_id, {_share(analysis)} AS share, {sex} AS sex, {born} AS born, {died} AS died, "
        f"coalesce(t.records, '') AS records, coalesce(t.n, 0) AS n FROM design_index AS i "
        f"LEFT JOIN person AS p ON p.person_id = i.person_id LEFT JOIN ({told}) AS t ON t.person_id = i.person_id{joined}"
    )


def _share(analysis: DesignAnalysis) -> str:
    told = analysis.parameters
    drawn = f"(md5_number(CAST(i.person_id AS VARCHAR) || ' share {told['seed']}') >> 64) % 100"
    held, tuning = told["held_out_percent"], told["held_out_percent"] + told["tuning_percent"]
    return f"CASE WHEN {drawn} < {held} THEN '{HELD_OUT}' WHEN {drawn} < {tuning} THEN '{TUNING}' ELSE '{TRAIN}' END"
