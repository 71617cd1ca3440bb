# SPDX-License-Identifier: Apache-2.0
"""What stands around the events, through a real grant: mothers and children, places, exposures, schemes, professionals, whole tables."""

import datetime
import io
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.package_data import text
from rempart.journeys.space import read_parts
from rempart.wiring.synthetic import write_synthetic
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Place, Silence
from tests.ingest_house import bring, empty_warehouse

pytestmark = pytest.mark.slow

FIRST, LAST = datetime.date(2012, 1, 1), datetime.date(2017, 12, 31)
WIDE = {
    "pregnancy": ["pregnancy_start_date", "pregnancy_end_date", "outcome_source_value"],
    "mother_child": ["birth_date", "child_person_id", "link_source_value"],
    "external_exposure": ["exposure_start_date", "exposure_end_date", "exposure_source_value"],
    "location_history": ["location_history_start_date", "location_history_end_date", "department_source_value"],
    "payer_plan_period": ["payer_plan_period_start_date", "payer_plan_period_end_date", "payer_source_value"],
    "procedure_occurrence": ["procedure_date", "procedure_source_value", "provider_id"],
    "provider": ["provider_id", "specialty_source_value"],
    "delivery": ["delivery_source_value", "target_population", "fraction"],
    "environment": ["exposure", "commune", "year", "value"],
    "care_site": ["care_site_kind", "care_site_source_value"],
}
FINE = {"location_history": ["location_history_start_date", "location_history_end_date", "commune_source_value"]}
Tables = dict[tuple[str, str], pa.Table]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A whole population of the synthetic France, one of its children left out by an objection, and two projects."""
    root = tmp_path_factory.mktemp("context")
    write_synthetic(
        root / "synth", persons=220, first_year=2013, last_year=2014, seed=5, effect=None, mark=None, progress=Silence(),
        population="france", whole=True, density=0.2, studies="valproate_malformations", mode="boost",
    )  # fmt: skip
    with empty_warehouse(root / "house") as made:
        warehouse_place._people(made)
        bring(made, root / "synth" / "delivery")
        _object_to_a_child(made)
        for project, number, tables in (("wide", 1, WIDE), ("fine", 2, FINE)):
            (made.root / f"{project}.toml").write_text(_permit(project, number, tables), encoding="utf-8")
            granted = made.grant(project)
            assert granted.code == 0, granted.told
        yield made


def _permit(project: str, number: int, tables: dict[str, list[str]]) -> str:
    given = text("examples/glitazones/permit.toml").partition("[[tables]]")[0]
    given = given.replace("P-2026-0001", f"P-2026-000{number}").replace(
        'project = "glitazones"', f'project = "{project}"'
    )
    rows = {"person": ["year_of_birth", "gender_concept_id"], **tables}
    return given + "".join(
        f'[[tables]]\nname = "{name}"\ncolumns = {columns}\n\n'.replace("'", '"') for name, columns in rows.items()
    )


def _object_to_a_child(made: Place) -> None:
    held = clear(made, "warehouse")
    (name,) = asked(
        "SELECT c.source_pseudonym FROM k JOIN c ON c.pseudonym = k.child_person_id ORDER BY k.birth_date LIMIT 1",
        k=held["mother_child", "main"], c=held["correspondence", "main"],
    )[0]  # fmt: skip
    listed = made.root / "objections.csv"
    listed.write_text(f"BEN_IDT_ANO\n{name}\n", encoding="utf-8")
    told = made.run("objection", "add", str(listed), "--regime", "snds", "--key", made.key("officer"))
    assert told.answer["data"]["objections"] == 1


def clear(made: Place, space: str) -> Tables:
    """Rows of each table and sibling of a space, with the shard that they lie in."""
    opened = made.body(space)
    data = read_parts(made.vault(), opened, opened.body.parts, reference="")
    found: dict[tuple[str, str], list[pa.Table]] = {}
    for part, rows in zip(opened.body.parts, data, strict=True):
        table = pq.read_table(io.BytesIO(bytes(rows)))
        shard = pa.array([part.shard] * table.num_rows, pa.int32())
        found.setdefault((part.table, part.sibling), []).append(table.append_column("in_shard", shard))
    kept = {key: tables for key, tables in found.items() if not key[0].startswith("gross_")}
    return {key: pa.concat_tables(tables) for key, tables in kept.items()}


def asked(sql: str, **tables: pa.Table) -> list[tuple[Any, ...]]:
    """Rows of a question."""
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def held(place: Place) -> Tables:
    """The warehouse."""
    return clear(place, "warehouse")


@pytest.fixture(scope="module")
def given(place: Place) -> Tables:
    """The wide project."""
    return clear(place, "project:wide")


def test_a_child_is_told_by_its_number_in_the_project_across_shards_and_not_at_all_when_it_is_left_out(
    held: Tables, given: Tables
) -> None:
    births = f"birth_date BETWEEN DATE '{FIRST}' AND DATE '{LAST}'"
    before = asked(
        "SELECT m.release_index, c.release_index, k.birth_date, k.link_source_value FROM k JOIN i AS m USING (pseudonym) "
        f"LEFT JOIN i AS c ON c.pseudonym = k.child_person_id WHERE {births}",
        k=held["mother_child", "main"], i=held["person", "release_index"],
    )  # fmt: skip
    after = asked(
        "SELECT m.release_index, c.release_index, k.birth_date, k.link_source_value, k.child_person_id, m.in_shard <> c.in_shard "
        "FROM k JOIN i AS m USING (person_id) LEFT JOIN i AS c ON c.person_id = k.child_person_id",
        k=given["mother_child", "main"], i=given["person", "release_index"],
    )  # fmt: skip
    there = {number for (number,) in asked("SELECT release_index FROM i", i=given["person", "release_index"])}
    wanted = [(m, c if c in there else None, *rest) for m, c, *rest in before if m in there]
    key = lambda row: tuple(map(str, row))  # noqa: E731
    assert sorted((row[:4] for row in after), key=key) == sorted(wanted, key=key)
    assert len(wanted) > 4 and any(row[5] for row in after)
    assert [row[4] for row in after if row[1] is None].count(None) >= 1
    assert sum(c is not None for _, c, *_ in before) == sum(row[1] is not None for row in after) + 1


@pytest.mark.parametrize(
    ("table", "start", "end", "value"),
    [
        ("external_exposure", "exposure_start_date", "exposure_end_date", "exposure_source_value"),
        ("location_history", "location_history_start_date", "location_history_end_date", "department_source_value"),
        ("payer_plan_period", "payer_plan_period_start_date", "payer_plan_period_end_date", "payer_source_value"),
        ("pregnancy", "pregnancy_start_date", "pregnancy_end_date", "outcome_source_value"),
    ],
)
def test_rows_of_each_person_in_the_project_are_all_there_and_cut_to_no_other_days(
    held: Tables, given: Tables, table: str, start: str, end: str, value: str
) -> None:
    there = given["person", "release_index"]
    sql = f"SELECT i.release_index, {value}, count(*) FROM t JOIN i USING ({{}}) {{}} GROUP BY ALL ORDER BY ALL"
    inside = f"WHERE {start} <= DATE '{LAST}' AND coalesce({end}, {start}) >= DATE '{FIRST}'"
    inside += " AND i.release_index IN (SELECT release_index FROM there)"
    before = asked(
        sql.format("pseudonym", inside), t=held[table, "main"], i=held["person", "release_index"], there=there
    )
    after = asked(sql.format("person_id", ""), t=given[table, "main"], i=there)
    assert before == after != []
    assert {key for key in given if key[0] == table} == {(table, "main")}
    assert set(given[table, "main"].column_names) <= {
        start,
        end,
        value,
        f"{table}_id",
        "person_id",
        "in_shard",
        "visit_occurrence_id",
    }


def test_communes_come_in_their_own_sibling_and_only_where_they_are_permitted(place: Place, given: Tables) -> None:
    fine = clear(place, "project:fine")
    assert "commune_source_value" in fine["location_history", "identifying"].column_names
    assert "commune_source_value" not in fine["location_history", "main"].column_names
    assert ("location_history", "identifying") not in given


def test_professionals_have_numbers_of_the_project_and_whole_tables_are_whole(held: Tables, given: Tables) -> None:
    acts, known = given["procedure_occurrence", "main"], given["provider", "main"]
    named = {number for number in acts.column("provider_id").to_pylist() if number is not None}
    assert named and named == set(known.column("provider_id").to_pylist())
    assert not named & {
        number for number in held["procedure_occurrence", "main"].column("provider_id").to_pylist() if number
    }
    counted = "SELECT specialty_source_value, count(*) FROM a JOIN p USING (provider_id) JOIN i USING ({}) WHERE {} GROUP BY ALL "
    counted += "ORDER BY ALL"
    inside = f"procedure_date BETWEEN DATE '{FIRST}' AND DATE '{LAST}' AND i.release_index IN (SELECT release_index FROM there)"
    there = given["person", "release_index"]
    before = asked(
        counted.format("pseudonym", inside), a=held["procedure_occurrence", "main"], p=held["provider", "main"],
        i=held["person", "release_index"], there=there,
    )  # fmt: skip
    assert before == asked(counted.format("person_id", "true"), a=acts, p=known, i=there)
    for table in ("delivery", "environment", "care_site"):
        columns = ", ".join(WIDE[table])
        ours = asked(f"SELECT {columns} FROM t ORDER BY ALL", t=held[table, "main"])
        assert ours == asked(f"SELECT {columns} FROM t ORDER BY ALL", t=given[table, "main"]) != []
    assert [row[1:] for row in asked(f"SELECT {', '.join(WIDE['delivery'])} FROM t", t=given["delivery", "main"])] == [
        ("synthetic population france", 1.0)
    ]


def test_the_audit_agrees(place: Place) -> None:
    assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []


def test_an_objection_that_reaches_running_datasets_leaves_their_whole_tables_as_they_are(
    place: Place, given: Tables
) -> None:
    held = clear(place, "warehouse")
    (name,) = asked(
        "SELECT c.source_pseudonym FROM k JOIN c USING (pseudonym) ORDER BY k.birth_date DESC LIMIT 1",
        k=held["mother_child", "main"], c=held["correspondence", "main"],
    )[0]  # fmt: skip
    listed = place.root / "more.csv"
    listed.write_text(f"BEN_IDT_ANO\n{name}\n", encoding="utf-8")
    told = place.run("objection", "add", str(listed), "--regime", "gdpr-21", "--key", place.key("officer"))
    assert told.code == 0, told.told
    after = clear(place, "project:wide")
    assert after["person", "main"].num_rows == given["person", "main"].num_rows - 1
    for table in ("delivery", "environment", "care_site", "provider"):
        assert after[table, "main"].num_rows == given[table, "main"].num_rows
    assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []
