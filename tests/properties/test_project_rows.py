# SPDX-License-Identifier: Apache-2.0
"""Rows of a project against a naive reading of the warehouse's: second persons, professionals, siblings; nothing linkable."""

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.errors import BadInput
from rempart.journeys.project_rows import (
    fresh_visits_sql,
    permitted_rows_sql,
    project_part_sql,
    provider_columns,
    providers_sql,
)
from rempart.permits.compile import WHOLE, PermittedPart, compile_permit, compile_whole
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout, layouts, whole_layouts
from rempart.records.permit import Permit, permit_from_dict

PARSED = toml("records/omop54.toml")
LAYOUTS, OF_NOBODY = layouts(PARSED), whole_layouts(PARSED)
SHARDS = 3


def permit(**tables: list[str]) -> Permit:
    """The permit of the first example with other tables."""
    given = [{"name": name, "columns": columns} for name, columns in tables.items()]
    return permit_from_dict({**toml("examples/glitazones/permit.toml"), "tables": given})


def random_rows(layout: TableLayout, people: list[str], draw: random.Random, count: int) -> dict[str, pa.Table]:
    """Parts of a table by sibling, as the warehouse stores them."""
    columns = {WAREHOUSE_PERSON: pa.array([draw.choice(people) for _ in range(count)])}
    for name in layout.columns:
        columns[name] = _column(name, layout, people, draw, count)
    whole = pa.table(columns)
    return {s: whole.select(list(layout.stored(s, WAREHOUSE_PERSON))) for s in layout.siblings}


def _column(name: str, layout: TableLayout, people: list[str], draw: random.Random, count: int) -> pa.Array:
    import datetime

    kind = layout.type_of(name)
    if name == layout.key:
        return pa.array(range(1_000_000, 1_000_000 + count), pa.int64())
    if name in layout.others:
        return pa.array([draw.choice([*people, None]) for _ in range(count)], pa.string())
    if kind == "DATE":
        return pa.array(
            [datetime.date(2013, 1, 1) + datetime.timedelta(days=draw.randrange(700)) for _ in range(count)]
        )
    if kind == "VARCHAR":
        return pa.array([f"{name}-{draw.randrange(9)}" for _ in range(count)])
    if kind == "DOUBLE":
        return pa.array([draw.random() for _ in range(count)])
    if name.endswith("provider_id"):
        return pa.array([draw.choice([None, *range(7001, 7030)]) for _ in range(count)], pa.int64())
    return pa.array([draw.randrange(40) for _ in range(count)], pa.int64() if kind == "BIGINT" else pa.int32())


