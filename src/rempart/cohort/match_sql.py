# SPDX-License-Identifier: Apache-2.0
"""Matched cohorts as SQL for one shard: the narrow rows that leave it to be matched, and the cohorts made of what comes back.

Reads the tables ``cohort_<to>`` and ``cohort_<from>`` of the session, ``person_draw`` (person_id, draw), and what ``on`` needs. Dispensings
are counted by day, from the first day of a person's own period in the pool to the day before the index day.
"""

from collections.abc import Mapping

from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.records.matching import AGE, CALENDAR, DISPENSINGS, DURATION, PLACE, SEX, Matching
from rempart.records.protocol import CodeList

DRAWS = "person_draw"
BACK = "match_back"
GROUP = "together"  # what never differs between two rows of a person: a group of strata is matched in one place
_ZERO = "DATE '1970-01-01'"
_NONE = "NULL::INTEGER"
_FAR = (1 << 31) - 1


def match_rows_sql(name: str, matching: Matching, reads: Reads, codes: Mapping[str, CodeList]) -> str:
    """SELECT of cohort, group and the columns of ``matching.ROWS`` but the shard. ``codes``: the study's code lists."""
    days = _dispensed(codes[matching.dispensings_of], reads) if DISPENSINGS in matching.on else ""
    cases = _placed(_cases(matching, days), matching, reads, spells=False)
    told = f"SELECT * FROM ({cases}) UNION ALL SELECT * FROM ({_pool(matching, reads, days)})"
    person = _person(matching, reads)
    stratum = " || '|' || ".join(["'='", *_constant(matching, person), *(["place"] if PLACE in matching.on else [])])
    group = " || '|' || ".join([f"'{name}'", *_constant(matching, person), *_group_place(matching)])
    day = _NONE if matching.of_risk_set else _number("index_date")
    return (
        f"SELECT '{name}' AS cohort, coalesce({group}, '') AS {GROUP}, coalesce({_known(stratum, matching, person)}, '') AS stratum, "
        "role::TINYINT AS role, r.person_id::BIGINT AS person, d.draw::BIGINT AS draw, "
        f"coalesce({_age(matching, person)}, 0)::INTEGER AS age, "
        f"{_opened('first_date', -1, matching)} AS first, {_opened('last_date', 1, matching)} AS last, "
        f"CASE WHEN role = 1 THEN {day} END AS day, {_number('until_date')} AS until, since "
        f"FROM ({told}) AS r JOIN {DRAWS} AS d ON d.person_id = r.person_id"
        f"{' LEFT JOIN person AS p ON p.person_id = r.person_id' if person else ''}"
    )


def _person(matching: Matching, reads: Reads) -> Mapping[str, str]:
    """What is matched on of the person's own row: sex, year of birth."""
    found = {}
    if SEX in matching.on:
        found[SEX] = f"nullif(p.{reads.column('person', 'gender_concept_id')}, 0)::VARCHAR"
    if AGE in matching.on:
        found[AGE] = f"p.{reads.column('person', 'year_of_birth')}"
    return found


def _constant(matching: Matching, person: Mapping[str, str]) -> list[str]:
    """Terms that never differ between two rows of a person: sex, and the year of birth where risk sets must agree on it."""
    born = [f"{person[AGE]}::VARCHAR"] if matching.of_risk_set and matching.age_years == 0 else []
    return [*([person[SEX]] if SEX in person else []), *born]


def _group_place(matching: Matching) -> list[str]:
    """Residence changes: where each person serves once, places are not matched apart."""
    return ["place"] if PLACE in matching.on and matching.replace else []


def _known(stratum: str, matching: Matching, person: Mapping[str, str]) -> str:
    known = [f"{person[AGE]} IS NOT NULL"] if AGE in person else []
    known += ["since IS NOT NULL"] if matching.treated_apart is not None else []
    return f"CASE WHEN {' AND '.join(known)} THEN {stratum} END" if known else stratum


