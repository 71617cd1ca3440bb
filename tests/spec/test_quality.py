# SPDX-License-Identifier: Apache-2.0
"""Each kind of check finds the defect planted for it and nothing else; a clean set passes; no count of 1 to 10 persons can be read."""

import datetime
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.quality import Check, Finding, Measured, Settings, judged, settings, status_of
from rempart.ingest.quality_battery import Battery, read_vocabulary
from rempart.ingest.quality_values import compared
from rempart.records.omop import TableLayout, layouts

TODAY = datetime.date(2020, 6, 30)
DQD = set(
    """
    cdmTable measurePersonCompleteness measureConditionEraCompleteness measureObservationPeriodOverlap cdmField
    isRequired cdmDatatype isPrimaryKey isForeignKey fkDomain fkClass isStandardValidConcept
    measureValueCompleteness standardConceptRecordCompleteness sourceConceptRecordCompleteness
    sourceValueCompleteness plausibleValueLow plausibleValueHigh plausibleTemporalAfter plausibleDuringLife
    withinVisitDates plausibleAfterBirth plausibleBeforeDeath plausibleStartBeforeEnd plausibleGender
    plausibleGenderUseDescendants plausibleUnitConceptIds
    """.split()
)
PERSON = {
    "gender_concept_id": "BIGINT",
    "year_of_birth": "INTEGER",
    "month_of_birth": "INTEGER",
    "day_of_birth": "INTEGER",
}
PERIOD = {
    "observation_period_id": "BIGINT",
    "observation_period_start_date": "DATE",
    "observation_period_end_date": "DATE",
}
VISIT = {
    "visit_occurrence_id": "BIGINT",
    "visit_concept_id": "BIGINT",
    "visit_start_date": "DATE",
    "visit_end_date": "DATE",
    "visit_type_concept_id": "BIGINT",
}
CONDITION = {
    "condition_occurrence_id": "BIGINT",
    "condition_concept_id": "BIGINT",
    "condition_start_date": "DATE",
    "condition_end_date": "DATE",
    "condition_type_concept_id": "BIGINT",
    "visit_occurrence_id": "BIGINT",
    "condition_source_value": "VARCHAR",
    "condition_source_concept_id": "BIGINT",
}
DRUG = {
    "drug_exposure_id": "BIGINT",
    "drug_concept_id": "BIGINT",
    "drug_exposure_start_date": "DATE",
    "drug_exposure_end_date": "DATE",
    "drug_type_concept_id": "BIGINT",
    "quantity": "DOUBLE",
    "days_supply": "INTEGER",
    "prescription_date": "DATE",
    "drug_source_value": "VARCHAR",
}
MEASUREMENT = {
    "measurement_id": "BIGINT",
    "measurement_concept_id": "BIGINT",
    "measurement_date": "DATE",
    "measurement_type_concept_id": "BIGINT",
    "unit_concept_id": "BIGINT",
}
ERA = {"drug_era_id": "BIGINT", "drug_concept_id": "BIGINT", "drug_era_start_date": "DATE", "drug_era_end_date": "DATE"}
CONDITION_ERA = {
    "condition_era_id": "BIGINT",
    "condition_concept_id": "BIGINT",
    "condition_era_start_date": "DATE",
    "condition_era_end_date": "DATE",
}
DEATH = {"death_month": "DATE", "death_date": "DATE", "death_type_concept_id": "BIGINT"}
TABLES = {
    "person": ("", "", PERSON),
    "observation_period": ("observation_period_id", "observation_period_start_date", PERIOD),
    "visit_occurrence": ("visit_occurrence_id", "visit_start_date", VISIT),
    "condition_occurrence": ("condition_occurrence_id", "condition_start_date", CONDITION),
    "drug_exposure": ("drug_exposure_id", "drug_exposure_start_date", DRUG),
    "measurement": ("measurement_id", "measurement_date", MEASUREMENT),
    "drug_era": ("drug_era_id", "drug_era_start_date", ERA),
    "condition_era": ("condition_era_id", "condition_era_start_date", CONDITION_ERA),
    "death": ("", "", DEATH),
}
SMALL = {
    name: TableLayout(name=name, key=key, date=date, siblings={"main": columns})
    for name, (key, date, columns) in TABLES.items()
}
CLEAN = """
CREATE TABLE person AS SELECT 'p' || i AS pseudonym, CASE WHEN i % 2 = 0 THEN 8532 ELSE 8507 END::BIGINT AS gender_concept_id,
  (1950 + i % 30)::INTEGER AS year_of_birth, 6::INTEGER AS month_of_birth, 1::INTEGER AS day_of_birth FROM range(200) r(i);
CREATE TABLE observation_period AS SELECT pseudonym, row_number() OVER () AS observation_period_id,
    DATE '2010-01-01' AS observation_period_start_date,
  DATE '2019-12-31' AS observation_period_end_date FROM person;
CREATE TABLE visit_occurrence AS SELECT pseudonym, row_number() OVER () AS visit_occurrence_id, 9201::BIGINT AS visit_concept_id,
  (DATE '2012-01-10' + (k * 30)::INTEGER) AS visit_start_date, (DATE '2012-01-14' + (k * 30)::INTEGER) AS visit_end_date,
  32810::BIGINT AS visit_type_concept_id FROM person, range(40) s(k);
CREATE TABLE condition_occurrence AS SELECT pseudonym, visit_occurrence_id AS condition_occurrence_id,
    77::BIGINT AS condition_concept_id,
  visit_start_date AS condition_start_date, visit_end_date AS condition_end_date, 32810::BIGINT AS condition_type_concept_id,
    visit_occurrence_id,
  CASE WHEN visit_occurrence_id % 4 = 0 AND gender_concept_id = 8532 THEN 'D27'
    WHEN gender_concept_id = 8507 AND visit_occurrence_id % 4 = 0 THEN 'C61'
    WHEN gender_concept_id = 8532 AND visit_occurrence_id % 4 = 1 THEN 'Z014' ELSE 'I10' END AS condition_source_value,
  0::BIGINT AS condition_source_concept_id FROM visit_occurrence JOIN person USING (pseudonym);
CREATE TABLE drug_exposure AS SELECT pseudonym, visit_occurrence_id AS drug_exposure_id, 88::BIGINT AS drug_concept_id,
  visit_start_date AS drug_exposure_start_date, visit_start_date AS drug_exposure_end_date, 32810::BIGINT AS drug_type_concept_id,
    1::DOUBLE AS quantity,
  30::INTEGER AS days_supply, visit_start_date - 2 AS prescription_date, '3400935563248' AS drug_source_value FROM visit_occurrence;
CREATE TABLE measurement AS SELECT pseudonym, visit_occurrence_id AS measurement_id, 3004410::BIGINT AS measurement_concept_id,
  visit_start_date AS measurement_date, 32810::BIGINT AS measurement_type_concept_id,
    8554::BIGINT AS unit_concept_id FROM visit_occurrence;
CREATE TABLE drug_era AS SELECT pseudonym, drug_exposure_id AS drug_era_id, 99::BIGINT AS drug_concept_id,
    drug_exposure_start_date AS drug_era_start_date,
  drug_exposure_end_date AS drug_era_end_date FROM drug_exposure;
CREATE TABLE condition_era AS SELECT pseudonym, condition_occurrence_id AS condition_era_id, 77::BIGINT AS condition_concept_id,
  condition_start_date AS condition_era_start_date, condition_end_date AS condition_era_end_date FROM condition_occurrence;
CREATE TABLE death AS SELECT pseudonym, DATE '2018-03-01' AS death_month, DATE '2018-03-09' AS death_date,
    32815::BIGINT AS death_type_concept_id
  FROM person WHERE pseudonym IN ('p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'p11', 'p12', 'p13', 'p14', 'p15',
    'p16');
UPDATE observation_period SET observation_period_end_date = DATE '2018-03-09' WHERE pseudonym IN (SELECT pseudonym FROM death);
CREATE TABLE concept AS SELECT * FROM (VALUES (77::BIGINT, 'Condition', 'Clinical Finding', 'S', NULL), (88, 'Drug', 'Clinical Drug',
    'S', NULL),
  (99, 'Drug', 'Ingredient', 'S', NULL), (9201, 'Visit', 'Visit', 'S', NULL), (32810, 'Type Concept', 'Type Concept', 'S', NULL),
  (32815, 'Type Concept', 'Type Concept', 'S', NULL), (8507, 'Gender', 'Gender', 'S', NULL), (8532, 'Gender', 'Gender', 'S', NULL),
  (3004410, 'Measurement', 'Lab Test', 'S', NULL), (8554, 'Unit', 'Unit', 'S', NULL), (8840, 'Unit', 'Unit', 'S', NULL),
  (66, 'Observation', 'Clinical Finding', 'S', NULL), (55, 'Condition', 'Clinical Finding', 'C', NULL), (44, 'Condition',
    'Clinical Finding', 'S', 'U'))
  AS v(concept_id, domain_id, concept_class_id, standard_concept, invalid_reason);
"""
HALF = "pseudonym IN (SELECT pseudonym FROM person ORDER BY pseudonym LIMIT 100)"
# kind: the defect, then the table and field where it must be found
DEFECTS: dict[str, tuple[str, str, str]] = {
    "table-present": ("DROP TABLE measurement", "measurement", ""),
    "person-rows": (f"DELETE FROM observation_period WHERE {HALF}", "observation_period", ""),
    "era-built": (f"DELETE FROM condition_era WHERE {HALF}", "condition_occurrence", ""),
    "periods-apart": (
        "INSERT INTO observation_period SELECT pseudonym, observation_period_id + 100000, DATE '2019-06-01', DATE '2020-01-31' "
        "FROM observation_period",
        "observation_period",
        "observation_period_start_date",
    ),
    "field-present": ("ALTER TABLE drug_exposure DROP COLUMN days_supply", "drug_exposure", "days_supply"),
    "required": (f"UPDATE person SET year_of_birth = NULL WHERE {HALF}", "person", "year_of_birth"),
    "type": ("ALTER TABLE drug_exposure ALTER days_supply TYPE VARCHAR", "drug_exposure", "days_supply"),
    "key-unique": (
        "INSERT INTO drug_exposure SELECT * FROM drug_exposure LIMIT 500",
        "drug_exposure",
        "drug_exposure_id",
    ),
    "key-found": (
        "UPDATE condition_occurrence SET visit_occurrence_id = -7 WHERE condition_occurrence_id % 3 = 0",
        "condition_occurrence",
        "visit_occurrence_id",
    ),
    "concept-domain": (
        "UPDATE condition_occurrence SET condition_concept_id = 66",
        "condition_occurrence",
        "condition_concept_id",
    ),
    "concept-class": ("UPDATE drug_era SET drug_concept_id = 88", "drug_era", "drug_concept_id"),
    "concept-standard": (
        "UPDATE condition_occurrence SET condition_concept_id = 55",
        "condition_occurrence",
        "condition_concept_id",
    ),
    "filled": ("UPDATE drug_exposure SET prescription_date = NULL", "drug_exposure", "prescription_date"),
    "concept-mapped": (
        "UPDATE condition_occurrence SET condition_concept_id = 0",
        "condition_occurrence",
        "condition_concept_id",
    ),
    "source-concept": ("", "condition_occurrence", "condition_source_concept_id"),
    "codes-mapped": (
        "UPDATE condition_occurrence SET condition_concept_id = 0 WHERE condition_source_value = 'C61'",
        "condition_occurrence",
        "condition_source_value",
    ),
    "value-low": (f"UPDATE drug_exposure SET days_supply = -1 WHERE {HALF}", "drug_exposure", "days_supply"),
    "value-high": (f"UPDATE person SET month_of_birth = 13 WHERE {HALF}", "person", "month_of_birth"),
    "after": (
        f"UPDATE drug_exposure SET prescription_date = drug_exposure_start_date + 3 WHERE {HALF}",
        "drug_exposure",
        "drug_exposure_start_date",
    ),
    "during-life": (
        "UPDATE drug_exposure SET drug_exposure_end_date = DATE '2018-04-01'",
        "drug_exposure",
        "drug_exposure_end_date",
    ),
    "within-visit": (
        f"UPDATE condition_occurrence SET condition_start_date = condition_start_date - 30 WHERE {HALF}",
        "condition_occurrence",
        "condition_start_date",
    ),
    "after-birth": (
        f"UPDATE drug_exposure SET prescription_date = DATE '1949-01-01' WHERE {HALF}",
        "drug_exposure",
        "prescription_date",
    ),
    "before-death": (
        "UPDATE drug_exposure SET drug_exposure_end_date = DATE '2018-09-01'",
        "drug_exposure",
        "drug_exposure_end_date",
    ),
    "start-before-end": (
        f"UPDATE visit_occurrence SET visit_end_date = visit_start_date - 1 WHERE {HALF}",
        "visit_occurrence",
        "visit_start_date",
    ),
    "sex-of-code": (
        "UPDATE condition_occurrence SET condition_source_value = 'Z014'",
        "condition_occurrence",
        "CIM-10",
    ),
    "sex-of-group": (
        "UPDATE condition_occurrence SET condition_source_value = 'C61'",
        "condition_occurrence",
        "CIM-10",
    ),
    "unit-of-code": (f"UPDATE measurement SET unit_concept_id = 8840 WHERE {HALF}", "measurement", "unit_concept_id"),
    "age-of-group": (
        "UPDATE condition_occurrence SET condition_source_value = 'P07'",
        "condition_occurrence",
        "CIM-10",
    ),
    "code-form": (f"UPDATE drug_exposure SET drug_source_value = 'XX12' WHERE {HALF}", "drug_exposure", "code"),
    "year-break": (
        "DELETE FROM drug_exposure WHERE year(drug_exposure_start_date) = 2013 AND drug_exposure_id % 3 <> 0",
        "drug_exposure",
        "",
    ),
    "month-gap": (
        "DELETE FROM drug_exposure WHERE strftime(drug_exposure_start_date, '%Y-%m') = '2013-03'",
        "drug_exposure",
        "",
    ),
}
STRICT = {"filled": 0, "source-concept": 0, "person-rows": 0}


