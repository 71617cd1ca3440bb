# SPDX-License-Identifier: Apache-2.0
"""Delivered minus permitted is empty: the grant's own rows pass the second statement of the permit, and each thing planted into them is
found, as is each thing taken away."""

import dataclasses
import datetime
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import Refused
from rempart.journeys.project_people import project_people
from rempart.journeys.project_rows import fresh_visits_sql, permitted_rows_sql, project_part_sql
from rempart.journeys.subset_proof import SubsetProof
from rempart.permits.compile import compile_permit
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.records.permit import Permit
from tests.properties.test_project_rows import LAYOUTS, permit, random_rows

EVERYONE = [f"{n:032x}" for n in range(40)]
OBJECTING = pa.table({WAREHOUSE_PERSON: EVERYONE[:3], "regime": ["snds"] * 3})
FORMER = pa.table(
    {"former": [EVERYONE[2]], WAREHOUSE_PERSON: [EVERYONE[9]]}
)  # the ninth objected under a key of before
INDEX = pa.table({WAREHOUSE_PERSON: EVERYONE, "release_index": pa.array(range(40), pa.int64())})
PEOPLE, _ = project_people(INDEX, OBJECTING, FORMER, project_key=b"p" * 32, shard_key=b"s" * 32, shards=1)
TABLES = {
    "drug_exposure": [
        "drug_exposure_start_date",
        "drug_source_value",
        "provider_id",
        "total_paid",
        "visit_occurrence_id",
    ],
    "death": ["death_month", "death_date", "cause_source_value"],
    "observation_period": ["observation_period_start_date", "observation_period_end_date"],
    "mother_child": ["child_person_id", "birth_date", "birth_weight"],
    "location_history": ["location_history_start_date", "location_history_end_date", "commune_source_value"],
    "person": ["year_of_birth", "gender_concept_id", "month_of_birth"],
    "visit_occurrence": ["visit_start_date", "visit_concept_id", "visit_occurrence_id"],
}
Plant = Callable[[dict[str, pa.Table], TableLayout], dict[str, pa.Table]]


def whole_rows(layout: TableLayout, draw: random.Random) -> dict[str, pa.Table]:
    """Parts of a table as the warehouse stores them: one row a person where there is no key; days around the permitted ones."""
    people = EVERYONE if not layout.key else [draw.choice(EVERYONE) for _ in range(300)]
    rows = random_rows(layout, EVERYONE, draw, len(people))
    for sibling, table in rows.items():
        told = table.set_column(0, WAREHOUSE_PERSON, pa.array(people))
        for place, field in enumerate(told.schema):
            if pa.types.is_date(field.type):
                days = [datetime.date(2011, 6, 1) + datetime.timedelta(days=draw.randrange(2700)) for _ in people]
                told = told.set_column(place, field.name, pa.array(days))
        rows[sibling] = told
    return rows


def proof(
    name: str, plant: Plant, seed: int = 1, given: Permit | None = None, told: Permit | None = None
) -> SubsetProof:
    """Both sides of one table, with something done to what is delivered; ``given``: as compiled, ``told``: as proven."""
    layout, given = LAYOUTS[name], given or permit(**{name: TABLES[name]})
    parts = compile_permit(given, LAYOUTS)[name]
    proven = SubsetProof(permit=told or permit(**{name: TABLES[name]}), layouts={name: layout})
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    try:
        proven.know(query, persons=INDEX, objecting=OBJECTING, former=FORMER)
        query.register("people", PEOPLE)
        for sibling, rows in whole_rows(layout, random.Random(seed)).items():
            query.register(f"{name}__{sibling}", rows)
        proven.permitted(query)
        moved = query.table(permitted_rows_sql(layout, parts)).drop_columns(["target"])
        query.register(f"moved_{name}", moved)
        numbers = {"source": pa.array(range(7001, 7030), pa.int64()), "fresh": pa.array(range(29), pa.int64())}
        query.register("fresh_provider", pa.table(numbers))
        query.execute(fresh_visits_sql(parts.get(MAIN) if name == "visit_occurrence" else None, 0, ""))
        sealed = {sibling: query.table(project_part_sql(layout, parts, sibling, 0, "")) for sibling in parts}
        proven.delivered(query, name, plant(sealed, layout))
    finally:
        query.close()
    return proven


def as_it_is(sealed: dict[str, pa.Table], _: TableLayout) -> dict[str, pa.Table]:
    return sealed


def refused(told: SubsetProof) -> str:
    """The code with which a proof fails; '' where it holds."""
    try:
        told.document(source_head="h", whole={})
    except Refused as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("seed", range(3))
def test_what_a_grant_delivers_is_what_was_permitted(name: str, seed: int) -> None:
    assert refused(proof(name, as_it_is, seed)) == ""


def changed(sibling: str, change: Callable[[list[dict[str, Any]]], None]) -> Plant:
    """A plant that rewrites the rows of one sibling."""

    def plant(sealed: dict[str, pa.Table], _: TableLayout) -> dict[str, pa.Table]:
        rows = sealed[sibling].to_pylist()
        change(rows)
        return {**sealed, sibling: pa.Table.from_pylist(rows, schema=sealed[sibling].schema)}

    return plant


