# SPDX-License-Identifier: Apache-2.0
"""Checks of shape: tables and columns that are stored, their types, keys that two rows share, persons without rows. No row is read here."""

from collections.abc import Iterator, Mapping

from rempart.ingest.quality import Check, Measured
from rempart.records.omop import TableLayout

Columns = Mapping[str, str]


def shape_checks(layouts: Mapping[str, TableLayout], stored: Mapping[str, Columns]) -> Iterator[Measured]:
    """Whether each table and column of the layouts is stored, and each column has its type."""
    for name, layout in layouts.items():
        there = name in stored
        yield _one(Check(kind="table-present", table=name), there)
        for column in layout.columns:
            check = Check(kind="field-present", table=name, field=column)
            yield _one(check, there and column in stored.get(name, {}), why="" if there else "table")
            wanted, found = layout.type_of(column), stored.get(name, {}).get(column, "")
            why = "" if found else "field"
            yield _one(Check(kind="type", table=name, field=column), found == wanted, why=why)


def _one(check: Check, holds: bool, *, why: str = "") -> Measured:
    return Measured(check=check, failing=0 if holds else 1, base=1, why=why)


def key_sql(layout: TableLayout) -> str:
    """Rows and rows beyond the first of each key: of a table with a key of its own, else one row a person."""
    key = layout.key or "pseudonym"
    return f"SELECT count(*) AS rows, count(*) - count(DISTINCT {key}) AS twice FROM {layout.name}"


def key_check(layout: TableLayout, *, rows: int, twice: int) -> Measured:
    """From the sums of ``key_sql`` over the shards; the key of a table without one is its person."""
    check = Check(kind="key-unique", table=layout.name, field=layout.key or "pseudonym")
    return Measured(check=check, failing=twice, base=rows, persons=(twice, rows))


def person_checks(everyone: int, holders: Mapping[str, int]) -> Iterator[Measured]:
    """Persons without any row of each table. ``holders``: table → persons with rows."""
    for table, persons in holders.items():
        if table != "person":
            missing = everyone - min(persons, everyone)
            check = Check(kind="person-rows", table=table)
            yield Measured(check=check, failing=missing, base=everyone, persons=(missing, everyone))