def rules(**percents: float) -> Settings:
    """The shipped settings; the era of drugs has a class; thresholds of kinds that are only counted may be given."""
    parsed = package_data.toml("ingest/quality.toml")
    own = [{"kind": kind, "percent": percent} for kind, percent in percents.items()]
    parsed["breaks"] = {**parsed["breaks"], "least": 50, "month_least": 50}
    return settings({**parsed, "thresholds": [*parsed["thresholds"], *own]}, today=TODAY)


def found(query: DuckDBQuery, said: Settings, scanned: Collection[str] = tuple(SMALL)) -> list[Measured]:
    """Every check over the session's tables, as the journey asks; of rows those of ``scanned`` alone."""
    tables = set(query.table("SELECT table_name FROM duckdb_tables()").column(0).to_pylist())
    battery = Battery(layouts=SMALL, held=tuple(name for name in SMALL if name in tables), rules=said)
    battery.learn(query)
    battery.held = tuple(name for name in battery.held if name in scanned)
    battery.scan(query)
    return answered(battery, query)


def answered(battery: Battery, query: DuckDBQuery) -> list[Measured]:
    counts = battery.counts(query)
    return list(battery.answers(counts, read_vocabulary(query, counts)))


@pytest.fixture(scope="module")
def built() -> Iterator[DuckDBQuery]:
    session = DuckDBQuery(threads=2, memory_limit="1GB")
    for statement in CLEAN.split(";\n"):
        if statement.strip():
            session.execute(statement)
    yield session
    session.close()