def _later(rows: list[dict[str, Any]]) -> None:
    rows.append({**rows[0], "drug_exposure_start_date": datetime.date(2018, 1, 1), "drug_exposure_id": 1})


def _again(rows: list[dict[str, Any]]) -> None:
    rows.append(dict(rows[0]))


def _fewer(rows: list[dict[str, Any]]) -> None:
    del rows[0]


def _another_value(rows: list[dict[str, Any]]) -> None:
    rows[0]["drug_source_value"] = "elsewhere"


def _swapped(rows: list[dict[str, Any]]) -> None:
    mine = (rows[0]["drug_source_value"], rows[0]["person_id"])
    other = next(row for row in rows if row["drug_source_value"] != mine[0] and row["person_id"] != mine[1])
    rows[0]["person_id"], other["person_id"] = other["person_id"], rows[0]["person_id"]


def _nobody(rows: list[dict[str, Any]]) -> None:
    rows[0]["person_id"] = 9999


@pytest.mark.parametrize("change", [_later, _again, _fewer, _another_value, _swapped, _nobody])
def test_each_row_planted_changed_or_lost_is_found(change: Callable[[list[dict[str, Any]]], None]) -> None:
    assert refused(proof("drug_exposure", changed(MAIN, change))) == "subset-rows"


def test_a_column_that_nobody_permitted_is_found() -> None:
    def plant(sealed: dict[str, pa.Table], _: TableLayout) -> dict[str, pa.Table]:
        main = sealed[MAIN]
        return {**sealed, MAIN: main.append_column("quantity", pa.array([1.0] * main.num_rows))}

    assert refused(proof("drug_exposure", plant)) == "subset-columns"


def test_a_sibling_that_nobody_permitted_is_found() -> None:
    def plant(sealed: dict[str, pa.Table], _: TableLayout) -> dict[str, pa.Table]:
        keys = sealed[MAIN].select(["person_id", "visit_occurrence_id"])
        return {**sealed, "identifying": keys.append_column("care_site_source_value", pa.array(["X"] * keys.num_rows))}

    assert refused(proof("visit_occurrence", plant)) == "subset-columns"


def test_a_day_of_death_after_the_period_is_found() -> None:
    def late(rows: list[dict[str, Any]]) -> None:
        rows[0]["death_date"] = datetime.date(2018, 1, 2)

    assert refused(proof("death", changed("identifying", late))) == "subset-rows"


def test_a_wider_compilation_of_the_permit_is_found() -> None:
    first = permit(drug_exposure=TABLES["drug_exposure"])
    for change in (
        {"lookback": first.lookback - datetime.timedelta(days=40)},
        {"period": (first.period[0], first.period[1] + datetime.timedelta(days=40))},
    ):
        wider = Permit(**{**{name: getattr(first, name) for name in first.__slots__}, **change})
        assert refused(proof("drug_exposure", as_it_is, given=wider)) == "subset-rows"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_both_statements_begin_at_the_depth(name: str) -> None:
    """Four years of look-back before the period, one of which is given; a grant compiled without the depth delivers more than that."""
    early = permit(**{name: TABLES[name]})
    wide = dataclasses.replace(early, lookback=early.lookback.replace(year=early.lookback.year - 4))
    deep = dataclasses.replace(wide, depth=1)
    for seed in range(3):
        assert refused(proof(name, as_it_is, seed, given=deep, told=deep)) == ""
        undated = name in {"death", "person"}
        assert refused(proof(name, as_it_is, seed, given=wide, told=deep)) == ("" if undated else "subset-rows")


def test_persons_who_object_are_out_under_any_name_of_theirs() -> None:
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    told = SubsetProof(permit=permit(person=["year_of_birth"]), layouts={"person": LAYOUTS["person"]})
    told.know(query, persons=INDEX, objecting=OBJECTING, former=FORMER)
    allowed = set(told.allowed.column(0).to_pylist())
    assert allowed == set(EVERYONE) - {*EVERYONE[:3], EVERYONE[9]} == set(PEOPLE.column(WAREHOUSE_PERSON).to_pylist())
    told.know(query, persons=INDEX, objecting=pa.table({}), former=pa.table({}))
    assert told.allowed.num_rows == len(EVERYONE)
    query.close()


def test_a_person_who_objects_and_was_let_in_is_found() -> None:
    told = proof("person", as_it_is)
    out = SubsetProof(permit=told.permit, layouts=told.layouts)
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    more = pa.table({WAREHOUSE_PERSON: [*EVERYONE[:3], EVERYONE[20]]})
    out.know(query, persons=INDEX, objecting=more, former=FORMER)
    for sibling, rows in whole_rows(LAYOUTS["person"], random.Random(1)).items():
        query.register(f"person__{sibling}", rows)
    out.permitted(query)
    out._delivered = told._delivered
    assert refused(out) == "subset-rows"
    query.close()
