# SPDX-License-Identifier: Apache-2.0
"""The domains of an ATLAS definition over the tables of a project: the part of ``domains.toml`` that records/omop54.toml has columns for.

A test holds every line to ``domains.toml``, but the day of a death, which the study's protocol dates. Writes no SQL of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.records.atlas_future import criteria, groups
from rempart.records.cohort import CohortDefinition, Concepts, Condition, Day

DEATH_DAY = "death_day"  # no column: records_sql.Names dates it
_VISITED = {"visit_type": "{visit_occurrence.visit_concept_id}"}
_SHARED: Mapping[str, Any] = {
    "attributes": {
        "start": "{start}",
        "end": "{end}",
        "length": "{end} - {start}",
        "age": "year({start}) - {person.year_of_birth}",
        "age_at_end": "year({end}) - {person.year_of_birth}",
        "gender": "{person.gender_concept_id}",
        "race": "{person.race_concept_id}",
        "ethnicity": "{person.ethnicity_concept_id}",
    },
    "counted": {"start": "{start}", "end": "{end}", "duration": "{end} - {start}"},
}
_DEMOGRAPHIC = frozenset({"age", "gender", "race", "ethnicity"})


def _coded(table: str, word: str, start: str, end: str, *numbers: str, fixed: bool = False) -> Mapping[str, Any]:
    """A table of records with a concept, a source concept, a type and a visit; ``fixed``: none lasts longer than its day."""
    counted = {name: f"{{{name}}}" for name in numbers}
    attributes = {"type": f"{{{word}_type_concept_id}}", **counted, **_VISITED}
    return {
        "table": table,
        "id": f"{table}_id",
        "concept": f"{word}_concept_id",
        "source_concept": f"{word}_source_concept_id",
        "visit": "visit_occurrence_id",
        "start": f"{{{start}}}",
        "end": end,
        "attributes": attributes,
        "counted": counted | ({"duration": "1"} if fixed else {}),
    }


def _visit(table: str, word: str, counted: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "table": table,
        "id": f"{table}_id",
        "concept": f"{word}_concept_id",
        "visit": "visit_occurrence_id",
        "start": f"{{{word}_start_date}}",
        "end": f"{{{word}_end_date}}",
        "attributes": {"type": f"{{{word}_type_concept_id}}", **_VISITED},
        "counted": counted,
    }


def _period(table: str, attributes: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "table": table,
        "id": f"{table}_id",
        "start": f"{{{table}_start_date}}",
        "end": f"{{{table}_end_date}}",
        "attributes": attributes,
        "counted": {"concept": next(iter(attributes.values()))},
    }


_CONDITION = _coded(
    "condition_occurrence",
    "condition",
    "condition_start_date",
    "coalesce({condition_end_date}, {condition_start_date} + 1)",
)
DOMAINS: Mapping[str, Mapping[str, Any]] = {
    "shared": _SHARED,
    "ConditionOccurrence": {
        **_CONDITION,
        "attributes": {**_CONDITION["attributes"], "status": "{condition_status_concept_id}"},
    },
    "DrugExposure": _coded(
        "drug_exposure",
        "drug",
        "drug_exposure_start_date",
        "coalesce({drug_exposure_end_date}, {drug_exposure_start_date} + CAST({days_supply} AS INTEGER), {drug_exposure_start_date} + 1)",
        "quantity",
        "days_supply",
    ),
    "ProcedureOccurrence": _coded(
        "procedure_occurrence", "procedure", "procedure_date", "{procedure_date} + 1", "quantity", fixed=True
    ),
    "Measurement": _coded("measurement", "measurement", "measurement_date", "{measurement_date} + 1", fixed=True),
    "DeviceExposure": _coded(
        "device_exposure",
        "device",
        "device_exposure_start_date",
        "coalesce({device_exposure_end_date}, {device_exposure_start_date} + 1)",
        "quantity",
    ),
    "VisitOccurrence": _visit("visit_occurrence", "visit", {}),
    "VisitDetail": _visit("visit_detail", "visit_detail", {"visit_detail": "{visit_detail_id}"}),
    "Death": {
        "table": "death",
        "id": "person_id",
        "concept": "cause_concept_id",
        "start": f"{{{DEATH_DAY}}}",
        "end": f"{{{DEATH_DAY}}} + 1",
        "attributes": {"type": "{death_type_concept_id}"},
        "counted": {"concept": "coalesce({cause_concept_id}, 0)", "duration": "1"},
    },
    "ObservationPeriod": _period("observation_period", {"type": "{period_type_concept_id}"}),
    "PayerPlanPeriod": _period("payer_plan_period", {"payer": "{payer_concept_id}"}),
}


def absent(definition: CohortDefinition) -> Iterator[tuple[str, str]]:
    """(domain, attribute) of all that a definition asks for and a project's tables do not have; '' for the whole domain."""
    for item in criteria(definition):
        domain = DOMAINS.get(item.domain) if item.domain != "shared" else None
        if domain is None:
            yield item.domain, ""
            continue
        if item.source_set is not None and "source_concept" not in domain:
            yield item.domain, "source_concept"
        if item.code_set is not None and "concept" not in domain:
            yield item.domain, "concept"
        known = {*_SHARED["attributes"], *domain["attributes"]}
        yield from ((item.domain, one.attribute) for one in item.conditions if one.attribute not in known)
    for group in groups(definition):
        yield from (
            ("Demographic", one.attribute) for asked in group.demographic for one in asked if not _of_person(one)
        )
    if definition.era_pad < 0:
        yield "CollapseSettings", "EraPad < 0"


def _of_person(item: Condition) -> bool:
    if isinstance(item, Day):
        return item.attribute in {"start", "end"}
    return item.attribute in _DEMOGRAPHIC and isinstance(item, Concepts) == (item.attribute != "age")