@pytest.fixture
def query(built: DuckDBQuery) -> Iterator[DuckDBQuery]:
    """The clean set, whatever a test does to it: built once, each test in a transaction that is undone."""
    built.execute("BEGIN")
    yield built
    built.execute("ROLLBACK")


@pytest.fixture(scope="module")
def whole(built: DuckDBQuery) -> tuple[Battery, list[Measured]]:
    """The clean set, scanned once, and what was counted."""
    battery = Battery(layouts=SMALL, held=tuple(SMALL), rules=rules())
    battery.scan(built)
    return battery, answered(battery, built)


def failing(measured: list[Measured], said: Settings) -> set[tuple[str, str, str]]:
    return {(one.check.kind, one.check.table, one.check.field) for one in measured if status_of(one, said) == "failed"}


def test_the_27_kinds_of_the_dashboard_are_all_there() -> None:
    kinds = rules().kinds
    assert {kind.dqd for kind in kinds.values() if kind.dqd} == DQD
    assert len(DQD) == 27
    assert set(kinds) == {*DEFECTS, "flow-arrived", "flow-gap", "linked", "stay-twice"}


def test_a_clean_set_passes_every_check(whole: tuple[Battery, list[Measured]]) -> None:
    said, measured = rules(filled=0), whole[1]
    assert failing(measured, said) == set()
    passed = {one.check.kind for one in measured if status_of(one, said) == "passed"}
    assert passed >= set(DEFECTS) - {"age-of-group"}


