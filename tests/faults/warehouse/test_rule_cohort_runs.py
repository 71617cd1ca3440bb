# SPDX-License-Identifier: Apache-2.0
"""A rule cohort the whole way: study file, permit, grant, workers, result; its counts are those of the project's rows."""

import datetime
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.journeys.space import read_parts
from rempart.journeys.usable import usable_fact, usable_table
from tests.faults.warehouse.place import Outcome, Place
from tests.journeys.house import House
from tests.journeys.raw_result import raw_rows

SPACE = "project:second"
MORE = {
    "drug_exposure": ["drug_exposure_start_date", "drug_source_value", "provider_id", "visit_occurrence_id"],
    "visit_occurrence": [
        "visit_start_date",
        "visit_end_date",
        "visit_concept_id",
        "visit_occurrence_id",
        "provider_id",
    ],
    "location_history": ["location_history_start_date", "location_history_end_date", "department_source_value"],
    "condition_occurrence": [
        "condition_start_date",
        "condition_source_value",
        "condition_status_source_value",
        "visit_occurrence_id",
    ],
    "code_hierarchy": ["system", "code", "parent_system", "parent"],
    "provider": ["provider_id", "specialty_source_value"],
}
STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0002"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[codes.packs]
system = "CIP13"
include = PACKS
[cohorts.treated]
prior_observation_days = 100
age = [0, 120]
entry = { any = [{ domain = "drug", codes = "packs", specialty = SPECIALTIES }], limit = "every" }
include = [{ name = "seen before by anybody", domain = "visit", days = [-365, 0] }]
exit = { days = 30 }
[cohorts.women]
sex = ["female"]
entry = { any = [{ cohort = "treated" }], limit = "every" }
[cohorts.others]
of = { difference = ["treated", "women"] }
[[analyses]]
id = "all"
type = "attrition"
design = "cohort"
inputs = { cohort = "treated" }
[[analyses]]
id = "rest"
type = "attrition"
design = "cohort"
inputs = { cohort = "others" }
"""


def permit_with(place: Place, tables: Mapping[str, list[str]]) -> None:
    """The second permit, with these tables in place of its own of that name."""
    file = place.root / "second.toml"
    parsed = tomllib.loads(file.read_text(encoding="utf-8"))
    kept = [table for table in parsed["tables"] if table["name"] not in tables]
    kept += [{"name": name, "columns": columns} for name, columns in tables.items()]
    head = file.read_text(encoding="utf-8").split("[[tables]]")[0].replace("2013-12-31", "2013-12-31")
    blocks = [f'[[tables]]\nname = "{table["name"]}"\ncolumns = {table["columns"]}\n' for table in kept]
    file.write_text(head + "\n".join(blocks), encoding="utf-8")


def run(place: Place, text: str) -> tuple[str, dict[tuple[str, str], float | None]]:
    """The run's id, and (output, step) → persons of its attrition."""
    study = place.root / "rules.toml"
    study.write_text(text, encoding="utf-8")
    ran = place.run("study", "run", str(study), "--key", place.key("alice"), "--workers", "1")
    assert ran.code == 0, ran.told
    number = str(ran.answer["data"]["run"])
    rows = raw_rows(cast(House, SimpleNamespace(warehouse=place.directory)), number)
    return number, {(row.output, row.row_key["step"]): row.value for row in rows if "step" in row.row_key}


def of_project(place: Place) -> DuckDBQuery:
    """A session with the project's rows, all shards together, opened as who has the passphrase can."""
    opened, query = place.body(SPACE), DuckDBQuery(threads=1, memory_limit="1GB")
    for table, siblings in opened.body.tables.items():
        parts = [part for part in opened.body.parts if part.table == table and part.sibling == "main"]
        if "main" in siblings and parts:
            found = [
                parquet.read_table(pa.BufferReader(bytes(data)))
                for data in read_parts(place.vault(), opened, parts, reference="")
            ]
            query.register(table, pa.concat_tables(found))
    return query


def most_seen(query: DuckDBQuery, table: str, column: str, count: int) -> list[str]:
    """The values that most rows have."""
    sql = f"SELECT {column} AS v FROM {table} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {count}"
    return [str(value) for value in query.table(sql).column("v").to_pylist()]


@pytest.fixture
def granted(place: Place) -> Place:
    """A project with what the rules ask for."""
    permit_with(place, MORE)
    done = place.grant("second")
    assert done.code == 0, done.told
    return place


