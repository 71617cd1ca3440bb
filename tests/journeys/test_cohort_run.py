# SPDX-License-Identifier: Apache-2.0
"""`rempart cohort run`: definitions from files on an unsealed OMOP file; what it tells, writes and refuses."""

import json
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet

from tests.atlas_house import COLUMNS, Row, Tables, day, entry, lines
from tests.journeys.house import Answer, call

PEOPLE = """
    1 observation_period 2020-01-01 2020-12-31
    1 condition_occurrence 2020-02-01 - 5
    1 drug_exposure 2020-02-03 - 7
    2 observation_period 2020-01-01 2020-12-31
    2 condition_occurrence 2020-03-01 - 5
    3 observation_period 2020-01-01 2020-12-31
    3 condition_occurrence 2020-04-01 - 6
    """
AROUND = {
    "Criteria": {"DrugExposure": {"CodesetId": 7}},
    "StartWindow": {"Start": {"Days": 0, "Coeff": -1}, "End": {"Days": 7, "Coeff": 1}},
    "Occurrence": {"Type": 2, "Count": 1},
}
DIAGNOSED = entry({"ConditionOccurrence": {"CodesetId": 5}})
TREATED = DIAGNOSED | {
    "InclusionRules": [{"name": "treated in a week", "expression": {"Type": "ALL", "CriteriaList": [AROUND]}}]
}


def database(file: Path, tables: dict[str, list[Row]], *, schema: str = "cdm", without: str = "") -> Path:
    """A DuckDB file with an OMOP CDM; ``without``: a table, or table.column, that it lacks."""
    session = Tables(tables)
    table, _, column = without.partition(".")
    try:
        quoted = str(file).replace("'", "''")
        session.execute(f"ATTACH '{quoted}' AS out")
        session.execute(f"CREATE SCHEMA IF NOT EXISTS out.{schema}")
        for name in [name for name in COLUMNS if column or name != table]:
            left = f"* EXCLUDE ({column})" if column and name == table else "*"
            session.execute(f"CREATE TABLE out.{schema}.{name} AS SELECT {left} FROM cdm.{name}")
    finally:
        session.close()
    return file