@pytest.mark.parametrize("kind", sorted(DEFECTS))
def test_each_kind_finds_the_defect_planted_for_it(query: DuckDBQuery, kind: str) -> None:
    defect, table, field = DEFECTS[kind]
    said = rules(**{kind: STRICT[kind]}) if kind in STRICT else rules()
    if defect:
        query.execute(defect)
    told = failing(found(query, said, {"person", table}), said)
    matching = {one for one in told if one[0] == kind and one[1] == table and field in ("", one[2])}
    assert matching, told


def test_thousands_of_checks_cost_three_aggregates_a_table(whole: tuple[Battery, list[Measured]]) -> None:
    wide = layouts(package_data.toml("records/omop54.toml"))
    battery, checks = whole
    assert len(checks) > 900
    assert battery.scans <= 3 * len(SMALL)
    assert len({one.check for one in checks}) == len(checks)
    assert {"person", "condition_occurrence"} <= set(wide)


def test_shards_add_up_to_the_whole(query: DuckDBQuery, whole: tuple[Battery, list[Measured]]) -> None:
    battery = Battery(layouts=SMALL, held=tuple(SMALL), rules=rules())
    for half in (0, 1):
        with_half = DuckDBQuery(threads=1, memory_limit="1GB")
        for name in SMALL:
            rows = query.table(f"SELECT * FROM {name} WHERE hash(pseudonym) % 2 = {half}")
            with_half.register(name, rows)
        battery.scan(with_half)
        with_half.close()
    parts = answered(battery, query)

    def exact(measured: list[Measured]) -> dict[Check, Any]:
        return {m.check: (m.failing, m.base, None if m.estimated else m.persons) for m in measured}

    assert exact(parts) == exact(whole[1])


