# SPDX-License-Identifier: Apache-2.0
"""What a later version of a permit leaves of a dataset is what a grant of that version would have delivered; where the dataset holds
months, no more than that."""

import dataclasses
import datetime
import random
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import Refused
from rempart.permits.left import Left
from rempart.permits.prove import permitted_sql, told_columns
from rempart.records.permit import Permit
from tests.properties.test_project_rows import LAYOUTS, permit
from tests.properties.test_subset_proof import EVERYONE, TABLES, whole_rows

DATED = sorted(set(TABLES) - {"person"})
Rows = Counter[tuple[Any, ...]]


def permit_of(name: str, *, coarse: bool = False, **changes: Any) -> Permit:
    """The example's permit of one table."""
    given = dataclasses.replace(permit(**{name: TABLES[name]}), **changes)
    return dataclasses.replace(given, identifiers={"death-day": "asked for"}) if coarse else given


def narrowed(first: Permit, name: str) -> list[Permit]:
    """Later versions: a later first day, an earlier last one, both, a depth."""
    later, sooner = datetime.date(2012, 5, 17), datetime.date(2016, 3, 11)
    period = (first.period[0], sooner)
    early = [{"lookback": later}, {"period": period}, {"lookback": later, "period": period}]
    late = {"period": (datetime.date(2013, 9, 9), first.period[1]), "depth": 1}
    return [dataclasses.replace(first, **change) for change in [*early, late]]


def both(first: Permit, now: Permit, name: str, seed: int) -> tuple[Rows, Rows]:
    """(what is left of the first version's dataset, what the later one permits), as rows without fresh numbers."""
    layout = LAYOUTS[name]
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    try:
        for sibling, rows in whole_rows(layout, random.Random(seed)).items():
            query.register(f"{name}__{sibling}", rows)
        query.register("allowed_person", pa.table({"pseudonym": EVERYONE}))
        query.execute(f"CREATE VIEW {name} AS {permitted_sql(first, layout)}")
        columns = told_columns(now, layout)
        left = query.table(Left(first=first, now=now).rows_sql(layout, columns))
        allowed = query.table(f"SELECT {', '.join(columns)} FROM ({permitted_sql(now, layout)})")
    finally:
        query.close()
    return counted(left), counted(allowed)


def counted(table: pa.Table) -> Rows:
    return Counter(tuple(row.values()) for row in table.to_pylist())


@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_left_are_those_that_the_later_version_would_give(name: str, seed: int) -> None:
    first, fewer = permit_of(name), 0
    before = both(first, first, name, seed)
    assert before[0] == before[1]
    for now in narrowed(first, name):
        left, allowed = both(first, now, name, seed)
        assert left == allowed
        fewer += left != before[0]
    assert (fewer > 0) == (name in DATED)


@pytest.mark.parametrize("name", sorted(set(DATED) - {"observation_period", "location_history"}))
def test_where_days_are_months_no_more_is_left(name: str) -> None:
    first = permit_of(name, coarse=True)
    for seed in range(3):
        for now in narrowed(first, name):
            left, allowed = both(first, now, name, seed)
            assert left <= allowed
            assert left.total() > allowed.total() * 0.8


@pytest.mark.parametrize("name", ["observation_period", "location_history"])
def test_spells_in_months_are_cut_to_what_is_left(name: str) -> None:
    first = permit_of(name, coarse=True)
    for now in narrowed(first, name):
        left, allowed = both(first, now, name, 1)
        assert left <= allowed


def test_a_dataset_without_days_cannot_be_held_to_fewer() -> None:
    columns = ("drug_source_value", "total_paid")
    first = dataclasses.replace(permit_of("drug_exposure"), tables={"drug_exposure": columns})
    assert Left(first=first, now=first).days(LAYOUTS["drug_exposure"]) == ()
    for now in narrowed(first, "drug_exposure"):
        with pytest.raises(Refused) as caught:
            Left(first=first, now=now).days(LAYOUTS["drug_exposure"])
        assert (caught.value.code, caught.value.facts["table"]) == ("job-days", "drug_exposure")


def test_a_day_that_a_later_version_no_longer_gives_still_tells_which_rows_are_left() -> None:
    first, now = permit_of("drug_exposure"), narrowed(permit_of("drug_exposure"), "drug_exposure")[1]
    fewer = dataclasses.replace(now, tables={"drug_exposure": ("drug_source_value",)})
    left = Left(first=first, now=fewer)
    assert left.days(LAYOUTS["drug_exposure"]) == ("drug_exposure_start_date",)
    assert "drug_exposure_start_date <= DATE '2016-03-11'" in left.rows_sql(LAYOUTS["drug_exposure"], ["person_id"])