def delivered(
    name: str, columns: list[str], draw: random.Random
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    """(rows of the warehouse, rows of the project, person → number) of one table; a third of the people is not in the project."""
    layout = LAYOUTS[name]
    everyone = [f"{n:032x}" for n in range(30)]
    inside = {person: number for number, person in enumerate(draw.sample(everyone, 20), start=1)}
    targets = {number: number % SHARDS for number in inside.values()}
    people = pa.table({
        WAREHOUSE_PERSON: list(inside), "person_id": pa.array(inside.values(), pa.int64()),
        "target": pa.array([targets[n] for n in inside.values()], pa.int32()),
    })  # fmt: skip
    parts = compile_permit(permit(**{name: columns}), LAYOUTS)[name]
    stored = random_rows(layout, everyone, draw, 200)
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    try:
        query.register("people", people)
        for sibling, rows in stored.items():
            query.register(f"{name}__{sibling}", rows)
        moved = query.table(permitted_rows_sql(layout, parts))
        return _warehouse_rows(layout, stored), _project_rows(query, layout, parts, moved), inside
    finally:
        query.close()


def _warehouse_rows(layout: TableLayout, stored: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    rows = stored[MAIN].to_pylist()
    for sibling, table in stored.items():
        for row, more in zip(rows, table.to_pylist(), strict=True):
            row.update(more if sibling != MAIN else {})
    return rows


def _project_rows(
    query: DuckDBQuery, layout: TableLayout, parts: Mapping[str, PermittedPart], moved: pa.Table
) -> list[dict[str, Any]]:
    query.register("permitted", moved)
    named = provider_columns(parts)
    known = query.table(providers_sql("permitted", named)).column("source").to_pylist() if named else []
    fresh = pa.table(
        {"source": pa.array(sorted(known), pa.int64()), "fresh": pa.array(range(1, len(known) + 1), pa.int64())}
    )
    query.register("fresh_provider", fresh)
    rows: list[dict[str, Any]] = []
    for shard in range(SHARDS):
        query.register(
            f"moved_{layout.name}", query.table(f"SELECT * EXCLUDE (target) FROM permitted WHERE target = {shard}")
        )
        query.execute("DROP TABLE IF EXISTS fresh_visit")
        query.execute(fresh_visits_sql(parts.get(MAIN) if layout.name == "visit_occurrence" else None, shard, ""))
        found = {s: query.table(project_part_sql(layout, parts, s, shard, "")).to_pylist() for s in parts}
        for place, row in enumerate(found[MAIN]):
            for sibling in parts:
                row.update(found[sibling][place])
            rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_a_second_person_is_told_by_its_number_in_the_project_or_not_at_all(seed: int) -> None:
    columns = ["child_person_id", "birth_weight", "birth_date"]
    before, after, inside = delivered("mother_child", columns, random.Random(seed))
    wanted = sorted(
        (inside[row[WAREHOUSE_PERSON]], inside.get(row["child_person_id"], 0), row["birth_weight"], row["birth_date"])
        for row in before if row[WAREHOUSE_PERSON] in inside
    )  # fmt: skip
    assert wanted == sorted(
        (r["person_id"], r["child_person_id"] or 0, r["birth_weight"], r["birth_date"]) for r in after
    )
    assert any(row["child_person_id"] for row in after) and any(row["child_person_id"] is None for row in after)
    assert not any("pseudonym" in row for row in after)


@pytest.mark.parametrize("seed", range(4))
def test_professionals_are_numbered_afresh_and_their_rows_still_belong_together(seed: int) -> None:
    columns = ["provider_id", "dispensing_provider_id", "drug_source_value"]
    before, after, inside = delivered("drug_exposure", columns, random.Random(seed))
    kept = [row for row in before if row[WAREHOUSE_PERSON] in inside and row["drug_exposure_start_date"] is not None]
    kept = [row for row in kept if 2012 <= row["drug_exposure_start_date"].year <= 2017]
    assert len(after) == len(kept) > 0
    old = {row[c] for row in kept for c in columns[:2]} - {None}
    new = {row[c] for row in after for c in columns[:2]} - {None}
    assert new == set(range(1, len(old) + 1))
    # The same number stands for the same professional in both columns: pairs are kept, one to one.
    pairs = _sizes(kept, columns[:2]), _sizes(after, columns[:2])
    assert pairs[0] == pairs[1]


def _sizes(rows: list[dict[str, Any]], columns: list[str]) -> list[int]:
    counts: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = tuple(row[column] for column in columns)
        counts[key] = counts.get(key, 0) + 1
    return sorted(counts.values())


def test_geography_finer_than_the_department_is_delivered_only_when_named() -> None:
    coarse = compile_permit(
        permit(location_history=["department_source_value", "location_history_start_date"]), LAYOUTS
    )
    assert set(coarse["location_history"]) == {MAIN}
    fine = compile_permit(permit(location_history=["commune_source_value"]), LAYOUTS)["location_history"]
    assert fine["identifying"].columns == ("commune_source_value",)
    assert set(compile_permit(permit(external_exposure=["exposure_source_value"]), LAYOUTS)["external_exposure"]) == {
        MAIN
    }


def test_tables_without_persons_are_given_whole_by_name_and_column() -> None:
    assert set(OF_NOBODY) == WHOLE
    assert not WHOLE & set(LAYOUTS)
    given = permit(provider=["specialty_source_value", "provider_id"], person=["year_of_birth"], location=[])
    assert compile_whole(given, OF_NOBODY) == {"provider": ("provider_id", "specialty_source_value")}
    assert set(compile_permit(given, LAYOUTS)) == {"person"}
    with pytest.raises(BadInput) as caught:
        compile_whole(permit(provider=["name"]), OF_NOBODY)
    assert caught.value.code == "permit-column-unknown"


def test_a_second_person_stands_in_main_where_the_link_is() -> None:
    for layout in LAYOUTS.values():
        assert set(layout.others) <= set(layout.siblings[MAIN])
        assert all(layout.type_of(column) == "VARCHAR" for column in layout.others)
    assert dataclasses.replace(LAYOUTS["person"], others=()) == LAYOUTS["person"]


def test_a_spell_of_residence_is_kept_where_it_overlaps_and_cut_to_the_permit() -> None:
    import datetime

    day, known = datetime.date, LAYOUTS["location_history"]
    given = permit(
        location_history=["location_history_start_date", "location_history_end_date", "commune_source_value"]
    )
    starts, ends = (
        [day(2005, 1, 1), day(2016, 5, 1), day(2001, 1, 1)],
        [day(2014, 6, 30), day(2020, 1, 1), day(2011, 12, 31)],
    )
    main = pa.table({
        WAREHOUSE_PERSON: ["a", "b", "c"], "location_history_id": pa.array([1, 2, 3], pa.int64()),
        "location_history_start_date": starts, "location_history_end_date": ends, "department_source_value": ["075"] * 3,
    })  # fmt: skip
    fine = {
        "commune_source_value": ["75056", "13055", "69123"],
        "commune_delivered_value": ["x"] * 3,
        "commune_conversion": ["same"] * 3,
    }
    other = pa.table({WAREHOUSE_PERSON: ["a", "b", "c"], "location_history_id": pa.array([1, 2, 3], pa.int64()), **fine,
                      "commune_vintage": pa.array([2021] * 3, pa.int32())})  # fmt: skip
    people = pa.table(
        {
            WAREHOUSE_PERSON: ["a", "b", "c"],
            "person_id": pa.array([1, 2, 3], pa.int64()),
            "target": pa.array([0, 0, 0], pa.int32()),
        }
    )
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    try:
        for name, table in (
            ("people", people),
            ("location_history__main", main),
            ("location_history__identifying", other),
        ):
            query.register(name, table)
        rows = query.table(permitted_rows_sql(known, compile_permit(given, LAYOUTS)["location_history"])).to_pylist()
    finally:
        query.close()
    found = [
        (r["commune_source_value"], r["location_history_start_date"], r["location_history_end_date"]) for r in rows
    ]
    assert sorted(found) == [
        ("13055", day(2016, 5, 1), day(2017, 12, 31)),
        ("75056", day(2012, 1, 1), day(2014, 6, 30)),
    ]