@pytest.mark.parametrize("rows", [1, 10, 11, 500])
@pytest.mark.parametrize("persons", [1, 10, 11, 500])
def test_no_count_of_one_to_ten_persons_can_be_read(rows: int, persons: int) -> None:
    if persons > rows:
        return
    check = Check(kind="required", table="person", field="year_of_birth")
    for failing_rows, base in ((rows, 1000), (1000 - rows, 1000)):
        touched = persons if failing_rows == rows else 1000 - persons
        one = Measured(check=check, failing=failing_rows, base=base, persons=(touched, 1000))
        (finding,) = judged([one], rules())
        assert _safe(finding, rows=rows, persons=persons, complement=failing_rows != rows), finding


def _safe(finding: Finding, *, rows: int, persons: int, complement: bool) -> bool:
    if complement or (rows > 10 and persons > 10):
        return finding.failing.isdigit() and int(finding.failing) % 22 == 0
    return finding.failing == "<11" and finding.share[0] == "<"


def test_forty_rows_of_two_persons_are_a_small_count() -> None:
    one = Measured(check=Check(kind="required", table="person"), failing=40, base=9000, persons=(2, 800))
    (finding,) = judged([one], rules())
    assert (finding.failing, finding.status) == ("<11", "failed")


def test_small_volumes_say_nothing_of_a_break() -> None:
    check = Check(kind="year-break", table="drug_exposure")
    assert compared(check, 30, 90, ratio=2, least=200).why == "few"
    assert compared(check, 300, 900, ratio=2, least=200).broken
    assert not compared(check, 500, 900, ratio=2, least=200).broken


def test_the_closest_threshold_wins() -> None:
    parsed = package_data.toml("ingest/quality.toml")
    own = [{"kind": "filled", "percent": 50}, {"kind": "filled", "table": "person", "percent": 5}]
    said = settings(
        {**parsed, "thresholds": [*own, {"kind": "filled", "field": "quantity", "percent": 7}]}, today=TODAY
    )
    assert said.percent("filled", "death", "death_date") == 50
    assert said.percent("filled", "person", "day_of_birth") == 5
    assert said.percent("filled", "drug_exposure", "quantity") == 7