@pytest.fixture(scope="module")
def omop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three persons."""
    return database(tmp_path_factory.mktemp("omop") / "it's.duckdb", lines(PEOPLE))


def written(folder: Path, **definitions: object) -> Path:
    """Definitions as files of a folder, under their names."""
    folder.mkdir(exist_ok=True)
    for name, definition in definitions.items():
        (folder / f"{name.removeprefix('n')}.json").write_text(json.dumps(definition), encoding="utf-8")
    return folder


def run(*words: str | Path, lang: str = "en") -> Answer:
    """The command."""
    return call("cohort", "run", *words, lang=lang)


def told(*words: str | Path) -> Any:
    """What it tells in JSON."""
    answer = run("--json", *words)
    assert (answer.code, answer.err) == (0, ""), answer
    assert answer.json["schema"] == "rempart.cohort-run/1"
    return answer.json["data"]


def test_without_rows_counts_and_inclusion_reports_are_told(tmp_path: Path, omop: Path) -> None:
    folder = written(tmp_path / "d", diagnosed=DIAGNOSED, treated=TREATED)
    first, second = told(folder, "--omop", omop)["cohorts"]
    assert (first["name"], first["persons"], first["periods"], first["rules"]) == ("diagnosed", 2, 2, [])
    assert second["rules"] == [{"name": "treated in a week", "persons": 1, "remaining": 1, "missed": 1}]
    assert second["steps"] == [["entry", 2], ["cohort", 1]]
    for lang, said in (("en", "treated in a week"), ("fr", "dans la cohorte")):
        answer = run(folder, "--omop", omop, lang=lang)
        assert answer.code == 0 and said in answer.out


def test_rows_are_written_as_parquet_for_their_owner_alone(tmp_path: Path, omop: Path) -> None:
    folder, out = written(tmp_path / "d", n12=DIAGNOSED, n3=TREATED), tmp_path / "out.parquet"
    out.write_bytes(b"of an earlier run")
    assert told(folder, "--omop", omop, "--schema", "CDM", "--rows", out)["rows"] == str(out)
    rows = [tuple(row.values()) for row in parquet.read_table(out).to_pylist()]
    end = day("2020-12-31")
    assert rows == [(12, 1, day("2020-02-01"), end), (12, 2, day("2020-03-01"), end), (3, 1, day("2020-02-01"), end)]
    assert parquet.read_schema(out).names == ["cohort_id", "subject_id", "start_date", "end_date"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "out.parquet"]


def test_a_name_that_is_no_number_stays_a_text(tmp_path: Path, omop: Path) -> None:
    folder, out = written(tmp_path / "d", n012=DIAGNOSED), tmp_path / "out.parquet"
    told(folder / "012.json", "--omop", omop, "--rows", out)
    assert set(parquet.read_table(out).column("cohort_id").to_pylist()) == {"012"}


def test_a_cohort_of_nobody_and_an_empty_code_set_are_said(tmp_path: Path, omop: Path) -> None:
    nobody = DIAGNOSED | {"ConceptSets": [{"id": 5, "name": "none", "expression": {"items": []}}]}
    folder, out = written(tmp_path / "d", empty=nobody), tmp_path / "out.parquet"
    assert told(folder, "--omop", omop, "--rows", out)["cohorts"][0]["empty"] == [5]
    assert parquet.read_table(out).num_rows == 0
    answer = run(folder, "--omop", omop)
    assert answer.code == 0 and "empty" in answer.err and "5" in answer.err


def test_the_rows_are_the_same_with_and_without_a_report(tmp_path: Path, omop: Path) -> None:
    folder = written(tmp_path / "d", a=DIAGNOSED, b=TREATED)
    reported = told(folder, "--omop", omop)["cohorts"]
    rows = told(folder, "--omop", omop, "--rows", tmp_path / "o.parquet")["cohorts"]
    assert [(one["persons"], one["periods"]) for one in reported] == [(one["persons"], one["periods"]) for one in rows]


def test_a_warehouse_gives_no_rows_and_runs_no_definition_by_itself(tmp_path: Path) -> None:
    folder, warehouse = written(tmp_path / "d", a=DIAGNOSED), tmp_path / "w"
    warehouse.mkdir()
    (warehouse / "rempart.toml").touch()
    for words, code in (
        ((folder, "--rows", tmp_path / "o.parquet"), "cohort-rows"),
        ((folder, "--omop", warehouse, "--rows", tmp_path / "o.parquet"), "cohort-rows"),
        ((folder,), "cohort-warehouse"),
        ((folder, "--omop", warehouse), "cohort-warehouse"),
    ):
        answer = run("--json", *words)
        assert (answer.code, answer.json["error"]["code"]) == (10, code)
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize(
    ("without", "code", "fact"),
    [
        ("drug_exposure", "omop-table-missing", "drug_exposure"),
        ("drug_exposure.days_supply", "", ""),
        ("condition_occurrence.condition_end_date", "omop-column-missing", "condition_end_date"),
        ("person", "omop-schema", "-"),
    ],
)
def test_a_file_must_hold_what_a_definition_reads_and_no_more(
    tmp_path: Path, without: str, code: str, fact: str
) -> None:
    folder = written(tmp_path / "d", a=DIAGNOSED if without.endswith("supply") else TREATED)
    file = database(tmp_path / "o.duckdb", lines(PEOPLE), without=without)
    answer = run("--json", folder, "--omop", file)
    if not code:
        assert answer.code == 0
        return
    assert (answer.code, answer.json["error"]["code"]) == (40, code)
    assert fact in answer.json["error"]["facts"].values()


def test_days_and_numbers_that_another_tool_wrote_as_text_are_read(tmp_path: Path) -> None:
    file = database(tmp_path / "o.duckdb", lines(PEOPLE), schema="main")
    with duckdb.connect(str(file)) as connection:
        connection.execute("ALTER TABLE condition_occurrence ALTER condition_start_date TYPE VARCHAR")
        connection.execute("ALTER TABLE condition_occurrence ALTER condition_concept_id TYPE DOUBLE")
        connection.execute("ALTER TABLE observation_period ALTER observation_period_end_date TYPE TIMESTAMP")
        connection.execute("ALTER TABLE person RENAME year_of_birth TO YEAR_OF_BIRTH")
    folder = written(tmp_path / "d", a=DIAGNOSED)
    assert told(folder, "--omop", file)["cohorts"][0]["persons"] == 2
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE condition_occurrence SET condition_start_date = 'Martha Dupont'")
    answer = run(folder, "--omop", file)
    assert answer.code == 40 and "Traceback" not in answer.err and "Martha" not in answer.err + answer.out


def test_rows_that_cannot_be_written_leave_nothing(tmp_path: Path, omop: Path) -> None:
    folder, place = written(tmp_path / "d", a=DIAGNOSED), tmp_path / "a folder"
    place.mkdir()
    for out in (place, tmp_path / "nowhere" / "o.parquet"):
        answer = run("--json", folder, "--omop", omop, "--rows", out, "--threads", "-3")
        assert (answer.code, answer.json["error"]["code"]) == (40, "file-unwritable")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a folder", "d"]


def test_too_little_memory_is_said_and_nothing_is_left(tmp_path: Path, omop: Path) -> None:
    folder, out = written(tmp_path / "d", a=DIAGNOSED), tmp_path / "o.parquet"
    answer = run("--json", folder, "--omop", omop, "--rows", out, "--memory", "1MB")
    assert (answer.code, answer.json["error"]["code"]) == (40, "memory-size")
    assert not list(tmp_path.glob("*.parquet*")) and not list(tmp_path.glob(".*"))
