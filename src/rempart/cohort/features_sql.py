# SPDX-License-Identifier: Apache-2.0
"""Features of a study as SQL of one shard: who has which yes-or-no answer before time zero. Runs nothing and counts no person.

``feature_<name>(person_id, feature)``, each pair once, of the persons of an index (person_id, t0), one row a person. Families by drug
class, diagnosis and procedure, days with records, sums paid; a feature's name ends with its window. How few persons may bear a feature is
told at the gathering, where all shards are together (study/features.py).
"""

from collections.abc import Iterator, Sequence

from rempart.cohort.codes import DOMAIN, HIERARCHY, Reads, matches
from rempart.records.describing import band_names
from rempart.records.features import Features
from rempart.records.protocol import SYSTEMS, CodeList
from rempart.records.study import Study

FEMALE, MALE = 8532, 8507  # OMOP standard concepts of gender
STEPS = (1, 2, 4, 8, 16, 32)  # of days with records: a feature each
JOINT = ","
ANY_DRUG = CodeList(system="ATC", include=tuple("ABCDGHJLMNPRSV"))
_COUNTED = {
    "visits": ("visit_occurrence", "visit_start_date"),
    "dispensings": ("drug_exposure", "drug_exposure_start_date"),
    "diagnoses": ("condition_occurrence", "condition_start_date"),
    "procedures": ("procedure_occurrence", "procedure_date"),
}
_PAID = (_COUNTED["visits"], _COUNTED["dispensings"], _COUNTED["procedures"])
_FORM = {"cim10": "^[A-Z][0-9]", "ccam": "^[A-Z]{4}[0-9]{3}"}  # other vocabularies share the columns


def feature_statements(study: Study, name: str, index: str, reads: Reads) -> list[str]:
    """Statements that make ``feature_<name>`` for the table ``index`` (person_id, t0); columns read are noted in ``reads``."""
    features = study.features[name]
    parts = [
        *_families(study, features, index, reads),
        *_counts(features, index, reads),
        *_person(features, index, reads),
    ]
    rows = "\nUNION ALL\n".join(parts)
    return [f"CREATE OR REPLACE TEMP TABLE feature_{name} AS SELECT DISTINCT person_id, feature FROM ({rows})"]


def feature_clear(name: str) -> list[str]:
    """Statements that drop what ``feature_statements`` made."""
    return [f"DROP TABLE IF EXISTS feature_{name}"]


def feature_text(names: Sequence[str], index: str) -> str:
    """SELECT of person_id, features: every person of ``index`` once, the features of all those tables in one text, sorted."""
    union = " UNION ".join(f"SELECT person_id, feature FROM feature_{name}" for name in names)
    joined = f"SELECT person_id, string_agg(feature, '{JOINT}' ORDER BY feature) AS features FROM ({union}) GROUP BY person_id"
    return (
        f"SELECT i.person_id, coalesce(f.features, '') AS features FROM {index} AS i "
        f"LEFT JOIN ({joined}) AS f ON f.person_id = i.person_id"
    )


def _windows(features: Features) -> list[tuple[str, int | None]]:
    """(name, days back) of each window; None: without beginning."""
    return [*((str(days), days) for days in features.days), *([("ever", None)] if features.ever else [])]


def _within(features: Features, days: int | None) -> str:
    first = "" if days is None else f"ago <= {days} AND "
    return f"{first}ago >= {-features.until}"


def _seen(index: str, table: str, date: str, further: str, where: str = "true") -> str:
    """Records of the persons of the index with ``ago``: days from the record to time zero."""
    rows = f"SELECT person_id, {date} AS day{further} FROM {table} WHERE {date} IS NOT NULL AND {where}"
    joined = f"FROM {index} AS i JOIN ({rows}) AS e ON e.person_id = i.person_id"
    return f"SELECT i.person_id, i.t0 - e.day AS ago, e.* EXCLUDE (person_id, day) {joined}"


def _families(study: Study, features: Features, index: str, reads: Reads) -> Iterator[str]:
    if features.atc:
        yield _classes(study, features, index, reads)
    for kind, domain_name, lengths in (("cim10", "condition", features.cim10), ("ccam", "procedure", features.ccam)):
        if lengths:
            domain = DOMAIN[domain_name]
            code, date = reads.column(domain.table, domain.source), reads.column(domain.table, domain.date)
            where = f"regexp_matches({code}, '{_FORM[kind]}')" + _left_out(study, features, domain_name, reads)
            seen = _seen(index, domain.table, date, f", {code} AS code", where)
            yield _named(features, kind, lengths, seen)


