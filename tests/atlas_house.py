# SPDX-License-Identifier: Apache-2.0
"""OMOP tables of a few rows in an engine session, and definitions of ATLAS run on them."""

import datetime
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from rempart.adapters import package_data
from rempart.cohort.circe import definition_from_circe
from rempart.journeys.cohorts import Made, make_cohorts, plan_cohorts
from rempart.records.cohort import CohortDefinition

Row = Mapping[str, Any]
Rows = list[tuple[int, datetime.date, datetime.date]]
_TEXT = frozenset(
    "stop_reason lot_number value_as_string unique_device_id specimen_source_id relationship_id invalid_reason".split()
)
_NUMBER = frozenset("value_as_number range_low range_high dose_value quantity effective_drug_dose".split())
_VISITED = "provider_id visit_occurrence_id"
# table → its columns beside person_id
COLUMNS: Mapping[str, str] = {
    "person": "gender_concept_id year_of_birth race_concept_id ethnicity_concept_id",
    "observation_period": "observation_period_id observation_period_start_date observation_period_end_date period_type_concept_id",
    "condition_occurrence": "condition_occurrence_id condition_concept_id condition_source_concept_id condition_start_date "
    f"condition_end_date condition_type_concept_id condition_status_concept_id stop_reason {_VISITED}",
    "condition_era": "condition_era_id condition_concept_id condition_era_start_date condition_era_end_date condition_occurrence_count",
    "drug_exposure": "drug_exposure_id drug_concept_id drug_source_concept_id drug_exposure_start_date drug_exposure_end_date "
    "drug_type_concept_id stop_reason refills quantity days_supply route_concept_id lot_number effective_drug_dose "
    f"dose_unit_concept_id {_VISITED}",
    "drug_era": "drug_era_id drug_concept_id drug_era_start_date drug_era_end_date drug_exposure_count gap_days",
    "dose_era": "dose_era_id drug_concept_id unit_concept_id dose_value dose_era_start_date dose_era_end_date",
    "procedure_occurrence": "procedure_occurrence_id procedure_concept_id procedure_source_concept_id procedure_date "
    f"procedure_type_concept_id modifier_concept_id quantity {_VISITED}",
    "measurement": "measurement_id measurement_concept_id measurement_source_concept_id measurement_date measurement_type_concept_id "
    f"operator_concept_id value_as_number value_as_concept_id unit_concept_id range_low range_high {_VISITED}",
    "observation": "observation_id observation_concept_id observation_source_concept_id observation_date observation_type_concept_id "
    f"value_as_number value_as_string value_as_concept_id qualifier_concept_id unit_concept_id {_VISITED}",
    "device_exposure": "device_exposure_id device_concept_id device_source_concept_id device_exposure_start_date "
    f"device_exposure_end_date device_type_concept_id unique_device_id quantity {_VISITED}",
    "specimen": "specimen_id specimen_concept_id specimen_type_concept_id specimen_date quantity unit_concept_id "
    "anatomic_site_concept_id disease_status_concept_id specimen_source_id",
    "visit_occurrence": "visit_occurrence_id visit_concept_id visit_source_concept_id visit_start_date visit_end_date "
    "visit_type_concept_id provider_id care_site_id",
    "visit_detail": "visit_detail_id visit_detail_concept_id visit_detail_source_concept_id visit_detail_start_date "
    "visit_detail_end_date visit_detail_type_concept_id provider_id care_site_id visit_occurrence_id",
    "death": "death_date death_type_concept_id cause_concept_id cause_source_concept_id",
    "payer_plan_period": "payer_plan_period_id payer_plan_period_start_date payer_plan_period_end_date payer_concept_id "
    "plan_concept_id sponsor_concept_id stop_reason_concept_id payer_source_concept_id plan_source_concept_id "
    "sponsor_source_concept_id stop_reason_source_concept_id",
    "provider": "provider_id specialty_concept_id",
    "care_site": "care_site_id place_of_service_concept_id",
    "concept": "concept_id invalid_reason",
    "concept_ancestor": "ancestor_concept_id descendant_concept_id",
    "concept_relationship": "concept_id_1 concept_id_2 relationship_id invalid_reason",
}
NO_PERSON = frozenset({"provider", "care_site", "concept", "concept_ancestor", "concept_relationship"})


def day(text: str) -> datetime.date:
    """``2020-03-01``."""
    return datetime.date.fromisoformat(text)


def arrow(table: str, rows: Sequence[Row]) -> pa.Table:
    """Rows as the table of that name: columns that a row does not give are empty."""
    names = COLUMNS[table].split() if table in NO_PERSON else ["person_id", *COLUMNS[table].split()]
    fields = [pa.field(name, _type(name)) for name in names]
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], pa.schema(fields))


def _type(name: str) -> pa.DataType:
    if name.endswith("_date"):
        return pa.date32()
    return pa.string() if name in _TEXT else pa.float64() if name in _NUMBER else pa.int64()


