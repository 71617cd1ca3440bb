# SPDX-License-Identifier: Apache-2.0
"""A permit stated a second time, to prove what a grant delivers: which persons, which rows, which columns, in plain SQL over the
warehouse's tables and over the project's. Shares nothing with ``compile``; runs nothing.

A row is told by its person in the warehouse and by every permitted column but numbers that are made afresh in each project.
"""

from collections.abc import Iterator

from rempart.records.omop import MAIN, PROJECT_PERSON, WAREHOUSE_PERSON, TableLayout
from rempart.records.permit import Permit

PERSON = "told_person"
# Tables whose rows are stretches of time: given where they touch the permitted days, cut to them.
_STRETCHES = {
    "observation_period": ("observation_period_start_date", "observation_period_end_date"),
    "payer_plan_period": ("payer_plan_period_start_date", "payer_plan_period_end_date"),
    "location_history": ("location_history_start_date", "location_history_end_date"),
}
# A death that lies after the permitted days is not told: neither its month nor its day.
ALLOWED_SQL = f"""
SELECT {WAREHOUSE_PERSON} FROM known_person WHERE {WAREHOUSE_PERSON} NOT IN (
    WITH same AS (
        SELECT {WAREHOUSE_PERSON} AS present, former AS name FROM known_former
        UNION SELECT {WAREHOUSE_PERSON}, {WAREHOUSE_PERSON} FROM known_former
    ), objects AS (SELECT {WAREHOUSE_PERSON} AS name FROM known_objection)
    SELECT name FROM objects
    UNION SELECT name FROM same WHERE present IN (SELECT present FROM same WHERE name IN (SELECT name FROM objects))
)
"""
"""Persons of the warehouse (``known_person``) who do not object (``known_objection``) under any name of theirs (``known_former``)."""


def told_columns(permit: Permit, layout: TableLayout) -> list[str]:
    """The person, then the permitted columns whose values are the warehouse's own."""
    asked = permit.tables[layout.name]
    fresh = [name for name in layout.columns if name.endswith("_id") and not name.endswith("_concept_id")]
    own = [name for name in layout.columns if name in asked and (name not in fresh or name in layout.others)]
    return [PERSON, *own]


def columns_beyond(permit: Permit, layout: TableLayout, stored: list[str]) -> list[str]:
    """Columns of a delivered part that nobody permitted; the person and the row's own number link the parts of a table."""
    return sorted(set(stored) - set(permit.tables[layout.name]) - {PROJECT_PERSON, layout.key})


def permitted_sql(permit: Permit, layout: TableLayout) -> str:
    """What may be delivered of a table: from ``<table>__<sibling>`` of the warehouse and ``allowed_person``."""
    told = [
        f"main.{WAREHOUSE_PERSON} AS {PERSON}",
        *(_value(permit, layout, c) for c in told_columns(permit, layout)[1:]),
    ]
    link = layout.key or WAREHOUSE_PERSON
    joins = "".join(
        f" LEFT JOIN {layout.name}__{s} AS {s} ON {s}.{link} = main.{link}" for s in _siblings(permit, layout)
    )
    inside = " AND ".join(
        [f"main.{WAREHOUSE_PERSON} IN (SELECT {WAREHOUSE_PERSON} FROM allowed_person)", *_days(permit, layout)]
    )
    return f"SELECT {', '.join(told)} FROM {layout.name}__{MAIN} AS main{joins} WHERE {inside}"


def delivered_sql(permit: Permit, layout: TableLayout) -> str:
    """What is delivered of a table: from ``sealed_<table>__<sibling>`` and ``people`` (both numbers of each person)."""
    told = [f"people.{WAREHOUSE_PERSON} AS {PERSON}"]
    for column in told_columns(permit, layout)[1:]:
        place = f"{layout.sibling_of(column)}.{column}"
        other = f"(SELECT o.{WAREHOUSE_PERSON} FROM people o WHERE o.{PROJECT_PERSON} = {place})"
        told.append(f"{other if column in layout.others else place} AS {column}")
    link = layout.key or PROJECT_PERSON
    joins = "".join(
        f" LEFT JOIN sealed_{layout.name}__{s} AS {s} ON {s}.{link} = main.{link}" for s in _siblings(permit, layout)
    )
    people = f" LEFT JOIN people ON people.{PROJECT_PERSON} = main.{PROJECT_PERSON}"
    return f"SELECT {', '.join(told)} FROM sealed_{layout.name}__{MAIN} AS main{people}{joins}"


def _siblings(permit: Permit, layout: TableLayout) -> list[str]:
    """Siblings beside main that hold a permitted column."""
    asked = set(permit.tables[layout.name])
    return [name for name, columns in layout.siblings.items() if name != MAIN and asked & set(columns)]


def _value(permit: Permit, layout: TableLayout, column: str) -> str:
    place, last = f"{layout.sibling_of(column)}.{column}", f"DATE '{permit.period[1]}'"
    start, end = _STRETCHES.get(layout.name, ("", ""))
    told = place
    if column == start:
        told = f"CASE WHEN {place} < {_history(permit)} THEN {_history(permit)} ELSE {place} END"
    elif column == end:
        told = f"CASE WHEN {place} > {last} THEN {last} ELSE {place} END"
    elif layout.name == "death" and column == "death_date":
        told = f"CASE WHEN {place} > {last} THEN NULL ELSE {place} END"
    elif column in layout.others:
        told = f"CASE WHEN {place} IN (SELECT {WAREHOUSE_PERSON} FROM allowed_person) THEN {place} END"
    coarse = permit.identifiers is not None and "care-days" not in permit.identifiers and layout.name != "death"
    if coarse and layout.type_of(column) == "DATE":
        told = f"make_date(year({told}), month({told}), 1)"
    return f"{told} AS {column}"


def _days(permit: Permit, layout: TableLayout) -> Iterator[str]:
    """The permitted days, from the look-back to the end of the period."""
    first, last = _history(permit), f"DATE '{permit.period[1]}'"
    if layout.name in _STRETCHES:
        start, end = _STRETCHES[layout.name]
        yield f"NOT (main.{end} < {first} OR main.{start} > {last})"
    elif layout.name == "death":
        yield f"NOT coalesce(main.death_month > {last}, false)"
    elif layout.date:
        yield f"main.{layout.date} >= {first} AND main.{layout.date} <= {last}"


def _history(permit: Permit) -> str:
    """The first day of the look-back, or of the years before the period where the permit tells fewer."""
    told = f"DATE '{permit.lookback}'"
    if not permit.depth:
        return told
    return f"greatest({told}, CAST(DATE '{permit.period[0]}' - INTERVAL {permit.depth} YEAR AS DATE))"
