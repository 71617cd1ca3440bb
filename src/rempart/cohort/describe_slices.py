# SPDX-License-Identifier: Apache-2.0
"""Persons of a rule cohort and the dimensions they are described by, as SQL: age, sex, place, calendar. Runs nothing.

A period of the cohort covers (start_date, end_date]: the days after the first to the last. Age is a day's year less the year of birth, so
that it changes with the calendar year alone; place is the département of residence on the first day of a slice.
"""

from collections.abc import Mapping, Sequence

from rempart.cohort.codes import Reads
from rempart.cohort.tally_sql import tally
from rempart.records.describing import CALENDAR, UNKNOWN, CohortAnalysis, band_names, dimensions_of

FEMALE, MALE = 8532, 8507  # OMOP standard concepts of gender
_LABEL = {
    "year": "CAST(year({0}) AS VARCHAR)",
    "quarter": "year({0}) || '-Q' || quarter({0})",
    "month": "strftime({0}, '%Y-%m')",
}


def make(table: str, select: str) -> str:
    """A statement that makes a table of the session."""
    return f"CREATE OR REPLACE TEMP TABLE {table} AS {select}"


def drop(*tables: str) -> tuple[str, ...]:
    """Statements that drop them."""
    return tuple(f"DROP TABLE IF EXISTS {table}" for table in tables)


def label(unit: str, day: str) -> str:
    """SQL of the name of the calendar unit that holds a day."""
    return _LABEL[unit].format(day)


def finest(analysis: CohortAnalysis) -> str:
    """The unit that follow-up is cut at: the finest asked for; the year, at which age changes, at least."""
    return max((unit for unit in CALENDAR if unit in analysis.dimensions), key=CALENDAR.index, default="year")


def age_band(analysis: CohortAnalysis, age: str) -> str:
    """SQL of the band of an age in years."""
    *names, oldest = band_names(analysis.bands)
    cases = " ".join(f"WHEN {age} < {low} THEN '{name}'" for low, name in zip(analysis.bands, names, strict=True))
    return f"CASE WHEN {age} IS NULL THEN '{UNKNOWN}' {cases} ELSE '{oldest}' END"


def described(rows: str, wanted: frozenset[str], reads: Reads) -> str:
    """``rows`` (person_id, day, …) with ``years`` (age in years), ``sex`` and, where ``wanted``, ``place`` on that day."""
    born = reads.column("person", "year_of_birth")
    sex = f"CASE p.{reads.column('person', 'gender_concept_id')} WHEN {FEMALE} THEN 'female' WHEN {MALE} THEN 'male' ELSE '{UNKNOWN}' END"
    asked = f"SELECT r.*, CAST(year(r.day) - p.{born} AS INTEGER) AS years, {sex if 'sex' in wanted else 'NULL'} AS sex"
    found = f"{asked} FROM ({rows}) AS r LEFT JOIN person AS p ON p.person_id = r.person_id"
    return _placed(found, reads) if "place" in wanted else found


def _placed(rows: str, reads: Reads) -> str:
    """Of several places on one day the one that began last, of those the first by name."""
    start, end, place = (
        reads.column("location_history", name)
        for name in ("location_history_start_date", "location_history_end_date", "department_source_value")
    )
    until = f"coalesce({end}, DATE '9999-12-31')"
    lived = f"SELECT person_id, {start} AS place_from, {until} AS place_until, {place} AS place FROM location_history"
    return (
        f"SELECT d.* EXCLUDE (row_number), coalesce(h.place, '{UNKNOWN}') AS place "
        f"FROM (SELECT *, row_number() OVER () AS row_number FROM ({rows})) AS d LEFT JOIN ({lived}) AS h "
        "ON h.person_id = d.person_id AND d.day BETWEEN h.place_from AND h.place_until "
        "QUALIFY row_number() OVER (PARTITION BY d.row_number ORDER BY h.place_from DESC, h.place) = 1"
    )


def cut(periods: str, unit: str) -> str:
    """``periods`` (person_id, start_date, end_date, ended) cut at the bounds of a calendar unit: ``day`` (the first at risk), ``days``,
    and ``events``: what ``ended`` says, in the slice that holds the last day alone. Every day at risk lies in one slice."""
    first, last = f"date_trunc('{unit}', s.start_date + 1)", f"date_trunc('{unit}', s.end_date)"
    begins = f"CAST(unnest(generate_series({first}, {last}, INTERVAL 1 {unit})) AS DATE)"
    step, from_day = f"CAST(begins + INTERVAL 1 {unit} AS DATE)", "greatest(start_date + 1, begins)"
    return (
        f"SELECT person_id, {from_day} AS day, least(end_date, {step} - 1) - {from_day} + 1 AS days, "
        f"CASE WHEN end_date < {step} THEN ended ELSE 0 END AS events "
        f"FROM (SELECT s.*, {begins} AS begins FROM ({periods}) AS s WHERE s.start_date < s.end_date)"
    )


def columns(analysis: CohortAnalysis) -> Mapping[str, str]:
    """Dimension → SQL on rows of ``described``."""
    calendar = {unit: label(unit, "day") for unit in CALENDAR}
    return {"age": age_band(analysis, "years"), "sex": "sex", "place": "place", **calendar}


def tally_by(
    analysis: CohortAnalysis,
    variable: str,
    *,
    table: str,
    values: Mapping[str, str],
    further: Sequence[str] = (),
    where: str = "true",
) -> Mapping[str, str]:
    """Part → SELECT of its tally, for one variable. ``values``: name of the part → SQL of a person's value in a cell ('': none), from the
    rows of ``table`` that the person has there; ``further``: columns that every cell is told by besides."""
    found = columns(analysis)
    keys = [*further, *dimensions_of(variable)]
    named = "".join(f"{found.get(key, key)} AS {key}, " for key in keys)
    groups = ", ".join(["person_id", *(str(at) for at in range(2, 2 + len(keys)))])
    parts = {}
    for name, value in values.items():
        amount = f"CAST({value} AS BIGINT) AS amount" if value else "0 AS amount"
        rows = f"SELECT person_id, {named}{amount} FROM {table} WHERE {where} GROUP BY {groups}"
        parts[f"{name}/{variable}"] = tally(rows, keys=keys, value="amount" if value else "")
    return parts