def test_a_rule_cohort_runs_from_study_file_to_result(granted: Place) -> None:
    query = of_project(granted)
    packs = most_seen(query, "drug_exposure", "drug_source_value", 30)
    doctors = most_seen(query, "provider", "specialty_source_value", 5)
    _, steps = run(granted, STUDY.replace("PACKS", str(packs)).replace("SPECIALTIES", str(doctors)))
    users = (
        "SELECT DISTINCT d.person_id, drug_exposure_start_date AS day FROM drug_exposure AS d JOIN provider USING (provider_id) "
        f"WHERE list_contains({packs}, drug_source_value) AND list_contains({doctors}, specialty_source_value)"
    )
    entered = f"SELECT * FROM ({users}) WHERE year(day) = 2013"
    observed = (
        f"SELECT e.* FROM ({entered}) e SEMI JOIN observation_period o ON o.person_id = e.person_id "
        "AND e.day BETWEEN o.observation_period_start_date + 100 AND o.observation_period_end_date"
    )
    seen = (
        f"SELECT e.* FROM ({observed}) e SEMI JOIN visit_occurrence v ON v.person_id = e.person_id "
        "AND v.visit_start_date BETWEEN e.day - 365 AND e.day"
    )
    counts = [
        query.table(f"SELECT count(DISTINCT person_id) AS n FROM ({sql})").column("n")[0].as_py()
        for sql in (entered, observed, seen)
    ]
    found = [int(value or 0) for (output, _), value in sorted(steps.items()) if output == "attrition_all"]
    assert counts[0] > counts[2] > 0
    assert found == [counts[0], counts[1], counts[1], counts[2]]
    men = query.table(
        f"SELECT count(DISTINCT s.person_id) AS n FROM ({seen}) s JOIN person USING (person_id) WHERE gender_concept_id <> 8532"
    )
    rest = [int(value or 0) for (output, _), value in sorted(steps.items()) if output == "attrition_rest"]
    assert rest == [counts[2], men.column("n")[0].as_py()]


def test_a_project_knows_until_when_its_sources_are_usable(granted: Place) -> None:
    opened = granted.body("warehouse")
    parts = opened.parts("usable_interval", "main", 0)
    (data,) = read_parts(granted.vault(), opened, parts, reference="")
    measured = parquet.read_table(pa.BufferReader(bytes(data)))
    assert dict(granted.body(SPACE).body.facts) == usable_fact(measured)
    assert measured.num_rows > 0


def test_an_interval_that_was_not_measured_ends_nobody_s_follow_up() -> None:
    last = datetime.date(2013, 12, 31)
    rows = [
        {
            "source": "mco",
            "scheme": "",
            "first_day": datetime.date(2012, 1, 1),
            "last_day": last,
            "reason": "last-complete-year",
        },
        {
            "source": "had",
            "scheme": "",
            "first_day": None,
            "last_day": datetime.date(2012, 12, 31),
            "reason": "too-few-lines",
        },
    ]
    told = usable_table(usable_fact(pa.Table.from_pylist(rows))).to_pylist()
    assert told == [{"source": "mco", "scheme": "", "first_day": datetime.date(2012, 1, 1), "last_day": last}]
    assert usable_table({}).num_rows == 0


def test_what_the_permit_does_not_name_is_refused_by_column(granted: Place, tmp_path: Path) -> None:
    def check(*changes: tuple[str, str]) -> Outcome:
        text, study = STUDY.replace("PACKS", '["3400935563248"]').replace("SPECIALTIES", '["01"]'), tmp_path / "s.toml"
        for before, after in changes:
            text = text.replace(before, after)
        study.write_text(text, encoding="utf-8")
        return granted.run("study", "check", str(study))

    visit = 'domain = "visit"'
    assert check(("{ days = 30 }", '"death"'), (visit, f'{visit}, specialty = ["01"]')).code == 0
    assert check((visit, f'{visit}, overlap = true, where = {{ nights = ">= 0" }}')).code == 0
    refused = check((visit, 'domain = "residence", place = ["75101"]'))
    assert refused.error == "study-column" and "commune_source_value" in refused.told
    assert check(("[-365, 0]", "[-800, 0]")).error == "window-before-lookback"
    late = check(("[-365, 0]", "[-365, 1]"))
    assert late.error == "reads-after-time-zero" and "seen before by anybody" in late.told