class Tables:
    """A session that holds the tables; implements what a journey asks of ports.query.Query. Closed by its owner."""

    def __init__(self, tables: Mapping[str, Sequence[Row]]) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        self.connection.execute("CREATE SCHEMA cdm")
        for name in COLUMNS:
            self.connection.register("given", arrow(name, tables.get(name, ())))
            self.connection.execute(f"CREATE TABLE cdm.{name} AS SELECT * FROM given")
        self.connection.execute("SET search_path = 'cdm'")

    def table(self, sql: str, parameters: object = None) -> pa.Table:
        """The result of a SELECT."""
        return self.connection.sql(sql).to_arrow_table()

    def execute(self, sql: str, parameters: object = None) -> None:
        """A statement without result."""
        self.connection.execute(sql)

    def register(self, name: str, table: pa.Table) -> None:
        """An Arrow table under a name."""
        self.connection.register(name, table)

    def unregister(self, name: str) -> None:
        """Forget it."""
        self.connection.unregister(name)

    def attach(self, *_: object, **__: object) -> None:
        """Not here."""

    def close(self) -> None:
        """End the session."""
        self.connection.close()


class Still:
    """Implements ports.surroundings.Progress: shows nothing."""

    def step(self, name: str, done: int, total: int) -> None:
        """Nothing."""


def words() -> dict[str, Any]:
    """The tables of circe.toml."""
    return _tables("cohort/circe.toml")


def domains() -> dict[str, Any]:
    """The tables of domains.toml."""
    return _tables("cohort/domains.toml")


@functools.cache
def _tables(name: str) -> dict[str, Any]:
    return {key: value for key, value in package_data.toml(name).items() if isinstance(value, dict)}


def read(parsed: object) -> CohortDefinition:
    """A definition from parsed JSON."""
    return definition_from_circe(parsed, words=words(), file="d.json")


def run(
    session: Tables, definitions: Sequence[CohortDefinition], *, report: bool = False
) -> tuple[list[Rows], list[Made]]:
    """Each definition's rows, sorted, and what is told of it."""
    found: list[Rows] = []

    def take(_: str, rows: pa.Table) -> None:
        found.append([tuple(row.values()) for row in rows.to_pylist()])  # type: ignore[misc]

    plan = plan_cohorts([(str(n), one) for n, one in enumerate(definitions)], domains=domains(), report=report)
    return found, make_cohorts(session, plan, progress=Still(), take=take)


def rows_of(parsed: object, tables: Mapping[str, Sequence[Row]]) -> Rows:
    """The rows of one definition on some tables."""
    session = Tables(tables)
    try:
        ((rows,), _) = run(session, [read(parsed)])
        return rows
    finally:
        session.close()


def entry(*criteria: object, **more: object) -> dict[str, Any]:
    """A definition of all events of some criteria; ``more``: its other words. Code set n holds the concept n, from 1 to 9."""
    limit = {"Type": "All"}
    sets = [
        {"id": n, "name": f"set {n}", "expression": {"items": [{"concept": {"CONCEPT_ID": n}}]}} for n in range(1, 10)
    ]
    primary = {
        "CriteriaList": list(criteria),
        "ObservationWindow": {"PriorDays": 0, "PostDays": 0},
        "PrimaryCriteriaLimit": limit,
    }
    return {"ConceptSets": sets, "PrimaryCriteria": primary, "QualifiedLimit": limit, "ExpressionLimit": limit, **more}


_DAYS = {"procedure_occurrence": "procedure_date"}
_WORD = {
    "condition": "condition",
    "drug": "drug",
    "device": "device",
    "visit": "visit",
    "dose": "drug",
    "death": "cause",
}


def lines(text: str) -> dict[str, list[Row]]:
    """Tables from lines such as ``1 condition_occurrence 2020-03-01 2020-03-05 5 stop_reason=cured``: person, table, first day, last day
    or -, concept or -, more columns. Numbers of rows count from 1 in each table; persons are made, born in 1970, women."""
    found: dict[str, list[Row]] = {"concept": [{"concept_id": n} for n in range(1, 10)], "person": []}
    for line in filter(None, map(str.strip, text.splitlines())):
        person, table, first, *rest = line.split()
        last, concept, *more = [*rest, "-", "-"][: max(2, len(rest))]
        row: dict[str, Any] = {"person_id": int(person), f"{table}_id": len(found.get(table, ())) + 1}
        row |= _days(table, first, last)
        if concept != "-":
            row[f"{_WORD.get(table.partition('_')[0], table.partition('_')[0])}_concept_id"] = int(concept)
        for told in more:
            name, _, value = told.partition("=")
            row[name] = value if name in _TEXT else float(value) if name in _NUMBER else int(value)
        if table == "person":
            row |= {"gender_concept_id": 8532, "year_of_birth": int(first[:4])}
        found.setdefault(table, []).append(row)
    known = {row["person_id"] for row in found["person"]}
    persons = {row["person_id"] for rows in found.values() for row in rows if "person_id" in row}
    found["person"] += [
        {"person_id": person, "gender_concept_id": 8532, "year_of_birth": 1970} for person in sorted(persons - known)
    ]
    return found


def _days(table: str, first: str, last: str) -> dict[str, Any]:
    columns = COLUMNS[table].split()
    start = next((name for name in columns if name.endswith("_start_date")), "")
    single = _DAYS.get(table) or next((name for name in columns if name.endswith("_date")), "")
    made: dict[str, Any] = {start or single: day(first)} if start or single else {}
    return made | ({start.replace("_start_", "_end_"): day(last)} if start and last != "-" else {})
