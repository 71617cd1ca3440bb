# SPDX-License-Identifier: Apache-2.0
"""What a permit delivers, compared with the warehouse row by row: nothing beyond it, nothing lost, nothing that links the two."""

import dataclasses
import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.journeys.permits import events
from rempart.journeys.space import OpenSpace, open_space, read_parts
from rempart.ports.broker import Broker
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import PASSPHRASE, House
from tests.opener import Opener

PROJECT = "project:glitazones"
FIRST, LAST = datetime.date(2012, 1, 1), datetime.date(2017, 12, 31)
WIDE = """
[[tables]]
name = "visit_occurrence"
columns = ["visit_occurrence_id", "visit_start_date", "visit_concept_id"]

[[tables]]
name = "procedure_occurrence"
columns = ["procedure_date", "procedure_source_value", "visit_occurrence_id"]
"""


def asked(sql: str, **tables: pa.Table) -> list[tuple[Any, ...]]:
    """Rows of a query over the named tables."""
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.execute(sql).fetchall()


def clear(
    house: House, space: str
) -> tuple[OpenSpace, dict[tuple[str, str], pa.Table], dict[tuple[str, str, int], pa.Table]]:
    """The body of a space, each sibling's rows, and each part's rows, opened by who has the passphrase itself."""
    warehouse = Warehouse(house.warehouse)
    vault = dataclasses.replace(warehouse.vault, broker=cast(Broker, Opener(house.warehouse, PASSPHRASE)))
    opened = open_space(vault, space=space, reference="")
    data = read_parts(vault, opened, opened.body.parts, reference="")
    parts = {
        (part.table, part.sibling, part.shard): pq.read_table(io.BytesIO(bytes(rows)))
        for part, rows in zip(opened.body.parts, data, strict=True)
    }
    whole: dict[tuple[str, str], pa.Table] = {}
    for (table, sibling, _), rows in sorted(parts.items()):
        whole[table, sibling] = pa.concat_tables([whole[table, sibling], rows]) if (table, sibling) in whole else rows
    return opened, whole, parts


@pytest.fixture
def wide(house_of: Callable[..., House], small_template: Path) -> House:
    """The small warehouse with a second, wider project: visits and their procedures, day of death, cost."""
    house = house_of(small_template)
    text = (house.folder / "permit.toml").read_text(encoding="utf-8").replace("P-2026-0001", "P-2026-0009")
    text = text.replace('project = "glitazones"', 'project = "wide"').replace(
        '["death_month"]', '["death_month", "death_date"]'
    )
    text = text.replace('"drug_source_value"]', '"drug_source_value", "drug_exposure_id", "total_paid"]')
    house.told("permit", "grant", house.write("wide.toml", text + WIDE), "--key", house.key("claire"))
    return house


def test_only_permitted_columns_rows_and_days_are_delivered(small: House) -> None:
    opened, project, _ = clear(small, PROJECT)
    stored = {table: set(siblings) for table, siblings in opened.body.tables.items()}
    assert stored == {
        "person": {"main", "release_index", "draw"},
        "observation_period": {"main"},
        "drug_exposure": {"main"},
        "condition_occurrence": {"main"},
        "death": {"main"},
    }
    assert set(project["person", "main"].column_names) == {"person_id", "gender_concept_id", "year_of_birth"}
    drugs = project["drug_exposure", "main"]
    assert set(drugs.column_names) == {"person_id", "drug_exposure_id", "drug_exposure_start_date", "drug_source_value"}
    days = drugs.column("drug_exposure_start_date").to_pylist()
    assert days and min(days) >= FIRST and max(days) <= LAST


def test_nothing_permitted_is_lost(small: House) -> None:
    _, warehouse, _ = clear(small, "warehouse")
    _, project, _ = clear(small, PROJECT)
    for table, date, value in (
        ("drug_exposure", "drug_exposure_start_date", "drug_source_value"),
        ("condition_occurrence", "condition_start_date", "condition_source_value"),
    ):
        rows, delivered = warehouse[table, "main"], project[table, "main"]
        where = f"{date} BETWEEN DATE '{FIRST}' AND DATE '{LAST}'"
        count = f"SELECT {date}, {value}, count(*) AS n FROM"
        wanted = asked(f"{count} rows WHERE {where} GROUP BY ALL ORDER BY ALL", rows=rows)
        assert wanted == asked(f"{count} delivered GROUP BY ALL ORDER BY ALL", delivered=delivered)
        assert delivered.num_rows == sum(n for *_, n in wanted) > 0