def _dispensed(codes: CodeList, reads: Reads) -> str:
    """The days on which a person was dispensed a drug of the list: person_id, day."""
    drug = DOMAIN["drug"]
    day = reads.column(drug.table, drug.date)
    return f"SELECT DISTINCT person_id, {day} AS day FROM {drug.table} WHERE {day} IS NOT NULL AND {matches(codes, drug, reads)}"


def _cases(matching: Matching, days: str) -> str:
    """The cases; ``since``: the first day of the case's own period in the pool that holds the index day, or the dispensings since; NULL
    for none, or where nobody asks."""
    plain = (
        "0 AS role, t.person_id, t.start_date AS index_date, t.start_date AS first_date, t.start_date AS last_date, "
        "t.end_date AS until_date"
    )
    if matching.treated_apart is None:
        return f"SELECT DISTINCT {plain}, {_NONE} AS since FROM cohort_{matching.to} AS t"
    inside = "f.person_id = t.person_id AND t.start_date BETWEEN f.start_date AND f.end_date"
    entered = (
        "SELECT t.person_id, t.start_date, t.end_date, max(f.start_date) AS entered "
        f"FROM cohort_{matching.to} AS t LEFT JOIN cohort_{matching.pool} AS f ON {inside} GROUP BY ALL"
    )
    if DURATION in matching.on:
        return f"SELECT {plain}, {_number('t.entered')} AS since FROM ({entered}) AS t"
    return (
        f"SELECT {plain}, CASE WHEN t.entered IS NOT NULL THEN count(d.day)::INTEGER END AS since FROM ({entered}) AS t "
        f"LEFT JOIN ({days}) AS d ON d.person_id = t.person_id AND d.day >= t.entered AND d.day < t.start_date "
        "GROUP BY t.person_id, t.start_date, t.end_date, t.entered"
    )


def _age(matching: Matching, person: Mapping[str, str]) -> str:
    """In a risk set all are of one day, so years of birth differ as ages do."""
    if AGE not in person:
        return "0"
    return person[AGE] if matching.of_risk_set else f"year(index_date) - {person[AGE]}"


def _opened(date: str, sign: int, matching: Matching) -> str:
    """A candidate's bound: days near its own index day, any day where the calendar is not matched on."""
    if matching.of_risk_set:
        return _number(date)
    wide = f"{_number(date)} + {sign * (matching.calendar_days or 0)}" if CALENDAR in matching.on else f"{sign * _FAR}"
    return f"(CASE WHEN role = 0 THEN {_number(date)} ELSE {wide} END)::INTEGER"


def _pool(matching: Matching, reads: Reads, days: str) -> str:
    """Periods of the pool without what follows the person's own first day as a case; on dispensings, cut where their number grows."""
    before = "c.case_date - 1"
    cases = f"(SELECT person_id, min(start_date) AS case_date FROM cohort_{matching.to} GROUP BY person_id)"
    rows = (
        "SELECT DISTINCT 1 AS role, f.person_id, f.start_date AS index_date, f.start_date AS first_date, "
        f"{'least(f.end_date, ' + before + ')' if matching.of_risk_set else 'f.start_date'} AS last_date, "
        f"least(f.end_date, {before}) AS until_date, {_number('f.start_date') if DURATION in matching.on else _NONE} AS since "
        f"FROM cohort_{matching.pool} AS f LEFT JOIN {cases} AS c ON c.person_id = f.person_id "
        "WHERE c.case_date IS NULL OR c.case_date > f.start_date"
    )
    return _placed(_cut(rows, days) if days else rows, matching, reads, spells=matching.of_risk_set)


def _cut(rows: str, days: str) -> str:
    """Each period as spells between dispensings: on the day after the nth since its first day the number is n."""
    period = "r.person_id, r.index_date, r.last_date, r.until_date"
    marks = (
        f"SELECT {period}, 0 AS n, r.first_date AS begins FROM ({rows}) AS r "
        f"UNION ALL SELECT {period}, row_number() OVER (PARTITION BY {period} ORDER BY d.day) AS n, d.day + 1 AS begins "
        f"FROM ({rows}) AS r JOIN ({days}) AS d ON d.person_id = r.person_id AND d.day >= r.first_date AND d.day < r.last_date"
    )
    return (
        "SELECT 1 AS role, person_id, index_date, begins AS first_date, coalesce(lead(begins) OVER (PARTITION BY person_id, index_date, "
        f"last_date, until_date ORDER BY n) - 1, last_date) AS last_date, until_date, n::INTEGER AS since FROM ({marks})"
    )


