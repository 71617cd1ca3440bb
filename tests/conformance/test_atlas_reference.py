# SPDX-License-Identifier: Apache-2.0
"""218 definitions of the OHDSI PhenotypeLibrary on a made file: exactly the rows of the reference implementation.

The sample lies beside the repository (../shared/data/atlas-sample) and is no part of it: without it this says so and is skipped.
"""

from collections import Counter
from pathlib import Path

import duckdb
import pytest
from pyarrow import parquet

from rempart.wiring.cohorts import run_cohorts
from tests.atlas_house import Still
from tests.law.tree import ROOT

pytestmark = pytest.mark.shared_data
PLACES = [folder / "shared" / "data" / "atlas-sample" for folder in ROOT.parents]
SAMPLE = next((place for place in PLACES if place.is_dir()), PLACES[0])
DEFINITIONS, ROWS, NOT_EMPTY = 218, 11_001, 213
Rows = dict[int, Counter[tuple[object, ...]]]


def counted(table: list[tuple[int, ...]]) -> Rows:
    """cohort → (person, first day, last day) → how often."""
    found: Rows = {}
    for cohort, *row in table:
        found.setdefault(cohort, Counter())[tuple(row)] += 1
    return found


@pytest.fixture(scope="module")
def sample() -> Path:
    """The folder of the sample."""
    if not SAMPLE.is_dir():
        pytest.skip(f"the sample of ATLAS definitions is not there: {SAMPLE}")
    return SAMPLE


@pytest.fixture(scope="module")
def expected(sample: Path) -> Rows:
    """The reference's rows."""
    query = f"SELECT cohort_id, subject_id, start_date, end_date FROM '{sample / 'expected.parquet'}'"
    return counted(duckdb.sql(query).fetchall())


@pytest.fixture(scope="module")
def made(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Our rows, of all definitions in one session."""
    out = tmp_path_factory.mktemp("rows") / "rows.parquet"
    run_cohorts(
        [sample / "definitions"],
        omop=sample / "cdm.duckdb",
        schema="cdm",
        rows=out,
        threads=2,
        memory=2 << 30,
        progress=Still(),
    )
    return counted([tuple(row.values()) for row in parquet.read_table(out).to_pylist()])


def test_the_sample_is_whole(sample: Path, expected: Rows) -> None:
    assert len(list((sample / "definitions").glob("*.json"))) == DEFINITIONS
    assert (len(expected), sum(rows.total() for rows in expected.values())) == (NOT_EMPTY, ROWS)


def test_every_definition_gives_the_rows_of_the_reference(sample: Path, expected: Rows, made: Rows) -> None:
    unlike = [
        f"{cohort}: {sum((made.get(cohort, Counter()) - rows).values())} more, {sum((rows - made.get(cohort, Counter())).values())} missing"
        for cohort, rows in expected.items()
        if made.get(cohort) != rows
    ]
    assert not unlike
    assert set(made) == set(expected)


def test_a_report_and_the_rules_one_after_another_make_the_same_cohorts(sample: Path, expected: Rows) -> None:
    told = run_cohorts(
        [sample / "definitions"],
        omop=sample / "cdm.duckdb",
        schema="",
        rows=None,
        threads=2,
        memory=2 << 30,
        progress=Still(),
    )
    assert {int(one.name): one.periods for one in told if one.periods} == {
        cohort: rows.total() for cohort, rows in expected.items()
    }
    for one in told:
        counts = [dict(one.steps)["entry"], *(rule.remaining for rule in one.rules), one.persons]
        assert counts == sorted(counts, reverse=True), one.name
