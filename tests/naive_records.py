# SPDX-License-Identifier: Apache-2.0
"""OMOP rows as records that a cohort definition may ask of, and code sets resolved, over lists in memory. Written without the engine's
SQL or its data files: a second opinion on what each attribute means."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.records.cohort import CodeSet

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
DAY = datetime.timedelta(days=1)
LATE = {"condition": "condition_end_date", "device": "device_exposure_end_date"}
# domain → table, word of its columns, attributes that only it has
DOMAINS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "ConditionOccurrence": (
        "condition_occurrence",
        "condition",
        {"type": "condition_type_concept_id", "status": "condition_status_concept_id", "stop_reason": "stop_reason"},
    ),
    "ConditionEra": ("condition_era", "condition", {"occurrence_count": "condition_occurrence_count"}),
    "DrugExposure": (
        "drug_exposure",
        "drug",
        {
            "type": "drug_type_concept_id", "stop_reason": "stop_reason", "refills": "refills", "quantity": "quantity",
            "days_supply": "days_supply", "route": "route_concept_id", "lot_number": "lot_number",
            "effective_dose": "effective_drug_dose", "dose_unit": "dose_unit_concept_id",
        },
    ),
    "DrugEra": ("drug_era", "drug", {"occurrence_count": "drug_exposure_count", "gap_days": "gap_days"}),
    "DoseEra": ("dose_era", "drug", {"unit": "unit_concept_id", "dose": "dose_value"}),
    "ProcedureOccurrence": (
        "procedure_occurrence",
        "procedure",
        {"type": "procedure_type_concept_id", "modifier": "modifier_concept_id", "quantity": "quantity"},
    ),
    "Measurement": (
        "measurement",
        "measurement",
        {
            "type": "measurement_type_concept_id", "operator": "operator_concept_id", "value": "value_as_number",
            "value_concept": "value_as_concept_id", "unit": "unit_concept_id", "range_low": "range_low", "range_high": "range_high",
        },
    ),
    "Observation": (
        "observation",
        "observation",
        {
            "type": "observation_type_concept_id", "value": "value_as_number", "value_text": "value_as_string",
            "value_concept": "value_as_concept_id", "qualifier": "qualifier_concept_id", "unit": "unit_concept_id",
        },
    ),
    "DeviceExposure": (
        "device_exposure",
        "device",
        {"type": "device_type_concept_id", "unique_device": "unique_device_id", "quantity": "quantity"},
    ),
    "Specimen": (
        "specimen",
        "specimen",
        {
            "type": "specimen_type_concept_id", "quantity": "quantity", "unit": "unit_concept_id",
            "anatomic_site": "anatomic_site_concept_id", "disease_status": "disease_status_concept_id", "source_id": "specimen_source_id",
        },
    ),
    "VisitOccurrence": ("visit_occurrence", "visit", {"type": "visit_type_concept_id"}),
    "VisitDetail": ("visit_detail", "visit_detail", {"type": "visit_detail_type_concept_id"}),
    "Death": ("death", "cause", {"type": "death_type_concept_id"}),
    "ObservationPeriod": ("observation_period", "", {"type": "period_type_concept_id"}),
    "PayerPlanPeriod": (
        "payer_plan_period",
        "",
        {
            "payer": "payer_concept_id", "plan": "plan_concept_id", "sponsor": "sponsor_concept_id",
            "stop_reason_concept": "stop_reason_concept_id", "payer_source": "payer_source_concept_id",
            "plan_source": "plan_source_concept_id", "sponsor_source": "sponsor_source_concept_id",
            "stop_reason_source": "stop_reason_source_concept_id",
        },
    ),
}  # fmt: skip
POINTS = frozenset({"ProcedureOccurrence", "Measurement", "Observation", "Specimen", "Death"})
STARTS = {"ProcedureOccurrence": "procedure_date", "Measurement": "measurement_date", "Observation": "observation_date",
          "Specimen": "specimen_date", "Death": "death_date", "ConditionOccurrence": "condition_start_date",
          "VisitOccurrence": "visit_start_date", "VisitDetail": "visit_detail_start_date"}  # fmt: skip
ENDLESS = frozenset({"ConditionOccurrence", "DeviceExposure", "DrugExposure"})
ABNORMAL = frozenset({4155142, 4155143})
NOWHERE = (
    object()
)  # the value of a visit or a care site that is not there: nothing holds of it, not even that there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row of a domain, and what it belongs to."""

    domain: str
    row: Row
    number: int
    start: datetime.date
    end: datetime.date | None
    concept: int | None
    source: int | None
    visit: int | None