def _placed(rows: str, matching: Matching, reads: Reads, *, spells: bool) -> str:
    """The rows with their place: of the first day, or cut into ``spells`` of residence."""
    columns = "r.role, r.person_id, r.index_date"
    if PLACE not in matching.on:
        return f"SELECT {columns}, r.first_date, r.last_date, r.until_date, r.since, NULL::VARCHAR AS place FROM ({rows}) AS r"
    place, begins, ends = (
        reads.column("location_history", column)
        for column in ("department_source_value", "location_history_start_date", "location_history_end_date")
    )
    last = f"coalesce(l.{ends}, DATE '9999-12-31')"
    if spells:
        return (
            f"SELECT DISTINCT {columns}, greatest(r.first_date, l.{begins}) AS first_date, least(r.last_date, {last}) AS last_date, "
            f"r.until_date, r.since, l.{place} AS place FROM ({rows}) AS r JOIN location_history AS l ON l.person_id = r.person_id "
            f"AND l.{begins} <= r.last_date AND {last} >= r.first_date WHERE l.{place} IS NOT NULL"
        )
    return (
        f"SELECT {columns}, r.first_date, r.last_date, r.until_date, r.since, arg_max(l.{place}, (l.{begins}, l.{place})) AS place "
        f"FROM ({rows}) AS r "
        f"LEFT JOIN location_history AS l ON l.person_id = r.person_id AND r.index_date BETWEEN l.{begins} AND {last} GROUP BY ALL"
    )


def _number(date: str) -> str:
    return f"({date} - {_ZERO})::INTEGER"


def matched_statements(name: str, matching: Matching, *, told: str = "") -> list[str]:
    """Statements that make, of the rows ``match_back`` of this shard, ``cohort_<name>`` (controls: person_id, start_date, end_date,
    match_set), ``cohort_<name>_cases`` (the cases that found any, same columns), and the attrition of each (step, name, persons).
    ``told``: a word of letters and digits that the first one holds as a comment.
    """
    back = f"FROM {BACK} WHERE cohort = '{name}' AND"
    rows = f"person AS person_id, {_ZERO} + start AS start_date, {_ZERO} + until AS end_date, match_set"
    steps = {"cases": "true", "cases with a control": "controls > 0"}
    steps |= {f"cases with {matching.ratio} controls": f"controls = {matching.ratio}"} if matching.ratio > 1 else {}
    return [
        f"CREATE OR REPLACE TEMP TABLE cohort_{name} AS /* {told} */ SELECT {rows} {back} role = 1 ORDER BY ALL",
        f"CREATE OR REPLACE TEMP TABLE cohort_{name}_cases AS SELECT {rows} {back} role = 0 AND controls > 0 ORDER BY ALL",
        _attrition(name, {"controls": f"{back} role = 1"}),
        _attrition(f"{name}_cases", {said: f"{back} role = 0 AND {condition}" for said, condition in steps.items()}),
    ]


def _attrition(name: str, steps: Mapping[str, str]) -> str:
    """Steps by what is said of each; a person in one is in all before it."""
    counted = " UNION ALL ".join(
        f"SELECT {number} AS step, '{said}' AS name, count(DISTINCT person) AS persons {rows}"
        for number, (said, rows) in enumerate(steps.items(), 1)
    )
    return f"CREATE OR REPLACE TEMP TABLE cohort_{name}_attrition AS {counted}"


def matched_clear(name: str) -> list[str]:
    """Statements that drop what ``matched_statements`` made."""
    return [f"DROP TABLE IF EXISTS cohort_{name}{part}" for part in ("", "_cases", "_attrition", "_cases_attrition")]
