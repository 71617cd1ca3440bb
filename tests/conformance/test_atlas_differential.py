# SPDX-License-Identifier: Apache-2.0
"""Random ATLAS definitions over every word, beside duckcdm, which ports the reference's SQL: the same rows, but where we mean to differ."""

import json
from random import Random
from typing import Any

import pytest
from duckcdm.circe import build_cohort_query
from duckcdm.sqlrender import render, split_sql, translate

from tests.atlas_house import Rows, Tables, read, run, words
from tests.atlas_random import Definitions, tables

# What the reference passes over, cannot run or cannot say (docs/atlas.md).
DIFFERENT = frozenset({
    "EffectiveDrugDose", "Abnormal", "PayerPlanPeriod.DOMAIN_CONCEPT", "PayerPlanPeriod.DURATION", "ConditionEra.VISIT_ID",
    "VisitDetail.VISIT_ID", "VisitDetail.VISIT_DETAIL_ID", "Measurement.UNIT", "Observation.UNIT", "Specimen.UNIT", "Specimen.QUANTITY",
})  # fmt: skip


def without_moved_specimens(value: Any) -> Any:
    """A definition whose specimens keep their days: the reference passes over their adjustment."""
    if isinstance(value, list):
        return [without_moved_specimens(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: without_moved_specimens(one) for name, one in value.items()}
    if isinstance(kept.get("Specimen"), dict):
        kept["Specimen"].pop("DateAdjustment", None)
    return kept


def reference(session: Tables, definition: Any, number: int) -> Rows:
    """The rows of the reference's SQL."""
    text = build_cohort_query(
        json.dumps(definition), cdm_schema="cdm", target_table="cdm.cohort", result_schema="cdm", vocabulary_schema="cdm",
        cohort_id=number,
    )  # fmt: skip
    for statement in split_sql(translate(render(text), "duckdb")):
        session.execute(statement)
    rows = (
        f"SELECT subject_id, cohort_start_date, cohort_end_date FROM cdm.cohort WHERE cohort_definition_id = {number}"
    )
    return sorted(session.connection.execute(rows).fetchall())


def persons_found(seed: int) -> bool:
    """Whether anybody is in any of four random definitions, whose rows are the reference's."""
    rng = Random(seed)
    session = Tables(tables(rng))
    columns = "cohort_definition_id INT, subject_id BIGINT, cohort_start_date DATE, cohort_end_date DATE"
    session.execute(f"CREATE TABLE cdm.cohort ({columns})")
    drawn = Definitions(rng, words(), without=DIFFERENT)
    asked = [without_moved_specimens(drawn.one()) for _ in range(4)]
    try:
        found, _ = run(session, [read(one) for one in asked])
        assert found == [reference(session, one, number) for number, one in enumerate(asked)], seed
        return any(found)
    finally:
        session.close()


@pytest.mark.parametrize("seed", [3, 14, 159])
def test_random_definitions_give_the_rows_of_the_reference(seed: int) -> None:
    assert persons_found(seed)


@pytest.mark.full
def test_hundreds_of_random_definitions_give_the_rows_of_the_reference() -> None:
    found = [persons_found(seed) for seed in range(1000, 1130)]
    assert sum(found) > 100