def records(domain: str, person: int, tables: Tables) -> Iterator[Record]:
    """A person's records of a domain."""
    table, word, _ = DOMAINS[domain]
    for row in tables.get(table, ()):
        start = row.get(STARTS.get(domain, f"{table}_start_date"))
        if row["person_id"] != person or start is None:
            continue
        yield Record(
            domain=domain,
            row=row,
            number=person if domain == "Death" else row[f"{table}_id"],
            start=start,
            end=_end(domain, table, row, start),
            concept=row.get(f"{word}_concept_id"),
            source=row.get(f"{word}_source_concept_id"),
            visit=None
            if domain in {"Specimen", "Death"} or domain.endswith(("Era", "Period"))
            else row.get("visit_occurrence_id"),
        )


def _end(domain: str, table: str, row: Row, start: datetime.date) -> datetime.date | None:
    if domain in POINTS:
        return start + DAY
    found = row.get(STARTS.get(domain, f"{table}_start_date").replace("_start_", "_end_"))
    if found is None and domain == "DrugExposure" and row.get("days_supply") is not None:
        return start + int(row["days_supply"]) * DAY
    return start + DAY if found is None and domain in ENDLESS else found


def attribute(record: Record, name: str, days: tuple[datetime.date, datetime.date | None], tables: Tables) -> Any:
    """The value of an attribute, where the record's days are ``days``."""
    start, end = days
    row, own = record.row, DOMAINS[record.domain][2]
    if name in own:
        return row.get(own[name])
    if name in {"start", "end"}:
        return start if name == "start" else end
    if name == "length":
        return None if end is None else (end - start).days
    if name in {"age", "age_at_end"}:
        day = start if name == "age" else end
        return None if day is None else day.year - one("person", row["person_id"], tables)["year_of_birth"]
    if name in {"gender", "race", "ethnicity"}:
        return one("person", row["person_id"], tables).get(f"{name}_concept_id")
    if name == "specialty":
        return one("provider", row.get("provider_id"), tables).get("specialty_concept_id")
    if name == "place_of_service":
        site = one("care_site", row.get("care_site_id"), tables)
        return site.get("place_of_service_concept_id") if site else NOWHERE
    if name == "visit_type":
        visit = one("visit_occurrence", row.get("visit_occurrence_id"), tables)
        return visit.get("visit_concept_id") if visit.get("person_id") == row["person_id"] else NOWHERE
    return _measured(name, row)


def _measured(name: str, row: Row) -> Any:
    value, low, high = (row.get(column) for column in ("value_as_number", "range_low", "range_high"))
    if name == "abnormal":
        out = value is not None and ((low is not None and value < low) or (high is not None and value > high))
        return out or row.get("value_as_concept_id") in ABNORMAL
    bound = {"range_low_ratio": low, "range_high_ratio": high}[name]
    return value / bound if value is not None and bound else None


def one(table: str, number: int | None, tables: Tables) -> Row:
    """The row of that number; an empty one where there is none."""
    return next((row for row in tables.get(table, ()) if number is not None and row[f"{table}_id"] == number), {})


def concepts(given: CodeSet, tables: Tables) -> frozenset[int]:
    """The concepts of a code set."""
    return frozenset(_resolved(given.include, tables) - _resolved(given.exclude, tables))


def _resolved(entries: Iterable[tuple[int, bool, bool]], tables: Tables) -> set[int]:
    known = {row["concept_id"]: row.get("invalid_reason") for row in tables.get("concept", ())}
    found: set[int] = set()
    for concept, descendants, mapped in entries:
        own = {concept} & known.keys()
        if descendants:
            below = {
                r["descendant_concept_id"]
                for r in tables.get("concept_ancestor", ())
                if r["ancestor_concept_id"] == concept
            }
            own |= {number for number in below if number in known and known[number] is None}
        found |= own
        if mapped:
            found |= {
                r["concept_id_1"]
                for r in tables.get("concept_relationship", ())
                if r["concept_id_2"] in own and r["relationship_id"] == "Maps to" and r.get("invalid_reason") is None
            }
    return found