def test_each_person_keeps_their_own_history_under_a_fresh_ordinal(small: House) -> None:
    _, warehouse, _ = clear(small, "warehouse")
    _, project, _ = clear(small, PROJECT)
    index, fresh = warehouse["person", "release_index"], project["person", "release_index"]
    persons = sorted(fresh.column("person_id").to_pylist())
    assert persons == list(range(1, len(persons) + 1))
    assert sorted(index.column("release_index").to_pylist()) == sorted(fresh.column("release_index").to_pylist())
    ours, theirs = warehouse["drug_exposure", "main"], project["drug_exposure", "main"]
    history = "SELECT i.release_index, list(d.drug_source_value ORDER BY d.drug_exposure_start_date, d.drug_source_value) AS h FROM"
    before = asked(f"{history} d JOIN i USING (pseudonym) GROUP BY ALL ORDER BY ALL", d=ours, i=index)
    assert before
    assert before == asked(f"{history} d JOIN i USING (person_id) GROUP BY ALL ORDER BY ALL", d=theirs, i=fresh)


def test_order_ids_and_shards_do_not_link_the_project_to_the_warehouse(wide: House) -> None:
    _, warehouse, old = clear(wide, "warehouse")
    _, project, new = clear(wide, "project:wide")
    index, fresh = warehouse["person", "release_index"], project["person", "release_index"]
    ranks = "SELECT row_number() OVER (ORDER BY pseudonym), person_id FROM index JOIN fresh USING (release_index)"
    both = asked(ranks, index=index, fresh=fresh)
    assert sum(a == b for a, b in both) < len(both) / 20
    ids = set(warehouse["drug_exposure", "main"].column("drug_exposure_id").to_pylist())
    assert not ids & set(project["drug_exposure", "main"].column("drug_exposure_id").to_pylist())
    before, after = _shard_of(old), _shard_of(new)
    assert 0.05 < sum(before[n] == after[n] for n in before) / len(before) < 0.6


def _shard_of(parts: dict[tuple[str, str, int], pa.Table]) -> dict[int, int]:
    found = {
        shard: rows
        for (table, sibling, shard), rows in parts.items()
        if (table, sibling) == ("person", "release_index")
    }
    return {number: shard for shard, rows in found.items() for number in rows["release_index"].to_pylist()}


def test_visits_are_linked_to_their_procedures_by_fresh_ids(wide: House) -> None:
    _, warehouse, _ = clear(wide, "warehouse")
    _, project, _ = clear(wide, "project:wide")
    acts = "SELECT procedure_date, procedure_source_value, visit_start_date, visit_concept_id, count(*) FROM"
    ends = "GROUP BY ALL ORDER BY ALL"
    old_acts, old_visits = warehouse["procedure_occurrence", "main"], warehouse["visit_occurrence", "main"]
    new_acts, new_visits = project["procedure_occurrence", "main"], project["visit_occurrence", "main"]
    kept = f"WHERE procedure_date BETWEEN DATE '{FIRST}' AND DATE '{LAST}' AND visit_start_date BETWEEN DATE '{FIRST}' AND DATE '{LAST}'"
    before = asked(f"{acts} a JOIN v USING (visit_occurrence_id) {kept} {ends}", a=old_acts, v=old_visits)
    assert before
    assert before == asked(f"{acts} a JOIN v USING (visit_occurrence_id) {ends}", a=new_acts, v=new_visits)
    old = set(old_visits.column("visit_occurrence_id").to_pylist())
    assert not old & set(new_visits.column("visit_occurrence_id").to_pylist())
    assert len(set(new_visits.column("visit_occurrence_id").to_pylist())) == new_visits.num_rows


def test_sensitive_siblings_stay_in_parts_of_their_own_and_still_fit(wide: House) -> None:
    _, warehouse, _ = clear(wide, "warehouse")
    opened, project, _ = clear(wide, "project:wide")
    assert set(opened.body.tables["death"]) == {"main", "identifying"}
    assert "death_date" not in opened.body.tables["death"]["main"]
    months, days = project["death", "main"], project["death", "identifying"]
    joined = asked("SELECT death_month, death_date FROM m JOIN d USING (person_id)", m=months, d=days)
    assert joined and all(month == day.replace(day=1) for month, day in joined)
    old, cost = warehouse["drug_exposure", "main"], warehouse["drug_exposure", "cost"]
    new, paid = project["drug_exposure", "main"], project["drug_exposure", "cost"]
    sums = "SELECT drug_source_value, count(*), round(sum(total_paid), 2) FROM"
    where = f"WHERE drug_exposure_start_date BETWEEN DATE '{FIRST}' AND DATE '{LAST}'"
    before = asked(f"{sums} d JOIN c USING (drug_exposure_id) {where} GROUP BY ALL ORDER BY ALL", d=old, c=cost)
    assert before == asked(f"{sums} d JOIN c USING (drug_exposure_id) GROUP BY ALL ORDER BY ALL", d=new, c=paid)