def _classes(study: Study, features: Features, index: str, reads: Reads) -> str:
    """Drug classes of the packs and units dispensed, by what the project's hierarchy hangs them under."""
    domain = DOMAIN["drug"]
    found = matches(ANY_DRUG, domain, reads)  # notes the hierarchy's columns, and that it must know drug classes
    code, date = reads.column(domain.table, domain.source), reads.column(domain.table, domain.date)
    where = found + _left_out(study, features, "drug", reads)
    classes = f"SELECT DISTINCT code AS pack, parent AS code FROM {HIERARCHY} WHERE parent_system = 'ATC'"
    seen = _seen(index, domain.table, date, f", {code} AS pack", where)
    classed = f"SELECT s.person_id, s.ago, h.code FROM ({seen}) AS s JOIN ({classes}) AS h ON h.pack = s.pack"
    return _named(features, "atc", features.atc, classed)


def _named(features: Features, kind: str, lengths: Sequence[int], seen: str) -> str:
    """Families by each number of leading characters in each window, from ``seen`` (person_id, ago, code)."""
    cut = " UNION ALL ".join(
        f"SELECT person_id, ago, left(code, {n}) AS family FROM seen WHERE length(code) >= {n}" for n in lengths
    )
    nearest = "SELECT person_id, family, min(ago) AS ago FROM families GROUP BY person_id, family"
    windows = " UNION ALL ".join(
        f"SELECT person_id, '{kind}:' || family || ':{name}' AS feature FROM nearest"
        + (f" WHERE ago <= {days}" if days else "")
        for name, days in _windows(features)
    )
    longest = None if features.ever else max(features.days)
    begin = f"SELECT DISTINCT person_id, ago, code FROM ({seen}) WHERE {_within(features, longest)}"
    return f"SELECT * FROM (WITH seen AS ({begin}), families AS ({cut}), nearest AS ({nearest}) {windows})"


def _left_out(study: Study, features: Features, domain: str, reads: Reads) -> str:
    """`` AND NOT …`` for each excluded code list that can find records of the domain."""
    lists = [study.codes[name] for name in features.exclude if domain in SYSTEMS[study.codes[name].system]]
    return "".join(f" AND NOT coalesce({matches(codes, DOMAIN[domain], reads)}, false)" for codes in lists)


def _counts(features: Features, index: str, reads: Reads) -> Iterator[str]:
    for what in features.counts:
        table, date = _COUNTED[what]
        seen = _seen(index, table, reads.column(table, date), "")
        for name, days in _windows(features):
            counted = f"SELECT person_id, count(DISTINCT ago) AS n FROM ({seen}) WHERE {_within(features, days)} GROUP BY person_id"
            yield _at_least(counted, what, STEPS, name)
    if features.costs:
        paid = [
            _seen(index, table, reads.column(table, date), f", {reads.column(table, 'total_paid')} AS paid")
            for table, date in _PAID
        ]
        for name, days in _windows(features):
            rows = " UNION ALL ".join(f"SELECT person_id, ago, paid FROM ({one})" for one in paid)
            summed = (
                f"SELECT person_id, sum(paid) AS n FROM ({rows}) WHERE {_within(features, days)} GROUP BY person_id"
            )
            yield _at_least(summed, "costs", features.costs, name)


def _at_least(counted: str, what: str, limits: Sequence[int], window: str) -> str:
    steps = ", ".join(str(limit) for limit in limits)
    return (
        f"SELECT c.person_id, '{what}>=' || l.low || ':{window}' AS feature FROM ({counted}) AS c "
        f"JOIN (SELECT unnest([{steps}]) AS low) AS l ON c.n >= l.low"
    )


def _person(features: Features, index: str, reads: Reads) -> Iterator[str]:
    joined = f"FROM {index} AS i LEFT JOIN person AS p ON p.person_id = i.person_id"
    if features.sex:
        sex = f"p.{reads.column('person', 'gender_concept_id')}"
        level = f"CASE {sex} WHEN {FEMALE} THEN 'female' WHEN {MALE} THEN 'male' ELSE 'unknown' END"
        yield f"SELECT i.person_id, 'sex:' || {level} AS feature {joined}"
    if features.age:
        age = f"(year(i.t0) - p.{reads.column('person', 'year_of_birth')})"
        *names, oldest = band_names(features.age)
        cases = " ".join(f"WHEN {age} < {low} THEN '{name}'" for low, name in zip(features.age, names, strict=True))
        yield f"SELECT i.person_id, 'age:' || CASE WHEN {age} IS NULL THEN 'unknown' {cases} ELSE '{oldest}' END AS feature {joined}"