def test_every_part_is_sorted_by_person_and_date(small: House) -> None:
    _, _, parts = clear(small, PROJECT)
    for (table, sibling, _), rows in parts.items():
        if (table, sibling) == ("drug_exposure", "main"):
            order = list(zip(rows["person_id"].to_pylist(), rows["drug_exposure_start_date"].to_pylist(), strict=True))
            assert order == sorted(order)


def test_who_objects_is_in_no_later_project_and_stays_out_of_the_next_snapshot(
    house_of: Callable[..., House], small_template: Path, small_delivery: Path
) -> None:
    house = house_of(small_template)
    _, warehouse, _ = clear(house, "warehouse")
    names = sorted(warehouse["correspondence", "main"].column("source_pseudonym").to_pylist())[:12]
    listed = house.write("objections.csv", "BEN_IDT_ANO\n" + "\n".join(names) + "\n")
    told = house.told("objection", "add", listed, "--regime", "ehds-71", "--key", house.key("officer"))
    assert told == {"objections": 12, "waiting": 0, "changed": 12, "named": 12, "known": 12, "projects": []}
    house.told("ingest", small_delivery, "--replace")
    text = (house.folder / "permit.toml").read_text(encoding="utf-8").replace("P-2026-0001", "P-2026-0002")
    file = house.write("second.toml", text.replace('project = "glitazones"', 'project = "second"'))
    granted = house.told("permit", "grant", file, "--key", house.key("claire"))
    _, after, _ = clear(house, "warehouse")
    _, project, _ = clear(house, "project:second")
    everyone = after["person", "main"].num_rows
    assert granted["persons"] == project["person", "main"].num_rows == everyone - 12
    pairs, index = after["correspondence", "main"], after["person", "release_index"]
    said = f"SELECT release_index FROM p JOIN i USING (pseudonym) WHERE source_pseudonym IN ({', '.join(map(repr, names))})"
    out = {number for (number,) in asked(said, p=pairs, i=index)}
    assert len(out) == 12
    assert not out & set(project["person", "release_index"].column("release_index").to_pylist())


def test_only_an_officer_records_objections(small: House) -> None:
    listed = small.write("objections.csv", "BEN_IDT_ANO\nABC\n")
    answer = small.call("--json", "objection", "add", listed, "--regime", "snds", "--key", small.key("bob"))
    assert (answer.code, answer.error["code"]) == (10, "role-missing")


def test_a_permit_id_and_a_project_are_granted_once(small: House) -> None:
    again = small.call("--json", "permit", "grant", small.folder / "permit.toml", "--key", small.key("claire"))
    assert (again.code, again.error["code"]) == (10, "project-exists")
    text = (
        (small.folder / "permit.toml")
        .read_text(encoding="utf-8")
        .replace('project = "glitazones"', 'project = "other"')
    )
    other = small.call("--json", "permit", "grant", small.write("other.toml", text), "--key", small.key("claire"))
    assert (other.code, other.error["code"]) == (10, "permit-exists")


def test_reserved_tables_cannot_be_named(small: House) -> None:
    text = (small.folder / "permit.toml").read_text(encoding="utf-8").replace("P-2026-0001", "P-2026-0003")
    text = text.replace('project = "glitazones"', 'project = "greedy"')
    for name, column in (("correspondence", "pseudonym"), ("objection", "pseudonym"), ("person", "release_index")):
        more = f'\n[[tables]]\nname = "{name}"\ncolumns = ["{column}"]\n' if name != "person" else ""
        greedy = (
            text.replace('["year_of_birth", "gender_concept_id"]', '["year_of_birth", "release_index"]')
            if not more
            else text + more
        )
        answer = small.call(
            "--json", "permit", "grant", small.write("greedy.toml", greedy), "--key", small.key("claire")
        )
        assert (answer.code, answer.error["code"]) == (10, "permit-reserved"), name


def test_a_refusal_leaves_a_trace_in_the_ledger_once(small: House) -> None:
    def refusals() -> list[str | None]:
        return [
            e.fact("error")
            for e in events(Warehouse(small.warehouse).ledger)
            if (e.kind, e.phase) == ("refusal", "intent")
        ]

    before = refusals()
    assert small.call("permit", "grant", small.folder / "permit.toml", "--key", small.key("bob")).code == 10
    assert refusals() == [*before, "refused/role-missing"]
    small.lock()
    assert small.call("permit", "grant", small.folder / "permit.toml", "--key", small.key("bob")).code == 10
    assert refusals() == [*before, "refused/role-missing"]
